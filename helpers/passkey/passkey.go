// Package passkey gives a page an authenticator that holds passkeys: the
// browser's own virtual one (WebAuthn Level 3, section 11), over the Chrome
// DevTools Protocol. The browser does everything else as it does for a person:
// origins, RP ids, user verification and signatures are real.
package passkey

import (
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
)

// Options say what kind of authenticator it is. The zero Options are a phone or
// a laptop: resident keys, and a user who is verified.
type Options struct {
	// UserVerified: the authenticator can verify its user (a fingerprint), and does.
	UserVerified bool
	// ResidentKey: it stores discoverable credentials, so no name need be typed.
	ResidentKey bool
	// Transport is "internal" (also when empty), "usb", "nfc", "ble" or "hybrid".
	Transport string
}

// Credential is one passkey.
type Credential struct {
	ID         []byte // credential id
	RPID       string
	UserHandle []byte
	SignCount  int // grows with each assertion
	Resident   bool
}

// Authenticator is one virtual authenticator of one page. All methods fail the
// page's test if they cannot do what they say; use them from its goroutine.
type Authenticator interface {
	// Credentials returns what the authenticator holds now.
	Credentials() []Credential
	// AwaitAdded waits for the next registration (since the last AwaitAdded)
	// and returns its credential.
	AwaitAdded() Credential
	// AwaitAsserted waits for the next sign-in (since the last AwaitAsserted)
	// and returns its credential, with the new sign count.
	AwaitAsserted() Credential
	// Cancel makes the user turn down all ceremonies from now on (true) or
	// agree again (false). The page gets NotAllowedError at once. Without user
	// verification there is nothing to turn down but the touch: a sign-in that
	// discourages it goes through, and an authenticator that has none is left
	// alone until the page's own timeout.
	Cancel(bool)
	// HideTouch makes its answers say from now on that nobody touched it: the UP
	// flag is not set (WebAuthn Level 3, section 6.1), and all else is as it was.
	HideTouch()
	// Remove takes the authenticator away from the page, with its credentials.
	Remove()
	// Clear deletes all credentials.
	Clear()
}

// New adds an authenticator to a page. It lasts as long as the page.
func New(p *browser.Page, o Options) Authenticator {
	if o.Transport == "" {
		o.Transport = "internal"
	}
	if !o.UserVerified && !o.ResidentKey {
		o.UserVerified, o.ResidentKey = true, true
	}
	a := &authenticator{p: p, cdp: p.CDP(), added: newEvents(), asserted: newEvents(), verifies: o.UserVerified}
	// The events must be heard before the first one can come.
	a.cdp.On("WebAuthn.credentialAdded", a.heard(a.added))
	a.cdp.On("WebAuthn.credentialAsserted", a.heard(a.asserted))
	a.send("enable virtual authenticators", "WebAuthn.enable", nil)
	answer := a.send("add an authenticator", "WebAuthn.addVirtualAuthenticator", map[string]any{"options": map[string]any{
		"protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": o.Transport,
		"hasResidentKey": o.ResidentKey, "hasUserVerification": o.UserVerified, "isUserVerified": o.UserVerified,
		"automaticPresenceSimulation": true,
	}})
	id, _ := answer["authenticatorId"].(string)
	a.setID(id)
	return a
}

type authenticator struct {
	p        *browser.Page
	cdp      browser.CDP
	added    *events
	asserted *events
	verifies bool

	mu sync.Mutex
	id string
}

func (a *authenticator) setID(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.id = id
}

func (a *authenticator) self() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.id
}

func (a *authenticator) heard(e *events) func(map[string]any) {
	return func(params map[string]any) {
		if id, _ := params["authenticatorId"].(string); id == a.self() {
			fields, _ := params["credential"].(map[string]any)
			e.add(credential(fields))
		}
	}
}

// send runs a command about this authenticator.
func (a *authenticator) send(doing, method string, params map[string]any) map[string]any {
	if params == nil {
		params = map[string]any{}
	}
	if id := a.self(); id != "" {
		params["authenticatorId"] = id
	}
	answer, err := a.cdp.Send(method, params)
	if err != nil {
		a.p.Fail(doing, "the browser's virtual authenticator to do it (Chromium only)", err)
	}
	return answer
}

func (a *authenticator) Credentials() []Credential {
	answer := a.send("read the passkeys", "WebAuthn.getCredentials", nil)
	items, _ := answer["credentials"].([]any)
	list := make([]Credential, 0, len(items))
	for _, item := range items {
		fields, _ := item.(map[string]any)
		list = append(list, credential(fields))
	}
	return list
}

func (a *authenticator) AwaitAdded() Credential {
	return a.await(a.added, "wait for a passkey to be registered", "the page to register one")
}

func (a *authenticator) AwaitAsserted() Credential {
	return a.await(a.asserted, "wait for a passkey to be used", "the page to ask for one and the authenticator to sign")
}

func (a *authenticator) await(e *events, doing, expected string) Credential {
	timer := time.NewTimer(a.p.Timeout())
	defer timer.Stop()
	for {
		c, ok, more := e.next()
		if ok {
			return c
		}
		select {
		case <-more:
		case <-timer.C:
			a.p.Fail(doing, expected, errors.New("it did not happen in time; the authenticator holds "+a.summary()))
			return Credential{}
		}
	}
}

func (a *authenticator) summary() string { return fmt.Sprintf("%d passkeys", len(a.Credentials())) }

// Cancel replaces the browser's dialogue, which a virtual authenticator does
// not have. A failed verification is what the browser reports at once, in
// milliseconds; a missing touch it waits for.
func (a *authenticator) Cancel(cancel bool) {
	if !a.verifies {
		a.send("stop touching the authenticator", "WebAuthn.setAutomaticPresenceSimulation", map[string]any{"enabled": !cancel})
		return
	}
	a.send("turn down ceremonies", "WebAuthn.setUserVerified", map[string]any{"isUserVerified": !cancel})
}

func (a *authenticator) HideTouch() {
	a.send("leave the UP flag out", "WebAuthn.setResponseOverrideBits", map[string]any{"isBadUP": true})
}

func (a *authenticator) Remove() {
	a.send("take the authenticator away", "WebAuthn.removeVirtualAuthenticator", nil)
}

func (a *authenticator) Clear() {
	a.send("delete the passkeys", "WebAuthn.clearCredentials", nil)
}

func credential(fields map[string]any) Credential {
	c := Credential{}
	c.ID = decode(fields["credentialId"])
	c.UserHandle = decode(fields["userHandle"])
	c.RPID, _ = fields["rpId"].(string)
	c.Resident, _ = fields["isResidentCredential"].(bool)
	switch n := fields["signCount"].(type) {
	case float64:
		c.SignCount = int(n)
	case int:
		c.SignCount = n
	}
	return c
}

func decode(v any) []byte {
	s, _ := v.(string)
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return []byte(s)
	}
	return b
}

// events keeps what was heard until it is asked for.
type events struct {
	mu   sync.Mutex
	list []Credential
	more chan struct{}
}

func newEvents() *events { return &events{more: make(chan struct{})} }

func (e *events) add(c Credential) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, c)
	close(e.more)
	e.more = make(chan struct{})
}

// next takes the oldest event; without one it returns a channel that is closed
// when there is more.
func (e *events) next() (c Credential, ok bool, more <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.list) == 0 {
		return Credential{}, false, e.more
	}
	c, e.list = e.list[0], e.list[1:]
	return c, true, e.more
}
