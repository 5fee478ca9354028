package readiness

import (
	"bytes"
	"encoding/json"
	"strings"
)

// json redacts a JSON document or a file of JSON lines. Only strings change, so
// that it stays valid and a trace can still be opened. It returns the very same
// bytes where nothing had to change.
func (r *Redactor) json(data []byte) []byte {
	if json.Valid(data) {
		return r.document(data)
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	for i, l := range lines {
		body := bytes.TrimRight(l, "\r\n")
		if len(body) > 0 && json.Valid(body) {
			lines[i] = append(bytes.TrimRight(r.document(body), "\n"), l[len(body):]...)
		} else {
			lines[i] = []byte(r.String(string(l)))
		}
	}
	return bytes.Join(lines, nil)
}

func (r *Redactor) document(data []byte) []byte {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // numbers come out as they went in
	var v any
	if err := dec.Decode(&v); err != nil {
		return []byte(r.String(string(data)))
	}
	w := walker{r: r}
	v = w.value("", v, false)
	if !w.changed {
		return data
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if bytes.Contains(data, []byte("\n  ")) {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		return []byte(mask)
	}
	return out.Bytes()
}

// walker goes through a decoded document.
type walker struct {
	r       *Redactor
	changed bool
}

// value redacts what stands under a member name. In a list of cookies every
// value is a secret.
func (w *walker) value(name string, v any, cookies bool) any {
	switch v := v.(type) {
	case string:
		return w.text(name, v)
	case []any:
		for i := range v {
			v[i] = w.value(name, v[i], cookies)
		}
	case map[string]any:
		secret := secretField(v)
		header, _ := v["name"].(string)
		for key, member := range v {
			text, isText := member.(string)
			switch {
			case isText && text != "" && isValueOf(key) && (secret || cookies):
				v[key] = w.put(text, mask)
			case isText && key == "value" && secretHeader(header):
				v[key] = w.put(text, maskHeader(header, text))
			default:
				v[key] = w.value(key, member, key == "cookies")
			}
		}
	}
	return v
}

func (w *walker) text(name, s string) string {
	lower := strings.ToLower(name)
	switch {
	case s == "":
		return s
	case secretHeader(lower):
		return w.put(s, maskHeader(lower, s))
	case secretName(lower):
		return w.put(s, mask)
	case lower == "message" && strings.HasPrefix(strings.TrimSpace(s), `fill("`):
		return w.put(s, `fill("`+mask+`")`) // Playwright's log of what it typed, without the field's name
	default:
		return w.put(s, w.r.String(s))
	}
}

func (w *walker) put(old, now string) string {
	w.changed = w.changed || old != now
	return now
}

func isValueOf(key string) bool { return key == "value" || key == "__playwright_value_" }

// secretField reports whether an object with a value describes a secret field:
// a form parameter, an input of a page snapshot, a step that fills a field in.
func secretField(v map[string]any) bool {
	get := func(key string) string { s, _ := v[key].(string); return s }
	if secretKey(get("name")) || strings.EqualFold(get("type"), "password") || secretAutocomplete(get("autocomplete")) {
		return true
	}
	selector := strings.ToLower(get("selector"))
	for _, word := range []string{"password", "passwd", "otp", "code", "token", "secret", "pin-input"} {
		if strings.Contains(selector, word) {
			return true
		}
	}
	return false
}
