// Package browser is the suite's hand on a real browser. One Browser serves
// many tests at once; each test opens a Page of its own, a fresh context with
// no cookies. A Page's methods return no errors: what goes wrong fails the
// test, with the step, the address, what was expected and what the page says.
//
// It is the only package that imports playwright-go, so that a move of that
// module stays a change of one line per file here.
package browser
