package observe

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Series chooses samples: those of a metric whose labels have these values.
// Other labels may have any.
type Series struct {
	Name   string
	Labels map[string]string
}

// ParseSeries reads name or name{label="value",…}, with the placeholders
// already replaced.
func ParseSeries(text string) (Series, error) {
	name, rest, more := strings.Cut(text, "{")
	s := Series{Name: strings.TrimSpace(name), Labels: map[string]string{}}
	if !more {
		return s, nil
	}
	labels, _, err := readLabels(rest)
	if err != nil {
		return s, fmt.Errorf("%q is no series: %w", text, err)
	}
	s.Labels = labels
	return s, nil
}

// Sum adds up the samples of a series in an exposition (Prometheus text format
// 0.0.4 or OpenMetrics 1.0). found is false where there is none: a counter that
// was never moved need not be there.
func Sum(exposition string, series Series) (sum float64, found bool, err error) {
	for line := range strings.Lines(exposition) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || !strings.HasPrefix(line, series.Name) {
			continue
		}
		name := metricName.FindString(line)
		if name != series.Name {
			continue
		}
		rest, labels := line[len(name):], map[string]string{}
		if strings.HasPrefix(rest, "{") {
			if labels, rest, err = readLabels(rest[1:]); err != nil {
				return 0, false, fmt.Errorf("a line of the metrics cannot be read: %w", err)
			}
		}
		if !series.fits(labels) {
			continue
		}
		value, _, _ := strings.Cut(strings.TrimSpace(rest), " ") // a timestamp and an exemplar may follow
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, false, fmt.Errorf("a line of the metrics has no value: %.60s", line)
		}
		sum, found = sum+number, true
	}
	return sum, found, nil
}

var metricName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*`)

func (s Series) fits(labels map[string]string) bool {
	for name, value := range s.Labels {
		if labels[name] != value {
			return false
		}
	}
	return true
}

// readLabels reads label="value",… up to the closing brace and returns what
// follows it.
func readLabels(text string) (labels map[string]string, rest string, err error) {
	labels = map[string]string{}
	for {
		text = strings.TrimLeft(text, " ,\t")
		if strings.HasPrefix(text, "}") {
			return labels, text[1:], nil
		}
		name, after, found := strings.Cut(text, "=")
		after = strings.TrimLeft(after, " ")
		if !found || !strings.HasPrefix(after, `"`) {
			return nil, "", fmt.Errorf("a label needs the form name=%q", "value")
		}
		var value strings.Builder
		at, closed := 1, false
		for at < len(after) && !closed {
			switch c := after[at]; {
			case c == '\\' && at+1 < len(after):
				at++
				if after[at] == 'n' {
					value.WriteByte('\n')
				} else {
					value.WriteByte(after[at])
				}
			case c == '"':
				closed = true
			default:
				value.WriteByte(c)
			}
			at++
		}
		if !closed {
			return nil, "", fmt.Errorf("the value of the label %s has no end", strings.TrimSpace(name))
		}
		labels[strings.TrimSpace(name)], text = value.String(), after[at:]
	}
}
