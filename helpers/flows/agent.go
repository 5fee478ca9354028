package flows

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// Agent is a browser without a window: cookies and redirects by the book, no
// scripts. It asks the auth environment a hundred times faster than a browser
// does, which makes tables of hostile requests affordable.
type Agent struct {
	T     TB
	World World
	jar   *cookiejar.Jar
}

// NewAgent returns an agent that nobody knows.
func NewAgent(t TB, w World) *Agent {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &Agent{T: t, World: w, jar: jar}
}

// Stop is where an agent's request ended.
type Stop struct {
	Status int
	URL    *url.URL // of the last answer, or the address that was not followed
	Body   string
	// Followed is false where the last answer redirects to a host outside the
	// auth environment: the redirect URI, an identity provider, an attacker.
	Followed bool
}

const (
	agentPatience  = 15 * time.Second
	agentRedirects = 15
)

// Get opens an address and follows redirects inside the auth environment.
func (a *Agent) Get(address string) Stop {
	a.T.Helper()
	return a.send(http.MethodGet, address, content{})
}

// Post sends a form, as a page of origin would, and follows redirects inside
// the auth environment.
func (a *Agent) Post(address string, form url.Values, origin string) Stop {
	a.T.Helper()
	return a.send(http.MethodPost, address, content{formType, form.Encode(), origin})
}

// PostJSON sends JSON, as a script of the auth environment's own page would.
func (a *Agent) PostJSON(address, body string) Stop {
	a.T.Helper()
	return a.send(http.MethodPost, address, content{"application/json", body, a.World.Config.EnvironmentURL.String()})
}

const formType = "application/x-www-form-urlencoded"

// content is what a request carries, and the origin of the page that sends it.
type content struct{ kind, body, origin string }

func (a *Agent) send(method, address string, sent content) Stop {
	a.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), agentPatience)
	defer cancel()
	client := *a.World.Client
	client.Jar = a.jar
	for range agentRedirects {
		request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(sent.body))
		if err != nil {
			a.T.Trouble("%s is no address: %v", address, err)
		}
		if sent.kind != "" {
			request.Header.Set("Content-Type", sent.kind)
			request.Header.Set("Origin", sent.origin)
			site := "cross-site"
			if request.URL.Scheme+"://"+request.URL.Host == sent.origin {
				site = "same-origin"
			}
			request.Header.Set("Sec-Fetch-Site", site)
			request.Header.Set("Sec-Fetch-Mode", "navigate")
		}
		response, err := client.Do(request)
		if err != nil {
			a.T.Trouble("%s does not answer: %v", request.URL.Redacted(), err)
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		_ = response.Body.Close()
		if err != nil {
			a.T.Trouble("%s broke off: %v", request.URL.Redacted(), err)
		}
		stop := Stop{Status: response.StatusCode, URL: request.URL, Body: string(body), Followed: true}
		location, err := response.Location()
		if err != nil || response.StatusCode < 300 || response.StatusCode > 399 {
			return stop
		}
		if !sameOrigin(location, a.World.Config.EnvironmentURL) {
			stop.URL, stop.Followed = location, false
			return stop
		}
		method, address, sent = http.MethodGet, location.String(), content{}
	}
	a.T.Fatalf("expected %s to end; it still redirects after %d redirects", address, agentRedirects)
	return Stop{}
}

// Form reads the first form of the page that holds selector, or nil.
func (s Stop) Form(selector string) *screens.Form { return screens.FormAt(s.Body, s.URL, selector) }

// Authorize sends an authorization request of the suite's own for the
// application's client, with parameters added or replaced.
func (a *Agent) Authorize(parameters url.Values) (Grant, Stop) {
	a.T.Helper()
	c := a.World.Config
	grant := Grant{PKCE: scalekit.NewPKCE(), Nonce: scalekit.NewNonce(), RedirectURI: c.App(c.AppCallbackPath)}
	request := url.Values{
		"response_type": {"code"}, "client_id": {c.AppClientID}, "redirect_uri": {grant.RedirectURI},
		"scope": {c.AppScopes}, "state": {scalekit.NewNonce()}, "nonce": {grant.Nonce},
		"code_challenge": {grant.PKCE.Challenge}, "code_challenge_method": {"S256"},
	}
	for name, values := range parameters {
		request[name] = values
	}
	return grant, a.Get(a.World.API.AuthorizeURL(request))
}

// Identity redeems the code with which a sign-in ended and returns the address
// that the ID token names; "" if it ended without a code, or the code is not
// redeemed. This is what a product would believe.
func (a *Agent) Identity(grant Grant, end Stop) string {
	a.T.Helper()
	c := a.World.Config
	code := end.URL.Query().Get("code")
	if end.Followed || code == "" || !strings.HasPrefix(end.URL.String(), grant.RedirectURI) {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), agentPatience)
	defer cancel()
	answer, err := a.World.API.Exchange(ctx, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {grant.RedirectURI},
		"code_verifier": {grant.PKCE.Verifier}, "client_id": {c.AppClientID}, "client_secret": {c.AppClientSecret},
	})
	if err != nil {
		a.T.Trouble("the token endpoint does not answer: %v", err)
	}
	if answer.IDToken == "" {
		return ""
	}
	claims, err := a.World.API.VerifyJWT(ctx, answer.IDToken)
	if err != nil {
		a.T.Fatalf("expected an ID token that the environment's keys verify: %v", err)
	}
	email, _ := claims["email"].(string)
	return email
}
