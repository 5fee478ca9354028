package observe

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"time"
)

// Runbook is a document in which somebody looks when nobody can sign in.
type Runbook struct {
	Text string // its words, without markup
	// Words are patterns for what it calls contacts, roll-back, escalation and
	// the review, in this order.
	Words []string
}

// The duties of a runbook, in the order of Words.
const (
	Contacts = iota
	RollBack
	Escalation
	Review
)

var (
	// reachable is how people are reached: an address, a number, a page.
	reachable = regexp.MustCompile(`[\w.+-]+@[\w-]+(\.[\w-]+)+|\+?\d[\d ()/.-]{6,}\d|https?://\S+|[#@][\w-]{3,}`)
	// unfinished marks what somebody wanted to write later.
	unfinished = regexp.MustCompile(`(?i)\b(tbd|todo|to be (defined|done|decided|added)|fixme|xxx+|lorem ipsum)\b|<[a-z ]+>|\[[a-z ]+ here\]`)
	isoDate    = regexp.MustCompile(`\b\d{4}-\d{2}-\d{2}\b`)
	longDate   = regexp.MustCompile(`\b(\d{1,2}\.? )?(January|February|March|April|May|June|July|August|September|October|November|December) (\d{1,2}, )?\d{4}\b`)
)

// Missing says what the runbook lacks, in sentences; none: it is whole. now is
// when it is looked at, maxAge how long ago the review may be.
func (r Runbook) Missing(now time.Time, maxAge time.Duration) (lacks []string) {
	names := []string{"whom to contact", "how to roll back", "the escalation path"}
	for duty := Contacts; duty <= Escalation; duty++ {
		passages, err := r.about(duty)
		switch {
		case err != nil:
			lacks = append(lacks, err.Error())
		case len(passages) == 0:
			lacks = append(lacks, fmt.Sprintf("it does not say %s: nothing in it matches %q", names[duty], r.word(duty)))
		case duty == Contacts && !reachable.MatchString(strings.Join(passages, "\n")):
			lacks = append(lacks, "nobody in it can be reached: beside the contacts stands no address, number or link")
		}
	}
	if found := unfinished.FindString(r.Text); found != "" {
		lacks = append(lacks, fmt.Sprintf("it is not finished: it says %q", found))
	}
	return append(lacks, r.review(now, maxAge)...)
}

func (r Runbook) review(now time.Time, maxAge time.Duration) []string {
	passages, err := r.about(Review)
	if err != nil {
		return []string{err.Error()}
	}
	var latest time.Time
	for _, passage := range passages {
		for _, day := range dates(passage) {
			if day.After(latest) && !day.After(now.Add(24*time.Hour)) {
				latest = day
			}
		}
	}
	switch {
	case latest.IsZero():
		return []string{fmt.Sprintf("it does not say when it was reviewed: no date such as 2026-01-31 stands beside %q", r.word(Review))}
	case now.Sub(latest) > maxAge:
		return []string{fmt.Sprintf("it was reviewed on %s, %d days ago; PREFLIGHT_RUNBOOK_MAX_AGE allows %d", latest.Format(time.DateOnly), days(now.Sub(latest)), days(maxAge))}
	}
	return nil
}

// dates reads the days that a text names.
func dates(text string) (all []time.Time) {
	for _, found := range isoDate.FindAllString(text, -1) {
		if day, err := time.Parse(time.DateOnly, found); err == nil {
			all = append(all, day)
		}
	}
	for _, found := range longDate.FindAllString(text, -1) {
		for _, layout := range []string{"2 January 2006", "2. January 2006", "January 2, 2006", "January 2006"} {
			if day, err := time.Parse(layout, found); err == nil {
				all = append(all, day)
			}
		}
	}
	return all
}

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }

func (r Runbook) word(duty int) string {
	if duty < len(r.Words) {
		return r.Words[duty]
	}
	return ""
}

// about returns what stands near each place where a duty is named: the line,
// and the lines after it.
func (r Runbook) about(duty int) (passages []string, err error) {
	const following = 12
	word := r.word(duty)
	if word == "" {
		return nil, fmt.Errorf("PREFLIGHT_RUNBOOK_WORDS holds fewer than four patterns")
	}
	pattern, err := regexp.Compile("(?i)" + word)
	if err != nil {
		return nil, fmt.Errorf("PREFLIGHT_RUNBOOK_WORDS holds %q, which is no pattern", word)
	}
	lines := strings.Split(r.Text, "\n")
	for i, line := range lines {
		if pattern.MatchString(line) {
			last := min(len(lines), i+1+following)
			if duty == Review {
				last = min(len(lines), i+2) // a date stands beside its word
			}
			passages = append(passages, strings.Join(lines[i:last], "\n"))
		}
	}
	return passages, nil
}

// Words are the words of a document: those of a page without its markup, line
// by line, or the text as it is.
func Words(text string) string {
	if !page.MatchString(text) {
		return text
	}
	text = hidden.ReplaceAllString(text, "")
	text = breaks.ReplaceAllString(text, "\n")
	return html.UnescapeString(markup.ReplaceAllString(text, ""))
}

var (
	page   = regexp.MustCompile(`(?i)<(!doctype html|html|body)`)
	hidden = regexp.MustCompile(`(?is)<(script|style|head)\b.*?</(script|style|head)>`)
	breaks = regexp.MustCompile(`(?i)<(br|/p|/h[1-6]|/li|/tr|/div|/td|/th)\b[^>]*>`)
	markup = regexp.MustCompile(`<[^>]*>`)
)
