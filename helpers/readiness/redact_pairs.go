package readiness

import "strings"

// maskPairs hides values by the name that stands before them, in one pass over
// a text of any kind:
//
//	?code=…  &state=…  #access_token=…   queries, fragments, form bodies
//	%26code%3D…                          the same inside another parameter
//	"access_token": "…"                  JSON, also inside a JSON string
//	Cookie: a=…; b=…                     headers
func maskPairs(s string) string {
	var out strings.Builder
	done := 0
	for i := 0; i < len(s); {
		skip := strings.IndexAny(s[i:], "=:%")
		if skip < 0 {
			break
		}
		i += skip
		from, to, with := -1, -1, mask
		switch s[i] {
		case '=':
			from, to = plainPair(s, i, done)
		case '%':
			from, to = encodedPair(s, i, done)
		case ':':
			if from, to = jsonPair(s, i, done); from < 0 {
				from, to, with = headerPair(s, i, done)
			}
		}
		if from < 0 || s[from:to] == with {
			i = max(i+1, to)
			continue
		}
		out.WriteString(s[done:from])
		out.WriteString(with)
		done, i = to, to
	}
	if done == 0 {
		return s
	}
	out.WriteString(s[done:])
	return out.String()
}

// plainPair finds the value after the "=" at i.
func plainPair(s string, i, low int) (from, to int) {
	start := keyBefore(s, i, low)
	key := s[start:i]
	if start > 0 && s[start-1] == '\\' { // an ampersand in JSON: \u0026code=
		key = strings.TrimPrefix(strings.TrimPrefix(key, "u0026"), "u003f")
	} else if start > 0 && !strings.ContainsRune("?&#; \t\r\n\"'`([{,<>|", rune(s[start-1])) {
		return -1, -1
	}
	if !secretKey(key) {
		return -1, -1
	}
	end := i + 1
	for end < len(s) && !strings.ContainsRune("&\"'`<> \t\r\n#;)]},\\|", rune(s[end])) {
		end++
	}
	if strings.HasPrefix(s[i+1:], mask) { // its bracket would end the value
		return i + 1, i + 1 + len(mask)
	}
	if end == i+1 {
		return -1, -1
	}
	return i + 1, end
}

// encodedPair finds the value after a percent-encoded "=" at i, once or twice
// encoded.
func encodedPair(s string, i, low int) (from, to int) {
	rest := s[i+1:]
	for strings.HasPrefix(rest, "25") {
		rest = rest[2:]
	}
	if len(rest) < 2 || !strings.EqualFold(rest[:2], "3D") {
		return -1, -1
	}
	start := keyBefore(s, i, low)
	if start == 0 || s[start-1] != '%' {
		return -1, -1
	}
	key := s[start:i]
	for strings.HasPrefix(key, "25") {
		key = key[2:]
	}
	if len(key) < 3 || !secretKey(key[2:]) {
		return -1, -1
	}
	from = len(s) - len(rest) + 2
	to = from
	for to < len(s) {
		if s[to] == '%' {
			r := s[to+1:]
			for strings.HasPrefix(r, "25") {
				r = r[2:]
			}
			if len(r) < 2 || r[:2] == "26" || r[:2] == "23" {
				break
			}
			to += 3
			continue
		}
		if !isKeyByte(s[to]) && !strings.ContainsRune("~+/:[]", rune(s[to])) {
			break
		}
		to++
	}
	to = min(to, len(s))
	if from == to {
		return -1, -1
	}
	return from, to
}

// jsonPair finds the string that follows the colon at i, when a member name
// stands before it. Inside a JSON string the quotes carry backslashes.
func jsonPair(s string, i, low int) (from, to int) {
	k := i
	for k > low && (s[k-1] == ' ' || s[k-1] == '\t') {
		k--
	}
	if k == low || s[k-1] != '"' {
		return -1, -1
	}
	k--
	slashes := 0
	for k > low && s[k-1] == '\\' {
		k--
		slashes++
	}
	start := keyBefore(s, k, low)
	if start == k || start == 0 || s[start-1] != '"' {
		return -1, -1
	}
	name := strings.ToLower(s[start:k])
	if !secretName(name) && !secretHeader(name) {
		return -1, -1
	}
	open := i + 1
	for open < len(s) && (s[open] == ' ' || s[open] == '\t') {
		open++
	}
	quote := strings.Repeat(`\`, slashes) + `"`
	if !strings.HasPrefix(s[open:], quote) {
		return -1, -1
	}
	from = open + len(quote)
	for to = from; ; to++ {
		next := strings.IndexByte(s[to:], '"')
		if next < 0 {
			to = len(s)
			break
		}
		to += next
		run := 0
		for to-run > from && s[to-run-1] == '\\' {
			run++
		}
		// With n backslashes before the quote of this level, an escaped one has more.
		if run%(2*(slashes+1)) == slashes {
			to -= slashes
			break
		}
	}
	if from == to {
		return -1, -1
	}
	return from, to
}

// headerPair finds the value of the header whose name ends at the colon at i.
func headerPair(s string, i, low int) (from, to int, with string) {
	start := keyBefore(s, i, low)
	if start == i || !secretHeader(s[start:i]) {
		return -1, -1, mask
	}
	from = i + 1
	for from < len(s) && (s[from] == ' ' || s[from] == '\t' || s[from] == '[') {
		from++
	}
	var quote byte // a header in a program text ends with its string
	if from < len(s) && strings.IndexByte("\"'`", s[from]) >= 0 {
		quote = s[from]
		from++
	}
	to = from
	for to < len(s) && s[to] != '\n' && s[to] != '\r' && s[to] != '<' && (quote == 0 || s[to] != quote) {
		if s[to] == '\\' && to+1 < len(s) && (s[to+1] == 'n' || s[to+1] == 'r') {
			break
		}
		to++
	}
	if from == to {
		return -1, -1, mask
	}
	return from, to, maskHeader(s[start:i], s[from:to])
}

// keyBefore returns where the name that ends before i begins; not before low,
// which has been written already.
func keyBefore(s string, i, low int) int {
	for i > low && isKeyByte(s[i-1]) {
		i--
	}
	return i
}

func isKeyByte(c byte) bool {
	return c == '_' || c == '-' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
