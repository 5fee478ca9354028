package main

import (
	"bytes"
	"io"
	"regexp"
)

// quiet passes on what go test -v prints, line by line, without the lines that say
// which test begins, waits or goes on: some thirty of them would stand before what
// one case says.
type quiet struct {
	to      io.Writer
	pending []byte // a line that has not ended
}

var housekeeping = regexp.MustCompile(`^=== (RUN|PAUSE|CONT) +Test`)

func (q *quiet) Write(text []byte) (n int, err error) {
	q.pending = append(q.pending, text...)
	end := bytes.LastIndexByte(q.pending, '\n') + 1
	whole := q.pending[:end]
	var kept []byte
	for line := range bytes.Lines(whole) {
		if !housekeeping.Match(line) {
			kept = append(kept, line...)
		}
	}
	q.pending = append([]byte(nil), q.pending[end:]...)
	if len(kept) > 0 {
		_, err = q.to.Write(kept)
	}
	return len(text), err
}

// Flush passes on a last line that never ended.
func (q *quiet) Flush() {
	_, _ = q.to.Write(q.pending)
	q.pending = nil
}
