package discover

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
)

// usualData is where apps tell their own scripts who is signed in.
var usualData = []string{
	"/api/me", "/api/user", "/api/users/me", "/api/auth/me", "/api/auth/session", "/api/session", "/api/whoami", "/api/profile", "/api/account",
	"/api/v1/me", "/auth/me", "/auth/session", "/me", "/whoami", "/userinfo", "/session",
}

// data asks where apps usually answer JSON about who is signed in, and whether
// access tokens are taken there.
func (g *guest) data() {
	token := g.accessToken()
	for _, path := range usualData {
		if g.Has("APP_WHOAMI_PATH") && (g.Has("APP_API_PATH") || token == "") {
			return
		}
		stranger := flows.NewQuiet(g.agent.T, g.agent.World).AskJSON(path)
		if stranger.Status != http.StatusUnauthorized {
			continue
		}
		answer := g.agent.AskJSON(path)
		if member := memberOf(answer.Body, g.user.Email); answer.Status == http.StatusOK && member != "" && !g.Has("APP_WHOAMI_PATH") {
			const how = "a usual path: JSON with the address of who is signed in, 401 to strangers"
			g.add(true, "APP_WHOAMI_PATH", path, how)
			g.add(true, "APP_WHOAMI_EMAIL_FIELD", member, "the member of "+path+" that holds the address")
		}
		if token == "" {
			continue
		}
		if answer := g.agent.AskAs(token, http.MethodGet, path); answer.Status == http.StatusOK && json.Valid([]byte(answer.Body)) {
			g.add(true, "APP_API_PATH", path, "a usual path: it takes an access token as Bearer, 401 to strangers")
		}
	}
}

// accessToken is one of the app's client for who is signed in; "" where the
// client's secret is not known.
func (g *guest) accessToken() string {
	if id := g.Value("APP_CLIENT_ID"); id != "" && id != g.agent.World.Config.AppClientID {
		return ""
	}
	tokens, _ := g.agent.Tokens(nil)
	if tokens == nil {
		return ""
	}
	return tokens.AccessToken
}

// memberOf is the member of a JSON object that holds a text, dots leading into
// objects; "" where none does.
func memberOf(body, text string) string {
	var fields map[string]any
	if json.Unmarshal([]byte(body), &fields) != nil {
		return ""
	}
	return memberIn(fields, text)
}

func memberIn(fields map[string]any, text string) string {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch value := fields[name].(type) {
		case string:
			if strings.EqualFold(value, text) {
				return name
			}
		case map[string]any:
			if inner := memberIn(value, text); inner != "" {
				return name + "." + inner
			}
		}
	}
	return ""
}
