package readiness

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// profiled are options with a profile of this text.
func profiled(t *testing.T, text string) (Options, error) {
	t.Helper()
	o := options(t)
	o.Items[0].NoWaiver, o.Items[0].Always = true, true // core/state
	path := filepath.Join(t.TempDir(), "profile.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	var err error
	o.Profile, err = ReadProfile(path, o.Items, time.Now())
	return o, err
}

// day is a day relative to today, as a profile has it.
func day(n int) string { return time.Now().AddDate(0, 0, n).Format(time.DateOnly) }

func waiverOf(item, since, until string) string {
	return "  - item: " + item + "\n    owner: Grace\n    reason: ticket 71\n    since: " + since + "\n    until: " + until + "\n"
}

func wordFor(item, when, until string) string {
	return "  - item: " + item + "\n    who: Ada\n    when: " + when + "\n    until: " + until + "\n    evidence: ticket 7\n"
}

func TestAProfileIsRead(t *testing.T) {
	t.Parallel()
	o, err := profiled(t, "not_applicable:\n  - section: mcp\n    reason: no MCP server\n"+
		"waivers:\n"+waiverOf("core/logout#a case", day(-9), day(0))+waiverOf("methods/social", day(-9), day(-1))+
		"attestations:\n"+wordFor("core/state", day(-90), day(90)))
	require.NoError(t, err)
	now := time.Now()
	one, ok := o.Profile.For(Waived, "core/logout", "a case")
	require.True(t, ok)
	assert.False(t, one.Expired(now), "it holds on its last day")
	assert.True(t, one.Expired(now.AddDate(0, 0, 1)))
	assert.Equal(t, "Grace accepts it until "+day(0)+": ticket 71", one.String())
	_, ok = o.Profile.For(Waived, "core/logout", "another case")
	assert.False(t, ok)
	one, ok = o.Profile.For(Attested, "core/state", "any case")
	require.True(t, ok)
	assert.Equal(t, "Ada vouched for it on "+day(-90)+", until "+day(90)+": ticket 7", one.String())
	one, ok = o.Profile.For(NotApplicable, "mcp/flow", "any case")
	require.True(t, ok)
	assert.Equal(t, "declared: no MCP server", one.String())
	over := o.Profile.Expired(now)
	require.Len(t, over, 1)
	assert.Equal(t, "methods/social", over[0].Name())

	_, ok = (*Profile)(nil).For(Waived, "x", "y")
	assert.False(t, ok)
	_, err = ReadProfile(filepath.Join(t.TempDir(), "none"), nil, now)
	assert.Error(t, err)
}

func TestWhatAProfileMayNotSay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"attestations:\n" + wordFor("core/stat", day(-1), day(1)):                                                             "no item of the checklist",
		"attestations:\n" + wordFor("core/logout", day(-1), "soon"):                                                           "until must be a day",
		"attestations:\n" + wordFor("core/logout", day(9), day(90)):                                                           "in the future",
		"attestations:\n" + wordFor("core/logout", day(-1), day(400)):                                                         "longer than a year",
		"attestations:\n" + wordFor("core/logout", day(-1), day(-9)):                                                          "before it begins",
		"attestations:\n  - item: core/logout\n    who: Ada\n":                                                                "needs who, when, until and evidence",
		"attestations:\n  - item: core/logout\n    owner: Ada\n":                                                              "owner",
		"attestations:\n" + wordFor("core/logout", day(-1), day(1)) + wordFor("core/logout", day(-1), day(1)):                 "twice",
		"waivers:\n" + waiverOf("core/logout", day(-1), day(1)) + "attestations:\n" + wordFor("core/logout", day(-1), day(1)): "twice",
		"waivers:\n" + waiverOf("core/state", day(-1), day(1)):                                                                "cannot be waived",
		"waivers:\n" + waiverOf("core/state#one case", day(-1), day(1)):                                                       "cannot be waived",
		"waivers:\n" + waiverOf("core/logout", day(-1), day(200)):                                                             "longer than half a year",
		"waivers:\n  - item: core/logout\n    reason: later\n":                                                                "needs owner, reason, since and until",
		"waivers:\n  - item: core/logout\n    owner: Grace\n    reason: later\n    since: 2026-01-01\n":                       "until must be a day",
		"not_applicable:\n  - item: core/state\n    reason: we do without\n":                                                  "every sign-in has this",
		"not_applicable:\n  - section: core\n    reason: we do without\n":                                                     "core/state): every sign-in has this",
		"not_applicable:\n  - item: mcp/flow\n":                                                                               "needs a reason",
		"not_applicable:\n  - section: mpc\n    reason: typing error\n":                                                       "no section",
		"not_applicable:\n  - section: mcp\n    item: mcp/flow\n    reason: both\n":                                           "use one",
		"waiver:\n" + waiverOf("core/logout", day(-1), day(1)):                                                                "waiver",
	} {
		_, err := profiled(t, text)
		assert.ErrorContains(t, err, want, text)
	}
}

