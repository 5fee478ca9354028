package a11y

import (
	"fmt"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
)

// shortest is how many characters a field for an address or a password takes at
// least (OWASP ASVS 6.2.9).
const shortest = 64

// Fields returns a sentence for every visible field for an address, a password
// or a code that hinders who fills it in: it cuts what is typed or pasted, or
// keeps password managers and phones from helping (WCAG 2.2, 3.3.8; OWASP ASVS
// 6.2.7 and 6.2.9). The error is the browser's.
func Fields(p *browser.Page) (problems []string, err error) {
	value, err := evaluate(p, fmt.Sprintf(fields, shortest))
	if err != nil {
		return nil, fmt.Errorf("the fields cannot be looked at: %w", err)
	}
	list, _ := value.([]any)
	for _, one := range list {
		problems = append(problems, fmt.Sprint(one))
	}
	return problems, nil
}

const fields = `(() => {
	const shortest = %d, problems = [], name = ` + nameOf + `;
	const visible = e => e.checkVisibility({opacityProperty: true, visibilityProperty: true}) && e.getClientRects().length > 0;
	const found = selector => [...document.querySelectorAll(selector)].filter(visible);
	const alone = e => (e.getAttribute("autocomplete") ?? e.form?.getAttribute("autocomplete") ?? "").trim().toLowerCase() === "off";
	for (const e of found("input[type=password], input[type=email], input[name=email]")) {
		if (e.maxLength >= 0 && e.maxLength < shortest) problems.push(name(e) + " takes no more than " + e.maxLength + " characters: what is longer is cut, without a word");
		if (alone(e)) problems.push(name(e) + " says autocomplete=off: no password manager fills it in");
	}
	// Of boxes of one digit the first one is enough.
	const digits = found("input[inputmode=numeric]");
	if (digits.length > 0 && digits.every(alone)) problems.push(name(digits[0]) + " says autocomplete=off: no phone fills the code in");
	return problems;
})()`
