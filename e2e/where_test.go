package e2e

import (
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// sayWhere remembers the lines of the suite that led to a failure, from the
// assertion to the case, as folder/file:line. What a helper has failed for the suite,
// such as a wait of the browser that ended, begins with its name (browser.Await): the
// line that follows only called it. `make detect` learns from them which assertions
// have been seen to fail.
func (c *check) sayWhere() {
	calls := make([]uintptr, 64)
	frames := runtime.CallersFrames(calls[:runtime.Callers(2, calls)])
	var at []string
	helper := ""
	for {
		frame, more := frames.Next()
		if name := helperNamed(frame.Function); name != "" && len(at) == 0 {
			helper = name
		}
		if folder, file := filepath.Base(filepath.Dir(frame.File)), filepath.Base(frame.File); ofTheSuite(folder, file) {
			if len(at) == 0 && helper != "" {
				at = append(at, helper)
			}
			at = append(at, folder+"/"+file+":"+strconv.Itoa(frame.Line))
		}
		if !more {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = append(c.at, at)
}

// ofTheSuite tells what checks assert from how they are run.
func ofTheSuite(folder, file string) bool {
	switch file {
	case "check_test.go", "item_test.go", "where_test.go":
		return false
	}
	return folder == "e2e" && strings.HasSuffix(file, "_test.go") || folder == "flows"
}

// helperNamed returns package and name of a function below helpers that is no flow;
// empty: it is none.
func helperNamed(function string) string {
	_, name, found := strings.Cut(function, "/helpers/")
	if !found || strings.HasPrefix(name, "flows.") {
		return ""
	}
	parts := strings.Split(name[strings.LastIndex(name, "/")+1:], ".")
	for _, part := range parts[1:] {
		if !strings.HasPrefix(part, "(") { // the receiver's type
			return parts[0] + "." + part
		}
	}
	return ""
}
