package flows

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/passkey"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// AddPasskey registers a passkey on the profile page of the auth environment,
// for whoever is signed in there.
func (v *Visitor) AddPasskey(device passkey.Authenticator) passkey.Credential {
	v.T.Helper()
	v.OpenPasskeys()
	v.Step("add a passkey")
	v.Click(screens.AddPasskey)
	added := device.AwaitAdded()
	v.Await(screens.PasskeyRow)
	return added
}

// OpenPasskeys goes to the profile page on which passkeys are kept
// (spec/hosted-pages.md 7).
func (v *Visitor) OpenPasskeys() {
	v.T.Helper()
	v.Step("open the passkeys page")
	v.Goto(v.World.Config.Env("/ui/profile/passkeys"))
	v.Await(screens.AddPasskey)
}

// RemovePasskey removes the only passkey on the profile page.
func (v *Visitor) RemovePasskey() {
	v.T.Helper()
	v.OpenPasskeys()
	v.Step("remove the passkey")
	v.Submit(screens.DeletePasskey)
	v.until("the passkey to be gone from the page", func() bool { return v.Count(screens.PasskeyRow) == 0 })
}

// ChoosePasskey begins a sign-in and chooses the passkey button.
func (v *Visitor) ChoosePasskey() {
	v.T.Helper()
	v.OpenLogin("")
	v.Step("choose to sign in with a passkey")
	v.Click(screens.PasskeyButton)
}

// SignInByPasskey signs in with the passkey on device and waits for the landing.
func (v *Visitor) SignInByPasskey(device passkey.Authenticator) passkey.Credential {
	v.T.Helper()
	v.ChoosePasskey()
	used := device.AwaitAsserted()
	v.AwaitLanding()
	return used
}

// AwaitPasskeyEnd waits until a sign-in with a passkey has ended: at the
// application, or with a message on the hosted page.
func (v *Visitor) AwaitPasskeyEnd() {
	v.T.Helper()
	v.until("the application, or a message on the page", func() bool { return v.Landed(v.URL()) || v.Has(screens.Alert) })
}

// Ceremony is a sign-in with a passkey that waits for an assertion: what the
// page asked of the browser (WebAuthn Level 3, 5.5), as JSON.
type Ceremony map[string]any

// BeginCeremony begins a sign-in with a passkey in a browser that hands the
// authenticator's part to the suite.
func (v *Visitor) BeginCeremony() Ceremony {
	v.T.Helper()
	v.OpenLogin("")
	v.Step("begin a sign-in with a passkey, and answer it by hand")
	v.Eval(interceptCeremony, nil)
	v.Click(screens.PasskeyButton)
	v.until("the page to ask for a passkey", func() bool { return v.Eval(`() => !!window.preflightAsked`, nil) == true })
	asked, _ := v.Eval(`() => window.preflightAsked`, nil).(map[string]any)
	return asked
}

// Assert lets the passkeys of this browser sign for a ceremony, at the page at
// hand, and returns the credential as JSON (WebAuthn Level 3, 5.1).
func (v *Visitor) Assert(ceremony Ceremony) map[string]any {
	v.T.Helper()
	signed, _ := v.Eval(signCeremony, map[string]any(ceremony)).(map[string]any)
	if signed["id"] == nil {
		v.T.Fatalf("expected the browser's passkey to sign at %s; it said %v", v.URL(), signed["error"])
	}
	return signed
}

// FinishCeremony answers the page that waits for an assertion, and waits until
// the sign-in has ended.
func (v *Visitor) FinishCeremony(assertion map[string]any) {
	v.T.Helper()
	v.Step("answer with an assertion")
	v.Eval(answerCeremony, assertion)
	v.AwaitPasskeyEnd()
}

// GoToSibling opens an empty page on a host below the auth environment's,
// which browsers allow to use its passkeys. It is answered inside the browser.
func (v *Visitor) GoToSibling() {
	v.T.Helper()
	env := v.World.Config.EnvironmentURL
	sibling := env.Scheme + "://evil." + env.Host
	v.Serve(sibling, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>sibling</title>"))
	}))
	v.Goto(sibling + "/")
}

// until waits for a fact that only asking can tell.
func (v *Visitor) until(what string, fact func() bool) {
	v.T.Helper()
	deadline := time.NewTimer(v.Timeout())
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !fact() {
		select {
		case <-deadline.C:
			v.T.Fatalf("expected %s; the browser is at %s and shows %q", what, v.URL(), firstWords(v.Text()))
		case <-tick.C:
		}
	}
}

func firstWords(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	return text
}

const base64url = `
	const enc = b => btoa(String.fromCharCode(...new Uint8Array(b.buffer || b))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
	const dec = s => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), c => c.charCodeAt(0)).buffer;`

