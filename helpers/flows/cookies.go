package flows

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// attackersSite is an origin that no deployment knows. It is answered inside
// the browser; nothing is sent there.
const attackersSite = "https://attacker.preflight.invalid"

// OfApp reports whether a cookie is sent to the application's host.
func (v *Visitor) OfApp(cookie browser.Cookie) bool {
	host := v.World.Config.AppURL.Hostname()
	domain := strings.TrimPrefix(cookie.Domain, ".")
	return host == domain || !cookie.HostOnly && strings.HasSuffix(host, "."+domain)
}

// OfAuth reports whether a cookie is sent to the auth environment's host.
func (v *Visitor) OfAuth(cookie browser.Cookie) bool {
	host := v.World.Config.EnvironmentURL.Hostname()
	domain := strings.TrimPrefix(cookie.Domain, ".")
	return host == domain || !cookie.HostOnly && strings.HasSuffix(host, "."+domain)
}

// AppCookies are this browser's cookies that are sent to the application.
func (v *Visitor) AppCookies() []browser.Cookie { return v.cookiesOf(v.OfApp) }

// AuthCookies are this browser's cookies that are sent to the auth environment.
func (v *Visitor) AuthCookies() []browser.Cookie { return v.cookiesOf(v.OfAuth) }

func (v *Visitor) cookiesOf(host func(browser.Cookie) bool) (found []browser.Cookie) {
	for _, cookie := range v.Cookies() {
		if host(cookie) {
			found = append(found, cookie)
		}
	}
	return found
}

// FormOn opens a page and reads its first form that holds selector.
func (v *Visitor) FormOn(address, selector string) *screens.Form {
	v.T.Helper()
	v.Step("read the form on " + address)
	v.Goto(address)
	form := screens.FormAt(v.HTML(), v.URL(), selector)
	if form == nil {
		v.T.Fatalf("expected a form with %s on %s; found none", selector, v.URL())
	}
	return form
}

// PostFromAnotherSite sends a form as a page of an attacker's would: from
// another site, with the browser's cookies as SameSite lets them travel, and
// without the hidden fields, which an attacker cannot know.
func (v *Visitor) PostFromAnotherSite(form *screens.Form) {
	v.T.Helper()
	v.Step("post the form from another site")
	page := screens.SelfPosting(form.Action.String(), form.Guessable())
	v.Serve(attackersSite, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(page))
	}))
	v.Goto(attackersSite + "/")
	v.AwaitURL("the target of the form", func(u *url.URL) bool { return !strings.HasPrefix(u.String(), attackersSite) })
}

// ScriptReadable returns everything that a script on the page at hand can read
// and that may hold a token: document.cookie, web storage, IndexedDB and the
// page's own text.
func (v *Visitor) ScriptReadable() map[string]string {
	v.T.Helper()
	read := map[string]string{"the page": v.HTML()}
	found, _ := v.Eval(`async () => {
		const databases = [];
		for (const {name, version} of await indexedDB.databases()) {
			const db = await new Promise((ok, no) => { const r = indexedDB.open(name, version); r.onsuccess = () => ok(r.result); r.onerror = () => no(r.error) });
			for (const store of db.objectStoreNames) {
				const all = await new Promise((ok, no) => { const r = db.transaction(store).objectStore(store).getAll(); r.onsuccess = () => ok(r.result); r.onerror = () => no(r.error) });
				databases.push(JSON.stringify(all));
			}
			db.close();
		}
		return {"document.cookie": document.cookie, "localStorage": JSON.stringify({...localStorage}), "sessionStorage": JSON.stringify({...sessionStorage}), "IndexedDB": databases.join("\n")};
	}`, nil).(map[string]any)
	for place, text := range found {
		read[place], _ = text.(string)
	}
	return read
}

// SignInAgainSilently signs in at the application by the session that the auth
// environment still has: no page is shown.
func (v *Visitor) SignInAgainSilently() {
	v.T.Helper()
	v.Step("sign in again by the auth environment's session")
	v.Goto(v.LoginURL(""))
	v.AwaitLanding()
}
