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
	patience    = time.Minute     // where the caller sets no deadline
	reportLimit = 5 * time.Second // to say what did arrive
)

func (b *box) Wait(ctx context.Context, match Match) (Message, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	start := time.Now()
	var unwanted []string // subjects of mails that match did not want
	var trouble error     // the last answer of the inbox, if it was none
	judged := map[string]bool{}
	for pause := time.Duration(0); ; pause = pause * 3 / 2 {
		found, err := b.search(ctx, match.To)
		for _, e := range found {
			if judged[e.id] || match.Since.seen[e.id] {
				continue
			}
			var message Message
			if message, err = e.read(ctx); isGone(err) {
				judged[e.id], err = true, nil // somebody deleted it meanwhile
				continue
			} else if err != nil {
				break
			}
			judged[e.id] = true
			if match.Wanted == nil || match.Wanted(message) {
				return message, nil
			}
			unwanted = append(unwanted, quiet(e.subject))
		}
		if final := (*answerError)(nil); errors.As(err, &final) {
			return Message{}, err
		}
		if ctx.Err() == nil {
			trouble = err
		}
		least, most := b.pace() // some inboxes say in each answer what they like
		pause = min(max(pause, least), most)
		if busy := (*busyError)(nil); errors.As(err, &busy) {
			pause = max(pause, busy.after)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return Message{}, b.nothing(ctx, match.To, time.Since(start), unwanted, trouble)
		}
	}
}

// nothing is the error of a mail that did not come: with what did, which is
// the line that helps most when mail is late or goes astray.
func (b *box) nothing(ctx context.Context, to string, waited time.Duration, unwanted []string, trouble error) error {
	if trouble != nil {
		return fmt.Errorf("no mail to %s in %s: %w", to, waited.Round(time.Millisecond), trouble)
	}
	text := fmt.Sprintf("no such mail to %s came in %s", to, waited.Round(time.Millisecond))
	if len(unwanted) > 0 {
		text += "; to that address came only " + strings.Join(unwanted, ", ")
	}
	later, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportLimit)
	defer cancel()
	newest, err := b.newest(later, 5)
	switch {
	case err != nil:
		text += "; " + err.Error()
	case len(newest) == 0:
		text += "; the inbox is empty: does the deployment send its mails there?"
	default:
		var others []string
		for _, e := range newest {
			var to []string
			for _, address := range e.to {
				to = append(to, mask(address))
			}
			others = append(others, quiet(e.subject)+" to "+strings.Join(to, " and "))
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
