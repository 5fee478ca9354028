package readiness

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// NewRunID makes an id that sorts by time and that nobody else has.
func NewRunID(now time.Time) string {
	return now.UTC().Format("20060102-150405-") + strings.ToLower(rand.Text()[:6])
}

func validRunID(id string) bool {
	return regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`).MatchString(id)
}

// slug is a short name that is safe in any file system and URL. Names that
// lose something by the shortening stay different by a digest.
func slug(name string) string {
	const longest = 48
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	s := strings.Join(words, "-")
	if len(s) <= longest && s != "" {
		return s
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return strings.Trim(s[:min(len(s), longest-9)], "-") + fmt.Sprintf("-%08x", h.Sum32())
}

// pointTo makes <reports>/<name> a link to a run. The link is relative, so that
// the folder can be moved, and it is replaced in one step.
func pointTo(reports, name, id string) error {
	link := filepath.Join(reports, name)
	if info, err := os.Lstat(link); err == nil && info.IsDir() {
		// An unpacked archive holds copies instead of links. Nothing else is ours to remove.
		if _, err := Load(filepath.Join(link, "result.json")); err != nil {
			return fmt.Errorf("the folder %q there is not a report", name)
		}
		if err := os.RemoveAll(link); err != nil {
			return err
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	tmp := filepath.Join(reports, "."+name+"-"+id)
	if err := os.Symlink(filepath.Join("runs", id), tmp); err != nil {
		return err
	}
	return os.Rename(tmp, link)
}

// seconds rounds to milliseconds: more is noise.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

// clip bounds a text of a deployment or a check: the result stays readable.
func clip(s string) string {
	const most = 32 << 10
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + fmt.Sprintf("\n… (%d bytes more)", len(s)-cut)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}