// What a waiver covers is told with what was measured; the verdict counts it.
func TestAWaiverCoversAFaultInSight(t *testing.T) {
	t.Parallel()
	o, err := profiled(t, "not_applicable:\n  - section: mcp\n    reason: no MCP server\n"+
		"waivers:\n"+waiverOf("core/logout#it works", day(-9), day(20))+waiverOf("methods/social", day(-9), day(30)))
	require.NoError(t, err)
	o.Gate = GateReady
	run := start(t, o)
	run.Item("core/state").Case("it works").Finish(Outcome{State: Passed})
	run.Item("methods/social").Case("it works").Finish(Outcome{State: Passed})
	c := run.Item("core/logout").Case("it works")
	c.Finish(Outcome{State: Failed, Output: "the session lives on", Why: "a stolen cookie works", Mend: "end it on the server"})
	result := finish(t, run, Ending{})

	item := result.item(t, "core/logout")
	assert.Equal(t, Waived, item.State)
	assert.Equal(t, Failed, item.Cases[0].Measured)
	assert.Equal(t, "Grace accepts it until "+day(20)+": ticket 71", item.Cases[0].Reason)
	assert.Equal(t, "the session lives on", item.Cases[0].Output)
	assert.Equal(t, NotApplicable, result.item(t, "mcp/flow").State)
	assert.Equal(t, Ready, result.Verdict)
	assert.Equal(t, []string{"of 4 items: 2 passed, 1 waived, 1 not applicable",
		"1 item is waived, known faults and all: core/logout; the first waiver holds until " + day(20)}, result.Reasons)
	assert.Zero(t, result.ExitCode())
	assert.Equal(t, []string{"the waiver of methods/social covers nothing: take it out of the profile"}, result.Run.Notes)
	used := map[string]bool{}
	for _, d := range result.Declared {
		used[d.Name()] = d.Used
	}
	assert.Equal(t, map[string]bool{"mcp/flow": true, "core/logout#it works": true, "methods/social": false}, used)

	var page, text, md bytes.Buffer
	require.NoError(t, result.HTML(&page))
	assert.Contains(t, page.String(), "measured: failed")
	assert.Contains(t, page.String(), "a stolen cookie works", "the advice stays")
	result.Summary(&text)
	assert.Contains(t, text.String(), "measured: failed")
	require.NoError(t, result.Markdown(&md))
	assert.Contains(t, md.String(), "measured: failed")
}

