package a11y

import (
	"fmt"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
)

// Layout looks whether the page at hand fits into its window, and returns a
// sentence for everything that does not: the page scrolls sideways (WCAG 2.2,
// 1.4.10), a control or words stick out or are cut off, or something lies over
// a control, so that nobody can press it.
func Layout(p *browser.Page) (problems []string, err error) {
	value, err := evaluate(p, layout)
	if err != nil {
		return nil, fmt.Errorf("the layout cannot be looked at: %w", err)
	}
	list, _ := value.([]any)
	for _, one := range list {
		problems = append(problems, fmt.Sprint(one))
	}
	return problems, nil
}

// nameOf tells a person which element is meant.
const nameOf = `e => {
	const id = e.id ? "#" + e.id : "", kind = e.getAttribute("name") ? "[name=" + e.getAttribute("name") + "]" : "";
	const says = (e.innerText || e.getAttribute("aria-label") || e.getAttribute("placeholder") || "").trim().replace(/\s+/g, " ").slice(0, 40);
	return e.tagName.toLowerCase() + id + kind + (says ? " “" + says + "”" : "");
}`

const layout = `(() => {
	const name = ` + nameOf + `;
	const width = document.documentElement.clientWidth, slack = 1, problems = [];
	const visible = e => e.checkVisibility({opacityProperty: true, visibilityProperty: true}) && e.getClientRects().length > 0;
	// What only screen readers are told is cut off on purpose.
	const forReadersOnly = e => { const r = e.getBoundingClientRect(); return r.width <= 1 || r.height <= 1; };
	const scrolls = e => { for (let n = e.parentElement; n && n !== document.documentElement; n = n.parentElement)
		if (n !== document.body && /auto|scroll/.test(getComputedStyle(n).overflowX) && n.scrollWidth > n.clientWidth) return true; return false; };
	const root = document.scrollingElement;
	if (root.scrollWidth > width + slack) problems.push("the page scrolls sideways: it is " + root.scrollWidth + " px wide in a window of " + width);
	const words = "a, button, input:not([type=hidden]), select, textarea, label, legend, h1, h2, h3, p, li, img, [role=button], [role=alert]";
	for (const e of document.querySelectorAll(words)) {
		if (!visible(e) || forReadersOnly(e)) continue;
		const r = e.getBoundingClientRect();
		if ((r.right > width + slack || r.left < -slack) && !scrolls(e)) problems.push(name(e) + " sticks out of the window (" + Math.round(r.left) + " to " + Math.round(r.right) + " px)");
		const s = getComputedStyle(e);
		if (e.matches("input, select, textarea, img")) continue;
		if (/hidden|clip/.test(s.overflowX) && s.textOverflow !== "ellipsis" && e.scrollWidth > e.clientWidth + slack) problems.push(name(e) + " is cut off: " + e.scrollWidth + " px of words in " + e.clientWidth);
	}
	const top = scrollY;
	for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, [role=button]")) {
		if (!visible(e) || forReadersOnly(e) || e.disabled) continue;
		e.scrollIntoView({block: "center", behavior: "instant"});
		const r = e.getClientRects()[0], x = r.left + r.width / 2, y = r.top + r.height / 2;
		if (x < 0 || x > innerWidth || y < 0 || y > innerHeight) { problems.push(name(e) + " cannot be scrolled into the window"); continue; }
		const over = document.elementFromPoint(x, y);
		if (over && over !== e && !e.contains(over) && !over.contains(e) && !(e.labels && [...e.labels].some(l => l.contains(over)))) problems.push(name(over) + " lies over " + name(e));
	}
	scrollTo(0, top);
	return problems;
})()`
