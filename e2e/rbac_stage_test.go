package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/rbac"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// stage is an organization in which people of several roles try what APP_ACCESS
// says that they may, and may not.
type stage struct {
	c      *check
	matrix *rbac.Matrix
	orgID  string
	window *flows.Visitor // one for all of them, one after the other; nil: none is needed
	first  *caller        // who may do everything, and looks what happened
}

// caller is somebody who sends requests to the application.
type caller struct {
	who, role string
	user      *flows.User
	agent     *flows.Agent // nil: without anybody's cookies
	token     string       // "": none
	refresh   string
}

// AccessMatrix reads APP_ACCESS.
func (c *check) AccessMatrix() *rbac.Matrix {
	c.Helper()
	c.Need("APP_ACCESS")
	matrix, err := rbac.Read(suite.cfg.AppAccess)
	if err != nil {
		c.Trouble("%v", err)
	}
	return matrix
}

// Stage makes an organization, and somebody in it who may do everything.
func (c *check) Stage() *stage {
	c.Helper()
	return c.stageIn(nil)
}

// StageWithWindow is Stage for what has to be looked at: everybody who enters
// signs in in the stage's window, which is theirs until the next one does.
func (c *check) StageWithWindow() *stage {
	c.Helper()
	c.AccessMatrix()
	return c.stageIn(c.Browser())
}

func (c *check) stageIn(window *flows.Visitor) *stage {
	c.Helper()
	s := &stage{c: c, matrix: c.AccessMatrix(), window: window}
	err := c.newOrganization(func(_ context.Context, o *scalekit.Organization) error {
		s.orgID = o.ID
		return nil
	})
	if err != nil {
		c.Trouble("an organization cannot be made: %v", err)
	}
	s.first = s.enter(s.matrix.Roles[0])
	return s
}

// enter makes somebody with these roles in the stage's organization and signs
// them in.
func (s *stage) enter(roles ...string) *caller {
	s.c.Helper()
	who := &caller{who: "somebody with the role " + strings.Join(roles, " and "), role: strings.Join(roles, ","), user: s.c.NewMember(s.orgID, roles...)}
	if s.window == nil {
		who.agent = s.c.Quiet(who.user)
	} else {
		s.window.ClearCookies(nil)
		s.window.SignIn(who.user)
		who.agent = s.window.Quiet()
	}
	if suite.cfg.AppAPIPath != "" {
		tokens, end := who.agent.Tokens(nil)
		require.NotNil(s.c, tokens, "tokens by the session of a fresh sign-in; the request ended at %s%s (HTTP %d)", end.URL.Host, end.URL.Path, end.Status)
		who.token, who.refresh = tokens.AccessToken, tokens.RefreshToken
	}
	return who
}

// NewMember makes a person with these roles in an organization; without roles
// they get the default one.
func (c *check) NewMember(orgID string, roles ...string) *flows.User {
	c.Helper()
	user := c.player()
	lent := user != nil
	if !lent {
		user = c.NewPerson()
	}
	user.OrgID = orgID
	err := suite.create(func(ctx context.Context) error {
		if lent {
			_, err := suite.world.API.AddMember(ctx, orgID, user.ID, roles...)
			return err
		}
		made, err := suite.world.API.CreateUser(ctx, orgID, scalekit.NewUser{
			Email: user.Email, GivenName: user.GivenName, FamilyName: user.FamilyName, Roles: roles,
		})
		if err == nil {
			user.ID = made.ID
		}
		return err
	})
	if scalekit.IsNotFound(err) {
		c.Fatalf("expected the environment to know %s, whom somebody is to be: %v (see rbac/define)", strings.Join(roles, " and "), err)
	}
	if err != nil {
		c.Trouble("a user with the roles %v cannot be made: %v", roles, err)
	}
	return user
}

// reply is what the application answered.
type reply struct {
	status int
	body   string
}

func (r reply) good() bool { return r.status/100 == 2 }

func (r reply) holds(word string) bool { return strings.Contains(r.body, word) }

