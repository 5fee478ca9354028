package screens

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/PuerkitoBio/goquery"
)

// address finds e-mail addresses in a text, as people write them.
var address = regexp.MustCompile(`[\p{L}\p{N}._%+\-]+@[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+`)

// Somebody stands for a person whom a page does not name.
const Somebody = "somebody (the page shows no address)"

// PersonOn reads from a page that only a signed-in person sees who that is: the
// address in the element that selector finds, or anywhere in the text where
// selector is empty. Of several the preferred one is taken if it is there, else
// the first. A page without any address is Somebody's.
func PersonOn(html, selector, preferred string) string {
	doc := shown(html)
	if doc == nil {
		return Somebody
	}
	element := doc.Selection
	if selector != "" {
		element = doc.Find(selector).First()
	}
	// First with a space where an element ends: <b>Ada</b><br><i>ada@acme.test</i>
	// is a name and an address. Then as it stands, for an address in two parts.
	found := address.FindAllString(apart(element), -1)
	found = append(found, address.FindAllString(element.Text(), -1)...)
	for _, one := range found {
		if preferred != "" && strings.EqualFold(one, preferred) {
			return one
		}
	}
	if len(found) == 0 {
		return Somebody
	}
	return found[0]
}

// OnlyAddress reports whether a page shows one address and no other.
func OnlyAddress(html string) bool {
	doc := shown(html)
	if doc == nil {
		return false
	}
	found := map[string]bool{}
	for _, one := range address.FindAllString(apart(doc.Selection), -1) {
		found[strings.ToLower(one)] = true
	}
	return len(found) == 1
}

// shown is a page without what it does not show; nil where it is none.
func shown(html string) *goquery.Document {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(html))
	if err != nil {
		return nil
	}
	doc.Find("script, style, head").Remove()
	return doc
}

// plainName is an id or a test id that a person gave, and CSS needs not escape.
var plainName = regexp.MustCompile(`^[A-Za-z][A-Za-z_-]*$`)

// namedBy are the attributes by which an element is known, as selectors.
var namedBy = []struct{ attribute, selector string }{
	{"id", "#%s"}, {"data-testid", "[data-testid=%s]"}, {"data-test", "[data-test=%s]"}, {"data-cy", "[data-cy=%s]"},
}

// SelectorOf is the CSS selector of an element of a page that shows an address and
// nothing else, by its id or the attribute by which tests find it, if no other
// element has that: of the rows of a list the first may be somebody else's. It is
// "" where there is none such.
func SelectorOf(html, email string) (selector string) {
	doc := shown(html)
	if doc == nil {
		return ""
	}
	doc.Find("body [id], body [data-testid], body [data-test], body [data-cy]").EachWithBreak(func(_ int, element *goquery.Selection) bool {
		if !strings.EqualFold(strings.TrimSpace(element.Text()), email) {
			return true
		}
		for _, by := range namedBy {
			name := element.AttrOr(by.attribute, "")
			if one := fmt.Sprintf(by.selector, name); plainName.MatchString(name) && doc.Find(one).Length() == 1 {
				selector = one
				return false
			}
		}
		return true
	})
	return selector
}

// apart is the text of an element, with a space between the texts of its parts.
func apart(element *goquery.Selection) string {
	var parts []string
	element.Contents().Each(func(_ int, part *goquery.Selection) {
		if goquery.NodeName(part) == "#text" {
			parts = append(parts, part.Text())
			return
		}
		parts = append(parts, apart(part))
	})
	return strings.Join(parts, " ")
}
