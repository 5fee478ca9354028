// Package timing decides whether two kinds of request take different times, so
// that a stranger could tell them apart. It is made for machines that are busy
// with other things: it says yes only to a difference that is large, relative
// and absolute, and holds for nearly every pair of samples.
package timing

import (
	"fmt"
	"slices"
	"time"
)

const (
	// ratio and least are how far apart the medians must be.
	ratio = 1.6
	least = 15 * time.Millisecond
	// separation is the share of pairs (one sample of each kind) in which the
	// same kind is the slower one: 0.5 for two kinds that are alike. For eight
	// samples of each, chance alone brings 0.92 in less than one of 500 tries
	// (Mann and Whitney 1947).
	separation = 0.92
)

// Verdict is what two series of samples show.
type Verdict struct {
	Differ           bool
	MedianA, MedianB time.Duration
	// Separation is the share of pairs in which the slower kind is the slower
	// one, 0.5 to 1.
	Separation float64
}

// String says it for a report.
func (v Verdict) String() string {
	return fmt.Sprintf("medians %s and %s, separation %.2f", v.MedianA.Round(time.Millisecond), v.MedianB.Round(time.Millisecond), v.Separation)
}

// Compare judges two series of samples. Take them in turns, so that what the
// machine does besides falls on both.
func Compare(a, b []time.Duration) Verdict {
	v := Verdict{MedianA: median(a), MedianB: median(b)}
	slower := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				slower++
			case x == y:
				slower += 0.5
			}
		}
	}
	if pairs := len(a) * len(b); pairs > 0 {
		v.Separation = slower / float64(pairs)
	}
	v.Separation = max(v.Separation, 1-v.Separation)
	small, large := min(v.MedianA, v.MedianB), max(v.MedianA, v.MedianB)
	v.Differ = len(a) > 0 && len(b) > 0 && v.Separation >= separation && large-small >= least && float64(large) >= ratio*float64(small)
	return v
}

func median(samples []time.Duration) time.Duration {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[len(sorted)/2]
}
