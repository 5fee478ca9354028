package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/leak"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// keysInPublic is what every finding of this item allows.
const keysInPublic = "whoever looks has the keys to the environment: every user, every session, every organization"

// The credentials of the product are on its servers and nowhere else.
func TestSecrets(t *testing.T) {
	item := begin(t, "quick/secrets")
	var seen shared[loaded]
	load := func(c *check) loaded { return seen.get(c, func() loaded { return loadAll(c) }) }

	item.Case("nothing that a browser loads holds a secret", advice{
		Why:      keysInPublic,
		Mend:     "use the secret on the server only; make a new one in the dashboard, since this one is known",
		Standard: "CWE-798; OWASP ASVS 10.4.10 and 13.3.1",
	}, func(c *check) {
		texts := load(c)
		read := 0
		for place, text := range texts {
			if !strings.HasPrefix(place, sourceMapOf) {
				c.holdsNoSecret(place, text)
				read += len(text)
			}
		}
		c.results.Evidence(readiness.Evidence{Kind: "text", Title: fmt.Sprintf("What was read: %d bytes", read), Text: strings.Join(places(texts), "\n")})
	})

	item.Case("no source map holds a secret", advice{
		Why:      keysInPublic,
		Mend:     "keep server code out of the browser's build, or do not publish the maps; make a new secret in the dashboard",
		Standard: "CWE-540; OWASP ASVS 13.4.1",
	}, func(c *check) {
		for place, text := range load(c) {
			if strings.HasPrefix(place, sourceMapOf) {
				c.holdsNoSecret(place, text)
			}
		}
	})

	item.Case("no file of the server is served", advice{
		Why:      "scanners ask every host for /.env and /.git, all day",
		Mend:     "serve a folder that holds what is public and nothing else; refuse paths that begin with a dot",
		Standard: "CWE-538; CWE-527; OWASP ASVS 13.4.1",
	}, func(c *check) {
		for _, path := range leak.Exposed() {
			address := suite.cfg.App(path)
			answer := c.request(http.MethodGet, address, http.Header{})
			assert.Empty(c, leak.IsServerFile(path, answer.Status, answer.Body), "%s gives away", address)
			c.holdsNoSecret(address, answer.Body)
		}
	})

	item.Case("the product's repository never held its secrets", advice{
		Why:      "the history is copied with the code, to every laptop and every fork",
		Mend:     "make a new secret in the dashboard, and read it from the environment; taking the line out does not take it back",
		Standard: "CWE-798; OWASP ASVS 13.3.1",
		Harmless: true,
	}, func(c *check) {
		c.Need("APP_REPOSITORY")
		ctx, cancel := context.WithTimeout(suite.ctx, 4*c.patience())
		defer cancel()
		found, commits, err := leak.NewFinder(knownSecrets()).Repository(ctx, suite.cfg.AppRepository)
		if err != nil {
			c.NotVerified("APP_REPOSITORY cannot be read: " + err.Error())
		}
		c.results.Evidence(readiness.Evidence{Kind: "text", Title: "The repository", Text: fmt.Sprintf("%d commits were read, in every branch", commits)})
		for _, one := range found {
			assert.Fail(c, "a secret was committed", one)
		}
	})

	item.Case("gitleaks finds no secret in the product's repository", advice{
		Why:      "secrets of other services open doors, too",
		Mend:     "make a new secret at the service that the line names; list what is none in the repository's .gitleaks.toml",
		Standard: "CWE-798; OWASP ASVS 13.3.1",
		Harmless: true,
	}, func(c *check) {
		c.Need("APP_REPOSITORY")
		root, err := config.ModuleRoot()
		require.NoError(c, err)
		ctx, cancel := context.WithTimeout(suite.ctx, 4*c.patience())
		defer cancel()
		found, err := leak.Scan(ctx, suite.cfg.AppRepository, filepath.Join(root, ".gitleaks.toml"), filepath.Join(root, ".cache", "bin", "gitleaks"))
		if errors.Is(err, leak.ErrNoScanner) {
			c.NotVerified(leak.ErrNoScanner.Error())
		}
		if err != nil {
			c.Trouble("%v", err)
		}
		for _, one := range found {
			assert.Fail(c, "gitleaks found a secret", one)
		}
	})
}

