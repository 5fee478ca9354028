package flows

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
)

// CallAPI asks the application's API with an access token, and without any
// cookie, and returns the HTTP status.
func (v *Visitor) CallAPI(token string) int {
	v.T.Helper()
	request, err := http.NewRequest(http.MethodGet, v.app(v.World.Config.AppAPIPath), nil) //nolint:noctx // the client has a deadline of its own
	if err != nil {
		v.T.Trouble("APP_API_PATH cannot be used: %v", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	response, err := v.World.Client.Do(request)
	if err != nil {
		v.T.Fatalf("expected the application's API to answer: %v", err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// LogoutURL is the auth environment's logout address (spec/oauth.md 6).
func (v *Visitor) LogoutURL(parameters url.Values) string {
	return v.World.Config.Env("/oidc/logout") + "?" + parameters.Encode()
}

// HoldForeign stops the browser on its way to an address outside the deployment.
func (v *Visitor) HoldForeign(address string) *browser.Held {
	return v.Hold(address, func(u *url.URL) bool { return strings.HasPrefix(u.String(), address) })
}
