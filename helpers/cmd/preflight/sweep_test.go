package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// environment is as much of a deployment as a sweep asks for. The real thing is
// swept in fixtures/selftest.
type environment struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string][]map[string]any // organizations, users, clients, faults, roles, permissions
	stuck   bool                        // it says that it deletes, and does not
	deleted []string
}

func newEnvironment(t *testing.T) *environment {
	t.Helper()
	e := &environment{objects: map[string][]map[string]any{"resources": {{"id": "res_1"}}}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth/token", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("client_secret") != "right" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte(`{"access_token":"x","expires_in":86399,"error":"invalid_client"}`))
	})
	for path, member := range map[string]string{
		"/api/v1/organizations": "organizations", "/api/v1/users:search": "users", "/api/v1/roles": "roles", "/api/v1/permissions": "permissions",
		"/api/v1/resources": "resources", "/api/v1/resources/res_1/clients": "clients", "/faults": "faults",
		"/api/v1/organizations/org_9/users": "members",
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { e.list(w, r, member) })
	}
	mux.HandleFunc("GET /api/v1/organizations:external/{name}", func(w http.ResponseWriter, r *http.Request) {
		e.one(w, "organizations", "external_id", r.PathValue("name"), "organization")
	})
	mux.HandleFunc("GET /api/v1/organizations/{id}", func(w http.ResponseWriter, r *http.Request) {
		e.one(w, "organizations", "id", r.PathValue("id"), "organization")
	})
	for path, member := range map[string]string{"/api/v1/organizations/": "organizations", "/api/v1/users/": "users", "/faults/": "faults", "/api/v1/roles/": "roles", "/api/v1/permissions/": "permissions"} {
		mux.HandleFunc("DELETE "+path+"{id}", func(w http.ResponseWriter, r *http.Request) { e.remove(w, member, r.PathValue("id")) })
	}
	mux.HandleFunc("DELETE /api/v1/resources/res_1/clients/{id}", func(w http.ResponseWriter, r *http.Request) { e.remove(w, "clients", r.PathValue("id")) })
	e.Server = httptest.NewServer(mux)
	t.Cleanup(e.Close)
	return e
}

func (e *environment) list(w http.ResponseWriter, r *http.Request, member string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.objects[member]
	from, _ := strconv.Atoi(r.FormValue("page_token"))
	to, next := len(all), ""
	if size, _ := strconv.Atoi(r.FormValue("page_size")); size > 0 && from+size < len(all) {
		to, next = from+size, strconv.Itoa(from+size)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{member: all[from:to], "users": all[from:to], "next_page_token": next})
}

func (e *environment) one(w http.ResponseWriter, member, attribute, value, name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, object := range e.objects[member] {
		if object[attribute] == value {
			_ = json.NewEncoder(w).Encode(map[string]any{name: object})
			return
		}
	}
	w.WriteHeader(http.StatusNotFound)
}

func (e *environment) remove(w http.ResponseWriter, member, id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.deleted = append(e.deleted, id)
	for i, object := range e.objects[member] {
		if !e.stuck && (object["id"] == id || object["client_id"] == id || object["name"] == id) {
			e.objects[member] = append(e.objects[member][:i:i], e.objects[member][i+1:]...)
			break
		}
	}
	_, _ = w.Write([]byte(`{}`))
}

// killed is a run that was killed, with what it had made; its id.
func (e *environment) killed(t *testing.T, reports string, made func(id string, ledger *readiness.Ledger)) (folder string) {
	t.Helper()
	run, err := readiness.Start(readiness.Options{
		Reports: reports, RunID: fmt.Sprintf("20260101-000000-run%d", time.Now().UnixNano()),
		Deployment: readiness.Deployment{AppURL: "https://app.test", EnvironmentURL: e.URL},
	})
	require.NoError(t, err)
	made(run.ID(), run.Ledger())
	result, err := os.ReadFile(filepath.Join(run.Dir(), "result.json"))
	require.NoError(t, err)
	_, _ = run.Finish(readiness.Ending{})
	require.NoError(t, os.WriteFile(filepath.Join(run.Dir(), "result.json"), result, 0o600)) // as it was before the end
	return run.Dir()
}

func (e *environment) sweep(t *testing.T, reports string, said choice, variables ...string) (code int, out string) {
	t.Helper()
	vars := map[string]string{
		"APP_URL": "https://app.test", "SCALEKIT_ENVIRONMENT_URL": e.URL, "SCALEKIT_CLIENT_ID": "skc_1", "SCALEKIT_CLIENT_SECRET": "right",
		"PREFLIGHT_API_RATE": "10000",
	}
	for i := 0; i < len(variables); i += 2 {
		vars[variables[i]] = variables[i+1]
	}
	cfg, err := config.FromMap(vars)
	require.NoError(t, err)
	var text bytes.Buffer
	code = broomOf(cfg).sweep(reports, said, &text, &text)
	return code, text.String()
}

