package screens

import "github.com/auth-preflight/auth-preflight/helpers/browser"

// Pictures returns the addresses of the pictures that have loaded and are
// within the page's width.
func Pictures(p *browser.Page) (sources []string) {
	found, _ := p.Eval(`() => [...document.images].filter(i => {
		const box = i.getBoundingClientRect();
		return i.complete && i.naturalWidth > 0 && box.width > 0 && box.height > 0 && box.left >= 0 && box.right <= innerWidth + 1
			&& getComputedStyle(i).visibility === "visible";
	}).map(i => i.currentSrc)`, nil).([]any)
	for _, source := range found {
		if text, ok := source.(string); ok {
			sources = append(sources, text)
		}
	}
	return sources
}

// Background returns the colour behind an element, as browsers compute it:
// "rgb(11, 110, 110)".
func Background(p *browser.Page, selector string) string {
	p.Await(selector)
	color, _ := p.Eval(`sel => getComputedStyle(document.querySelector(sel)).backgroundColor`, selector).(string)
	return color
}
