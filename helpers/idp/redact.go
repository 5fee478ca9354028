package idp

import (
	"fmt"
	"strings"

	"github.com/beevik/etree"
)

// Redacted returns the response as the service provider got it, decoded and
// indented, without what would let somebody use it again: signature values and
// certificates are replaced by their length. A message that is not well-formed,
// as some probes are, is returned up to its first 4,000 letters.
func (m Message) Redacted() string {
	const most = 4000
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(m.XML); err != nil {
		return fmt.Sprintf("(not well-formed: %v)\n%.*s", err, most, m.XML)
	}
	for _, name := range []string{"SignatureValue", "X509Certificate"} {
		for _, el := range doc.FindElements("//" + name) {
			el.SetText(fmt.Sprintf("[%d characters]", len(strings.TrimSpace(el.Text()))))
		}
	}
	doc.Indent(2)
	text, err := doc.WriteToString()
	if err != nil {
		return "(cannot be written: " + err.Error() + ")"
	}
	return text
}
