package main

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// However a process's output is cut into pieces, nothing but those lines is lost.
func TestOnlyHousekeepingIsLeftOut(t *testing.T) {
	t.Parallel()
	const said = "=== RUN   TestA\nfirst\n=== PAUSE TestA/b\n=== CONT  TestA/b\n\n=== NAME  TestA/b\n  === RUN   TestA\n=== of their own\nlast, and no end"
	const want = "first\n\n=== NAME  TestA/b\n  === RUN   TestA\n=== of their own\nlast, and no end"
	for _, size := range []int{1, 2, 7, len(said)} {
		var out bytes.Buffer
		q := &quiet{to: &out}
		for at := 0; at < len(said); at += size {
			fmt.Fprint(q, said[at:min(at+size, len(said))])
		}
		q.Flush()
		assert.Equal(t, want, out.String(), size)
	}
}
