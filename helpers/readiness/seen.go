package readiness

import (
	"path/filepath"
	"regexp"
	"strings"
)

var (
	label         = regexp.MustCompile(`^\s*(Error Trace|Error|Test|Messages):\s+(.*)$`)
	continuation  = regexp.MustCompile(`^\s*\t {8,}\t(.*)$`)
	expectedLine  = regexp.MustCompile(`(?m)^\s*expected\s*: (.*)$`)
	inOneSentence = regexp.MustCompile(`^expected (.+?); ((?:it|saw|seen|twice) .+)`)
	seenLine      = regexp.MustCompile(`(?m)^\s*(?:saw|seen|actual)\s*: +(.*)$`)
)

// plainly turns what the assertion library says into what a person reads: the
// message, what was wrong, and the line of the check. Other text stays.
func plainly(output string) string {
	var b strings.Builder
	parts, last := map[string][]string{}, ""
	flush := func() {
		if last == "" {
			return
		}
		said := append(parts["Messages"], indented(parts["Error"], len(parts["Messages"]) > 0)...)
		for _, at := range parts["Error Trace"] {
			if at = strings.TrimSpace(at); at != "" {
				said = append(said, "  at "+filepath.Base(at))
			}
		}
		b.WriteString(strings.Join(said, "\n") + "\n")
		parts, last = map[string][]string{}, ""
	}
	for row := range strings.Lines(output) {
		row = strings.TrimRight(row, "\n")
		if m := label.FindStringSubmatch(row); m != nil && (last != "" || m[1] == "Error Trace") {
			if m[1] == "Error Trace" {
				flush()
			}
			last = m[1]
			parts[last] = append(parts[last], strings.TrimRight(m[2], " \t"))
			continue
		}
		if m := continuation.FindStringSubmatch(row); m != nil && last != "" {
			parts[last] = append(parts[last], strings.TrimRight(m[1], " \t"))
			continue
		}
		flush()
		b.WriteString(row + "\n")
	}
	flush()
	return strings.TrimSpace(b.String())
}

func indented(rows []string, deeper bool) (out []string) {
	for _, row := range rows {
		if deeper && row != "" {
			row = "  " + row
		}
		out = append(out, row)
	}
	return out
}

// expectedAndSeen takes the two apart where a check said both in one text. Where
// it did not, a case's name is what was expected: it is a sentence of observable
// behaviour.
func expectedAndSeen(name, output string) (expected, seen string) {
	e, s := expectedLine.FindStringSubmatch(output), seenLine.FindStringSubmatch(output)
	if e != nil && s != nil {
		return strings.TrimSpace(e[1]), strings.TrimSpace(s[1])
	}
	if m := inOneSentence.FindStringSubmatch(strings.TrimSpace(output)); m != nil {
		return strings.TrimSpace(m[1]), strings.TrimSpace(m[2])
	}
	var rows []string
	for row := range strings.Lines(strings.TrimSpace(output)) {
		if row = strings.TrimRight(row, "\n"); !strings.HasPrefix(row, "  at ") {
			rows = append(rows, row)
		}
		if len(rows) == 3 {
			break
		}
	}
	if len(rows) == 0 {
		return "", ""
	}
	return name, strings.Join(rows, "\n")
}
