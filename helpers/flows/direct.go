package flows

import "net/url"

// What the hosted pages of each method send, as it is sent without the page:
// by somebody who knows a method that is not offered. first is where the
// authorization request ended, whose id the requests carry.

// PostPassword sends an address and a password.
func (a *Agent) PostPassword(first Stop, email, password string) Stop {
	a.T.Helper()
	return a.postWithin(first, "/a/auth/verify", url.Values{"email": {email}, "password": {password}})
}

// PostForMail asks for a code or link by mail to an address.
func (a *Agent) PostForMail(first Stop, email string) Stop {
	a.T.Helper()
	a.postWithin(first, "/a/auth/login", url.Values{"email": {email}})
	return a.postWithin(first, "/a/auth/email-code", url.Values{"email": {email}})
}

// PostForPasskey asks for a challenge to sign (WebAuthn Level 3, 7.2).
func (a *Agent) PostForPasskey(first Stop) Stop {
	a.T.Helper()
	address := a.World.Config.Env("/api/v1/webauthn/authentication:begin") + "?" + first.URL.RawQuery
	return a.PostJSON(address, "{}")
}

func (a *Agent) postWithin(first Stop, path string, form url.Values) Stop {
	a.T.Helper()
	form.Set("authRequestID", first.URL.Query().Get("authRequestID"))
	return a.Post(a.World.Config.Env(path), form, a.World.Config.EnvironmentURL.String())
}
