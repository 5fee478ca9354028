package browser

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Cookie is a cookie as the browser holds it (RFC 6265, section 5.3).
type Cookie struct {
	Name, Value string
	// Domain has no leading dot; HostOnly tells whether subdomains get it.
	Domain   string
	HostOnly bool
	Path     string
	Expires  time.Time // zero: with the session
	HTTPOnly bool
	Secure   bool
	SameSite string // "Strict", "Lax", "None" or "" (not set by the server)
}

// Cookies returns all cookies of the context, of all hosts.
func (p *Page) Cookies() []Cookie {
	p.w.t.Helper()
	return do(p, "read the cookies", "the browser's cookies", func() ([]Cookie, error) {
		return p.cookies("Network.getAllCookies", nil)
	})
}

// cookies asks the protocol session, which no trace records.
func (p *Page) cookies(method string, params map[string]any) ([]Cookie, error) {
	s, err := p.protocol()
	if err != nil {
		return nil, err
	}
	answer, err := s.send(method, params)
	if err != nil {
		return nil, err
	}
	list, _ := answer["cookies"].([]any)
	cookies := make([]Cookie, 0, len(list))
	for _, item := range list {
		fields, _ := item.(map[string]any)
		c := Cookie{
			Name: text(fields["name"]), Value: text(fields["value"]), Path: text(fields["path"]),
			Domain: text(fields["domain"]), SameSite: text(fields["sameSite"]),
		}
		c.HostOnly = !strings.HasPrefix(c.Domain, ".")
		c.Domain = strings.TrimPrefix(c.Domain, ".")
		c.HTTPOnly, _ = fields["httpOnly"].(bool)
		c.Secure, _ = fields["secure"].(bool)
		if expires := number(fields["expires"]); expires > 0 {
			c.Expires = time.UnixMilli(int64(expires * 1000))
		}
		p.w.secrets.learnCookie(c.Value)
		cookies = append(cookies, c)
	}
	return cookies, nil
}

// SetCookies puts cookies into the context, as their host would. It fails the
// test if the browser refuses one (a __Host- cookie with a Domain, say).
func (p *Page) SetCookies(cookies ...Cookie) {
	p.w.t.Helper()
	for _, c := range cookies {
		act(p, "set the cookie "+c.Name, "the browser to take it", func() error {
			scheme := "http"
			if c.Secure {
				scheme = "https"
			}
			return p.setCookie(&url.URL{Scheme: scheme, Host: c.Domain, Path: "/"}, c)
		})
	}
}

// setCookie stores one cookie as if u had set it. Chromium itself judges it
// (prefixes, Secure, foreign domains), as it judges a server's. For an address
// with https it would make every cookie Secure (the protocol's way, not that of
// Set-Cookie): one that is not is given for http, where it may not overwrite one
// that is, so that goes first.
func (p *Page) setCookie(u *url.URL, c Cookie) error {
	p.w.secrets.learnCookie(c.Value)
	s, err := p.protocol()
	if err != nil {
		return err
	}
	if u.Scheme == "https" && !c.Secure {
		if err := p.deleteCookie(c); err != nil {
			return err
		}
		plain := *u
		plain.Scheme = "http"
		u = &plain
	}
	params := map[string]any{
		"name": c.Name, "value": c.Value, "url": u.String(), "path": c.Path, "secure": c.Secure, "httpOnly": c.HTTPOnly,
	}
	if c.Path == "" {
		params["path"] = "/"
	}
	if !c.HostOnly {
		params["domain"] = "." + c.Domain // without it the cookie is the host's alone
	}
	if c.SameSite != "" {
		params["sameSite"] = c.SameSite
	}
	if !c.Expires.IsZero() {
		params["expires"] = float64(c.Expires.UnixMilli()) / 1000
	}
	answer, err := s.send("Network.setCookie", params)
	if ok, said := answer["success"].(bool); err == nil && said && !ok {
		err = fmt.Errorf("the browser refused the cookie %s", c.Name)
	}
	return err
}

// ClearCookies removes the cookies that match; nil removes all.
func (p *Page) ClearCookies(match func(Cookie) bool) {
	p.w.t.Helper()
	act(p, "clear cookies", "the browser to remove them", func() error {
		cookies, err := p.cookies("Network.getAllCookies", nil)
		if err != nil {
			return err
		}
		for _, c := range cookies {
			if match == nil || match(c) {
				if err := p.deleteCookie(c); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (p *Page) deleteCookie(c Cookie) error {
	s, err := p.protocol()
	if err != nil {
		return err
	}
	domain := c.Domain
	if !c.HostOnly {
		domain = "." + domain
	}
	_, err = s.send("Network.deleteCookies", map[string]any{"name": c.Name, "domain": domain, "path": c.Path})
	return err
}
