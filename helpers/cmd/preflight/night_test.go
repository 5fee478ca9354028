package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// board is GitHub's issues, as far as the command needs them.
type board struct {
	issues   []map[string]any
	comments []string
	refuse   bool
}

func (b *board) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.refuse || r.Header.Get("Authorization") != "Bearer a-token" {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"message":"Resource not accessible by integration"}`))
		return
	}
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body)
	switch r.Method + " " + r.URL.Path {
	case "GET /repos/acme/app/issues":
		open := []map[string]any{}
		for _, issue := range b.issues {
			if issue["state"] == "open" {
				open = append(open, issue)
			}
		}
		_ = json.NewEncoder(w).Encode(open)
	case "POST /repos/acme/app/issues":
		body["number"], body["state"], body["user"] = len(b.issues)+1, "open", map[string]string{"type": "Bot"}
		b.issues = append(b.issues, body)
		w.WriteHeader(http.StatusCreated)
	case "POST /repos/acme/app/issues/3/comments":
		b.comments = append(b.comments, body["body"].(string))
		w.WriteHeader(http.StatusCreated)
	case "PATCH /repos/acme/app/issues/3":
		for name, value := range body {
			b.issues[2][name] = value
		}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// Not parallel: it sets the environment that a runner sets.
func TestANightKeepsOneIssue(t *testing.T) {
	reports := filepath.Join(t.TempDir(), "reports")
	ended := func(state readiness.State) {
		run, err := readiness.Start(readiness.Options{
			Reports: reports, Items: []readiness.CatalogueItem{{ID: "core/state", Section: "core", Title: "State"}}, Checked: []string{"core/state"},
		})
		require.NoError(t, err)
		run.Item("core/state").Case("it works").Finish(readiness.Outcome{State: state, Reason: "because"})
		_, err = run.Finish(readiness.Ending{})
		require.NoError(t, err)
	}
	mark := "<!-- preflight-nightly {} -->"
	b := &board{issues: []map[string]any{
		{"number": 1, "state": "open", "body": mark, "user": map[string]string{"type": "User"}, "author_association": "NONE"},
		{"number": 2, "state": "open", "body": mark, "user": map[string]string{"type": "Bot"}, "pull_request": map[string]any{}},
	}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	var out, errs bytes.Buffer
	t.Setenv("GITHUB_TOKEN", "")
	assert.Equal(t, 1, night([]string{reports}, &out, &errs))
	assert.Contains(t, errs.String(), "is not set: this runs in a GitHub workflow")
	for name, value := range map[string]string{
		"GITHUB_API_URL": server.URL, "GITHUB_REPOSITORY": "acme/app", "GITHUB_TOKEN": "a-token", "GITHUB_RUN_ID": "7", "GITHUB_SERVER_URL": "https://git.test",
	} {
		t.Setenv(name, value)
	}
	tell := func(args ...string) {
		t.Helper()
		out.Reset()
		errs.Reset()
		require.Zero(t, night(append(args, reports), &out, &errs), errs.String())
	}

	tell("-stale")
	require.Len(t, b.issues, 3, "no nightly at all; what strangers and pull requests say is not ours")
	assert.Contains(t, b.issues[2]["body"], "No whole nightly run is known")
	ended(readiness.Failed)
	tell()
	assert.Contains(t, b.issues[2]["body"], "https://git.test/acme/app/actions/runs/7")
	assert.Equal(t, "Nightly readiness: NOT READY", b.issues[2]["title"])
	assert.Len(t, b.comments, 1)
	ended(readiness.Failed)
	tell()
	tell("-stale")
	assert.Len(t, b.comments, 1, "nothing has changed")
	ended(readiness.Passed)
	tell()
	assert.Equal(t, "closed", b.issues[2]["state"])
	assert.Len(t, b.comments, 2)
	tell()
	assert.Len(t, b.issues, 3)

	out.Reset()
	assert.Zero(t, age([]string{reports}, &out, &errs))
	assert.Equal(t, 1, age([]string{t.TempDir()}, &out, &errs))
	assert.Contains(t, out.String(), "No whole nightly run is known.")
	assert.Zero(t, night([]string{"-n", t.TempDir()}, &out, &errs))
	assert.Contains(t, out.String(), "left no result")
	b.refuse = true
	assert.Equal(t, 1, night([]string{reports}, &out, &errs))
	assert.Contains(t, errs.String(), "issues: write")
}