const interceptCeremony = `() => {` + base64url + `
	navigator.credentials.get = options => {
		if (options.mediation === "conditional") return new Promise(() => {});
		const o = options.publicKey;
		window.preflightAsked = {
			challenge: enc(o.challenge), rpId: o.rpId || location.hostname, userVerification: o.userVerification || "preferred",
			allowCredentials: (o.allowCredentials || []).map(c => ({id: enc(c.id), type: c.type})),
		};
		return new Promise(resolve => { window.preflightAnswer = resolve; });
	};
}`

const signCeremony = `async ceremony => {
	try {
		const credential = await navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(ceremony)});
		return credential.toJSON();
	} catch (e) { return {error: String(e)}; }
}`

const answerCeremony = `json => {` + base64url + `
	const r = json.response;
	window.preflightAnswer({
		id: json.id, rawId: dec(json.rawId), type: json.type, authenticatorAttachment: json.authenticatorAttachment,
		response: {
			authenticatorData: dec(r.authenticatorData), clientDataJSON: dec(r.clientDataJSON),
			signature: dec(r.signature), userHandle: r.userHandle ? dec(r.userHandle) : null,
		},
		getClientExtensionResults: () => json.clientExtensionResults || {},
		toJSON: () => json,
	});
}`

// ReplayPasskey signs out and sends this browser's last answer to a passkey
// ceremony once more, byte by byte; then it begins a sign-in, to find out what
// that was worth.
func (v *Visitor) ReplayPasskey() {
	v.T.Helper()
	var last *browser.Exchange
	for _, exchange := range v.Log() {
		if exchange.Method == http.MethodPost && strings.Contains(exchange.PostData, "clientDataJSON") {
			last = &exchange
		}
	}
	if last == nil {
		v.T.Trouble("the page sent no passkey answer that the suite could repeat")
	}
	v.SignOut()
	v.Step("send the passkey's answer again")
	v.OpenLogin("") // a sign-in of this browser that the answer could complete
	body, contentType := []byte(last.PostData), last.RequestHeader.Get("Content-Type")
	v.Fetch(http.MethodPost, last.URL, browser.WithBody(contentType, body),
		browser.WithHeader("Origin", strings.TrimSuffix(v.World.Config.EnvironmentURL.String(), "/")), browser.WithHeader("Sec-Fetch-Site", "same-origin"))
	v.TryToComeBackSilently()
}

// RemovePasskeyOf sends this browser's own "remove passkey" request with the
// id of the passkey that the other browser's page shows.
func (v *Visitor) RemovePasskeyOf(other *Visitor) {
	v.T.Helper()
	v.changePasskeyOf(other, screens.DeletePasskey, nil)
}

// RenamePasskeyOf does so with the "rename passkey" request, and returns the
// other browser's page afterwards, as words.
func (v *Visitor) RenamePasskeyOf(other *Visitor, name string) string {
	v.T.Helper()
	v.changePasskeyOf(other, screens.RenamePasskey, &name)
	other.OpenPasskeys()
	return other.HTML()
}

// CanRenamePasskeys reports whether the profile page offers that.
func (v *Visitor) CanRenamePasskeys() bool {
	v.T.Helper()
	v.OpenPasskeys()
	return v.Has(screens.RenamePasskey)
}

// changePasskeyOf sends the request behind a button of this browser's own
// passkey for the other browser's one, with another name where one is given.
func (v *Visitor) changePasskeyOf(other *Visitor, button string, name *string) {
	v.T.Helper()
	other.OpenPasskeys()
	foreign := other.Attr(screens.PasskeyRow, "data-passkey-id")
	v.OpenPasskeys()
	own := v.Attr(screens.PasskeyRow, "data-passkey-id")
	form := screens.FormAt(v.HTML(), v.URL(), button)
	if form == nil {
		v.T.Trouble("the button %s of the passkeys page is in no form: the suite cannot send its request for another id", button)
	}
	v.Step("change somebody else's passkey by a direct request")
	swapped := url.Values{}
	for field, values := range form.Fields {
		for _, value := range values {
			if name != nil && form.Editable[field] {
				value = *name
			}
			swapped.Add(field, strings.ReplaceAll(value, own, foreign))
		}
	}
	target := strings.ReplaceAll(form.Action.String(), url.PathEscape(own), url.PathEscape(foreign))
	v.Fetch(http.MethodPost, target, browser.WithForm(swapped),
		browser.WithHeader("Origin", strings.TrimSuffix(v.World.Config.EnvironmentURL.String(), "/")), browser.WithHeader("Sec-Fetch-Site", "same-origin"))
}
