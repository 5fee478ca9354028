package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/probe"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// shortestHSTS is the least that Strict-Transport-Security must last: one that
// is over before the person comes back protects nobody. ASVS 3.4.1 asks for a
// year; products that are introducing it begin with less.
const shortestHSTS = 24 * time.Hour

// Everything that takes part in a sign-in is reached by https and nothing else.
func TestHTTPS(t *testing.T) {
	item := begin(t, "quick/https")
	var login shared[*recordedLogin]
	record := func(c *check) *recordedLogin {
		return login.get(c, func() *recordedLogin { return newRecordedLogin(c) })
	}

	item.Case("a sign-in loads and sends nothing over plain http", advice{
		Why:      "whoever is on the same network reads it, or changes the page",
		Mend:     "begin every address with https, pictures and styles too",
		Standard: "OWASP ASVS 12.2.1; RFC 9700 §2.6; W3C Mixed Content",
	}, func(c *check) {
		l := record(c)
		for _, exchange := range l.exchanges {
			assert.False(c, strings.HasPrefix(exchange.URL, "http://") || strings.HasPrefix(exchange.URL, "ws://"),
				"the browser asked for %s (%s)", withoutQuery(exchange.URL), exchange.ResourceType)
		}
		for _, line := range l.console {
			assert.NotContains(c, line, "Mixed Content", "what the browser says on its console")
		}
		for name, address := range l.endpoints {
			assert.Equal(c, "https", address.Scheme, "%s in the discovery document, %s", name, address)
		}
		for _, variable := range []string{"APP_URL", "SCALEKIT_ENVIRONMENT_URL"} {
			assert.True(c, strings.HasPrefix(suite.cfg.Value(variable), "https://"), "%s does not begin with https://", variable)
		}
	})

	item.Case("plain http is refused, or leads to https", advice{
		Why:      "whoever is on the same network reads passwords, codes and sessions",
		Mend:     "answer port 80 with a redirect to https and nothing else, at the load balancer, for every host; or close it",
		Standard: "OWASP ASVS 12.2.1; RFC 9700 §2.6",
	}, func(c *check) {
		var said []string
		for _, address := range record(c).doors() {
			for _, port := range plainPorts(address) {
				plain := *address
				plain.Host = port
				answer := probe.PlainHTTP(suite.ctx, suite.world.Client, &plain)
				where := "http://" + plain.Host + plain.Path
				said = append(said, where+": "+answer.Said)
				assert.Empty(c, answer.Served, "%s answered with it (%s)", where, answer.Said)
			}
		}
		c.results.Evidence(readiness.Evidence{Kind: "text", Title: "What plain http was answered", Text: strings.Join(said, "\n")})
	})

	item.Case("only TLS 1.2 and newer is spoken", advice{
		Why:      "an attacker on the network weakens the connection until it can be read",
		Mend:     "set the oldest version to TLS 1.2 at the load balancer or CDN",
		Standard: "RFC 8996; OWASP ASVS 12.1.1",
	}, func(c *check) {
		for _, host := range record(c).hosts() {
			version := probe.OldTLS(suite.ctx, host.address, host.name)
			assert.Empty(c, version, "%s agreed to a version of TLS that is deprecated", host.name)
		}
	})

	item.Case("every host shows a certificate that is good for its name", advice{
		Why:      "browsers show a warning in place of the page, or leave a part of it out",
		Mend:     "renew the certificate, with this host among its names and the whole chain beside it",
		Standard: "RFC 9525 §6; RFC 5280 §6; OWASP ASVS 12.2.2",
	}, func(c *check) {
		roots, err := suite.cfg.Roots()
		require.NoError(c, err)
		var seen []string
		for _, host := range record(c).hosts() {
			version, certificate, err := probe.Certificate(suite.ctx, host.address, host.name, roots)
			if err != nil && probe.Unreachable(err) {
				c.Trouble("%s, which the browser reached, does not answer: %v", host.name, err)
			}
			if assert.NoError(c, err, "the certificate of %s", host.name) {
				days := int(time.Until(certificate.NotAfter).Hours() / 24)
				seen = append(seen, fmt.Sprintf("%s: %s, certificate good for another %d days", host.name, version, days))
			}
		}
		c.results.Evidence(readiness.Evidence{Kind: "text", Title: "The hosts of a sign-in", Text: strings.Join(seen, "\n")})
	})

	item.Case("browsers are told to stay on https", advice{
		Why:      "the first request of somebody who types the address goes over plain http, where an attacker can keep it",
		Mend:     "send Strict-Transport-Security: max-age=31536000; includeSubDomains with every answer",
		Standard: "RFC 6797; OWASP ASVS 3.4.1",
	}, func(c *check) {
		l := record(c)
		for _, host := range l.pageHosts() {
			longest := time.Duration(0)
			for _, exchange := range l.exchanges {
				if u, err := url.Parse(exchange.URL); err == nil && u.Host == host {
					longest = max(longest, hstsLife(exchange.ResponseHeader))
				}
			}
			assert.GreaterOrEqual(c, longest, shortestHSTS, "Strict-Transport-Security of %s", host)
		}
	})
}

