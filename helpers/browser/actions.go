package browser

import (
	"errors"
	"fmt"
	"time"

	"github.com/playwright-community/playwright-go"
)

// one finds the first visible element; a page may hold hidden twins.
func (p *Page) one(sel string) playwright.Locator {
	return p.page.Locator(sel).Locator("visible=true").First()
}

// limit is the time of one action. It goes with each call: playwright-go
// v0.6000.0 forgets the context's default in most methods of a locator.
func (p *Page) limit() *float64 { return playwright.Float(milliseconds(p.w.o.Timeout)) }

// Fill sets a field to a value, as if typed. The value is in traces.
func (p *Page) Fill(sel, value string) {
	p.w.t.Helper()
	act(p, "fill "+sel, "a visible field that can be edited", func() error {
		return p.one(sel).Fill(value, playwright.LocatorFillOptions{Timeout: p.limit()})
	})
}

// FillSecret sets a field to a value that must not be seen. It goes past
// Playwright, whose traces hold the parameters of each action. A trace's
// pictures of the document and its network log hold it all the same, as they
// hold everything that is typed and sent: the redactor, told by OnSecret, takes
// it out there.
func (p *Page) FillSecret(sel, value string) {
	p.w.t.Helper()
	p.w.secrets.learn(value)
	s, err := p.protocol()
	if err != nil {
		p.fail("fill "+sel, "a protocol session", err)
	}
	act(p, "fill "+sel+" with a secret", "a visible field that can be edited", func() error {
		if err := p.one(sel).Fill("", playwright.LocatorFillOptions{Timeout: p.limit()}); err != nil { // waits until it can be edited; it has the focus then
			return err
		}
		if _, err := send(s.raw, "Input.insertText", map[string]any{"text": value}); err != nil {
			return err
		}
		held, err := p.focused(s, `return this.value`, nil)
		if err != nil || held == value {
			return err
		}
		// A field that takes no typed text as it is (one digit each, masks):
		// set it as a script would.
		held, err = p.focused(s, `
			const set = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(this), 'value').set;
			set.call(this, value);
			this.dispatchEvent(new Event('input', {bubbles: true}));
			this.dispatchEvent(new Event('change', {bubbles: true}));
			return this.value`, value)
		if err == nil && held != value {
			err = errors.New("the field did not keep the value")
		}
		return err
	})
}

// focused runs the body of a function on the element that has the focus,
// through the protocol session, so that the argument is in no trace.
func (p *Page) focused(s *session, body string, value any) (any, error) {
	element, err := send(s.raw, "Runtime.evaluate", map[string]any{"expression": "document.activeElement"})
	if err != nil {
		return nil, err
	}
	object, _ := element["result"].(map[string]any)
	answer, err := send(s.raw, "Runtime.callFunctionOn", map[string]any{
		"objectId": object["objectId"], "functionDeclaration": "function(value) {" + body + "}",
		"arguments": []any{map[string]any{"value": value}}, "returnByValue": true,
	})
	if err != nil {
		return nil, err
	}
	result, _ := answer["result"].(map[string]any)
	return result["value"], nil
}

// Type types text with the keyboard, key by key, beginning in the field sel
// finds; the page may move the focus on.
func (p *Page) Type(sel, text string) {
	p.w.t.Helper()
	act(p, "type into "+sel, "a visible field that takes keys", func() error {
		return p.one(sel).PressSequentially(text, playwright.LocatorPressSequentiallyOptions{Timeout: p.limit()})
	})
}

// Focus moves the focus to the first visible element sel finds.
func (p *Page) Focus(sel string) {
	p.w.t.Helper()
	act(p, "focus "+sel, "a visible element that takes the focus", func() error {
		return p.one(sel).Focus(playwright.LocatorFocusOptions{Timeout: p.limit()})
	})
}

// TypeAndSend types text with the keyboard where the focus is, and calls send
// unless the page has begun to send it by itself, as some do at the last
// digit of a code. It returns when that has ended with a loaded document.
func (p *Page) TypeAndSend(text string, send func()) {
	p.w.t.Helper()
	before, _ := p.nav.state()
	_, _ = p.runtime(watchForSending)
	act(p, "type where the focus is", "a field that takes keys", func() error { return p.page.Keyboard().Type(text) })
	// In a document that has come meanwhile there is no such word. Two turns of
	// the page's own event loop: one that sends after the last key, not with it,
	// has begun by then.
	if sent, err := p.runtime(`new Promise(done => setTimeout(() => setTimeout(() => done(window.preflightSent !== false), 0), 0))`); err == nil && sent != true {
		send()
		return
	}
	act(p, "wait for what the page sends by itself", "a navigation that ends with a loaded document", func() error {
		deadline := time.Now().Add(p.w.o.Timeout)
		if err := p.nav.await(deadline, func(s navState) bool { return s.started > before.started || s.committed > before.committed }); err != nil {
			return errors.New("the page sent the form by itself, and no navigation began")
		}
		return p.settle(deadline)
	})
}

