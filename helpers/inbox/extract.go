package inbox

import (
	"regexp"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"
)

var (
	textLink = regexp.MustCompile(`https?://[^\s<>"]+`)
	sixDigit = regexp.MustCompile(`(?:^|[^\w\-/=.#])(\d{6})(?:$|[^\w\-/=])`)
)

// extract finds the links and codes of a mail. Links come from the HTML's
// elements, so entities are decoded and nothing depends on line breaks; codes
// from what a reader sees, addresses left out, since they hold digits too.
func extract(htmlBody, text string) (links, codes []string) {
	add := func(link string) {
		link = strings.TrimSpace(link)
		if (strings.HasPrefix(link, "https://") || strings.HasPrefix(link, "http://")) && !slices.Contains(links, link) {
			links = append(links, link)
		}
	}
	visible := text
	if doc, err := goquery.NewDocumentFromReader(strings.NewReader(htmlBody)); err == nil && strings.TrimSpace(htmlBody) != "" {
		doc.Find("a[href], area[href]").Each(func(_ int, a *goquery.Selection) { add(a.AttrOr("href", "")) })
		visible = visibleText(doc)
	}
	for _, link := range textLink.FindAllString(text, -1) {
		add(strings.TrimRight(link, ".,;:!?)]}>'"))
	}
	visible = textLink.ReplaceAllString(visible, " ")
	for len(visible) > 0 {
		at := sixDigit.FindStringSubmatchIndex(visible)
		if at == nil {
			break
		}
		if code := visible[at[2]:at[3]]; !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
		visible = visible[at[3]:] // the character after may begin the next match
	}
	return links, codes
}

// visibleText is the text of a document with a space between elements, so that
// words in neighbouring cells do not run together; but digits that are each in
// an inline element of their own stay together.
func visibleText(doc *goquery.Document) string {
	doc.Find("head, style, script, title").Remove()
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		inline := n.Type != html.ElementNode || slices.Contains([]string{"span", "b", "strong", "em", "i", "code", "u", "font", "a"}, n.Data)
		if !inline {
			b.WriteByte(' ')
		}
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			walk(child)
		}
		if !inline {
			b.WriteByte(' ')
		}
	}
	for _, n := range doc.Nodes {
		walk(n)
	}
	return b.String()
}
