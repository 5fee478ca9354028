package browser

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// early holds the cookies of a window that is not open yet: what Fetch was given
// before anything had to be drawn. When the window opens, the browser gets them
// in the order in which they came, and judges them itself.
type early struct {
	jar *cookiejar.Jar
	set []received
}

// received is a Set-Cookie as it came.
type received struct {
	from    *url.URL
	cookie  Cookie
	removed bool
}

func newEarly() *early {
	jar, _ := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List}) // never fails
	return &early{jar: jar}
}

// header is the Cookie field of a request.
func (e *early) header(u *url.URL) string {
	var cookies []Cookie
	for _, c := range e.jar.Cookies(u) {
		value := c.Value
		if c.Quoted {
			value = `"` + value + `"`
		}
		cookies = append(cookies, Cookie{Name: c.Name, Value: value})
	}
	return cookieHeader(cookies)
}

// take keeps what a browser would keep, as far as Go's jar does not see to it:
// cookies that are not Secure enough for their name, their SameSite or their
// sender are refused (RFC 6265bis, 5.7).
func (e *early) take(u *url.URL, set *http.Cookie, read received) {
	c := read.cookie
	switch {
	case c.Secure && u.Scheme != "https":
		return
	case strings.HasPrefix(c.Name, "__Secure-") && !c.Secure:
		return
	case strings.HasPrefix(c.Name, "__Host-") && (!c.Secure || !c.HostOnly || c.Path != "/"):
		return
	case c.SameSite == "None" && !c.Secure:
		return
	}
	e.jar.SetCookies(u, []*http.Cookie{set})
	e.set = append(e.set, read)
}