// knownSecrets are those that the deployment was given.
func knownSecrets() (secrets []leak.Secret) {
	for _, name := range []string{
		"SCALEKIT_CLIENT_SECRET", "SCALEKIT_WEBHOOK_SECRET", "APP_CLIENT_SECRET", "PREFLIGHT_SECOND_CLIENT_SECRET", "PREFLIGHT_CONTROL_TOKEN",
	} {
		secrets = append(secrets, leak.Secret{Name: name, Value: suite.cfg.Value(name)})
	}
	return secrets
}

// holdsNoSecret fails the case where a text holds a known secret, in any
// encoding, or something that has the shape of one.
func (c *check) holdsNoSecret(place, text string) {
	c.Helper()
	for _, found := range leak.NewFinder(knownSecrets()).In(text) {
		assert.Fail(c, "a secret is where everybody can read it", "%s holds %s", place, found)
	}
	for _, shape := range leak.Shapes(text) {
		suite.learn(shape.Value)
		if !slices.ContainsFunc(knownSecrets(), func(s leak.Secret) bool { return s.Value == shape.Value }) {
			assert.Fail(c, "a secret is where everybody can read it", "%s holds what looks like %s (%.10s…)", place, shape.Name, shape.Value)
		}
	}
}

// loaded are texts that a browser was given, by their places.
type loaded map[string]string

// sourceMapOf begins the places of source maps.
const sourceMapOf = "the source map of "

func places(l loaded) (names []string) {
	for place := range l {
		names = append(names, place)
	}
	slices.Sort(names)
	return names
}

// loadAll signs somebody in, walks through the product's pages and keeps all
// that the browser was given on the way: pages, storage, addresses, header
// fields, what was posted, and every script and answer with its source map.
func loadAll(c *check) loaded {
	c.Helper()
	l := loaded{}
	v := c.Browser()
	look := func() {
		for what, text := range v.ScriptReadable() {
			l[what+" at "+withoutQuery(v.URL().String())] += text
		}
	}
	user := c.AnyUser()
	v.Goto(suite.cfg.App("/"))
	look()
	v.OpenLogin("")
	look()
	v.Identify(user)
	v.AwaitLanding()
	look()
	for _, path := range []string{suite.cfg.AppProtectedPath, suite.cfg.AppProfilePath} {
		if path != "" && v.URL().Path != path {
			v.Goto(suite.cfg.App(path))
			look()
		}
	}
	v.VerifySignedIn(user)
	fetched := map[string]bool{}
	for _, exchange := range v.Log() {
		u, err := url.Parse(exchange.URL)
		if err != nil || u.Scheme != "https" {
			continue
		}
		place := withoutQuery(exchange.URL)
		l["the address of "+place] += u.String() + "\n"
		l["what was posted to "+place] += exchange.PostData + "\n"
		for name, values := range exchange.ResponseHeader {
			l["the header fields of "+place] += name + ": " + strings.Join(values, ", ") + "\n"
		}
		if exchange.Method == http.MethodGet && exchange.Status == http.StatusOK && !fetched[exchange.URL] && isCode(exchange.ResourceType) {
			fetched[exchange.URL] = true
			answer := v.Fetch(http.MethodGet, exchange.URL)
			l[place] += string(answer.Body)
			if exchange.ResourceType == "script" || exchange.ResourceType == "stylesheet" {
				l.keepSourceMap(u, answer.Header, string(answer.Body))
			}
		}
	}
	return l
}

// keepSourceMap looks for the source map of a script or style sheet. That there
// is none is no fault.
func (l loaded) keepSourceMap(file *url.URL, header http.Header, body string) {
	address, inline := leak.SourceMap(file, header, body)
	place := sourceMapOf + withoutQuery(file.String())
	if inline != "" {
		l[place] = inline
		return
	}
	request, err := http.NewRequestWithContext(suite.ctx, http.MethodGet, address, nil)
	if err != nil {
		return
	}
	response, err := suite.client.Do(request)
	if err != nil {
		return
	}
	defer func() { _ = response.Body.Close() }()
	const most = 32 << 20
	if text, err := io.ReadAll(io.LimitReader(response.Body, most)); err == nil && response.StatusCode == http.StatusOK {
		l[place] = string(text)
	}
}

// isCode reports whether what a browser asked for is made by people: not a
// picture, not a font.
func isCode(resourceType string) bool {
	return slices.Contains([]string{"script", "stylesheet", "xhr", "fetch", "manifest", "other"}, resourceType)
}
