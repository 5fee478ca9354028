package e2e

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"

	"github.com/auth-preflight/auth-preflight/helpers/rbac"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// The whole matrix, role by role and action by action: what a role may do is
// offered and works, what it may not do is neither.
func TestRoleLevels(t *testing.T) {
	item := begin(t, "rbac/levels")

	item.Case("each role may do what was declared, in the pages and by direct request, and nothing else", advice{
		Why:      "people cannot work, or can do what they must not: a role that permits another's actions is no role",
		Mend:     "decide on the server by the permissions of the verified access token, at each action, and show a control by the same decision; compare the picture with APP_ACCESS",
		Standard: "OWASP ASVS 8.2.1, 8.3.1; CHECKLIST rbac/levels",
	}, func(c *check) {
		c.Cast(len(c.AccessMatrix().Roles))
		s := c.StageWithWindow()
		drawn := rbac.NewPicture(s.matrix)
		var wrong []string
		for _, role := range s.matrix.Roles {
			who := s.first
			if role != s.matrix.Roles[0] {
				who = s.enter(role)
			}
			wrong = append(wrong, s.offers(who, drawn)...)
			wrong = append(wrong, together(s.matrix.Actions, func(a *rbac.Action) []string {
				got, err := s.try(who, a)
				if err != nil {
					return []string{err.Error()}
				}
				drawn.Request(a, role, got.happened)
				return s.judge(who, a, got)
			})...)
		}
		s.show(drawn)
		c.report(wrong)
	})
}

// judge compares what came of a direct request with what was declared.
func (s *stage) judge(who *caller, a *rbac.Action, got outcome) (wrong []string) {
	switch may := a.May(who.role); {
	case may && !got.happened:
		return []string{fmt.Sprintf("expected %s to be able to %s (%s); saw %s: %s", who.who, a.Name, a.Do, got.seen(), cut(got.body))}
	case !may && got.happened:
		return []string{fmt.Sprintf("expected %s to be refused when trying to %s (%s); saw %s", who.who, a.Name, a.Do, got.seen())}
	case !may && got.status >= 500:
		return []string{fmt.Sprintf("expected %s to be refused when trying to %s (%s); the application broke with HTTP %d", who.who, a.Name, a.Do, got.status)}
	}
	return nil
}

// offers opens the pages as somebody, whose window it is now, and compares the
// controls that are to be seen with what was declared.
func (s *stage) offers(who *caller, drawn *rbac.Picture) (wrong []string) {
	s.c.Helper()
	var pages []string
	for _, a := range s.matrix.Actions {
		if a.Control != "" && !slices.Contains(pages, a.Page) {
			pages = append(pages, a.Page)
		}
	}
	for _, page := range pages {
		words := map[string]string{}
		for kind := range s.matrix.Things {
			if path := rbac.Fill(page, map[string]string{kind: ""}); path != page {
				id, _, err := s.make(kind)
				if err != nil {
					return []string{err.Error()}
				}
				words[kind] = id
			}
		}
		answer := s.window.Goto(suite.cfg.App(rbac.Fill(page, words)))
		if answer.Status == http.StatusUnauthorized || suite.cfg.IsAt(s.window.URL(), suite.cfg.AppLoginPath) {
			wrong = append(wrong, fmt.Sprintf("%s is signed in and was sent to sign in by %s", who.who, page))
			continue
		}
		for _, a := range s.matrix.Actions {
			if a.Control == "" || a.Page != page {
				continue
			}
			may := a.May(who.role)
			s.window.Step("look for the control to " + a.Name)
			if may { // pages may be drawn late; what must not be there is looked for after what must
				s.window.Await(a.Control)
			}
		}
		for _, a := range s.matrix.Actions {
			if a.Control == "" || a.Page != page {
				continue
			}
			may, offered := a.May(who.role), s.window.Has(":is("+a.Control+`):not(:disabled, [aria-disabled="true"])`)
			if drawn != nil {
				drawn.Offered(a, who.role, offered)
			}
			if may && !offered {
				wrong = append(wrong, fmt.Sprintf("expected %s to be offered to %s; the control %s on %s cannot be used", who.who, a.Name, a.Control, page))
			}
			if offered && !may {
				wrong = append(wrong, fmt.Sprintf("expected %s not to be offered to %s; the control %s is to be seen on %s", who.who, a.Name, a.Control, page))
			}
		}
	}
	return wrong
}

// show keeps a picture of the matrix for the report.
func (s *stage) show(drawn *rbac.Picture) {
	s.c.Helper()
	const desk = "https://matrix.preflight.invalid"
	page := drawn.HTML(suite.cfg.AppURL.Host)
	s.window.Serve(desk, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	}))
	s.window.Goto(desk + "/")
	if file := s.window.Picture("matrix"); file != "" {
		if name, err := filepath.Rel(s.c.results.Dir(), file); err == nil {
			s.c.results.Evidence(readiness.Evidence{Kind: "picture", Title: "who may do what", File: name})
		}
	}
	s.c.results.Evidence(readiness.Evidence{Kind: "text", Title: "who may do what", Text: drawn.Text()})
}
