package screens

import (
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
	text := VisibleText(html)
	if selector != "" {
		text = ""
		if doc, err := goquery.NewDocumentFromReader(strings.NewReader(html)); err == nil {
			text = doc.Find(selector).First().Text()
		}
	}
	found := address.FindAllString(text, -1)
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
