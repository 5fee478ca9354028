package inbox

import (
	"bytes"
	"strings"

	"github.com/jhillyerd/enmime/v2"
)

// Parts takes a mail apart as it came over SMTP (MIME, RFC 2045) and returns
// the decoded text/plain and text/html that are really there: "" where there is
// no such part. Nothing is made up from the other one.
func Parts(raw []byte) (text, html string, err error) {
	root, err := enmime.ReadParts(bytes.NewReader(raw))
	if err != nil {
		return "", "", err
	}
	find := func(kind string) string {
		part := root.BreadthMatchFirst(func(p *enmime.Part) bool {
			// A part without a type is plain text (RFC 2045, 5.2).
			is := p.ContentType
			if is == "" && p.FirstChild == nil {
				is = "text/plain"
			}
			return strings.EqualFold(is, kind) && p.Disposition != "attachment"
		})
		if part == nil {
			return ""
		}
		return string(part.Content)
	}
	return find("text/plain"), find("text/html"), nil
}
