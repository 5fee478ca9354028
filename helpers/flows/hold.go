package flows

import (
	"net/url"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
)

// HoldCallback stops the browser on its way to a redirect URI, before the
// application sees code and state.
func (v *Visitor) HoldCallback(redirectURI string) *browser.Held {
	return v.Hold("the callback "+redirectURI, atRedirectURI(redirectURI))
}

// atRedirectURI returns a function that knows a redirect URI, with or without a
// response.
func atRedirectURI(redirectURI string) func(*url.URL) bool {
	want, err := url.Parse(redirectURI)
	return func(u *url.URL) bool { return err == nil && sameOrigin(u, want) && u.Path == want.Path }
}

// HoldAppCallback is HoldCallback for the application's own redirect URI.
func (v *Visitor) HoldAppCallback() *browser.Held {
	return v.HoldCallback(v.app(v.World.Config.AppCallbackPath))
}

// HoldAuthorize stops the browser on its way to the authorization endpoint.
func (v *Visitor) HoldAuthorize() *browser.Held {
	want := v.World.API.AuthorizeURL(nil)
	endpoint, _ := url.Parse(want)
	return v.Hold("the authorization request", func(u *url.URL) bool {
		return sameOrigin(u, endpoint) && u.Path == endpoint.Path
	})
}

// HoldDeparture stops the browser on its way out of the application, wherever
// that leads.
func (v *Visitor) HoldDeparture() *browser.Held {
	return v.Hold("the way out of the application", func(u *url.URL) bool { return !v.AtApp(u) })
}

// HoldProviderRequest stops the browser on its way to a social or enterprise
// provider: the first address that is neither the application's nor the auth
// environment's.
func (v *Visitor) HoldProviderRequest() *browser.Held {
	return v.Hold("the request to the provider", func(u *url.URL) bool { return !v.AtApp(u) && !v.atAuth(u) })
}

// HoldProviderAnswer stops the browser on its way back from a provider, before
// the auth environment sees the provider's code.
func (v *Visitor) HoldProviderAnswer() *browser.Held {
	return v.Hold("the provider's answer", func(u *url.URL) bool { return v.atAuth(u) && u.Query().Has("code") && u.Query().Has("state") })
}

// With returns a copy of u with query parameters set; an empty value removes one.
func With(u *url.URL, parameters map[string]string) string {
	copied := *u
	q := copied.Query()
	for name, value := range parameters {
		if value == "" {
			q.Del(name)
		} else {
			q.Set(name, value)
		}
	}
	copied.RawQuery = q.Encode()
	return copied.String()
}
