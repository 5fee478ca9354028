package flows

import (
	"net/http"
	"net/url"
)

// Client sends requests with this person's cookies, and keeps those that are
// set. Redirects are answers. It may be used by many goroutines.
func (a *Agent) Client() *http.Client {
	client := *a.World.Client
	client.Jar = a.jar
	return &client
}

// Snapshot is this person's browser as it is now, to be gone back to: what is
// done from here on leaves it as it is.
func (a *Agent) Snapshot() *Agent {
	a.T.Helper()
	then := NewQuiet(a.T, a.World)
	authorize, err := url.Parse(a.World.API.AuthorizeURL(nil))
	if err != nil {
		a.T.Trouble("the authorization endpoint has no address: %v", err)
	}
	for _, at := range []*url.URL{authorize, a.World.Config.AppURL} {
		cookies := a.jar.Cookies(at)
		for _, cookie := range cookies {
			cookie.Path = "/"
		}
		then.jar.SetCookies(at, cookies)
	}
	return then
}

// Twin is whoever holds a copy of the cookies that this person now has for a page
// of the application.
func (a *Agent) Twin(path string) *Agent {
	a.T.Helper()
	twin := NewQuiet(a.T, a.World)
	if page, err := url.Parse(a.World.Config.App(path)); err == nil {
		twin.jar.SetCookies(page, a.jar.Cookies(page))
	}
	return twin
}
