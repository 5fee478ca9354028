package a11y

import (
	"bytes"
	"fmt"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
)

// mostStops is how many times Tab is pressed before a page is given up.
const mostStops = 60

// Stop is one element that the Tab key reached.
type Stop struct {
	Name string // for people
	// Order is the element's place in the document; Matches, whether it is the
	// one that was looked for.
	Order   int
	Matches bool
	// Visible reports whether a person can see that the element has the focus
	// (WCAG 2.2, 2.4.7).
	Visible bool
	// Nowhere: the focus is on no element, as at the end of the page.
	Nowhere bool
}

// TabTo presses Tab until the focus is on an element that selector (CSS)
// matches, and returns all stops on the way. found is false where Tab never
// gets there. It begins where the focus is: an element that has it already is
// the first stop.
func TabTo(p *browser.Page, selector string) (stops []Stop, found bool, err error) {
	if err := drawn(p); err != nil {
		return nil, false, err
	}
	for pressed := 0; pressed <= mostStops; pressed++ {
		stop, err := look(p, selector)
		if err != nil {
			return stops, false, err
		}
		if !stop.Nowhere {
			stops = append(stops, stop)
		}
		if stop.Matches {
			return stops, true, nil
		}
		p.Press("Tab")
	}
	return stops, false, nil
}

// Tour presses Tab once around the page and returns its stops, each once.
func Tour(p *browser.Page) (stops []Stop, err error) {
	if err := drawn(p); err != nil {
		return nil, err
	}
	seen := map[int]bool{}
	for range mostStops {
		p.Press("Tab")
		stop, err := look(p, "")
		if err != nil {
			return nil, err
		}
		if stop.Nowhere {
			continue
		}
		if seen[stop.Order] {
			return stops, nil
		}
		seen[stop.Order] = true
		stops = append(stops, stop)
	}
	return stops, nil
}

// drawn waits until the page has been drawn: only then does the focus go where
// the page wants it (HTML, 6.6.7 "flush autofocus candidates", which comes before
// the callbacks of a frame). Whoever presses Tab has seen the page.
func drawn(p *browser.Page) error {
	_, err := evaluate(p, `new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
	if err != nil {
		return fmt.Errorf("the page is not drawn: %w", err)
	}
	return nil
}

// InOrder reports whether stops follow the document, wherever they begin: a
// tour goes around, so it may step back once (WCAG 2.2, 2.4.3).
func InOrder(stops []Stop) bool {
	back := 0
	for i := range stops {
		if i > 0 && stops[i].Order < stops[i-1].Order {
			back++
		}
	}
	return back == 0 || back == 1 && stops[len(stops)-1].Order < stops[0].Order
}

// look asks for the element that has the focus.
func look(p *browser.Page, selector string) (s Stop, err error) {
	value, err := evaluate(p, fmt.Sprintf(focused, selector))
	if err != nil {
		return s, fmt.Errorf("the focus cannot be looked at: %w", err)
	}
	seen, ok := value.(map[string]any)
	if !ok {
		return Stop{Nowhere: true}, nil
	}
	s.Name, _ = seen["name"].(string)
	s.Matches, _ = seen["matches"].(bool)
	s.Visible, _ = seen["shows"].(bool)
	s.Order = int(number(seen["order"]))
	if !s.Visible {
		s.Visible, err = pixels(p, seen)
	}
	return s, err
}

// pixels compares pictures of the element with and without the focus: the way
// in which it is shown may be one that no style of the element tells.
func pixels(p *browser.Page, seen map[string]any) (bool, error) {
	const around = 8
	x, y := max(number(seen["x"])-around, 0), max(number(seen["y"])-around, 0)
	width, height := number(seen["width"])+2*around, number(seen["height"])+2*around
	with := p.Pixels(x, y, width, height)
	if _, err := evaluate(p, `(window.preflightFocus = document.activeElement).blur()`); err != nil {
		return false, err
	}
	without := p.Pixels(x, y, width, height)
	_, err := evaluate(p, `window.preflightFocus.focus({preventScroll: true})`)
	return !bytes.Equal(with, without), err
}

func number(v any) float64 {
	switch n := v.(type) {
	case float64:
		return n
	case int:
		return float64(n)
	}
	return 0
}

// focused describes the element with the focus, and compares its looks with and
// without it.
const focused = `(() => {
	const e = document.activeElement, name = ` + nameOf + `, selector = %q;
	if (!e || e === document.body || e === document.documentElement) return null;
	const clear = c => c === "transparent" || /, 0\)$|\/ 0\)$/.test(c);
	const look = () => { const all = []; for (let n = e, i = 0; n && i < 3; n = n.parentElement, i++) for (const part of [null, "::before", "::after"]) {
		const s = getComputedStyle(n, part);
		const outline = s.outlineStyle === "none" || s.outlineWidth === "0px" || clear(s.outlineColor) ? "" : s.outlineStyle + s.outlineWidth + s.outlineColor;
		all.push([outline, s.boxShadow, s.borderColor, s.borderWidth, s.backgroundColor, s.backgroundImage, s.textDecorationLine, s.textDecorationThickness, s.transform].join());
	} return all.join("|"); };
	const with_ = look(); e.blur(); const without = look(); e.focus({preventScroll: true});
	const r = e.getBoundingClientRect();
	return {name: name(e), matches: selector !== "" && e.matches(selector), order: [...document.querySelectorAll("*")].indexOf(e),
		shows: with_ !== without, x: r.x, y: r.y, width: r.width, height: r.height};
})()`