func TestASweepSaysWhyItRemovedNothing(t *testing.T) {
	t.Parallel()
	e, reports := newEnvironment(t), t.TempDir()
	folder := e.killed(t, reports, func(id string, l *readiness.Ledger) { l.Will("user", "ada-"+id+"-1@x.test") })
	code, out := e.sweep(t, reports, choice{yes: true, older: time.Hour})
	assert.Zero(t, code, out)
	assert.Contains(t, out, "they may be under way: 1 that began less than 1h0m0s ago")
	assert.NotContains(t, out, "Nothing is left")

	code, out = e.sweep(t, reports, choice{yes: true}, "SCALEKIT_CLIENT_SECRET", "wrong")
	assert.Equal(t, 1, code, out)
	assert.Contains(t, out, "nothing was removed, for the deployment does not let the suite in")
	e.Close()
	code, out = e.sweep(t, reports, choice{yes: true})
	assert.Equal(t, 1, code, out)
	assert.Contains(t, out, "nothing was removed")
	assert.Contains(t, out, "is not answered")

	entries, err := readiness.ReadLedger(filepath.Join(folder, "ledger.jsonl"))
	require.NoError(t, err)
	assert.False(t, entries[0].IsGone(), "what nobody has removed")
}

func TestASweepBelievesOnlyWhatItSees(t *testing.T) {
	t.Parallel()
	e, reports := newEnvironment(t), t.TempDir()
	e.stuck = true
	var run string
	e.killed(t, reports, func(id string, l *readiness.Ledger) {
		run = id
		l.Will("user", "ada-"+id+"-1@x.test")
		l.Will("organization", id+"-2")
		l.Will("role", "preflight_"+strings.ReplaceAll(id, "-", "_")+"_3")
		l.Will("permission", "preflight_"+strings.ReplaceAll(id, "-", "_")+"_5")
		l.Will("MCP client", "Preflight "+id+"-4")
	})
	e.objects["users"] = []map[string]any{{"id": "usr_1", "email": "Ada-" + run + "-1@x.test"}}
	for i := range 2000 { // more pages than anybody would turn over
		e.objects["organizations"] = append(e.objects["organizations"], map[string]any{"id": fmt.Sprintf("org_%d", 10+i), "external_id": fmt.Sprintf("customer-%d", i)})
	}
	e.objects["organizations"] = append(e.objects["organizations"],
		map[string]any{"id": "org_1", "external_id": run + "-2"}, map[string]any{"id": "org_2", "external_id": run + "-77"},
		map[string]any{"id": "org_3", "external_id": run + "7"}, map[string]any{"id": "org_4", "external_id": "x" + run})
	e.objects["roles"] = []map[string]any{{"name": "preflight_" + strings.ReplaceAll(run, "-", "_") + "_3"}, {"name": "admin"}}
	e.objects["permissions"] = []map[string]any{{"name": "preflight_" + strings.ReplaceAll(run, "-", "_") + "_5"}, {"name": "projects:create"}}
	e.objects["clients"] = []map[string]any{{"client_id": "m2m_1", "name": "Preflight " + run + "-4"}, {"client_id": "m2m_2", "name": "Preflight " + run + "-40"}}

	code, out := e.sweep(t, reports, choice{yes: true})
	assert.Equal(t, 1, code, out)
	assert.Contains(t, out, "still there   user ada-"+run+"-1@x.test\n")
	assert.Contains(t, out, "still there   organization "+run+"-2\n")
	assert.Contains(t, out, "still there   organization "+run+"-77 (run "+run+", whose ledger does not name it)")
	assert.Contains(t, out, "still there   role ")
	assert.Contains(t, out, "still there   permission ")
	assert.Contains(t, out, "still there   MCP client Preflight "+run+"-4\n")
	assert.Contains(t, out, "still shows 7 of what these runs made")
	assert.ElementsMatch(t, []string{"usr_1", "org_1", "preflight_" + strings.ReplaceAll(run, "-", "_") + "_3", "preflight_" + strings.ReplaceAll(run, "-", "_") + "_5", "m2m_1"}, e.deleted, "what was to be deleted")

	e.stuck = false
	e.objects["organizations"][2001]["external_id"] = "somebody-else's"
	e.objects["clients"][1]["name"] = "Preflight"
	code, out = e.sweep(t, reports, choice{yes: true})
	assert.Zero(t, code, out)
	assert.Contains(t, out, "Asked again, the deployment shows nothing more of these runs.")
	assert.Len(t, e.objects["organizations"], 2003)
	code, out = e.sweep(t, reports, choice{yes: true})
	assert.Zero(t, code, out)
	assert.Equal(t, "Nothing is left behind that a ledger knows of.\n", out)
}

