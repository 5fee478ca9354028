package idp

import (
	"maps"
	"slices"
	"strings"
)

// The namespaces of a SAML response (saml-core §1.2, xmldsig-core §1.3).
const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
)

// attrs are the attributes of an element. An empty value leaves one out.
type attrs map[string]string

// tag writes an element in exclusive canonical form (xml-exc-c14n): namespace
// declarations before attributes, both in order of name, double quotes, an end
// tag always, no white space of its own. Writing messages in this form from
// the start is what lets the suite sign without a canonicalizer: the octets to
// be digested are the ones that are written.
//
// The caller declares a namespace (xmlns:…) exactly where its prefix is used
// for the first time on the way down, as exclusive canonicalization does.
func tag(name string, attributes attrs, content ...string) string {
	var b strings.Builder
	b.WriteString("<" + name)
	names := slices.SortedFunc(maps.Keys(attributes), func(x, y string) int {
		if xns, yns := strings.HasPrefix(x, "xmlns:"), strings.HasPrefix(y, "xmlns:"); xns != yns {
			if xns {
				return -1
			}
			return 1
		}
		return strings.Compare(x, y)
	})
	for _, n := range names {
		if v := attributes[n]; v != "" {
			b.WriteString(" " + n + `="` + attrText(v) + `"`)
		}
	}
	b.WriteString(">")
	for _, c := range content {
		b.WriteString(c)
	}
	b.WriteString("</" + name + ">")
	return b.String()
}

// text escapes the content of an element (xml-c14n §2.3, text nodes).
func text(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;").Replace(s)
}

// attrText escapes an attribute's value (xml-c14n §2.3, attribute nodes).
func attrText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;").Replace(s)
}
