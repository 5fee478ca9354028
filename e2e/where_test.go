package e2e

import (
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// sayWhere remembers the lines of the suite that led to a failure, from the
// assertion to the case, as folder/file:line. `make detect` learns from them which
// assertions have been seen to fail.
func (c *check) sayWhere() {
	calls := make([]uintptr, 64)
	frames := runtime.CallersFrames(calls[:runtime.Callers(2, calls)])
	var at []string
	for {
		frame, more := frames.Next()
		if folder, file := filepath.Base(filepath.Dir(frame.File)), filepath.Base(frame.File); ofTheSuite(folder, file) {
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
