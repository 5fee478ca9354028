package readiness

import (
	"bytes"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// result.schema.json is what readers of result.json may rely on.
func TestResultsHaveTheFormThatIsDocumented(t *testing.T) {
	t.Parallel()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	form, err := compiler.Compile("result.schema.json")
	require.NoError(t, err)
	validate := func(what string, result *Result) {
		var out bytes.Buffer
		require.NoError(t, result.JSON(&out))
		document, err := jsonschema.UnmarshalJSON(&out)
		require.NoError(t, err)
		assert.NoError(t, form.Validate(document), what)
	}

	run, rich := sample(t)
	validate("every state", rich)
	again, err := Load(filepath.Join(run.Dir(), "result.json"))
	require.NoError(t, err)
	validate("as it was read", again)

	o := options(t)
	failed := map[[2]string]State{{"core/state", "a"}: Failed}
	runOf(t, o, failed)
	validate("with a history", runOf(t, o, map[[2]string]State{{"core/state", "a"}: Passed}))
	validate("a part", parted(t, o, 2))
	begun := start(t, o)
	validate("under way", begun.build(nil))
	cut, err := begun.Finish(Ending{TimedOut: true, Reason: "late"})
	require.NoError(t, err)
	validate("cut off", cut)

	rich.Verdict = "MAYBE"
	var out bytes.Buffer
	require.NoError(t, rich.JSON(&out))
	document, err := jsonschema.UnmarshalJSON(&out)
	require.NoError(t, err)
	assert.Error(t, form.Validate(document), "a verdict that does not exist")
}

// A member that the schema does not know would be refused by strict readers.
func TestTheFormKnowsEveryMember(t *testing.T) {
	t.Parallel()
	compiler := jsonschema.NewCompiler()
	form, err := compiler.Compile("result.schema.json")
	require.NoError(t, err)
	item := form.Properties["items"].Items2020.Ref
	kase := item.Properties["cases"].Items2020.Ref
	for _, pair := range []struct {
		value  any
		schema *jsonschema.Schema
	}{
		{Result{}, form}, {RunInfo{}, form.Properties["run"]}, {Deployment{}, form.Properties["run"].Properties["deployment"]},
		{Since{}, form.Properties["since"]}, {Declaration{}, form.Properties["declared"].Items2020}, {ItemResult{}, item}, {CaseResult{}, kase},
		{Defect{}, item.Properties["defects"].Items2020},
		{Evidence{}, kase.Properties["evidence"].Items2020}, {History{}, item.Properties["history"]},
	} {
		kind := reflect.TypeOf(pair.value)
		for i := range kind.NumField() {
			if name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ","); name != "" {
				assert.Contains(t, pair.schema.Properties, name, kind.Name())
			}
		}
	}
}
