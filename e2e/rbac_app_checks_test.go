package e2e

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/rbac"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// The application asks before it acts, and what it asks is the verified role:
// nothing that a visitor can write into a request stands in its place.
func TestPermissionChecks(t *testing.T) {
	item := begin(t, "rbac/app-checks")

	item.Case("what the lowest role may not do is neither offered nor possible", advice{
		Why:      "people press what does not work, or do what they must not",
		Mend:     "let the page and the server ask the same question: does the verified token permit this action?",
		Standard: "OWASP ASVS 8.3.1; spec/app-contract.md 5",
	}, func(c *check) {
		c.Cast(2)
		s := c.StageWithWindow()
		low := s.enter(s.matrix.Lowest())
		c.report(append(s.offers(low, nil), s.refusedAll(low, s.matrix.Denied(low.role))...))
	})

	item.Case("no header, method or spelling of a path gets past the check", advice{
		Why:      "what a proxy or framework adds to a request can be added by anybody; the guard looks at one thing and the handler serves another",
		Mend:     "check in the handler that acts; drop X-Original-URL, X-Rewrite-URL, X-HTTP-Method-Override, x-middleware-subrequest and identity headers at the edge; update the framework",
		Standard: "OWASP ASVS 4.1.3, 8.3.1; CVE-2025-29927; CWE-289; CWE-650",
	}, func(c *check) {
		c.Cast(2)
		s := c.Stage()
		low := s.enter(s.matrix.Lowest())
		c.report(together(s.matrix.Denied(low.role), func(a *rbac.Action) (wrong []string) {
			var p *prepared
			for _, t := range tricks(s.matrix, a) {
				if p == nil || len(wrong) > 0 { // what has happened cannot be seen to happen again
					var err error
					if p, err = s.prepare(a); err != nil {
						return append(wrong, err.Error())
					}
				}
				if said := s.forbidden(low, p, &t); said != "" {
					wrong = append(wrong, said)
				}
			}
			return wrong
		}))
	})

	item.Case("a profile form changes nobody's role", advice{
		Why:      "a field more in a form that everybody has makes an administrator",
		Mend:     "take from a form the fields that it shows, by name, and nothing else",
		Standard: "CWE-915; OWASP ASVS 15.3.3",
	}, func(c *check) {
		c.Cast(2)
		c.Need("APP_PROFILE_PATH")
		s := c.Stage()
		low := s.enter(s.matrix.Lowest())
		highest := s.matrix.Roles[0]
		at := low.agent.Get(suite.cfg.App(suite.cfg.AppProfilePath))
		form := at.Form(`input[type="text"][name], input:not([type])[name], textarea[name]`)
		require.NotNil(c, form, "a form with a text field on %s (HTTP %d)", suite.cfg.AppProfilePath, at.Status)
		low.agent.Submit(form, map[string]string{"role": highest})
		low.agent.Submit(form, smuggled(s.matrix))
		low.who = "somebody whose profile form said that they are " + highest
		c.report(s.refusedAll(low, s.matrix.Denied(low.role)))
	})

	item.Case("a role whose name only looks like another one permits nothing more", advice{
		Why:      "an organization's own administrator names a role as they like, and its members are let in everywhere",
		Mend:     "compare names of roles as a whole, letter by letter; better, ask for permissions",
		Standard: "CWE-187; CWE-178",
	}, func(c *check) {
		c.Cast(2)
		s := c.Stage()
		var alike []string
		for _, role := range s.matrix.Roles[:len(s.matrix.Roles)-1] {
			alike = append(alike, lookalikes(role)...)
		}
		for _, name := range alike {
			_, err := suite.world.API.CreateRole(suite.ctx, s.orgID, scalekit.NewRole{Name: name, DisplayName: "Preflight " + name})
			switch {
			case scalekit.IsConflict(err): // it is there already
			case scalekit.IsRefusal(err):
				c.NotVerified("the environment makes no role of such a name (" + err.Error() + ")")
			default:
				c.mayBeAbsent("make a role of an organization's own", err)
			}
		}
		low := s.enter(alike...)
		low.who = "somebody with roles such as " + alike[0]
		c.report(s.refusedAll(low, s.matrix.Denied(s.matrix.Lowest())))
	})
}

// smuggled are fields that a profile form does not have and a careless server
// takes all the same.
func smuggled(m *rbac.Matrix) map[string]string {
	fields := map[string]string{}
	for _, name := range []string{
		"role", "roles", "roles[]", "role_name", "user[role]", "profile[role]", "membership[roles][]", "organization_role", "org_role", "access_level", "scope",
	} {
		fields[name] = m.Roles[0]
	}
	for _, name := range []string{"is_admin", "admin", "isAdmin", "user[admin]"} {
		fields[name] = "true"
	}
	for _, name := range []string{"permissions", "permissions[]", "user[permissions][]"} {
		fields[name] = strings.Join(m.PermissionNames(), ",")
	}
	return fields
}

