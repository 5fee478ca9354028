package readiness

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
)

// dictionary finds thousands of values in one pass over a text: a rolling hash
// of six bytes asks a bitmap whether a value may begin here, and only then a
// map. Adding a value costs nothing but its own entries.
type dictionary struct {
	bits  [1 << bitmapBits / 64]uint64
	forms map[uint64]*bucket // by their first six bytes
	seen  map[string]bool
}

// bucket holds the forms that begin alike, as tokens of one kind do.
type bucket struct {
	lengths []int // the longest first
	texts   map[string]form
}

// form is one way in which a value is written.
type form struct {
	text string
	kind string // plain, url, json, html, mail, hex or base64
	// word is set for short values, such as the six digits of a one-time code:
	// they count only where no letter or digit touches them.
	word bool
}

const (
	bitmapBits = 19
	window     = 1<<(8*shortest) - 1
)

func newDictionary() *dictionary {
	return &dictionary{forms: map[uint64]*bucket{}, seen: map[string]bool{}}
}

func slot(h uint64) uint64 { return h * 0x9E3779B97F4A7C15 >> (64 - bitmapBits) }

func firstBytes(s string) (h uint64) {
	for i := range shortest {
		h = h<<8 | uint64(s[i])
	}
	return h
}

func (d *dictionary) learn(value string) {
	if d.seen[value] {
		return
	}
	d.seen[value] = true
	for _, f := range formsOf(value) {
		h := firstBytes(f.text)
		b := d.forms[h]
		if b == nil {
			b = &bucket{texts: map[string]form{}}
			d.forms[h] = b
		}
		b.texts[f.text] = f
		if at, ok := slices.BinarySearchFunc(b.lengths, len(f.text), func(a, b int) int { return b - a }); !ok {
			b.lengths = slices.Insert(b.lengths, at, len(f.text))
		}
		d.bits[slot(h)/64] |= 1 << (slot(h) % 64)
	}
}

// formsOf lists how a value is written in plain text, URLs, JSON, HTML, mails,
// hex and base64, there also in the middle of something longer.
func formsOf(value string) (forms []form) {
	word := len(value) < 12 && strings.IndexFunc(value, func(r rune) bool { return r > 127 || !wordByte(byte(r)) }) < 0
	add := func(kind, text string, word bool) {
		if len(text) >= shortest && !slices.ContainsFunc(forms, func(f form) bool { return f.text == text }) {
			forms = append(forms, form{text: text, kind: kind, word: word})
		}
	}
	add("plain", value, word)
	for _, encoded := range []string{url.QueryEscape(value), url.PathEscape(value)} {
		add("url", encoded, word)
		add("url", lowerHex(encoded), word)
		add("url", url.QueryEscape(encoded), word)
	}
	if quoted, err := json.Marshal(value); err == nil {
		inner := string(quoted[1 : len(quoted)-1])
		add("json", inner, word)
		add("json", strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(inner), word) // JSON in JSON
	}
	slashes := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	add("json", slashes.Replace(value), word)
	add("json", slashes.Replace(slashes.Replace(value)), word)
	add("json", strings.ReplaceAll(value, "/", `\/`), word)
	add("json", strings.ReplaceAll(slashes.Replace(value), "/", `\/`), word)
	add("html", html.EscapeString(value), word)
	text := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	add("html", text.Replace(value), word)                                    // as browsers write text,
	add("html", strings.ReplaceAll(text.Replace(value), `"`, "&quot;"), word) // and attributes
	add("mail", strings.ReplaceAll(value, "=", "=3D"), word)                  // quoted-printable
	add("hex", hex.EncodeToString([]byte(value)), false)
	add("hex", strings.ToUpper(hex.EncodeToString([]byte(value))), false)
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if len(value) < 12 {
			add("base64", enc.EncodeToString([]byte(value)), true)
			continue
		}
		for before := range 3 { // bytes before the value shift its bits
			all := enc.EncodeToString(append(make([]byte, before), value...))
			own := all[(before*8+5)/6 : (before+len(value))*8/6]
			add("base64", own, false)
		}
	}
	return forms
}

// lowerHex writes %2F as %2f.
func lowerHex(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], strings.ToLower(string(b[i+1:i+3])))
			i += 2
		}
	}
	return string(b)
}

// find returns the first known value at or after from.
func (d *dictionary) find(s string, from int) (start, end int, kind string, ok bool) {
	if len(s)-from < shortest || len(d.forms) == 0 {
		return 0, 0, "", false
	}
	var h uint64
	for i := from; i < len(s); i++ {
		h = (h<<8 | uint64(s[i])) & window
		at := i - shortest + 1
		if at < from {
			continue
		}
		if k := slot(h); d.bits[k/64]&(1<<(k%64)) == 0 {
			continue
		}
		b := d.forms[h]
		if b == nil {
			continue
		}
		for _, n := range b.lengths {
			if at+n > len(s) {
				continue
			}
			if f, ok := b.texts[s[at:at+n]]; ok && (!f.word || standsAlone(s, at, at+n)) {
				return at, at + n, f.kind, true
			}
		}
	}
	return 0, 0, "", false
}

// standsAlone reports whether s[from:to] is a word. An escape before it, as in
// %3D123456 or \n123456, is no part of the word.
func standsAlone(s string, from, to int) bool {
	if to < len(s) && wordByte(s[to]) {
		return false
	}
	if from == 0 || !wordByte(s[from-1]) {
		return true
	}
	return from >= 2 && s[from-2] == '\\' || from >= 3 && s[from-3] == '%'
}

func wordByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func (d *dictionary) replace(s string) string {
	var out strings.Builder
	done := 0
	for {
		start, end, _, ok := d.find(s, done)
		if !ok {
			break
		}
		out.WriteString(s[done:start])
		out.WriteString(mask)
		done = end
	}
	if done == 0 {
		return s
	}
	out.WriteString(s[done:])
	return out.String()
}