// A waiver covers a measured fault and nothing else: not trouble, and not what
// nobody has looked at.
func TestAWaiverCoversNothingElse(t *testing.T) {
	t.Parallel()
	for _, state := range []State{Error, NotVerified, NotApplicable, Attested, Passed} {
		o, err := profiled(t, "waivers:\n"+waiverOf("core/logout", day(-9), day(20)))
		require.NoError(t, err)
		run := start(t, o)
		run.Item("core/logout").Case("it works").Finish(Outcome{State: state, Reason: "as it is"})
		item := finish(t, run, Ending{}).item(t, "core/logout")
		assert.Equal(t, state, item.State)
		assert.Empty(t, item.Cases[0].Measured)
	}
	o, err := profiled(t, "waivers:\n"+waiverOf("core/logout#it works", day(-9), day(20)))
	require.NoError(t, err)
	run := start(t, o)
	run.Item("core/logout").Case("it works").Finish(Outcome{State: Failed})
	run.Item("core/logout").Case("it works, too").Finish(Outcome{State: Failed})
	assert.Equal(t, Failed, finish(t, run, Ending{}).item(t, "core/logout").State, "another case of the item")
}

// An entry that is over, or that names no case of its item, shuts the gate.
func TestEntriesThatAreOverOrUnknownAreErrors(t *testing.T) {
	t.Parallel()
	o, err := profiled(t, "waivers:\n"+waiverOf("core/logout", day(-9), day(-1)))
	require.NoError(t, err)
	run := start(t, o)
	run.Item("core/logout").Case("it works").Finish(Outcome{State: Failed})
	result := finish(t, run, Ending{})
	assert.Equal(t, NotReady, result.Verdict)
	assert.Contains(t, strings.Join(result.Run.Errors, "\n"), "the profile's entry for core/logout is over (waived)")
	assert.Equal(t, 1, result.ExitCode())

	o, err = profiled(t, "attestations:\n"+wordFor("core/logout#it wroks", day(-9), day(9)))
	require.NoError(t, err)
	run = start(t, o)
	run.Item("core/logout").Case("it works").Finish(Outcome{State: Passed})
	result = finish(t, run, Ending{})
	assert.Equal(t, []string{"the profile names core/logout#it wroks (attested), and there is no such case"}, result.Run.Errors)
	assert.Equal(t, 1, result.ExitCode())

	o.Selection, o.RunID = "-run TestLogout/x", "part"
	run = start(t, o)
	run.Item("core/logout").Case("it works").Finish(Outcome{State: Passed})
	assert.Empty(t, finish(t, run, Ending{}).Run.Errors, "a selection has not seen all cases")
}

// Somebody may vouch for an item that has no check yet.
func TestAnItemWithoutACheckMayBeAttested(t *testing.T) {
	t.Parallel()
	o, err := profiled(t, "attestations:\n"+wordFor("mcp/flow", day(-9), day(9))+wordFor("core/logout", day(-9), day(9)))
	require.NoError(t, err)
	result := finish(t, start(t, o), Ending{})
	assert.Equal(t, Attested, result.item(t, "mcp/flow").State)
	assert.Equal(t, NotVerified, result.item(t, "core/logout").State, "its check did not run, and would have said more")
}

// profile.schema.json is the form that an editor may rely on.
func TestTheProfileHasTheFormThatIsDocumented(t *testing.T) {
	t.Parallel()
	form, err := jsonschema.NewCompiler().Compile("profile.schema.json")
	require.NoError(t, err)
	valid := func(text string) error {
		j, err := yaml.YAMLToJSON([]byte(text))
		require.NoError(t, err)
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(j))
		require.NoError(t, err)
		return form.Validate(document)
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	_, example, ok := strings.Cut(string(readme), "```yaml\n# yaml-language-server")
	require.True(t, ok, "README shows a profile")
	_, example, _ = strings.Cut(example, "\n")
	example, _, _ = strings.Cut(example, "```")
	assert.NoError(t, valid(example))
	o, err := profiled(t, "")
	require.NoError(t, err)
	assert.Empty(t, o.Profile.all, "an empty file declares nothing")
	assert.NoError(t, valid("waivers:\n"+waiverOf("core/logout#a case", "2026-01-15", "2026-02-15")))
	assert.Error(t, valid("waivers:\n  - item: core/logout\n    owner: Grace\n"))
	assert.Error(t, valid("attestation: []\n"))
}