// watchForSending notes in the document whether it has begun to send a form.
const watchForSending = `(() => {
	window.preflightSent = false;
	const sent = () => { window.preflightSent = true; };
	addEventListener("submit", e => { setTimeout(() => { if (!e.defaultPrevented) sent(); }); if (!e.defaultPrevented) sent(); });
	addEventListener("beforeunload", sent);
})()`

// Press presses a key, such as "Enter", "Tab" or "Control+A".
func (p *Page) Press(key string) {
	p.w.t.Helper()
	act(p, "press "+key, "a page that takes keys", func() error { return p.page.Keyboard().Press(key) })
}

// Click clicks the first visible element sel finds. It waits for no
// navigation: see Submit.
func (p *Page) Click(sel string) {
	p.w.t.Helper()
	act(p, "click "+sel, "a visible element that can be clicked", func() error { return p.click(sel) })
}

func (p *Page) click(sel string) error {
	return p.one(sel).Click(playwright.LocatorClickOptions{Timeout: p.limit()})
}

// Has reports whether sel finds something visible now; it does not wait.
func (p *Page) Has(sel string) bool {
	p.w.t.Helper()
	return do(p, "look for "+sel, "a selector that can be read", func() (bool, error) { return p.sees(sel) })
}

func (p *Page) sees(sel string) (bool, error) {
	n, err := retried(p, func() (int, error) { return p.page.Locator(sel).Locator("visible=true").Count() })
	return n > 0, err
}

// Count returns how many elements sel finds now, hidden ones too.
func (p *Page) Count(sel string) int {
	p.w.t.Helper()
	return do(p, "count "+sel, "a selector that can be read", func() (int, error) {
		return retried(p, p.page.Locator(sel).Count)
	})
}

// Attr returns an attribute of the first element sel finds, waiting for the
// element; "" if it has no such attribute.
func (p *Page) Attr(sel, name string) string {
	p.w.t.Helper()
	return do(p, fmt.Sprintf("read the attribute %s of %s", name, sel), "such an element", func() (string, error) {
		return p.page.Locator(sel).First().GetAttribute(name, playwright.LocatorGetAttributeOptions{Timeout: p.limit()})
	})
}

// Eval runs a JavaScript expression or function in the page, with one
// argument, and returns what it returns (JSON types). Both are in traces.
func (p *Page) Eval(js string, arg any) any {
	p.w.t.Helper()
	return do(p, "run a script", "a script that returns", func() (any, error) { return p.page.Evaluate(js, arg) })
}

// evaluate asks the page something of ours, again if the document was just
// replaced. It goes past Playwright: a trace would take two pictures of the
// document for each question.
func evaluate[T any](p *Page, expression string) (T, error) {
	return retried(p, func() (T, error) {
		value, err := p.runtime(expression)
		typed, ok := value.(T)
		if err == nil && !ok {
			err = fmt.Errorf("a script returned %T, not %T", value, typed)
		}
		return typed, err
	})
}

// runtime evaluates an expression in the page, through the protocol session.
func (p *Page) runtime(expression string) (any, error) {
	s, err := p.protocol()
	if err != nil {
		return nil, err
	}
	answer, err := send(s.raw, "Runtime.evaluate", map[string]any{
		"expression": expression, "returnByValue": true, "awaitPromise": true,
	})
	if err != nil {
		return nil, err
	}
	if problem, ok := answer["exceptionDetails"].(map[string]any); ok {
		return nil, fmt.Errorf("a script failed: %s", text(problem["text"]))
	}
	result, _ := answer["result"].(map[string]any)
	return result["value"], nil
}

// retried asks again when the document was replaced while it was asked: the
// question changes nothing, so this hides nothing.
func retried[T any](p *Page, f func() (T, error)) (T, error) {
	deadline := time.Now().Add(p.w.o.Timeout)
	for {
		value, err := f()
		if err == nil || !isReplaced(err) || time.Now().After(deadline) {
			return value, err
		}
	}
}
