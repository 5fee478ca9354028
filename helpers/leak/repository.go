package leak

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Repository reads every line that was ever added in any branch of the git
// repository in folder, and says which secrets are in which file, and whether
// they still stand in the tree. The error says that the repository cannot be
// read.
func (f *Finder) Repository(ctx context.Context, folder string) (found []string, commits int, err error) {
	log, err := git(ctx, folder, "log", "--all", "--diff-merges=first-parent", "-p", "-U0", "--no-color", "--no-ext-diff", "--no-textconv", "--format=commit %H")
	if err != nil {
		return nil, 0, err
	}
	commit, file := "", ""
	lines := bufio.NewScanner(bytes.NewReader(log))
	lines.Buffer(nil, 64<<20)
	seen := map[string]bool{}
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "commit "):
			commit = strings.TrimPrefix(line, "commit ")
			commits++
		case strings.HasPrefix(line, "+++ "):
			file = strings.TrimPrefix(strings.TrimPrefix(line, "+++ "), "b/")
		case strings.HasPrefix(line, "+"):
			for _, what := range f.In(line[1:]) {
				if key := what + "\x00" + file; !seen[key] {
					seen[key] = true
					found = append(found, fmt.Sprintf("%s is in %s (%s)", what, file, f.whereNow(ctx, folder, commit, file, what)))
				}
			}
		}
	}
	return found, commits, lines.Err()
}

// whereNow says whether a finding still stands in the tree.
func (f *Finder) whereNow(ctx context.Context, folder, commit, file, what string) string {
	if text, err := git(ctx, folder, "show", "HEAD:"+file); err == nil && slices.Contains(f.In(string(text)), what) {
		return "in the tree"
	}
	return "in the history: commit " + commit[:min(len(commit), 10)]
}

// git reads a repository without running anything that its settings name.
func git(ctx context.Context, folder string, args ...string) ([]byte, error) {
	all := append([]string{"-C", folder, "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "--no-pager"}, args...)
	cmd := exec.CommandContext(ctx, "git", all...) //nolint:gosec // the command is ours, the folder is the user's own
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git cannot read %s: %s", folder, strings.TrimSpace(stderr.String()+" ("+err.Error()+")"))
	}
	return out, nil
}

// ErrNoScanner says that gitleaks is not on this machine.
var ErrNoScanner = errors.New("gitleaks is not at hand: put it in PATH, or run `make gitleaks` once")

// Scan lets gitleaks read the whole history of the repository in folder with
// its own rules and those in rules, unless the repository brings rules of its
// own. It returns what was found, without the values. built is where `make
// gitleaks` puts it, for machines that have none in PATH.
func Scan(ctx context.Context, folder, rules, built string) (found []string, err error) {
	args := []string{"git", "--no-banner", "--redact", "--report-format", "json", "--report-path", "-", "--exit-code", "0", "--log-level", "error"}
	if _, err := os.Stat(filepath.Join(folder, ".gitleaks.toml")); err != nil {
		args = append(args, "--config", rules)
	}
	args = append(args, folder)
	path, err := exec.LookPath("gitleaks")
	if err != nil {
		path = built
	}
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // found in PATH, or built by us
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrNoScanner, strings.TrimSpace(stderr.String()+" ("+err.Error()+")"))
	}
	var findings []struct{ RuleID, File, Commit string }
	if err := json.Unmarshal(out, &findings); err != nil {
		return nil, fmt.Errorf("gitleaks reported what is not its JSON: %w", err)
	}
	for _, one := range findings {
		found = append(found, fmt.Sprintf("%s in %s, commit %s", one.RuleID, one.File, one.Commit[:min(len(one.Commit), 10)]))
	}
	return found, nil
}
