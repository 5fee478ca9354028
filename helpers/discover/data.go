package discover

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// usualData is where apps tell their own scripts who is signed in.
var usualData = []string{
	"/api/me", "/api/user", "/api/users/me", "/api/auth/me", "/api/auth/session", "/api/session", "/api/whoami", "/api/profile", "/api/account",
	"/api/v1/me", "/auth/me", "/auth/session", "/me", "/whoami", "/userinfo", "/session",
}

// data asks where apps usually answer JSON about who is signed in, and whether
// access tokens are taken there.
func (g *guest) data() {
	token := ""
	g.try(func() {
		if tokens := g.tokens(); tokens != nil {
			g.lives(tokens)
			token = tokens.AccessToken
		}
	})
	for _, path := range usualData {
		if g.Has("APP_WHOAMI_PATH") && (g.Has("APP_API_PATH") || token == "") {
			return
		}
		g.try(func() { g.dataAt(path, token) })
	}
}

func (g *guest) dataAt(path, token string) {
	stranger := flows.NewQuiet(g.agent.T, g.agent.World).AskJSON(path)
	how := "a usual path: JSON with the address of who is signed in, 401 to strangers"
	if stranger.Status != http.StatusUnauthorized {
		if !saysNobody(stranger) {
			return
		}
		how = fmt.Sprintf("a usual path: JSON with the address of who is signed in, HTTP %d with no address to strangers", stranger.Status)
	}
	answer := g.agent.AskJSON(path)
	if member := memberOf(answer.Body, g.user.Email); answer.Status == http.StatusOK && member != "" && !g.Has("APP_WHOAMI_PATH") {
		sure := !beside.MatchString(member)
		g.add(sure, "APP_WHOAMI_PATH", path, how)
		g.add(sure, "APP_WHOAMI_EMAIL_FIELD", member, "the member of "+path+" that holds the address")
	}
	if token == "" || stranger.Status != http.StatusUnauthorized {
		return
	}
	if answer := g.agent.AskAs(token, http.MethodGet, path); answer.Status == http.StatusOK && json.Valid([]byte(answer.Body)) {
		g.add(true, "APP_API_PATH", path, "a usual path: it takes an access token as Bearer, 401 to strangers")
	}
}

// saysNobody reports whether an answer is how apps say that nobody is signed in,
// other than by 401: a refusal, the way to the login, or JSON without any address.
func saysNobody(s flows.Stop) bool {
	switch {
	case !s.Followed, s.Status == http.StatusForbidden:
		return true
	case s.Status == http.StatusOK:
		return json.Valid([]byte(s.Body)) && !strings.Contains(s.Body, "@")
	}
	return false
}

// tokens are those of the app's client for who is signed in; nil where the client's
// secret is not known.
func (g *guest) tokens() *scalekit.TokenAnswer {
	if id := g.Value("APP_CLIENT_ID"); id != "" && id != g.agent.World.Config.AppClientID {
		return nil
	}
	tokens, _ := g.agent.Tokens(nil)
	return tokens
}

// lives reads how long access tokens live: from iat to exp (RFC 9068, 2.2), which
// expires_in, counted when the answer was sent, may miss by a second.
func (g *guest) lives(tokens *scalekit.TokenAnswer) {
	g.life = time.Duration(tokens.ExpiresIn) * time.Second
	if claims, err := scalekit.Claims(tokens.AccessToken); err == nil && scalekit.LivesFor(claims) > 0 {
		g.life = scalekit.LivesFor(claims)
	}
	if g.life > 0 {
		g.add(false, "APP_ACCESS_TOKEN_LIFETIME", seconds(g.life), "an access token lived that long: is it what the environment is meant to give?")
	}
}

// beside are members that may hold an address of somebody else's.
var beside = regexp.MustCompile(`(?i)owner|creat|author|invit|contact|support|billing|admin|organi[sz]ation|team|company|tenant|workspace`)

// memberOf is the member of a JSON object that holds a text, dots leading into
// objects; "" where none does. Of several that one is taken which is most likely
// about who is signed in: not beside, called after an address, and far outside.
func memberOf(body, text string) string {
	var fields map[string]any
	if json.Unmarshal([]byte(body), &fields) != nil {
		return ""
	}
	all := membersIn(fields, text)
	if len(all) == 0 {
		return ""
	}
	return slices.MinFunc(all, func(a, b string) int {
		return cmp.Or(doubt(beside.MatchString(a), beside.MatchString(b)), doubt(!strings.Contains(a, "mail"), !strings.Contains(b, "mail")),
			strings.Count(a, ".")-strings.Count(b, "."), strings.Compare(a, b))
	})
}

// doubt compares by something that speaks against one of two.
func doubt(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func membersIn(fields map[string]any, text string) (all []string) {
	for name, value := range fields {
		switch value := value.(type) {
		case string:
			if strings.EqualFold(value, text) && !strings.Contains(name, ".") {
				all = append(all, name)
			}
		case map[string]any:
			for _, inner := range membersIn(value, text) {
				all = append(all, name+"."+inner)
			}
		}
	}
	return all
}
