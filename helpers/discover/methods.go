package discover

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// nobody has an address that cannot exist (RFC 2606, 2).
const nobody = "nobody@preflight.invalid"

// Methods reads the hosted pages to which the app's authorization request leads:
// the buttons, the sign-up page, and what is offered after an address. Nothing is
// mailed: the address is nobody's, and it is only sent where passwords are on; of a
// production deployment nothing is told then, for no form is sent there.
// Together with the connections of single sign-on that is PREFLIGHT_METHODS. Where
// the first page loads something from hosts of which PREFLIGHT_CUSTOMER_HOSTS does
// not know, they are added there.
func Methods(ctx context.Context, cfg *config.Config, request *url.URL, e *Environment, c *http.Client) (found Findings) {
	if request == nil {
		return nil
	}
	s := newScout(&url.URL{Scheme: request.Scheme, Host: request.Host}, request, c)
	first, err := s.follow(ctx, http.MethodGet, request, nil)
	if err != nil || first.leaves != nil || first.status != http.StatusOK || !shows(first, screens.EmailInput) {
		return nil // pages of scripts, or none: the connections alone say too little
	}
	if more := strangeHosts(first, cfg); len(more) > 0 {
		found.add(false, "PREFLIGHT_CUSTOMER_HOSTS", strings.Join(slices.Concat(cfg.CustomerHosts, more), ","),
			"the hosted login page loads from "+strings.Join(more, " and ")+": leave out those that customers are not told to let through")
	}
	on := map[string]bool{"passkey": shows(first, screens.PasskeyButton)}
	for _, provider := range screens.Providers {
		on[provider] = shows(first, screens.Provider(provider))
	}
	for _, method := range e.Methods() {
		if method == "saml" || method == "oidc" {
			on[method] = true
		}
	}
	how := "the buttons of the hosted login page, and the connections of organizations"
	if signup := screens.LinkAt(first.body, first.last(), screens.SignupLink); signup != nil && sameOrigin(signup, s.app) {
		if page, err := s.follow(ctx, http.MethodGet, signup, nil); err == nil && shows(page, screens.PasswordInput) {
			on["password"] = true
		}
	}
	byMail := true // an address is asked for, and there is no password
	if form := screens.FormAt(first.body, first.last(), screens.EmailInput); on["password"] && form != nil && sameOrigin(form.Action, s.app) {
		form.Fields.Set("email", nobody)
		next, err := s.follow(ctx, form.Method, form.Action, form.Fields)
		if err != nil {
			return nil // half an answer would switch checks off
		}
		byMail = next.leaves == nil && (shows(next, screens.EmailCodeChoice) || shows(next, screens.PinInput) || shows(next, screens.ResendButton))
	}
	if byMail {
		on["magic_link"], on["email_code"] = true, true
		how += "; mails with a link and a code: take out the one that they do not carry"
	}
	var methods []string
	for _, method := range append([]string{"password", "magic_link", "email_code", "passkey", "saml", "oidc"}, screens.Providers...) {
		if on[method] {
			methods = append(methods, method)
		}
	}
	slices.Sort(methods)
	found.add(false, "PREFLIGHT_METHODS", strings.Join(methods, ","), how)
	return found
}

func shows(end stop, selector string) bool {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(end.body))
	return err == nil && doc.Find(selector).Length() > 0
}

// strangeHosts are those that a page loads something from and that customers were
// not told to let through.
func strangeHosts(page stop, cfg *config.Config) (hosts []string) {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(page.body))
	if err != nil {
		return nil
	}
	doc.Find("img[src], script[src], link[href]").Each(func(_ int, element *goquery.Selection) {
		if rel := strings.Fields(element.AttrOr("rel", "")); goquery.NodeName(element) == "link" && !slices.ContainsFunc(rel, loads) {
			return
		}
		u, err := page.last().Parse(element.AttrOr("src", element.AttrOr("href", "")))
		if err == nil && strings.HasPrefix(u.Scheme, "http") && !cfg.CustomersLetThrough(u.Hostname()) && !slices.Contains(hosts, u.Hostname()) {
			hosts = append(hosts, u.Hostname())
		}
	})
	return hosts
}

// loads reports whether a link of this kind makes the browser fetch something
// (HTML, 4.6.7).
func loads(rel string) bool {
	return slices.Contains([]string{"stylesheet", "icon", "preload", "modulepreload", "manifest"}, strings.ToLower(rel))
}
