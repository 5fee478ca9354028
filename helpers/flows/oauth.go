package flows

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// Grant is an authorization code that the suite caught before the application
// saw it, with all that belongs to it.
type Grant struct {
	Code, State, RedirectURI string
	PKCE                     scalekit.PKCE
	Nonce                    string
}

// ObtainCode signs user in at the auth environment with the suite's own
// authorization request for the application's client, and stops the browser
// before the callback. change may edit the request's parameters.
func (v *Visitor) ObtainCode(user *User, change func(url.Values)) Grant {
	v.T.Helper()
	grant, refusal := v.authorize(user, change)
	if refusal != "" {
		v.T.Fatalf("expected a code at the callback, saw %s", refusal)
	}
	return grant
}

// TryObtainCode is ObtainCode for a request that may rightly be refused at
// once: by an error at the callback, or by a page of the auth environment.
func (v *Visitor) TryObtainCode(user *User, change func(url.Values)) (grant Grant, refused bool) {
	v.T.Helper()
	grant, refusal := v.authorize(user, change)
	return grant, refusal != ""
}

func (v *Visitor) authorize(user *User, change func(url.Values)) (grant Grant, refusal string) {
	v.T.Helper()
	c := v.World.Config
	grant = Grant{PKCE: scalekit.NewPKCE(), Nonce: scalekit.NewNonce(), RedirectURI: v.app(c.AppCallbackPath)}
	parameters := url.Values{
		"response_type":         {"code"},
		"client_id":             {c.AppClientID},
		"redirect_uri":          {grant.RedirectURI},
		"scope":                 {c.AppScopes},
		"state":                 {scalekit.NewNonce()},
		"nonce":                 {grant.Nonce},
		"code_challenge":        {grant.PKCE.Challenge},
		"code_challenge_method": {"S256"},
	}
	if change != nil {
		change(parameters)
	}
	grant.RedirectURI = parameters.Get("redirect_uri")
	v.Step("send the suite's own authorization request")
	response, refusal := v.answerTo(v.World.API.AuthorizeURL(parameters), grant.RedirectURI, user)
	if refusal != "" {
		return grant, refusal
	}
	if code := response.Get("error"); code != "" {
		return grant, code + " " + response.Get("error_description")
	}
	grant.Code, grant.State = response.Get("code"), response.Get("state")
	return grant, ""
}

// answerTo sends an authorization request, identifies user where the hosted
// pages ask, and returns the parameters that come back to a redirect URI; or
// the refusal, where the request ends at an error page, or asks although no user is
// given: then the browser's session should have answered.
func (v *Visitor) answerTo(request, redirectURI string, user *User) (answer url.Values, refusal string) {
	v.T.Helper()
	walked := v.walkTo(request, atRedirectURI(redirectURI))
	if walked.stop.Status >= http.StatusBadRequest {
		return nil, fmt.Sprintf("HTTP %d", walked.stop.Status)
	}
	if walked.left() || user != nil && walked.identify(user) {
		return walked.stop.URL.Query(), ""
	}
	callback := v.HoldCallback(redirectURI)
	defer callback.Release()
	v.Goto(request)
	if !callback.Came() {
		if user == nil {
			return nil, "the page " + v.URL().Path + ", which asks who it is although the browser has a session"
		}
		v.Identify(user)
	}
	return callback.Await().URL.Query(), ""
}

// TokenRequest returns the form with which the application would redeem grant.
func (v *Visitor) TokenRequest(grant Grant) url.Values {
	c := v.World.Config
	return url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {grant.Code},
		"redirect_uri":  {grant.RedirectURI},
		"code_verifier": {grant.PKCE.Verifier},
		"client_id":     {c.AppClientID},
		"client_secret": {c.AppClientSecret},
	}
}

// Tokens sends a token request and returns the environment's answer, good or
// bad. Only a network failure ends the case.
func (v *Visitor) Tokens(form url.Values) *scalekit.TokenAnswer {
	v.T.Helper()
	answer, err := v.World.API.Exchange(context.Background(), form)
	if err != nil {
		v.T.Trouble("the token endpoint does not answer: %v", err)
	}
	v.World.Learn(answer.AccessToken, answer.RefreshToken, answer.IDToken)
	return answer
}

// ObtainTokens obtains a code as ObtainCode does and redeems it.
func (v *Visitor) ObtainTokens(user *User) *scalekit.TokenAnswer {
	v.T.Helper()
	answer := v.Tokens(v.TokenRequest(v.ObtainCode(user, nil)))
	if answer.AccessToken == "" {
		v.T.Fatalf("expected tokens for a fresh code, saw HTTP %d %s: %s", answer.Status, answer.Error, answer.ErrorDescription)
	}
	return answer
}

// RefreshRequest returns the form with which the application would refresh.
func (v *Visitor) RefreshRequest(refreshToken string) url.Values {
	c := v.World.Config
	return url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {refreshToken},
		"client_id": {c.AppClientID}, "client_secret": {c.AppClientSecret},
	}
}

// Refresh uses a refresh token as the application would.
func (v *Visitor) Refresh(refreshToken string) *scalekit.TokenAnswer {
	v.T.Helper()
	return v.Tokens(v.RefreshRequest(refreshToken))
}

// Claims verifies a token with the environment's keys and returns its claims.
func (v *Visitor) Claims(token string) map[string]any {
	v.T.Helper()
	claims, err := v.World.API.VerifyJWT(context.Background(), token)
	if err != nil {
		v.T.Fatalf("expected a token that the environment's keys verify: %v", err)
	}
	return claims
}
