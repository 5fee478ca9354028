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
