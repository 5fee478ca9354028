package screens

import (
	"bytes"
	"html/template"
	"net/url"
	"strconv"
	"strings"

	"github.com/PuerkitoBio/goquery"
)

// Form is an HTML form as a browser would send it: where, how and with what.
type Form struct {
	Method string // GET or POST
	Action *url.URL
	Fields url.Values
	Text   string // what the form shows, in one line
	// Editable are the fields that a person types into; the others are hidden,
	// chosen or ticked.
	Editable map[string]bool
	hidden   map[string]bool
	required []string // text fields that the page insists on
}

// Complete gives the text fields that the page insists on, and that are empty,
// something that a person would write there.
func (f *Form) Complete() {
	for _, name := range f.required {
		if f.Fields.Get(name) == "" {
			f.Fields.Set(name, Plausible(name))
		}
	}
}

// Plausible is what a person would write into a field of this name.
func Plausible(name string) string {
	switch {
	case strings.Contains(name, "phone"):
		return "+493012345678"
	case strings.Contains(name, "first"):
		return "Pat"
	}
	return "Preflight"
}

// Guessable returns the fields that somebody who cannot see the page could
// send as well: all but the hidden ones, in which an anti-forgery token is.
func (f *Form) Guessable() url.Values {
	guessable := url.Values{}
	for name, values := range f.Fields {
		if !f.hidden[name] {
			guessable[name] = values
		}
	}
	return guessable
}

// FormAt reads the first form of a page that holds an element matching
// selector (HTML, 4.10). base is the page's own address. It returns nil where
// the page has no such form.
func FormAt(html string, base *url.URL, selector string) *Form {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(html))
	if err != nil {
		return nil
	}
	return formOf(doc.Find("form").Has(selector).First(), base)
}

// FormsOn reads all forms of a page; base is the page's own address.
func FormsOn(html string, base *url.URL) (forms []*Form) {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(html))
	if err != nil {
		return nil
	}
	doc.Find("form").Each(func(_ int, element *goquery.Selection) {
		if form := formOf(element, base); form != nil {
			forms = append(forms, form)
		}
	})
	return forms
}

// FormOfButton reads the form of the button that a word names, by its value or
// by what it says, as that button would send it.
func FormOfButton(html string, base *url.URL, word string) *Form {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(html))
	if err != nil {
		return nil
	}
	button := doc.Find(`form button, form input[type="submit"]`).FilterFunction(func(_ int, b *goquery.Selection) bool {
		return strings.EqualFold(b.AttrOr("value", ""), word) || strings.TrimSpace(b.Text()) == word
	}).First()
	form := formOf(button.Closest("form"), base)
	if name, ok := button.Attr("name"); ok && form != nil {
		form.Fields.Set(name, button.AttrOr("value", ""))
	}
	return form
}

func formOf(element *goquery.Selection, base *url.URL) *Form {
	if element.Length() == 0 {
		return nil
	}
	var err error
	form := &Form{
		Method: strings.ToUpper(element.AttrOr("method", "GET")), Fields: url.Values{}, Text: strings.Join(strings.Fields(element.Text()), " "),
		Editable: map[string]bool{}, hidden: map[string]bool{},
	}
	element.Find(`input[type="submit"][value]`).Each(func(_ int, button *goquery.Selection) {
		form.Text = strings.TrimSpace(form.Text + " " + button.AttrOr("value", ""))
	})
	if form.Action, err = base.Parse(element.AttrOr("action", "")); err != nil {
		return nil
	}
	element.Find("input[name], textarea[name], select[name]").Each(func(_ int, field *goquery.Selection) {
		switch field.AttrOr("type", "") {
		case "submit", "button", "image", "file", "reset":
			return
		case "checkbox", "radio":
			if _, on := field.Attr("checked"); !on {
				return
			}
		}
		name, value := field.AttrOr("name", ""), field.AttrOr("value", "")
		switch field.AttrOr("type", "text") {
		case "hidden":
			form.hidden[name] = true
		case "text", "tel", "search":
			form.Editable[name] = goquery.NodeName(field) != "select"
			if _, must := field.Attr("required"); must && goquery.NodeName(field) == "input" {
				form.required = append(form.required, name)
			}
		}
		switch goquery.NodeName(field) {
		case "textarea":
			value = field.Text()
		case "select":
			value = field.Find("option[selected]").AttrOr("value", field.Find("option").First().AttrOr("value", ""))
		}
		form.Fields.Add(name, value)
	})
	return form
}

// LinkAt returns where the first link leads that selector finds on a page of
// address base, or nil.
func LinkAt(html string, base *url.URL, selector string) *url.URL {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(html))
	if err != nil {
		return nil
	}
	target, ok := doc.Find(selector).First().Attr("href")
	if !ok {
		return nil
	}
	u, err := base.Parse(target)
	if err != nil {
		return nil
	}
	return u
}

// patientRefresh is how many seconds a page may wait before it leads on by
// itself.
const patientRefresh = 5

// RefreshAt returns where a page leads on by itself, at once or within seconds
// (HTML, 4.2.5.3: <meta http-equiv="refresh">), or nil.
func RefreshAt(html string, base *url.URL) *url.URL {
	if !strings.Contains(strings.ToLower(html), "http-equiv") {
		return nil
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(html))
	if err != nil {
		return nil
	}
	content := doc.Find(`meta[http-equiv="refresh" i]`).First().AttrOr("content", "")
	delay, target, _ := strings.Cut(content, ";")
	if seconds, err := strconv.ParseFloat(strings.TrimSpace(delay), 64); err != nil || seconds > patientRefresh {
		return nil
	}
	target = strings.TrimSpace(target)
	if len(target) >= len("url=") && strings.EqualFold(target[:len("url=")], "url=") {
		target = target[len("url="):]
	}
	if target = strings.Trim(target, `'" `); target == "" {
		return nil
	}
	u, err := base.Parse(target)
	if err != nil {
		return nil
	}
	return u
}

// VisibleText returns the words of an HTML page without scripts and styles,
// white space folded: what two pages are compared by.
func VisibleText(html string) string {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(html))
	if err != nil {
		return strings.Join(strings.Fields(html), " ")
	}
	doc.Find("script, style, head").Remove()
	return strings.Join(strings.Fields(doc.Text()), " ")
}

// SelfPosting returns a page that sends a form as soon as it is loaded.
func SelfPosting(action string, fields url.Values) string {
	var page bytes.Buffer
	_ = selfPosting.Execute(&page, map[string]any{"Action": action, "Fields": fields}) // a buffer takes everything
	return page.String()
}

var selfPosting = template.Must(template.New("").Parse(`<!doctype html><title>posting</title>
<form method="post" action="{{.Action}}">{{range $name, $values := .Fields}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">{{end}}{{end}}</form>
<script>document.forms[0].submit()</script>`))

// HasAlert reports whether a page shows an alert.
func HasAlert(html string) bool {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(html))
	return err == nil && doc.Find(Alert).Length() > 0
}
