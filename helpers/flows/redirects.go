package flows

import (
	"net/http"
	"net/url"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// Agent returns an agent with this browser's cookies of the auth environment:
// the same person, asking without a window.
func (v *Visitor) Agent() *Agent {
	v.T.Helper()
	a := NewAgent(v.T, v.World)
	env := v.World.Config.EnvironmentURL
	var cookies []*http.Cookie
	for _, cookie := range v.Cookies() {
		if v.OfAuth(cookie) {
			cookies = append(cookies, &http.Cookie{Name: cookie.Name, Value: cookie.Value, Path: "/", Secure: cookie.Secure}) //nolint:gosec // kept in a jar, never sent to a browser
		}
	}
	a.jar.SetCookies(env, cookies)
	return a
}

// Left is a redirect target as a browser reads it (WHATWG URL Standard).
type Left struct {
	Scheme, Host string // Scheme without the colon; Host with the port
	Readable     bool   // false: no browser goes there
}

// AsBrowser resolves a redirect target against the address that gave it, in the
// browser itself.
func (v *Visitor) AsBrowser(base, target string) Left {
	v.T.Helper()
	read, _ := v.Eval(`([base, target]) => { try { const u = new URL(target, base); return [u.protocol, u.host]; } catch { return []; } }`,
		[]any{base, target}).([]any)
	if len(read) != 2 {
		return Left{}
	}
	scheme, _ := read[0].(string)
	host, _ := read[1].(string)
	return Left{Scheme: scheme[:max(len(scheme)-1, 0)], Host: host, Readable: true}
}

// LeavesApp reports whether a redirect target of the application leads
// elsewhere than to the application and the auth environment. A target that
// no browser can read leads nowhere.
func (v *Visitor) LeavesApp(base, target string) bool {
	v.T.Helper()
	left := v.AsBrowser(base, target)
	if !left.Readable {
		return false
	}
	to := &url.URL{Scheme: left.Scheme, Host: left.Host}
	return !sameOrigin(to, v.World.Config.AppURL) && !sameOrigin(to, v.World.Config.EnvironmentURL)
}

// byItself is where a page leads without being asked; "" where it stays.
func byItself(address string, answer *browser.Answer) string {
	at, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if next := screens.RefreshAt(string(answer.Body), at); next != nil {
		return next.String()
	}
	return ""
}

// ReturnTo begins a sign-in that is to end at next, in a browser that the auth
// environment knows, and follows it by direct requests. It returns each
// redirect target that leaves application and auth environment, as it was
// written, without going there.
func (v *Visitor) ReturnTo(start string) (leaving string) {
	v.T.Helper()
	const most = 15
	address := start
	for range most {
		answer := v.Fetch(http.MethodGet, address)
		target := answer.Header.Get("Location")
		if answer.Status < 300 || answer.Status > 399 {
			target = byItself(address, answer) // a page that leads on by itself is a redirect in other words
		}
		if target == "" {
			return ""
		}
		if v.LeavesApp(address, target) {
			return target
		}
		next, _ := v.Eval(`([base, target]) => { try { return new URL(target, base).href; } catch { return ""; } }`, []any{address, target}).(string)
		if next == "" {
			return ""
		}
		address = next
	}
	v.T.Fatalf("%s still redirects after %d redirects", start, most)
	return ""
}