// lookalikes are names that a careless comparison takes for a role's.
func lookalikes(role string) []string {
	other := strings.ToUpper(role)
	if other == role {
		other = strings.ToLower(role)
	}
	return []string{role + "istrator", other, strings.ToUpper(role[:1]) + role[1:], role + "_", role + "2", "not_" + role, "super" + role, "_" + role, role + "_readonly"}
}

// tricks are the ways in which a request is sent again, so that a guard and
// what it guards may read it differently.
func tricks(m *rbac.Matrix, a *rbac.Action) (all []trick) {
	add := func(name string, change func(rbac.Ready, http.Header) rbac.Ready) {
		all = append(all, trick{name, change})
	}
	highest := m.Roles[0]
	headers := map[string]string{
		"X-Middleware-Subrequest": "middleware:middleware:middleware:middleware:middleware", "X-User-Role": highest, "X-Role": highest, "X-Roles": highest,
		"X-User-Roles": highest, "X-User": highest, "X-Admin": "true", "X-Is-Admin": "1", "X-Auth-Role": highest, "X-Permissions": strings.Join(m.PermissionNames(), ","),
		"X-Forwarded-User": highest, "X-Forwarded-Groups": highest, "X-Auth-Request-Groups": highest, "Remote-User": highest, "X-Internal-Request": "true",
		"X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1", "X-Custom-Ip-Authorization": "127.0.0.1", "X-Forwarded-Host": "localhost", "X-Envoy-Internal": "true",
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		add(name+": "+headers[name], func(r rbac.Ready, h http.Header) rbac.Ready {
			h.Set(name, headers[name])
			return r
		})
	}
	add("all these headers at once", func(r rbac.Ready, h http.Header) rbac.Ready {
		for name, value := range headers {
			h.Set(name, value)
		}
		return r
	})
	rewrites := []string{"X-Original-Url", "X-Rewrite-Url", "X-Forwarded-Uri", "X-Original-Uri"}
	if !a.Changes() && a.Sees == "" && a.Thing() == "" {
		rewrites = nil // what the harmless page shows could not be told from it
	}
	for _, name := range rewrites {
		for _, harmless := range []string{"/", suite.cfg.AppProtectedPath} {
			add(name+" at "+harmless, func(r rbac.Ready, h http.Header) rbac.Ready {
				h.Set(name, suite.cfg.AppURL.Path+r.Path)
				r.Path = harmless
				return r
			})
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodHead, http.MethodPut} {
		if strings.HasPrefix(a.Do, method+" ") {
			continue
		}
		if a.Changes() && method != http.MethodPut {
			for _, name := range []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"} {
				add(method+" with "+name, func(r rbac.Ready, h http.Header) rbac.Ready {
					h.Set(name, r.Method)
					r.Method = method
					return r
				})
			}
			add(method+" with _method in the query", func(r rbac.Ready, _ http.Header) rbac.Ready {
				r.Path, r.Method = r.Path+"?_method="+r.Method, method
				return r
			})
		}
		add("the method "+method, func(r rbac.Ready, _ http.Header) rbac.Ready {
			r.Method = method
			return r
		})
	}
	for _, name := range slices.Sorted(maps.Keys(spellings)) {
		add(name, func(r rbac.Ready, _ http.Header) rbac.Ready {
			r.Path = spellings[name](r.Path)
			return r
		})
	}
	return all
}

// spellings are other ways to write a path (CWE-289).
var spellings = map[string]func(string) string{
	"a slash at the end":           func(p string) string { return p + "/" },
	"a doubled slash":              func(p string) string { return "/" + p },
	"a doubled slash inside":       func(p string) string { return p[:strings.LastIndex(p, "/")] + "/" + p[strings.LastIndex(p, "/"):] },
	"upper case":                   func(p string) string { return "/" + strings.ToUpper(first(p)) + p[1+len(first(p)):] },
	"an encoded letter":            func(p string) string { return "/%" + hexOf(p[1]) + p[2:] },
	"a doubly encoded letter":      func(p string) string { return "/%25" + hexOf(p[1]) + p[2:] },
	"an encoded slash":             func(p string) string { return strings.Replace(p, "/"+first(p)+"/", "/"+first(p)+"%2f", 1) },
	"a dot segment":                func(p string) string { return "/." + p },
	"a dot segment that goes back": func(p string) string { return "/public/.." + p },
	"an encoded dot segment":       func(p string) string { return "/public/%2e%2e" + p },
	"a semicolon":                  func(p string) string { return p + ";a=b" },
	"a format at the end":          func(p string) string { return p + ".json" },
	"a null byte at the end":       func(p string) string { return p + "%00" },
	"a space at the end":           func(p string) string { return p + "%20" },
	"a question mark":              func(p string) string { return p + "?" },
}

// first is the first segment of a path.
func first(path string) string {
	segment, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return segment
}
