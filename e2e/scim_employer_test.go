package e2e

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/idp"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/scim"
)

// employer is a customer whose identity provider, in one dialect, tells a
// directory who works there. Its people sign in by the suite's own provider.
type employer struct {
	c *check
	*scim.Client
	speak  scim.Dialect
	orgID  string
	domain string
	own    bool   // a case has made it
	id     string // of the directory; known for those that a case has made

	said []string // what was asked of the directory, and how it answered
}

// Employer is the organization behind the suite's identity provider.
func (c *check) Employer(speak scim.Dialect) *employer {
	c.Helper()
	c.Need("PREFLIGHT_SCIM_URL", "PREFLIGHT_SCIM_TOKEN", "PREFLIGHT_IDP_ORGANIZATION_ID", "PREFLIGHT_IDP_DOMAIN")
	o := &employer{
		c: c, Client: scim.New(suite.cfg.SCIMURL, suite.cfg.SCIMToken, suite.client).Paced(suite.pace), speak: speak,
		orgID: suite.cfg.IDPOrganizationID, domain: suite.cfg.IDPDomain,
	}
	c.Cleanup(o.show)
	return o
}

// show adds to the evidence of a red case what was said to the directory.
func (o *employer) show() {
	if o.c.Failed() && len(o.said) > 0 {
		o.c.results.Evidence(readiness.Evidence{
			Kind: "text", Title: "What was asked of the directory at " + o.Base() + ", in the words of " + o.speak.Name(), Text: strings.Join(o.said, "\n"),
		})
	}
}

// NewEmployer makes an organization with a domain and a directory of its own, by
// API. Nobody can sign in there, but all of it is this case's.
func (c *check) NewEmployer(speak scim.Dialect) *employer {
	c.Helper()
	o := &employer{c: c, speak: speak, own: true, domain: strings.ToLower(c.unique()) + ".preflight-directory.test"}
	err := c.newOrganization(func(ctx context.Context, organization *scalekit.Organization) error {
		o.orgID = organization.ID
		if err := suite.world.API.RegisterDomain(ctx, o.orgID, o.domain); err != nil {
			return err
		}
		directory, err := suite.world.API.CreateDirectory(ctx, o.orgID)
		if err != nil {
			return err
		}
		suite.learn(directory.Secret)
		o.id, o.Client = directory.ID, scim.New(directory.Endpoint, directory.Secret, suite.client).Paced(suite.pace)
		return nil
	})
	c.mayBeAbsent("make an organization with a directory of its own", err)
	c.Cleanup(o.show)
	return o
}

// employee is somebody of a company.
type employee struct {
	*employer
	scim.Person
	id string // in the directory
}

// someone invents an employee whom nobody knows yet. Whatever is made for them
// is removed in the end.
func (o *employer) someone() *employee {
	o.c.Helper()
	id := o.c.unique()
	email := "ada-" + id + "@" + o.domain
	return o.somebody(scim.Person{
		UserName: email, Email: email, GivenName: "Ada" + strings.ReplaceAll(id, "-", ""), FamilyName: "Preflight", ExternalID: "pf-" + id,
	})
}

// somebody is an employee of whom the company's directory is told.
func (o *employer) somebody(p scim.Person) *employee {
	o.c.Helper()
	o.forgetLater("directory user", "/Users", "userName", p.UserName)
	if domain := "@" + o.domain; strings.HasSuffix(p.Email, domain) {
		o.c.removeLater("user", p.Email, func(ctx context.Context) error { return o.c.removePerson(ctx, p.Email) })
	}
	return &employee{employer: o, Person: p}
}

// forgetLater sees to it that what has a text as an attribute leaves the standing
// directory in the end. One of a case's own goes with its organization.
func (o *employer) forgetLater(kind, path, attribute, text string) {
	o.c.Helper()
	if o.own {
		return
	}
	o.c.removeLater(kind, text, func(ctx context.Context) error { return o.Forget(ctx, path, attribute, text) })
}

// send sends a request to the directory. Its answer is the caller's to judge.
func (o *employer) send(method, path string, body any) *scim.Answer {
	o.c.Helper()
	answer, err := o.Do(suite.ctx, method, path, body)
	if err != nil {
		o.c.Trouble("the directory at %s: %v", o.Base(), err)
	}
	o.said = append(o.said, answer.String())
	return answer
}

// do is send for what has to be taken.
func (o *employer) do(method, path string, body any) *scim.Answer {
	o.c.Helper()
	answer := o.send(method, path, body)
	if !answer.Good() {
		o.c.Fatalf("expected the directory to take a request as %s sends it; it answered %s", o.speak.Name(), answer)
	}
	return answer
}

// find asks for what has a text as an attribute, as providers do before they
// create anything.
func (o *employer) find(path, attribute, text string) scim.List {
	o.c.Helper()
	page, err := o.do(http.MethodGet, scim.Query(path, "filter", scim.Equals(attribute, text), "startIndex", "1", "count", "100"), nil).Page()
	require.NoError(o.c, err)
	return page
}

