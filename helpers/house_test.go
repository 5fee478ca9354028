// Package helpers_test holds the rules of the house that a compiler does not
// enforce (DESIGN.md, rules 1, 3 and 11).
package helpers_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/fixtures/checklist"
	"github.com/auth-preflight/auth-preflight/helpers/config"
)

const (
	module     = "github.com/auth-preflight/auth-preflight/"
	playwright = "github.com/playwright-community/playwright-go"
)

// The suite knows a deployment only by its variables.
func TestOnlyTestMainKnowsTheEmbeddedDeployment(t *testing.T) {
	t.Parallel()
	for file, imports := range importsBelow(t, "e2e", "helpers") {
		if file == "e2e/main_test.go" {
			continue
		}
		for _, path := range imports {
			assert.False(t, path == module+"fixtures/staging" || strings.HasPrefix(path, module+"fixtures/staging/"),
				"%s imports %s: a check learns about a deployment from variables only", file, path)
		}
	}
}

// The browser library has moved before and will again: one package knows it.
func TestOnlyOnePackageKnowsTheBrowserLibrary(t *testing.T) {
	t.Parallel()
	for file, imports := range importsBelow(t, "e2e", "helpers", "fixtures") {
		if filepath.Dir(file) == "helpers/browser" {
			continue
		}
		for _, path := range imports {
			assert.NotEqual(t, playwright, path, "%s imports playwright-go; only helpers/browser may", file)
		}
	}
}

// What signs must not also verify, or a bug cancels out.
func TestTheTwoSidesShareNoProtocolCode(t *testing.T) {
	t.Parallel()
	const deployment, suite = "the deployment's", "the suite's"
	side := map[string]string{
		"github.com/go-jose/go-jose/v4": deployment, "github.com/coreos/go-oidc/v3/oidc": deployment, "golang.org/x/oauth2": deployment,
		"github.com/crewjam/saml": deployment, "github.com/russellhaering/goxmldsig": deployment, "github.com/go-webauthn/webauthn/webauthn": deployment,
		"github.com/lestrrat-go/jwx/v3/jwt": suite, "github.com/lestrrat-go/jwx/v3/jws": suite, "github.com/descope/virtualwebauthn": suite,
	}
	for file, imports := range importsBelow(t, "e2e", "helpers", "fixtures") {
		if strings.HasPrefix(file, "helpers/") && strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "fixtures/") && strings.HasSuffix(file, "_test.go") {
			continue // a test may hold its own side against a third party
		}
		own := suite
		if strings.HasPrefix(file, "fixtures/") {
			own = deployment
		}
		for _, path := range imports {
			if whose, ok := side[path]; ok {
				assert.Equal(t, own, whose, "%s imports %s, which is %s library", file, path, whose)
			}
		}
	}
}

// A check that names a product has learned something about it.
func TestNothingNamesAProduct(t *testing.T) {
	t.Parallel()
	// Spelt in two halves, or this file would be one that names them.
	names := regexp.MustCompile("(?i)tide" + "pool|quill" + "work|drift" + "wood|\\bexp" + "ress\\b")
	for _, folder := range []string{"e2e", "helpers"} {
		require.NoError(t, filepath.WalkDir(filepath.Join("..", folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			for i, line := range strings.Split(string(text), "\n") {
				assert.False(t, names.MatchString(line), "%s:%d names a product: describe it by a variable", path, i+1)
			}
			return nil
		}))
	}
}

// Checks and helpers wait for facts.
func TestNothingSleeps(t *testing.T) {
	t.Parallel()
	sleep, wait := "time."+"Sleep(", "WaitFor"+"Timeout("
	for _, folder := range []string{"e2e", "helpers"} {
		for _, file := range goFiles(t, folder) {
			text, err := os.ReadFile(filepath.Join("..", file))
			require.NoError(t, err)
			assert.NotContains(t, string(text), sleep, file)
			assert.NotContains(t, string(text), wait, file)
		}
	}
}

// A compiled program in the history is there for ever, with the paths of the
// machine that made it.
func TestNothingCompiledIsKept(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(filepath.Join("..", ".git")); err != nil {
		t.Skip("these sources are no clone: nothing says which files are kept")
	}
	git := exec.CommandContext(t.Context(), "git", "ls-files", "--stage")
	git.Dir = ".."
	kept, err := git.Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(kept)) {
		about, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if !strings.HasPrefix(about, "100755 ") {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", file))
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(string(text), "#!"), "%s is a program and no script: git rm it, and name it in .gitignore", file)
	}
}

func importsBelow(t *testing.T, folders ...string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, folder := range folders {
		for _, file := range goFiles(t, folder) {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.ImportsOnly)
			require.NoError(t, err)
			for _, spec := range parsed.Imports {
				path, _ := strconv.Unquote(spec.Path.Value)
				found[file] = append(found[file], path)
			}
		}
	}
	require.NotEmpty(t, found, "Go files below %v", folders)
	return found
}

// goFiles lists the Go files below a folder of the module, as slash paths from
// the module's root.
func goFiles(t *testing.T, folder string) (files []string) {
	t.Helper()
	root := filepath.Join("..", folder)
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".go") {
			relative, _ := filepath.Rel("..", path)
			files = append(files, filepath.ToSlash(relative))
		}
		return err
	}))
	return files
}

// The README is the reference: every variable, item and command is in it.
func TestTheReadmeNamesEverything(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	require.NoError(t, err)
	readme := string(text)
	for _, variable := range config.Variables() {
		assert.Contains(t, readme, "`"+variable.Name+"`", "a variable")
	}
	for _, item := range checklist.All() {
		assert.Contains(t, readme, "`"+item.ID+"`", "an item of the checklist")
	}
	makefile, err := os.ReadFile(filepath.Join("..", "Makefile"))
	require.NoError(t, err)
	for _, target := range regexp.MustCompile(`(?m)^([a-z0-9-]+):.* ## `).FindAllSubmatch(makefile, -1) {
		assert.Contains(t, readme, "`make "+string(target[1]), "a command")
	}
}

// What the README says of checks is what e2e has.
func TestTheReadmeKnowsWhichItemsHaveACheck(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	require.NoError(t, err)
	checked := map[string]bool{}
	begins := regexp.MustCompile(`begin\(t, "([a-z]+/[a-z-]+)"\)`)
	for _, file := range goFiles(t, "e2e") {
		source, err := os.ReadFile(filepath.Join("..", file))
		require.NoError(t, err)
		for _, match := range begins.FindAllSubmatch(source, -1) {
			checked[string(match[1])] = true
		}
	}
	require.NotEmpty(t, checked)
	for _, item := range checklist.All() {
		row := regexp.MustCompile("(?m)^\\| `" + item.ID + "` \\|.*\\| (.*) \\|$").FindSubmatch(text)
		if assert.NotNil(t, row, "the README's row of %s", item.ID) {
			assert.Equal(t, checked[item.ID], string(row[1]) == "**yes**", "the README on %s", item.ID)
		}
	}
}
