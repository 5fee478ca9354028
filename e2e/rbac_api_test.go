package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/rbac"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// What counts is the request, whoever sends it: the server decides by a token
// that it has verified, for the role and the organization that stand in it.
func TestRolesAtTheAPI(t *testing.T) {
	item := begin(t, "rbac/api")

	item.Case("no role's requests do more than the role may", advice{
		Why:      "a hidden button stops nobody who can write a request",
		Mend:     "check the permission in the handler of each action, before anything is read or changed",
		Standard: "OWASP ASVS 8.3.1, 8.2.1; CWE-862",
	}, func(c *check) {
		c.Cast(len(c.AccessMatrix().Roles))
		s := c.Stage()
		var wrong []string
		for _, role := range s.matrix.Roles[1:] {
			wrong = append(wrong, s.refusedAll(s.enter(role), s.matrix.Denied(role))...)
		}
		c.report(wrong)
	})

	item.Case("another organization's people reach nothing here, whatever their role", advice{
		Why:      "one customer reads or deletes another's data, by an id from a link or a log",
		Mend:     "look each object up by its id and the organization (oid) of the verified token, never by the id alone; let a request name no other organization",
		Standard: "OWASP ASVS 8.2.2, 8.4.1; CWE-639",
	}, func(c *check) {
		c.Cast(2)
		s := c.Stage()
		stranger := c.Stage().first
		stranger.who = "an administrator of another organization"
		var things []*rbac.Action
		for _, a := range s.matrix.Actions {
			if a.Thing() != "" {
				things = append(things, a)
			}
		}
		if len(things) == 0 {
			c.NotVerified("declare things in APP_ACCESS: nothing there has an id")
		}
		c.report(append(s.refusedAll(stranger, things), s.lists(stranger)...))
	})

	item.Case("without a token, or with one that is not genuine, nothing happens", advice{
		Why:      "whoever can write a token, or needs none, is whoever they like",
		Mend:     "verify signature, algorithm, issuer, audience and expiry before a claim is read, on every route",
		Standard: "OWASP ASVS 9.1.1, 9.1.2, 9.2.1; CWE-306",
	}, func(c *check) {
		c.Cast(2)
		s := c.Stage()
		nobody := []*caller{{who: "somebody without a session or token"}}
		if suite.cfg.AppAPIPath != "" {
			low := s.enter(s.matrix.Lowest())
			nobody = append(nobody, c.forged("the highest role's token", s.first.token, map[string]any{"sub": "usr_66666666666666666"})...)
			nobody = append(nobody, c.forged("the lowest role's token", low.token, map[string]any{
				"roles": []string{s.matrix.Roles[0]}, "permissions": s.matrix.PermissionNames(), "scope": "admin",
			})...)
		}
		var wrong []string
		for _, who := range nobody {
			actions := s.matrix.Actions
			if who.token != "" {
				actions = s.tokenActions()
			}
			wrong = append(wrong, s.refusedAll(who, actions)...)
		}
		c.report(wrong)
	})

	item.Case("a token that is over does nothing any more", advice{
		Why:      "a token from an old log does what its owner could do once",
		Mend:     "check exp on every request",
		Standard: "OWASP ASVS 9.2.1",
	}, func(c *check) {
		c.Cast(2)
		c.Need("APP_API_PATH")
		c.NeedEndOfAccess()
		s := c.Stage()
		old := s.enter(s.matrix.Roles[0]) // of the first role, who could do everything
		actions := s.tokenActions()
		c.OutliveBy(old.user, c.TokenLife(), 10*time.Minute)
		if suite.cfg.TimeURL == "" { // time has passed for everybody
			s.renew(s.first)
		}
		old.who = "somebody whose access token is over"
		c.report(s.refusedAll(old, actions))
	})
}

// refusedAll lets somebody try actions that they may not do, each on a fresh
// thing of the stage's organization, and returns what happened nevertheless.
func (s *stage) refusedAll(who *caller, actions []*rbac.Action) []string {
	return together(actions, func(a *rbac.Action) []string {
		p, err := s.prepare(a)
		if err != nil {
			return []string{err.Error()}
		}
		if said := s.forbidden(who, p, nil); said != "" {
			return []string{said}
		}
		return nil
	})
}

