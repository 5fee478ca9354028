package flows

import "net/url"

// Callback is an authorization response that was caught on its way to the
// application.
type Callback struct {
	Code, State string
	at          *url.URL
}

func callbackAt(at *url.URL) Callback {
	return Callback{Code: at.Query().Get("code"), State: at.Query().Get("state"), at: at}
}

// URL is the address with which the browser would bring the response.
func (c Callback) URL() string {
	return With(c.at, map[string]string{"code": c.Code, "state": c.State})
}

// LoginUpToCallback signs user in, from the application's own login, and stops
// before the application sees the response.
func (v *Visitor) LoginUpToCallback(user *User) Callback {
	v.T.Helper()
	if at, ok := v.walkIn(user, v.LoginURL(""), atRedirectURI(v.app(v.World.Config.AppCallbackPath))); ok {
		return callbackAt(at)
	}
	held := v.HoldAppCallback()
	v.OpenLogin("")
	v.Identify(user)
	at := held.Await().URL
	held.Release()
	return callbackAt(at)
}

// LoginRequest begins a sign-in at the application and returns the address of
// the authorization request, which has not been sent.
func (v *Visitor) LoginRequest() string {
	v.T.Helper()
	held := v.HoldAuthorize()
	v.Step("begin a sign-in")
	v.Goto(v.LoginURL(""))
	defer held.Release()
	return held.Await().URL.String()
}

// AnswerRequest signs user in for an authorization request that another
// browser made, and stops before the application sees the response.
func (v *Visitor) AnswerRequest(request string, user *User) Callback {
	v.T.Helper()
	if at, ok := v.walkIn(user, request, atRedirectURI(v.app(v.World.Config.AppCallbackPath))); ok {
		return callbackAt(at)
	}
	held := v.HoldAppCallback()
	v.Step("answer another browser's authorization request")
	v.Goto(request)
	v.Identify(user)
	at := held.Await().URL
	held.Release()
	return callbackAt(at)
}

// SignInAnew signs user in where somebody is signed in already, at the application
// and at the auth environment. Nothing is signed out or cleared before.
func (v *Visitor) SignInAnew(user *User) {
	v.T.Helper()
	v.LoginWithRequest(user, map[string]string{"prompt": "login"})
}

// LoginWithRequest signs user in, with the application's authorization request
// changed on its way to the auth environment (an empty value removes a
// parameter), and lets the application answer what comes back.
func (v *Visitor) LoginWithRequest(user *User, parameters map[string]string) {
	v.T.Helper()
	request, _ := url.Parse(v.LoginRequest()) // it was an address when the browser asked for it
	v.Step("sign in with a changed authorization request")
	v.Goto(With(request, parameters))
	v.Identify(user)
	v.AwaitURL("the application", v.AtApp)
}
