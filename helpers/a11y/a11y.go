// Package a11y judges whether a page can be used by people who do not see it,
// or not well: by the rules of axe-core (WCAG 2.2), by the keyboard, and by
// what fits into a window. It is handed a page of helpers/browser and asks it;
// it changes nothing on the page but the focus.
package a11y

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
)

const (
	// Version is the release of npm's axe-core that make setup fetches.
	Version = "4.14.1"
	// File is the script in that package.
	File = "axe.min.js"
)

// Rules are the rules of axe-core, ready to be used on a page.
type Rules struct{ script string }

// Load reads the rules that make setup unpacked as dir/package. The error says
// what to do.
func Load(dir string) (Rules, error) {
	script, err := os.ReadFile(filepath.Join(dir, "package", File))
	if err != nil || len(script) == 0 {
		return Rules{}, fmt.Errorf("the accessibility rules are not in PREFLIGHT_AXE_DIR (%s): run make setup", dir)
	}
	return Rules{string(script)}, nil
}

// Violation is one rule that a page breaks.
type Violation struct {
	Rule, Impact, Help, URL string
	Elements                []string // selector and summary of each
}

// String says it in one line for each element.
func (v Violation) String() string {
	return fmt.Sprintf("%s (%s): %s\n    %s", v.Rule, v.Impact, v.Help, strings.Join(v.Elements, "\n    "))
}

// judge runs the rules of WCAG 2.2 A and AA and axe's best practices, and hands
// back what is serious or critical.
// It fetches nothing: the page may forbid that, and say so in its console.
const judge = `(async () => {
	const result = await axe.run(document, {resultTypes: ["violations"], preload: false});
	return JSON.stringify(result.violations.filter(v => v.impact === "serious" || v.impact === "critical").map(v => ({
		Rule: v.id, Impact: v.impact, Help: v.help, URL: v.helpUrl,
		Elements: v.nodes.map(n => n.target.join(" ") + ": " + (n.failureSummary || "").replace(/\s+/g, " ")),
	})));
})()`

// Violations judges the page at hand and returns the serious and critical
// violations. The error is the browser's, or the rules'.
func (r Rules) Violations(p *browser.Page) (found []Violation, err error) {
	// By the protocol: a Content-Security-Policy does not hold it up.
	if _, err := evaluate(p, r.script+"; true"); err != nil {
		return nil, fmt.Errorf("axe-core did not start: %w", err)
	}
	value, err := evaluate(p, judge)
	if err != nil {
		return nil, fmt.Errorf("axe-core did not finish: %w", err)
	}
	text, _ := value.(string)
	return found, json.Unmarshal([]byte(text), &found)
}

// evaluate runs an expression in the page, waits for its promise, and returns
// its value.
func evaluate(p *browser.Page, expression string) (any, error) {
	answer, err := p.CDP().Send("Runtime.evaluate", map[string]any{
		"expression": expression, "returnByValue": true, "awaitPromise": true,
	})
	if err != nil {
		return nil, err
	}
	if problem, ok := answer["exceptionDetails"].(map[string]any); ok {
		thrown, _ := problem["exception"].(map[string]any)
		return nil, fmt.Errorf("the page threw %v %v", problem["text"], thrown["description"])
	}
	result, _ := answer["result"].(map[string]any)
	return result["value"], nil
}
