package idp

import (
	"bytes"

	"github.com/beevik/etree"
)

func (d document) string() string { return string(d.bytes()) }

// elementXML writes one element alone. The messages declare their namespaces
// where they are used first, which for these parts is on the part itself.
func elementXML(el *etree.Element) string {
	d := etree.NewDocument()
	d.SetRoot(el.Copy())
	return string(document{d}.bytes())
}

// stripDoctype removes the document type, which etree would not resolve.
func stripDoctype(message []byte) []byte {
	if bytes.HasPrefix(message, []byte("<!DOCTYPE")) {
		_, rest, _ := bytes.Cut(message, []byte("<samlp:Response"))
		return bytes.ReplaceAll(append([]byte("<samlp:Response"), rest...), []byte("&x;"), nil)
	}
	return message
}