// lists reads, as a stranger, whatever has the same address in every
// organization, also with requests that name the stage's: what it has is in
// none of the answers.
func (s *stage) lists(stranger *caller) []string {
	var made []string
	for kind := range s.matrix.Things {
		id, name, err := s.make(kind)
		if err != nil {
			return []string{err.Error()}
		}
		made = append(made, id, name)
	}
	ways := append([]trick{{"nothing added", func(r rbac.Ready, _ http.Header) rbac.Ready { return r }}}, namings(s.orgID)...)
	return together(s.readings(), func(read reading) []string {
		for _, way := range ways {
			header := http.Header{}
			answer, err := s.send(stranger, read.session, way.change(rbac.Ready{Method: http.MethodGet, Path: read.path}, header), header)
			switch {
			case err != nil:
				return []string{err.Error()}
			case slices.ContainsFunc(made, answer.holds):
				return []string{fmt.Sprintf("%s was shown what this one has in %s, with %s", stranger.who, read.path, way.name)}
			}
		}
		return nil
	})
}

// reading is an address that is the same in every organization, and whose
// answer is not.
type reading struct {
	path    string
	session bool
}

// readings are those of APP_ACCESS: where actions are looked at, and what is
// only read.
func (s *stage) readings() (all []reading) {
	add := func(path string, session bool) {
		one := reading{path, session}
		if path != "" && !strings.Contains(path, "{") && !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	for _, a := range s.matrix.Actions {
		add(a.Look, bySession(""))
		if path, gets := strings.CutPrefix(a.Do, http.MethodGet+" "); gets {
			add(path, bySession(a.With))
		}
	}
	return all
}

// namings are the ways in which a request names an organization, to a product
// that believes it rather than the token.
func namings(orgID string) (all []trick) {
	for _, name := range []string{"organization_id", "organizationId", "org_id", "org", "tenant_id", "tenant"} {
		all = append(all, trick{name + " in the query", func(r rbac.Ready, _ http.Header) rbac.Ready {
			sign := "?"
			if strings.Contains(r.Path, sign) {
				sign = "&"
			}
			r.Path += sign + name + "=" + url.QueryEscape(orgID)
			return r
		}})
	}
	return append(all, trick{"headers such as X-Organization-Id", func(r rbac.Ready, h http.Header) rbac.Ready {
		for _, name := range []string{"X-Organization-Id", "X-Organization", "X-Org-Id", "X-Tenant-Id", "X-Tenant", "Organization-Id", "Tenant-Id"} {
			h.Set(name, orgID)
		}
		return r
	}})
}

// tokenActions are the actions that are sent with an access token.
func (s *stage) tokenActions() (all []*rbac.Action) {
	for _, a := range s.matrix.Actions {
		if !bySession(a.With) {
			all = append(all, a)
		}
	}
	return all
}

// forged are callers with tokens that the environment never signed, made of one
// that it did; claims go into the copies.
func (c *check) forged(whose, token string, claims map[string]any) (all []*caller) {
	c.Helper()
	f, err := scalekit.NewForger(token)
	if err != nil {
		c.Trouble("the access token cannot be taken apart: %v", err)
	}
	keys, err := suite.world.API.Keys(suite.ctx)
	if err != nil {
		c.Trouble("the environment's keys cannot be read: %v", err)
	}
	edited := f.Edited(claims)
	again, err := scalekit.NewForger(edited)
	if err != nil {
		c.Trouble("the edited token cannot be taken apart: %v", err)
	}
	tokens := map[string]string{
		whose + ", edited": edited,
		whose + ", edited and without a signature (alg none)": again.Unsigned(map[string]any{"alg": "none"}, ""),
		whose + ", edited and signed with another key":        f.Own(nil, claims),
		whose + ", edited and signed with its own key in jwk": f.Own(map[string]any{"jwk": f.PublicKey("")}, claims),
	}
	for how, secret := range scalekit.Encodings(keys) {
		tokens[whose+", edited and signed by HMAC with "+how] = again.HMAC(secret, nil)
	}
	for _, what := range slices.Sorted(maps.Keys(tokens)) {
		suite.learn(tokens[what])
		all = append(all, &caller{who: "somebody with " + what, token: tokens[what]})
	}
	return all
}