// shared is something that the cases of one item make together: the first one
// that needs it makes it.
type shared[T any] struct {
	once  sync.Once
	made  bool
	maker *check
	value T
}

func (s *shared[T]) get(c *check, makeIt func() T) T {
	c.Helper()
	s.once.Do(func() {
		s.maker = c
		s.value = makeIt()
		s.made = true
	})
	if !s.made {
		s.maker.mu.Lock()
		state, reason := s.maker.state, s.maker.reason
		s.maker.mu.Unlock()
		switch state {
		case readiness.NotVerified:
			c.NotVerified(reason)
		case readiness.NotApplicable:
			c.NotApplicable(reason)
		case readiness.Attested:
			c.NotVerified("what this case needs could not be done: somebody vouches for the case that was to do it")
		}
		c.Fatalf("what this case needs could not be done: another case of this item says why")
	}
	return s.value
}

// recordedLogin is what a browser did for a sign-in, a look at the protected
// page, and a sign-out.
type recordedLogin struct {
	exchanges []browser.Exchange
	console   []string
	endpoints map[string]*url.URL // of the discovery document
}

func newRecordedLogin(c *check) *recordedLogin {
	c.Helper()
	d, err := suite.world.API.Discovery(suite.ctx)
	if err != nil {
		c.Trouble("the discovery document cannot be read: %v", err)
	}
	user := c.AnyUser()
	v := c.Browser()
	v.Goto(suite.cfg.App("/"))
	v.SignIn(user)
	v.Goto(suite.cfg.App(suite.cfg.AppProtectedPath))
	v.VerifySignedIn(user)
	v.SignOut()
	return &recordedLogin{exchanges: v.Log(), console: v.Console(), endpoints: endpoints(d.Raw)}
}

// host is one host of the login: its name, and where it listens.
type host struct{ name, address string }

// hosts are all that the browser reached by https, and those of the discovery
// document.
func (l *recordedLogin) hosts() []host {
	found := map[string]host{}
	add := func(u *url.URL) {
		if u.Scheme == "https" {
			h := host{u.Hostname(), u.Hostname() + ":" + cmp.Or(u.Port(), "443")}
			found[h.address] = h
		}
	}
	for _, exchange := range l.exchanges {
		if u, err := url.Parse(exchange.URL); err == nil && exchange.Status != 0 {
			add(u)
		}
	}
	for _, u := range l.endpoints {
		add(u)
	}
	return slices.SortedFunc(maps.Values(found), func(a, b host) int { return strings.Compare(a.address, b.address) })
}

// isPage reports whether an exchange showed a page in the window itself; a
// frame may belong to anybody.
func isPage(exchange browser.Exchange) bool {
	return exchange.ResourceType == "document" && exchange.RequestHeader.Get("Sec-Fetch-Dest") != "iframe" && strings.HasPrefix(exchange.URL, "https://")
}

// pageHosts are the hosts that showed a page.
func (l *recordedLogin) pageHosts() (hosts []string) {
	for _, exchange := range l.exchanges {
		if u, err := url.Parse(exchange.URL); err == nil && isPage(exchange) && !slices.Contains(hosts, u.Host) {
			hosts = append(hosts, u.Host)
		}
	}
	return hosts
}

// doors are the addresses by which something secret travels: the pages of the
// login, what their scripts ask, the endpoints, and a real authorization
// request. Styles and fonts of others are not among them. What was in a query
// is left out: it may have been secret.
func (l *recordedLogin) doors() []*url.URL {
	found := map[string]*url.URL{}
	add := func(u *url.URL) { found[u.Host+u.Path] = u }
	for _, exchange := range l.exchanges {
		u, err := url.Parse(exchange.URL)
		if err != nil || u.Scheme != "https" || !isPage(exchange) && exchange.ResourceType != "xhr" && exchange.ResourceType != "fetch" {
			continue
		}
		add(&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path})
	}
	for _, u := range l.endpoints {
		add(&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path})
	}
	authorize, _ := url.Parse(suite.world.API.AuthorizeURL(url.Values{
		"response_type": {"code"}, "client_id": {suite.cfg.AppClientID}, "scope": {"openid"}, "state": {"over-plain-http"},
		"redirect_uri": {suite.cfg.App(suite.cfg.AppCallbackPath)},
	}))
	add(authorize)
	return slices.SortedFunc(maps.Values(found), func(a, b *url.URL) int { return strings.Compare(a.String(), b.String()) })
}

// plainPorts are host and port where plain http may be served beside https.
func plainPorts(u *url.URL) []string {
	if port := u.Port(); port != "" && port != "443" {
		return []string{u.Host}
	}
	return []string{u.Hostname() + ":80", u.Hostname() + ":443"}
}

// hstsLife is how long a browser stays on https after this answer.
func hstsLife(header http.Header) time.Duration {
	for part := range strings.SplitSeq(header.Get("Strict-Transport-Security"), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if seconds, err := strconv.Atoi(strings.Trim(value, `"`)); err == nil && strings.EqualFold(name, "max-age") {
			return time.Duration(min(seconds, 10*365*24*3600)) * time.Second
		}
	}
	return 0
}

func withoutQuery(address string) string {
	before, _, _ := strings.Cut(address, "?")
	return before
}
