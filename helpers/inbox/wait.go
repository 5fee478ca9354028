package inbox

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

const (
	firstPause  = 100 * time.Millisecond
	lastPause   = time.Second
	patience    = time.Minute     // where the caller sets no deadline
	reportLimit = 5 * time.Second // to say what did arrive
)

func (m *mailpit) Wait(ctx context.Context, match Match) (Message, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	start := time.Now()
	var unwanted []string // subjects of mails that match did not want
	var trouble error     // the last answer of the inbox, if it was none
	judged := map[string]bool{}
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		found, err := m.search(ctx, match.To)
		for _, s := range found {
			if judged[s.ID] || match.Since.seen[s.ID] {
				continue
			}
			var message Message
			if message, err = m.read(ctx, s); err != nil {
				break
			}
			judged[s.ID] = true
			if match.Wanted == nil || match.Wanted(message) {
				return message, nil
			}
			unwanted = append(unwanted, quiet(s.Subject))
		}
		if final := (*answerError)(nil); errors.As(err, &final) {
			return Message{}, err
		}
		if ctx.Err() == nil {
			trouble = err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return Message{}, m.nothing(ctx, match.To, time.Since(start), unwanted, trouble)
		}
	}
}

// nothing is the error of a mail that did not come: with what did, which is
// the line that helps most when mail is late or goes astray.
func (m *mailpit) nothing(ctx context.Context, to string, waited time.Duration, unwanted []string, trouble error) error {
	if trouble != nil {
		return fmt.Errorf("no mail to %s in %s: %w", to, waited.Round(time.Millisecond), trouble)
	}
	text := fmt.Sprintf("no such mail to %s came in %s", to, waited.Round(time.Millisecond))
	if len(unwanted) > 0 {
		text += "; to that address came only " + strings.Join(unwanted, ", ")
	}
	later, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportLimit)
	defer cancel()
	newest, err := m.newest(later, "5")
	switch {
	case err != nil:
		text += "; " + err.Error()
	case len(newest) == 0:
		text += "; the inbox is empty: does the deployment send its mails there?"
	default:
		var others []string
		for _, s := range newest {
			var to []string
			for _, p := range s.To {
				to = append(to, mask(p.Address))
			}
			others = append(others, quiet(s.Subject)+" to "+strings.Join(to, " and "))
		}
		text += "; the newest in the inbox: " + strings.Join(others, ", ")
	}
	if cause := ctx.Err(); errors.Is(cause, context.Canceled) {
		return fmt.Errorf("%s: %w", text, cause)
	}
	return errors.New(text)
}

// mask keeps an address recognizable to those who know it.
func mask(address string) string {
	local, domain, _ := strings.Cut(address, "@")
	if len(local) > 3 {
		local = local[:2] + "…" + local[len(local)-1:]
	} else {
		local = "…"
	}
	return local + "@" + domain
}

var digits = regexp.MustCompile(`\d{4,}`)

// quiet quotes a subject without the codes that some deployments put there.
func quiet(subject string) string { return `"` + digits.ReplaceAllString(subject, "…") + `"` }
