package scim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/scim"
)

// The two dialects differ where the standard lets them: this is how each is
// written on the wire.
func TestDialects(t *testing.T) {
	t.Parallel()
	write := func(body any) string {
		text, err := json.Marshal(body)
		require.NoError(t, err)
		return string(text)
	}
	patch := func(operations string) string {
		return `{"schemas":["` + scim.PatchSchema + `"],"Operations":[` + operations + `]}`
	}
	okta, entra := scim.Okta{}, scim.Entra{}
	assert.JSONEq(t, patch(`{"op":"replace","value":{"active":false}}`), write(okta.Switch(false)))
	assert.JSONEq(t, patch(`{"op":"Replace","path":"active","value":"False"}`), write(entra.Switch(false)))
	assert.JSONEq(t, patch(`{"op":"remove","path":"members[value eq \"7\"]"}`), write(okta.Leave("7")))
	assert.JSONEq(t, patch(`{"op":"Remove","path":"members","value":[{"$ref":null,"value":"7"}]}`), write(entra.Leave("7")))
	assert.JSONEq(t, patch(`{"op":"add","path":"members","value":[{"value":"7"},{"value":"8"}]}`), write(okta.Join("7", "8")))
	assert.JSONEq(t, patch(`{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"R&D"}`), write(entra.Tag("R&D")))
	for _, d := range scim.Dialects() {
		body := d.Create(scim.Person{UserName: "ada", Email: "ada@acme.test", GivenName: "Ada", FamilyName: "L"})
		assert.Equal(t, "ada", body["userName"], d.Name())
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var sent string
	status, body := http.StatusOK, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got, sent = r, string(text)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	client := scim.New(server.URL+"/scim/v2/", "t0", server.Client())
	do := func(text string, code int) *scim.Answer {
		status, body = code, text
		answer, err := client.Do(t.Context(), http.MethodPost, "/Users", map[string]any{"userName": "ada"})
		require.NoError(t, err)
		return answer
	}
	answer := do(`{"id":"7","active":false,"name":{"givenName":"Ada"},"emails":[{"value":"a@b.test"}],"`+scim.EnterpriseSchema+`":{"department":"R&D"}}`, http.StatusCreated)
	assert.Equal(t, "/scim/v2/Users", got.URL.Path)
	assert.Equal(t, "Bearer t0", got.Header.Get("Authorization"))
	assert.JSONEq(t, `{"userName":"ada"}`, sent)
	assert.Equal(t, "7", answer.ID())
	assert.False(t, answer.Active())
	assert.Equal(t, "Ada", answer.Text("name.givenName"))
	assert.Equal(t, "R&D", answer.Text(scim.EnterpriseSchema+":department"))
	assert.Equal(t, []string{"a@b.test"}, answer.Emails())
	assert.True(t, do(`{}`, http.StatusOK).Active(), "active, unless it is said otherwise")

	assert.Empty(t, do(`{"schemas":["`+scim.ErrorSchema+`"],"status":"409","scimType":"uniqueness"}`, http.StatusConflict).BadError())
	for _, bad := range []string{"no", `{}`, `{"schemas":["` + scim.ErrorSchema + `"],"status":409}`, `{"schemas":["` + scim.ErrorSchema + `"],"status":"400"}`} {
		assert.NotEmpty(t, do(bad, http.StatusConflict).BadError(), bad)
	}
}

func TestAllGoesThroughEveryPage(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, _ := strconv.Atoi(r.URL.Query().Get("startIndex"))
		resources := []any{}
		for id := start; id < start+2 && id <= 5; id++ {
			resources = append(resources, map[string]any{"id": strconv.Itoa(id)})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"totalResults": 5, "startIndex": start, "Resources": resources})
	}))
	t.Cleanup(server.Close)
	all, err := scim.New(server.URL, "", server.Client()).All(t.Context(), "/Users")
	require.NoError(t, err)
	assert.Equal(t, []string{"1", "2", "3", "4", "5"}, scim.List{Resources: all}.IDs())
}

func TestADirectoryThatAsksForTimeGetsIt(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked == 1 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		body, _ := io.ReadAll(r.Body)
		assert.JSONEq(t, `{"userName":"ada"}`, string(body), "the same again")
	}))
	t.Cleanup(server.Close)
	answer, err := scim.New(server.URL, "", server.Client()).Do(t.Context(), http.MethodPost, "/Users", map[string]string{"userName": "ada"})
	require.NoError(t, err)
	assert.True(t, answer.Good())
	assert.Equal(t, 2, asked)
}
