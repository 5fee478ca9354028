package flows

import (
	"net/http"
	"strings"
	"sync"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
)

// AskAtOnce asks n times for an address of the application, all at the same
// time and with the same cookies, as so many tabs of one browser do when they
// are restored. It returns the statuses; cookies that the answers set are in
// the browser afterwards.
func (v *Visitor) AskAtOnce(n int, address string) []int {
	v.T.Helper()
	var header []string
	for _, cookie := range v.Cookies() {
		if v.OfApp(cookie) && strings.HasPrefix("/", cookie.Path) {
			header = append(header, cookie.Name+"="+cookie.Value)
		}
	}
	statuses, set, errs := make([]int, n), make([][]*http.Cookie, n), make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			request, err := http.NewRequest(http.MethodGet, address, nil) //nolint:noctx // the client has a deadline of its own
			if err != nil {
				errs[i] = err
				return
			}
			request.Header.Set("Cookie", strings.Join(header, "; "))
			response, err := v.World.Client.Do(request)
			if err != nil {
				errs[i] = err
				return
			}
			_ = response.Body.Close()
			statuses[i], set[i] = response.StatusCode, response.Cookies()
		})
	}
	wait.Wait()
	for i, err := range errs {
		if err != nil {
			v.T.Trouble("the application does not answer in tab %d: %v", i+1, err)
		}
	}
	for _, cookies := range set {
		for _, cookie := range cookies {
			v.SetCookies(v.fromHTTP(cookie))
		}
	}
	return statuses
}

// fromHTTP turns a Set-Cookie of the application into a cookie of the browser.
func (v *Visitor) fromHTTP(cookie *http.Cookie) browser.Cookie {
	host := v.World.Config.AppURL.Hostname()
	converted := browser.Cookie{
		Name: cookie.Name, Value: cookie.Value, Domain: host, Path: cookie.Path, Expires: cookie.Expires,
		HTTPOnly: cookie.HttpOnly, Secure: cookie.Secure, HostOnly: cookie.Domain == "",
	}
	if cookie.Domain != "" {
		converted.Domain = cookie.Domain
	}
	if converted.Path == "" {
		converted.Path = "/"
	}
	switch cookie.SameSite {
	case http.SameSiteStrictMode:
		converted.SameSite = "Strict"
	case http.SameSiteNoneMode:
		converted.SameSite = "None"
	default:
		converted.SameSite = "Lax"
	}
	return converted
}