// hire invents an employee and creates them in the directory.
func (o *employer) hire() *employee {
	o.c.Helper()
	e := o.someone()
	e.create()
	return e
}

func (e *employee) create() *scim.Answer {
	e.c.Helper()
	answer := e.do(http.MethodPost, "/Users", e.speak.Create(e.Person))
	if e.id = answer.ID(); e.id == "" {
		e.c.Fatalf("expected the answer to a creation to name the id; saw %s", answer)
	}
	return answer
}

func (e *employee) path() string { return "/Users/" + url.PathEscape(e.id) }

// patch changes the employee in the directory.
func (e *employee) patch(body map[string]any) { e.c.Helper(); e.do(http.MethodPatch, e.path(), body) }

// read is the employee as the directory has them.
func (e *employee) read() *scim.Answer { e.c.Helper(); return e.do(http.MethodGet, e.path(), nil) }

// user is the employee as the environment knows them; nil if it does not.
func (e *employee) user() *scalekit.User {
	e.c.Helper()
	user, err := suite.world.API.FindUser(suite.ctx, e.Email)
	if err != nil {
		e.c.Trouble("the environment cannot be asked for %s: %v", e.Email, err)
	}
	return user
}

// membership is the employee's place in the company; its status is "" if there
// is none.
func (e *employee) membership() scalekit.Membership {
	e.c.Helper()
	if user := e.user(); user != nil {
		return membershipIn(user, e.orgID)
	}
	return scalekit.Membership{}
}

func membershipIn(user *scalekit.User, orgID string) scalekit.Membership {
	at := slices.IndexFunc(user.Memberships, func(m scalekit.Membership) bool { return m.OrganizationID == orgID })
	if at < 0 {
		return scalekit.Membership{}
	}
	return user.Memberships[at]
}

// has reports whether a membership carries a role.
func has(m scalekit.Membership, role string) bool {
	return slices.ContainsFunc(m.Roles, func(r scalekit.Role) bool { return r.Name == role })
}

// provider is the company's identity provider, with the employee at it.
func (e *employee) provider() *idp.IdP {
	e.c.Helper()
	e.c.Need(idpVariables...)
	provider := suite.world.SuiteIdP(e.c)
	provider.SignInAs(idp.Person{Email: e.Email, GivenName: e.GivenName, FamilyName: e.FamilyName})
	return provider
}

// enter signs the employee in at the app, or tries to, and returns the agent.
func (e *employee) enter() *flows.Agent {
	e.c.Helper()
	agent := flows.NewAgent(e.c, suite.world)
	agent.Enter(suite.cfg.IDPConnectionID, e.provider())
	return agent
}

// signIn is enter for somebody who has to be let in.
func (e *employee) signIn() *flows.Agent {
	e.c.Helper()
	agent := e.enter()
	if who := agent.WhoAmI(e.Email); !strings.EqualFold(who, e.Email) {
		e.c.Fatalf("expected %s, whom the directory has as active, to be signed in at the app by the company's provider; its server says %q", e.Email, who)
	}
	return agent
}

// verifyNoEntry fails the case if the employee can sign in.
func (e *employee) verifyNoEntry(why string) {
	e.c.Helper()
	if who := e.enter().WhoAmI(e.Email); who != "" {
		e.c.Errorf("%s could sign in, %s: the app's server says that %s is signed in", e.Email, why, who)
	}
}

// tokens are the suite's own, of the sign-in that an agent has.
func (e *employee) tokens(agent *flows.Agent) *scalekit.TokenAnswer {
	e.c.Helper()
	tokens, stop := agent.Tokens(url.Values{"organization_id": {e.orgID}})
	if tokens == nil || tokens.RefreshToken == "" {
		e.c.Fatalf("expected tokens for somebody who is signed in; the authorization ended at %s", stop.URL.Redacted())
	}
	return tokens
}

// refresh uses a refresh token as the app would.
func (e *employee) refresh(token string) *scalekit.TokenAnswer {
	e.c.Helper()
	return flows.NewAgent(e.c, suite.world).Refresh(token)
}

// awaitOut waits until the app's server lets an agent go, and at most as long
// as the deployment declares that a session may outlive its end.
func (e *employee) awaitOut(agent *flows.Agent, why string) {
	e.c.Helper()
	if delay := suite.cfg.AppRevocationDelay; delay > 0 {
		e.c.Outlive(&flows.User{Email: e.Email}, delay)
	}
	e.c.Eventually(func() bool { return agent.WhoAmI(e.Email) == "" }, e.c.patience(),
		"expected the app to let %s go, %s; a session of before still works (APP_REVOCATION_DELAY is %s)", e.Email, why, suite.cfg.AppRevocationDelay)
}

// soon is how long the app may take to learn from an event what has happened.
const soon = 10 * time.Second
