package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Whoever chooses what is not there learns what is, before anything runs.
func TestWhatMatchesNothingIsAnswered(t *testing.T) {
	t.Parallel()
	s := suite{map[string]string{"core/state": "TestState", "core/logout": "TestLogout", "methods/social": "TestSocial", "quick/https": "TestHTTPS"}}
	cases := []string{"a forged state is refused", "by … it is refused", "deep/below"}
	for word, want := range map[string]string{
		"core": "^TestLogout$|^TestState$|^TestSocial$", "methods": "^TestSocial$", // the section, and ids that begin so
		"TestState": "TestState", "Test(State|Nothing)": "Test(State|Nothing)", "TestNothing|TestState/x": "TestNothing|TestState/x",
		"(": "(", ".": ".",
	} {
		got, err := s.pattern(word)
		assert.NoError(t, err, word)
		assert.ElementsMatch(t, split(want), split(got), word)
	}
	for word, want := range map[string]string{
		"TestStat$":   "no test matches TestStat$; there is TestState",
		"quik":        "no test matches quik; there is quick",
		"TestNothing": "no test matches TestNothing: take a section (quick, custom, core,",
		"core#x":      "core is no item, so it has no cases; its items are core/",
		"x/TestState": "no test matches x/TestState",
	} {
		_, err := s.pattern(word)
		assert.ErrorContains(t, err, want, word)
	}
	assert.EqualError(t, s.noItem("core/nothing"), "there is no item core/nothing; there is core/state, core/logout")
	assert.EqualError(t, s.noItem("core/stat"), "there is no item core/stat; there is core/state")
	assert.EqualError(t, s.noItem("x/y"), "there is no item x/y, nor such a folder of a report: the README lists the items")

	for _, title := range []string{"a forged state is refused", "by a friend it is refused", "deep", "deep/below"} {
		assert.NoError(t, hasCase("core/state", title, cases), title)
	}
	assert.EqualError(t, hasCase("core/state", "a forged state is taken", cases), "core/state has no case \"a forged state is taken\"; there is:\n  a forged state is refused")
	assert.ErrorContains(t, hasCase("core/state", "no such", cases), "its cases are:\n  a forged state is refused\n  by … it is refused")
}

func split(pattern string) []string { return strings.Split(pattern, "|") }

// As the testing package splits a pattern.
func TestThePartOfAPatternForTestFunctions(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		"TestA": "TestA", "TestA/b": "TestA", "TestA/b/c|TestD": "TestA|TestD", "Test(A|B)/c": "Test(A|B)",
		"Test[/|]x/y": "Test[/|]x", `Test\[/b`: `Test\[`, "^TestA$/^b$|^TestC$/^(d|e)$": "^TestA$|^TestC$", "Test(A/b|C)": "Test(A/b|C)",
	} {
		assert.Equal(t, want, firstLevel(pattern), pattern)
	}
}
