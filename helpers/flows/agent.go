package flows

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/pace"
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
	// window lends its cookies and keeps those that come; nil: the jar does.
	window *Visitor
	ends   func(*url.URL) bool // redirect targets that are not followed; nil: none
	roams  bool                // also through the application
	halts  bool                // where somebody new is asked who they are
	says   http.Header         // sent with everything; nil: nothing more
}

// NewAgent returns an agent that nobody knows.
func NewAgent(t TB, w World) *Agent {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &Agent{T: t, World: w, jar: jar}
}

// Saying is the same person, sending these headers too. They go with the
// agent's own requests, not with those of a window that it acts for.
func (a *Agent) Saying(header http.Header) *Agent {
	liar := *a
	liar.says = header
	return &liar
}

// Stop is where an agent's request ended.
type Stop struct {
	Status int
	URL    *url.URL // of the last answer, or the address that was not followed
	Body   string
	// Followed is false where the last answer redirects to a host outside the
	// auth environment (and, for a quiet agent, the application): the redirect
	// URI, an identity provider, an attacker.
	Followed bool
}

// redirects reports whether the last answer was a redirect that was not followed.
func (s Stop) redirects() bool { return s.Status >= 300 && s.Status <= 399 }

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
	from := "" // the page that led here
	for range agentRedirects {
		header := navigation(from, address)
		if sent.kind != "" {
			header = navigation(sent.origin, address)
			header.Set("Content-Type", sent.kind)
			header.Set("Origin", sent.origin)
		}
		stop := a.ask(ctx, method, address, sent.body, header)
		if next := screens.RefreshAt(stop.Body, stop.URL); stop.Followed && next != nil {
			stop.URL, stop.Followed = next, false // a page that leads on by itself is a redirect in other words
		}
		if stop.Followed || !a.mayFollow(stop.URL) {
			return stop
		}
		from = address
		method, address, sent = http.MethodGet, stop.URL.String(), content{}
	}
	a.T.Fatalf("expected %s to end; it still redirects after %d redirects", address, agentRedirects)
	return Stop{}
}

// navigation is the header with which a browser opens an address: from another
// page, or by hand where from is empty (W3C Fetch Metadata Request Headers).
func navigation(from, address string) http.Header {
	site := "cross-site"
	if from == "" {
		site = "none"
	} else if a, err := url.Parse(from); err == nil {
		if b, err := url.Parse(address); err == nil && sameOrigin(a, b) {
			site = "same-origin"
		}
	}
	return http.Header{
		"Accept":         {"text/html,application/xhtml+xml,*/*;q=0.8"},
		"Sec-Fetch-Site": {site}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"},
	}
}

// mayFollow reports whether a redirect leads where this agent goes.
func (a *Agent) mayFollow(u *url.URL) bool {
	c := a.World.Config
	if a.ends != nil && a.ends(u) {
		return false
	}
	return sameOrigin(u, c.EnvironmentURL) || a.roams && sameOrigin(u, c.AppURL)
}

// request sends one request and follows nothing.
func (a *Agent) request(method, address string, header http.Header) Stop {
	a.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), agentPatience)
	defer cancel()
	return a.ask(ctx, method, address, "", header)
}

// ask sends one request. Where the answer redirects, the stop is the address to
// which, and not followed.
func (a *Agent) ask(ctx context.Context, method, address, body string, header http.Header) Stop {
	a.T.Helper()
	at, err := url.Parse(address)
	if err != nil {
		a.T.Trouble("%s is no address: %v", address, err)
	}
	status, got, text := a.carry(ctx, method, at, body, header)
	stop := Stop{Status: status, URL: at, Body: text, Followed: true}
	if location, err := at.Parse(got.Get("Location")); err == nil && got.Get("Location") != "" && stop.redirects() {
		stop.URL, stop.Followed = location, false
	}
	return stop
}

// carry takes one request to its server, with the cookies of this person.
func (a *Agent) carry(ctx context.Context, method string, at *url.URL, body string, header http.Header) (status int, got http.Header, text string) {
	a.T.Helper()
	if a.window != nil {
		options := []browser.FetchOption{}
		if body != "" {
			options = append(options, browser.WithBody(header.Get("Content-Type"), []byte(body)))
		}
		for name := range header {
			options = append(options, browser.WithHeader(name, header.Get(name)))
		}
		answer := a.window.Fetch(method, at.String(), options...)
		return answer.Status, answer.Header, string(answer.Body)
	}
	client := *a.World.Client
	client.Jar = a.jar
	request, err := http.NewRequestWithContext(ctx, method, at.String(), strings.NewReader(body))
	if err != nil {
		a.T.Trouble("%s is no address: %v", at.Redacted(), err)
	}
	for _, header := range []http.Header{header, a.says} {
		for name, values := range header {
			request.Header[name] = values
		}
	}
	response, err := client.Do(request)
	if err != nil {
		a.T.Trouble("%s does not answer: %v", at.Redacted(), err)
	}
	read, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	_ = response.Body.Close()
	if err != nil {
		a.T.Trouble("%s broke off: %v", at.Redacted(), err)
	}
	a.T.Answered(at.Redacted(), response.StatusCode, response.Header)
	return response.StatusCode, response.Header, string(read)
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

// ComesBackAs is whom the auth environment lets in by what this browser has of it,
// without a question: the address in the ID token; "" for nobody.
func (a *Agent) ComesBackAs() string {
	a.T.Helper()
	grant, end := a.Authorize(nil)
	return a.Identity(grant, end)
}

// Identity redeems the code with which a sign-in ended and returns the address
// that the ID token names; "" if it ended without a code, or the code is not
// redeemed. This is what a product would believe.
func (a *Agent) Identity(grant Grant, end Stop) string {
	a.T.Helper()
	answer := a.RedeemCode(grant, end)
	if answer == nil || answer.IDToken == "" {
		return ""
	}
	ctx, cancel := pace.Budget(context.Background(), agentPatience)
	defer cancel()
	claims, err := a.World.API.VerifyJWT(ctx, answer.IDToken)
	if err != nil {
		a.T.Fatalf("expected an ID token that the environment's keys verify: %v", err)
	}
	email, _ := claims["email"].(string)
	return email
}
