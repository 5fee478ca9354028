package flows

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// WhoAmI asks the application's server who is signed in in this browser. It
// returns the address, or "" for nobody. Where the application has a JSON
// answer (APP_WHOAMI_PATH) that is read; else the protected page is asked, as
// APP_PERSON_SELECTOR says, and hint is the address to prefer where it shows
// several.
func (v *Visitor) WhoAmI(hint string) string {
	v.T.Helper()
	c := v.World.Config
	var answer *browser.Answer
	if c.AppWhoamiPath == "" {
		answer = v.follow(v.app(c.AppProtectedPath))
	} else {
		answer = v.follow(v.app(c.AppWhoamiPath), browser.WithHeader("Accept", "application/json"))
	}
	return whoIn(c, answer.Status, answer.Body, hint)
}

// whoIn reads an answer of the application for who is signed in.
func whoIn(c *config.Config, status int, body []byte, hint string) string {
	if status != http.StatusOK {
		return ""
	}
	if c.AppWhoamiPath == "" {
		return screens.PersonOn(string(body), c.AppPersonSelector, hint)
	}
	var answer any
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	for name := range strings.SplitSeq(c.AppWhoamiEmailField, ".") {
		fields, _ := answer.(map[string]any)
		answer = fields[name]
	}
	email, _ := answer.(string)
	return email
}

// VerifySignedIn fails the test unless the server says that user is signed in.
func (v *Visitor) VerifySignedIn(user *User) {
	v.T.Helper()
	if got := v.WhoAmI(user.Email); !strings.EqualFold(got, user.Email) {
		v.T.Fatalf("expected the application's server to say that %s is signed in; it said %s (browser at %s)",
			user.Email, orNobody(got), v.URL())
	}
}

// VerifySignedOut fails the test if the server says that anybody is signed in.
// Call it after a sign that the flow has ended.
func (v *Visitor) VerifySignedOut() {
	v.T.Helper()
	if got := v.WhoAmI(""); got != "" {
		v.T.Fatalf("expected the application's server to say that nobody is signed in; it said %s (browser at %s)", got, v.URL())
	}
}

// VerifyNotSignedInAs fails the test if the server takes this browser for user.
func (v *Visitor) VerifyNotSignedInAs(user *User) {
	v.T.Helper()
	if got := v.WhoAmI(user.Email); strings.EqualFold(got, user.Email) {
		v.T.Fatalf("the application's server takes this browser for %s; expected it not to (browser at %s)", got, v.URL())
	}
}

func orNobody(who string) string {
	if who == "" {
		return "that nobody is"
	}
	return "that " + who + " is"
}
