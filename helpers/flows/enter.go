package flows

import (
	"net/http"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/idp"
)

// Enter signs the person of an identity provider in at the application, by a
// SAML connection and without a window: the application begins, the provider
// answers, the application's callback ends it. It returns where the auth
// environment has left the agent. Who is signed in then is WhoAmI's answer.
func (a *Agent) Enter(connectionID string, provider *idp.IdP) Stop {
	a.T.Helper()
	c := a.World.Config
	begin := a.request(http.MethodGet, c.App(c.AppLoginPath), nil)
	if !sameOrigin(begin.URL, c.EnvironmentURL) {
		a.T.Fatalf("expected %s to send the browser to the auth environment; it answered HTTP %d (%s)", c.AppLoginPath, begin.Status, begin.URL.Redacted())
	}
	request := a.samlRequestAt(a.Get(With(begin.URL, map[string]string{"connection_id": connectionID})), connectionID)
	end := a.PostSAML(request.SP.ACS, provider.Respond(request), provider)
	if callback := c.App(c.AppCallbackPath); !end.Followed && strings.HasPrefix(end.URL.String(), callback) {
		a.World.Learn(end.URL.Query().Get("code"))
		a.request(http.MethodGet, end.URL.String(), nil)
	}
	return end
}
