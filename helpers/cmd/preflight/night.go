package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// staleAfter is when the last nightly run is too old: one that is a little late
// is none that was missed.
const staleAfter = 36 * time.Hour

// night keeps the one issue that tells of the nightly runs: after a run, by its
// result; with -stale, by how long ago the last whole run was.
func night(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("night", flag.ContinueOnError)
	flags.SetOutput(stderr)
	stale := flags.Bool("stale", false, "look only whether the last whole run is too old")
	most := flags.Duration("most", staleAfter, "how old it may be")
	dry := flags.Bool("n", false, "say what would be done about the issue, as if none were open")
	if flags.Parse(args) != nil || flags.NArg() > 1 {
		return wrongly(stderr)
	}
	folder := flags.Arg(0)
	if folder == "" {
		var err error
		if folder, err = reportsFolder(); err != nil {
			return trouble(stderr, err)
		}
	}
	decide, err := decision(folder, *stale, *most)
	if err != nil {
		return trouble(stderr, err)
	}
	if *dry {
		move := decide(nil)
		fmt.Fprintf(stdout, "%s\n%s\n\n%s%s\n", move.Kind, move.Title, move.Body, move.Comment)
		return 0
	}
	repository, err := tracker(os.Getenv)
	if err != nil {
		return trouble(stderr, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	open, err := repository.ticket(ctx)
	if err != nil {
		return trouble(stderr, err)
	}
	move := decide(open)
	if err := repository.make(ctx, move, open); err != nil {
		return trouble(stderr, err)
	}
	fmt.Fprintln(stdout, strings.TrimSpace("issue: "+string(move.Kind)+" "+move.Title+move.Comment))
	return 0
}

// decision reads what a run left and returns what is to be done about a ticket.
func decision(folder string, stale bool, most time.Duration) (func(*readiness.Ticket) readiness.Move, error) {
	if stale {
		last, err := readiness.LastWhole(folder)
		return func(open *readiness.Ticket) readiness.Move {
			return readiness.Stale(last, time.Now(), most, open)
		}, err
	}
	result, err := load(filepath.Join(folder, "latest"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return func(open *readiness.Ticket) readiness.Move {
		return readiness.Night(result, open, runAddress(os.Getenv))
	}, nil
}

// age says in the log of a job when the last whole run is too old. It exits 1
// then, 0 otherwise.
func age(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("age", flag.ContinueOnError)
	flags.SetOutput(stderr)
	most := flags.Duration("most", staleAfter, "how old it may be")
	if flags.Parse(args) != nil || flags.NArg() > 1 {
		return wrongly(stderr)
	}
	folder := flags.Arg(0)
	if folder == "" {
		var err error
		if folder, err = reportsFolder(); err != nil {
			return trouble(stderr, err)
		}
	}
	last, err := readiness.LastWhole(folder)
	if err != nil {
		return trouble(stderr, err)
	}
	if text := readiness.Age(last, time.Now(), *most); text != "" {
		fmt.Fprintln(stdout, text+".")
		return 1
	}
	fmt.Fprintln(stdout, "The last whole run began "+last.UTC().Format("2 January 2006, 15:04 MST")+".")
	return 0
}

// runAddress is the page of the workflow run, where there is one.
func runAddress(get func(string) string) string {
	if get("GITHUB_RUN_ID") == "" {
		return ""
	}
	return get("GITHUB_SERVER_URL") + "/" + get("GITHUB_REPOSITORY") + "/actions/runs/" + get("GITHUB_RUN_ID")
}

// issues is the tracker of one repository: GitHub's REST API, as its runners
// describe it.
type issues struct{ base, token string }

func tracker(get func(string) string) (issues, error) {
	for _, name := range []string{"GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN"} {
		if get(name) == "" {
			return issues{}, fmt.Errorf("%s is not set: this runs in a GitHub workflow; -n says what would be done", name)
		}
	}
	return issues{get("GITHUB_API_URL") + "/repos/" + get("GITHUB_REPOSITORY"), get("GITHUB_TOKEN")}, nil
}

// mostPages is how many pages of open issues are looked through.
const mostPages = 10

// ticket finds the open issue that this command made: by its mark, and only
// among those of people and programs of the repository.
func (i issues) ticket(ctx context.Context) (*readiness.Ticket, error) {
	for page := 1; page <= mostPages; page++ {
		var found []struct {
			Number      int
			Body        string
			Association string    `json:"author_association"`
			PullRequest *struct{} `json:"pull_request"`
			User        struct{ Type string }
		}
		if err := i.call(ctx, http.MethodGet, fmt.Sprintf("/issues?state=open&per_page=100&page=%d", page), nil, &found); err != nil {
			return nil, err
		}
		for _, one := range found {
			ours := one.User.Type == "Bot" || one.Association == "OWNER" || one.Association == "MEMBER" || one.Association == "COLLABORATOR"
			if one.PullRequest == nil && ours && readiness.IsTicket(one.Body) {
				return &readiness.Ticket{Number: one.Number, Body: one.Body}, nil
			}
		}
		if len(found) < 100 {
			break
		}
	}
	return nil, nil
}

// make does what was decided.
func (i issues) make(ctx context.Context, move readiness.Move, open *readiness.Ticket) error {
	if move.Kind == readiness.Nothing {
		return nil
	}
	if move.Kind == readiness.Open {
		return i.call(ctx, http.MethodPost, "/issues", map[string]any{"title": move.Title, "body": move.Body}, nil)
	}
	change := map[string]any{"title": move.Title, "body": move.Body}
	if move.Kind == readiness.Close {
		change = map[string]any{"state": "closed", "state_reason": "completed"}
	}
	path := fmt.Sprintf("/issues/%d", open.Number)
	if err := i.call(ctx, http.MethodPost, path+"/comments", map[string]any{"body": move.Comment}, nil); err != nil {
		return err
	}
	return i.call(ctx, http.MethodPatch, path, change, nil)
}

func (i issues) call(ctx context.Context, method, path string, body, answer any) error {
	var text io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		text = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, i.base+path, text)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+i.token)
	request.Header.Set("Accept", "application/vnd.github+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("the issues cannot be reached: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(response.Body, 32<<20))
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		var said struct{ Message string }
		_ = json.Unmarshal(data, &said)
		return fmt.Errorf("%s %s was answered %d %s: does the job have the permission issues: write?", method, path, response.StatusCode, said.Message)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(data, answer)
}
