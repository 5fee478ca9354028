// Package leak looks for secrets where none belong: known values, in whatever
// encoding a build or a framework leaves them, and the shapes of others.
package leak

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Secret is a value that must be nowhere, and what it is called.
type Secret struct{ Name, Value string }

// shortest is the length below which a value could stand anywhere by chance.
const shortest = 12

// Finder looks for secrets in texts. It may be used by many goroutines.
type Finder struct{ needles []needle }

type needle struct{ name, how, text string }

// NewFinder makes a finder of these secrets; those that are too short to be
// told from other text are left out.
func NewFinder(secrets []Secret) *Finder {
	f := &Finder{}
	seen := map[string]bool{}
	for _, s := range secrets {
		if len(s.Value) < shortest || seen[s.Value] {
			continue
		}
		seen[s.Value] = true
		for _, form := range forms(s.Value) {
			if !slices.ContainsFunc(f.needles, func(n needle) bool { return n.text == form.text }) {
				f.needles = append(f.needles, needle{s.Name, form.how, form.text})
			}
		}
	}
	return f
}

// joined matches what cuts a string literal in two: "abc" + "def".
var joined = regexp.MustCompile("[\"'`]\\s*\\+\\s*[\"'`]")

// In says which secrets are in text, and how they are written there. It
// quotes none.
func (f *Finder) In(text string) (found []string) {
	whole := text
	if joined.MatchString(text) {
		whole = text + "\n" + joined.ReplaceAllString(text, "")
	}
	for _, n := range f.needles {
		if strings.Contains(whole, n.text) {
			found = append(found, n.name+n.how)
		}
	}
	return slices.Compact(found)
}

type form struct{ how, text string }

// forms are the ways in which a value may be written. Base64 has three, by
// what stands before the value; of each only the characters that do not depend
// on its neighbours count.
func forms(value string) []form {
	backwards := []rune(value)
	slices.Reverse(backwards)
	quoted, _ := json.Marshal(value)
	var percent, x, u strings.Builder
	for _, b := range []byte(value) {
		fmt.Fprintf(&percent, "%%%02X", b)
		fmt.Fprintf(&x, "\\x%02x", b)
		fmt.Fprintf(&u, "\\u%04x", b)
	}
	all := []form{
		{"", value},
		{", as JSON writes it", strings.Trim(string(quoted), `"`)},
		{", as HTML writes it", html.EscapeString(value)},
		{", URL-encoded", url.QueryEscape(value)},
		{", URL-encoded", url.PathEscape(value)},
		{", URL-encoded", percent.String()},
		{", escaped", x.String()},
		{", escaped", u.String()},
		{", in hexadecimal", hex.EncodeToString([]byte(value))},
		{", in hexadecimal", strings.ToUpper(hex.EncodeToString([]byte(value)))},
		{", backwards", string(backwards)},
	}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before, unstable := range []int{0, 2, 3} {
			bytes := append(make([]byte, before), value...)
			text := encoding.EncodeToString(bytes)[unstable:]
			if len(bytes)%3 != 0 {
				text = text[:len(text)-1]
			}
			all = append(all, form{", in base64", text})
		}
	}
	return all
}

// The shapes of Scalekit's client and webhook secrets (spec/oauth.md 0.2).
var shapes = []struct {
	what    string
	pattern *regexp.Regexp
}{
	{"a Scalekit client secret", regexp.MustCompile(`(?:^|[^A-Za-z0-9_])((?:test|prod|prd)_[A-Za-z0-9_-]{24,})`)},
	{"a webhook secret", regexp.MustCompile(`(?:^|[^A-Za-z0-9_])(whsec_[A-Za-z0-9+/]{24,}={0,2})`)},
}

// Shapes returns what in text looks like a secret: what it would be, and the
// value itself, which must not be shown.
func Shapes(text string) (found []Secret) {
	for _, shape := range shapes {
		for _, match := range shape.pattern.FindAllStringSubmatch(text, -1) {
			_, random, _ := strings.Cut(match[1], "_")
			if looksRandom(random) && !slices.ContainsFunc(found, func(s Secret) bool { return s.Value == match[1] }) {
				found = append(found, Secret{shape.what, match[1]})
			}
		}
	}
	return found
}

// looksRandom tells a key from an identifier in a program: both cases, digits,
// and no letter too often (3.5 bits of entropy a character).
func looksRandom(text string) bool {
	if !strings.ContainsAny(text, "0123456789") || strings.ToLower(text) == text || strings.ToUpper(text) == text {
		return false
	}
	count := map[rune]float64{}
	for _, r := range text {
		count[r]++
	}
	bits := 0.0
	for _, n := range count {
		p := n / float64(len(text))
		bits -= p * math.Log2(p)
	}
	return bits >= 3.5
}
