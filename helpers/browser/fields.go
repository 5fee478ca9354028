package browser

import "github.com/playwright-community/playwright-go"

// Upload chooses a file with this name, type and content in a file field.
func (p *Page) Upload(sel, name, contentType string, content []byte) {
	p.w.t.Helper()
	act(p, "choose a file in "+sel, "a visible file field", func() error {
		return p.one(sel).SetInputFiles(
			[]playwright.InputFile{{Name: name, MimeType: contentType, Buffer: content}},
			playwright.LocatorSetInputFilesOptions{Timeout: p.limit()},
		)
	})
}

// Choose picks an option of a list by what it says.
func (p *Page) Choose(sel, label string) {
	p.w.t.Helper()
	act(p, "choose "+label+" in "+sel, "a visible list with this option", func() error {
		_, err := p.one(sel).SelectOption(playwright.SelectOptionValues{Labels: &[]string{label}}, playwright.LocatorSelectOptionOptions{Timeout: p.limit()})
		return err
	})
}

// Value returns what stands in the field that sel finds, waiting for it.
func (p *Page) Value(sel string) string {
	p.w.t.Helper()
	return do(p, "read the field "+sel, "a visible field", func() (string, error) {
		return p.one(sel).InputValue(playwright.LocatorInputValueOptions{Timeout: p.limit()})
	})
}