func TestASweepLeavesToAPersonWhatItCannotKnow(t *testing.T) {
	t.Parallel()
	e, reports := newEnvironment(t), t.TempDir()
	e.killed(t, reports, func(id string, l *readiness.Ledger) {
		l.Will("flag", "the new sign-in")
		l.Will("project", "prj_1")
		l.Will("directory entries at the app", id+"-1")
		l.Will("directory user", "ada-"+id+"-2@x.test")
		l.Will("fault", "ada-"+id+"-2@x.test")
		l.Will("user", "somebody@x.test")
	})
	code, out := e.sweep(t, reports, choice{yes: true})
	assert.Equal(t, 1, code, out)
	for what, why := range map[string]string{
		"flag the new sign-in": "switch it on again", "project prj_1": "the application's own", "directory entries at the app": "diruser_",
		"directory user": "set PREFLIGHT_SCIM_URL", "fault": "set PREFLIGHT_FAULT_URL", "user somebody@x.test": "could be somebody else's",
	} {
		assert.Regexp(t, "left to you   "+what+".*: .*"+why, out)
	}
	assert.Contains(t, out, "6 cannot be removed from here")
	assert.Empty(t, e.deleted)

	code, out = e.sweep(t, reports, choice{forget: true})
	assert.Zero(t, code, out)
	assert.Contains(t, out, "struck out    flag")
	code, out = e.sweep(t, reports, choice{})
	assert.Zero(t, code, out)
	assert.Equal(t, "Nothing is left behind that a ledger knows of.\n", out)
}

func TestASweepMendsWhatARunHasBroken(t *testing.T) {
	t.Parallel()
	e, reports := newEnvironment(t), t.TempDir()
	var run string
	e.killed(t, reports, func(id string, l *readiness.Ledger) {
		run = id
		known := l.Will("fault", "for one code or request")
		known.Made("for one code or request")
		known.Made("f1")
		l.Will("fault", "ada-"+id+"-1@x.test").Made("ada-" + id + "-1@x.test")
	})
	e.objects["faults"] = []map[string]any{
		{"id": "f1", "subject": "code"}, {"id": "f2", "subject": "ada-" + run + "-1@x.test"}, {"id": "f3", "subject": "ada-" + run + "-11@x.test"}, {"id": "f4"},
	}
	code, out := e.sweep(t, reports, choice{yes: true}, "PREFLIGHT_FAULT_URL", e.URL+"/faults", "PREFLIGHT_CONTROL_TOKEN", "control")
	assert.Zero(t, code, out)
	assert.Equal(t, []string{"f1", "f2"}, e.deleted)
}

// An organization that a sign-up has named itself is known by its id only.
func TestASweepSparesOrganizationsThatAreNotSurelyTheRuns(t *testing.T) {
	t.Parallel()
	for what, o := range map[string]struct {
		made    time.Time
		members []map[string]any
		stays   bool
	}{
		"young and empty":    {made: time.Now().Add(time.Hour)},
		"older than the run": {made: time.Now().Add(-time.Hour), stays: true},
		"with a member":      {made: time.Now().Add(time.Hour), members: []map[string]any{{"id": "usr_7"}}, stays: true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			e, reports := newEnvironment(t), t.TempDir()
			e.killed(t, reports, func(_ string, l *readiness.Ledger) { l.Will("organization", "org_9") })
			e.objects["organizations"] = []map[string]any{{"id": "org_9", "display_name": "Acme", "create_time": o.made}}
			e.objects["members"] = o.members
			code, out := e.sweep(t, reports, choice{yes: true})
			assert.Equal(t, o.stays, code == 1, out)
			assert.Equal(t, o.stays, len(e.objects["organizations"]) == 1, out)
			assert.Equal(t, o.stays, strings.Contains(out, "still there   organization org_9"), out)
		})
	}
}

func TestNamesAreComparedAsAWhole(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text, name string
		want       bool
	}{
		{"ada-run-1@x.test", "run-1", true}, {"RUN-1", "run-1", true}, {"run-1.x.test", "run-1", true}, {"run-12, run-1", "run-1", true},
		{"run-12", "run-1", false}, {"trun-1", "run-1", false}, {"", "run-1", false}, {"run-1", "", false},
	} {
		assert.Equal(t, test.want, carries(test.text, test.name), "%q in %q", test.name, test.text)
	}
	for label, want := range map[string]string{
		"Preflight run-a-12": "run-a-12", "late.run-a-3@x.test": "run-a-3", "run-a": "run-a", "Preflight <b>run-a-4</b>": "run-a-4", "run-ab-1": "", "x": "",
	} {
		assert.Equal(t, want, leftover{run: "run-a", entry: &readiness.Entry{Label: label}}.own(), label)
	}
}