// send sends a request to the application, as its own pages would where it
// carries cookies. Redirects are answers.
func (s *stage) send(who *caller, session bool, ready rbac.Ready, header http.Header) (reply, error) {
	ctx, cancel := context.WithTimeout(suite.ctx, s.c.patience())
	defer cancel()
	app, client := suite.cfg.AppURL, suite.client
	origin := app.Scheme + "://" + app.Host
	request, err := http.NewRequestWithContext(ctx, ready.Method, origin, strings.NewReader(ready.Body))
	if err != nil {
		return reply{}, err
	}
	// As it is written: a client must not tidy it up.
	path, query, _ := strings.Cut(app.Path+ready.Path, "?")
	request.URL.Path, request.URL.RawQuery, request.URL.Opaque = path, query, "//"+app.Host+path
	request.Header.Set("Accept", "application/json, text/html;q=0.9")
	if ready.Kind != "" {
		request.Header.Set("Content-Type", ready.Kind)
	}
	switch {
	case session:
		if who.agent != nil {
			client = who.agent.Client()
		}
		request.Header.Set("Origin", origin)
		request.Header.Set("Referer", origin+"/")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	case who.token != "":
		request.Header.Set("Authorization", "Bearer "+who.token)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := client.Do(request)
	if err != nil {
		return reply{}, fmt.Errorf("%s %s is not answered: %w", ready.Method, ready.Path, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return reply{response.StatusCode, string(body)}, err
}

// bySession reports whether an action's request is sent with cookies.
func bySession(with string) bool { return with == rbac.WithSession || suite.cfg.AppAPIPath == "" }

// prepared is an action with a fresh word and a fresh thing.
type prepared struct {
	action *rbac.Action
	words  map[string]string
	named  string // the thing's name
	text   string // the action's own word
	before reply
}

// prepare lets the first role make what the action is about, and look at it.
func (s *stage) prepare(a *rbac.Action) (*prepared, error) {
	p := &prepared{action: a, words: map[string]string{}, text: s.word()}
	if kind := a.Thing(); kind != "" {
		id, name, err := s.make(kind)
		if err != nil {
			return nil, err
		}
		p.words[kind], p.named = id, name
	}
	if !a.Changes() {
		return p, nil
	}
	var err error
	p.before, err = s.look(p)
	return p, err
}

// make lets the first role make a thing and returns its id and name.
func (s *stage) make(kind string) (id, name string, err error) {
	thing := s.matrix.Things[kind]
	name = s.word()
	answer, err := s.send(s.first, bySession(""), thing.Prepare(thing.Make, map[string]string{"text": name}), nil)
	if err != nil {
		return "", "", err
	}
	id = rbac.Member([]byte(answer.body), thing.ID)
	if !answer.good() || id == "" {
		return "", "", fmt.Errorf("expected %s, as %s, to make a %s and to answer its id as %q; it answered HTTP %d: %s",
			thing.Make, s.matrix.Roles[0], kind, thing.ID, answer.status, cut(answer.body))
	}
	if thing.Remove != "" {
		s.c.removeLater(kind, id, func(context.Context) error {
			_, err := s.send(s.first, bySession(""), rbac.Request{}.Prepare(thing.Remove, map[string]string{kind: id}), nil)
			return err
		})
	}
	return id, name, nil
}

// word is a word that nobody has used yet.
func (s *stage) word() string { return strings.ReplaceAll(s.c.unique(), "-", "") + "x" }

func (s *stage) look(p *prepared) (reply, error) {
	return s.send(s.first, bySession(""), rbac.Ready{Method: http.MethodGet, Path: rbac.Fill(p.action.Look, p.words)}, nil)
}

// outcome is what came of an attempt.
type outcome struct {
	reply
	happened bool
}

// seen says what was answered and done, for a person.
func (o outcome) seen() string {
	did := "nothing happened"
	if o.happened {
		did = "it happened"
	}
	return fmt.Sprintf("HTTP %d, and %s", o.status, did)
}

// trick changes a request in a way that must make no difference.
type trick struct {
	name   string
	change func(rbac.Ready, http.Header) rbac.Ready
}

// attempt lets somebody try an action on what was prepared for it, and looks
// whether it has happened.
func (s *stage) attempt(who *caller, p *prepared, t *trick) (outcome, error) {
	words := map[string]string{"text": p.text}
	for name, word := range p.words {
		words[name] = word
	}
	ready, header := p.action.Prepare(p.action.Do, words), http.Header{}
	if t != nil {
		ready = t.change(ready, header)
	}
	answer, err := s.send(who, bySession(p.action.With), ready, header)
	if err != nil {
		return outcome{}, err
	}
	if !p.action.Changes() {
		sees := p.action.Sees
		if sees == "" {
			sees = p.named // with neither, every success counts
		}
		return outcome{answer, answer.good() && strings.Contains(answer.body, sees)}, nil
	}
	after, err := s.look(p)
	if err != nil {
		return outcome{}, err
	}
	if p.action.Texts() {
		return outcome{answer, strings.Contains(after.body, p.text)}, nil
	}
	return outcome{answer, after != p.before}, nil
}

// try is prepare and attempt.
func (s *stage) try(who *caller, a *rbac.Action) (outcome, error) {
	p, err := s.prepare(a)
	if err != nil {
		return outcome{}, err
	}
	return s.attempt(who, p, nil)
}

// forbidden lets somebody try an action and returns a sentence if it happened,
// or if the application broke; "" if it was refused. Whatever status it answers
// with, what counts is what happened.
func (s *stage) forbidden(who *caller, p *prepared, t *trick) string {
	how := ""
	if t != nil {
		how = ", with " + t.name + ","
	}
	got, err := s.attempt(who, p, t)
	switch {
	case err != nil:
		return err.Error()
	case got.happened:
		return fmt.Sprintf("%s could%s %s (%s): %s", who.who, how, p.action.Name, p.action.Do, got.seen())
	case got.status >= 500 && t == nil: // a malformed request may break what is no permission
		return fmt.Sprintf("%s was to be refused when trying to %s (%s); the application answered HTTP %d", who.who, p.action.Name, p.action.Do, got.status)
	}
	return ""
}

// together runs f for each of all, a few at a time, and returns what they had
// to say, in their order.
func together[T any](all []T, f func(T) []string) (said []string) {
	const atATime = 4
	answers := make([][]string, len(all))
	slots := make(chan struct{}, atATime)
	var wg sync.WaitGroup
	for i, one := range all {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			answers[i] = f(one)
		})
	}
	wg.Wait()
	for _, list := range answers {
		said = append(said, list...)
	}
	return said
}

// report fails the case with each sentence.
func (c *check) report(sentences []string) {
	c.Helper()
	for _, one := range sentences {
		c.Errorf("%s", one)
	}
}

func cut(text string) string {
	const most = 200
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// renew gives a caller a fresh access token, as the application gets one.
func (s *stage) renew(who *caller) {
	s.c.Helper()
	if who.refresh == "" {
		return
	}
	tokens := who.agent.Refresh(who.refresh)
	require.NotEmpty(s.c, tokens.AccessToken, "a fresh access token for %s, by refresh (HTTP %d)", who.who, tokens.Status)
	who.token = tokens.AccessToken
	if tokens.RefreshToken != "" {
		who.refresh = tokens.RefreshToken
	}
}
