package config

import (
	"net/http"
	"net/url"
	"strings"
)

// legible gives an answer whose Location net/http would refuse the address that
// browsers read there. A server that sends people to such an address has
// answered, and what it did must be seen.
func legible(answer *http.Response) {
	said := answer.Header.Get("Location")
	if said == "" {
		return
	}
	if _, err := url.Parse(said); err == nil {
		return
	}
	if read := asBrowsersRead(said); read != said {
		answer.Header.Set("Location", read)
	}
}

// asBrowsersRead is an address after what the WHATWG URL Standard, section 4.4,
// does before it parses: blanks at the ends and tabs go; other controls no
// header can hold. A per cent sign that begins no escape is encoded, too:
// browsers let it stand, and net/url does not.
func asBrowsersRead(address string) string {
	address = strings.ReplaceAll(strings.TrimSpace(address), "\t", "")
	var b strings.Builder
	for i := range len(address) {
		b.WriteByte(address[i])
		if address[i] == '%' && !escapes(address[i:]) {
			b.WriteString("25")
		}
	}
	return b.String()
}

func escapes(s string) bool {
	const hex = "0123456789abcdefABCDEF"
	return len(s) >= 3 && strings.ContainsRune(hex, rune(s[1])) && strings.ContainsRune(hex, rune(s[2]))
}
