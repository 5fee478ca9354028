package flows

import "net/http"

// Client sends requests with this person's cookies, and keeps those that are
// set. Redirects are answers. It may be used by many goroutines.
func (a *Agent) Client() *http.Client {
	client := *a.World.Client
	client.Jar = a.jar
	return &client
}
