package readiness

import (
	"slices"
	"time"
)

// Item is one item of the checklist during a run.
type Item struct {
	run *Run
	id  string

	test string // the test function's name
	// guarded by run.mu
	cases  map[string]*record
	states []State // given by Finish
	reason string
}

// record is all runs of one case.
type record struct {
	name string
	open int // runs under way
	runs []CaseResult
}

// Case is one run of one case.
type Case struct {
	run   *Run
	item  *Item
	rec   *record
	began time.Time

	// guarded by run.mu
	raw      string // artefact folder outside the reports; empty: none asked for
	evidence []Evidence
	done     bool
}

// Outcome is how a case ended.
type Outcome struct {
	State    State
	Reason   string // one sentence; needed for every state but passed and failed
	Expected string
	Seen     string
	Output   string        // what the check said, first line first
	At       [][]string    // of each failure the lines of the suite, as folder/file:line, from the assertion to the case
	Why      string        // what a user or the business would suffer
	Mend     string        // what to change, and where
	Standard string        // the document that asks for it
	Test     string        // the test's full name, as go test prints it
	Duration time.Duration // zero: since Item.Case
}

// Item begins an item, or returns it when it was begun before (-count). An id
// that is not in the catalogue is trouble of the run.
func (r *Run) Item(id string) *Item {
	r.mu.Lock()
	item, known := r.items[id], true
	if item == nil {
		item = &Item{run: r, id: id, cases: map[string]*record{}}
		r.items[id] = item
		known = slices.ContainsFunc(r.opts.Items, func(c CatalogueItem) bool { return c.ID == id })
	}
	r.mu.Unlock()
	if !known {
		r.Fail("a check names the item " + id + ", which is not in the checklist")
	}
	r.record(event{Event: "item_began", Item: id})
	return item
}

// Test names the test function that checks the item.
func (i *Item) Test(name string) {
	i.run.mu.Lock()
	defer i.run.mu.Unlock()
	i.test = name
}

// Repro is the line that runs a case again, slowly and traced. It carries what
// made the embedded deployment what it was.
func (c *Case) Repro() string { return repro(c.run.opts.Variant, c.item.id, c.rec.name) }

// Finish gives an item a state that no case gives, such as not verified for a
// variable that is not set. Together with cases, the worst counts.
func (i *Item) Finish(state State, reason string) {
	reason = i.run.redactor.String(reason)
	i.run.mu.Lock()
	over := i.run.over()
	if !over {
		if Worst(append(i.states, state)...) == state || i.reason == "" {
			i.reason = reason
		}
		i.states = append(i.states, state)
	}
	i.run.mu.Unlock()
	if !over {
		i.run.record(event{Event: "item_ended", Item: i.id, State: state, Text: reason})
	}
}

// Expect announces a case that waits for its turn: of an item whose run is cut
// off nobody may think that the cases which came before were all.
func (i *Item) Expect(name string) {
	i.run.mu.Lock()
	defer i.run.mu.Unlock()
	i.recordOf(name)
}

// recordOf returns what is known of a case. The caller holds mu.
func (i *Item) recordOf(name string) *record {
	rec := i.cases[name]
	if rec == nil {
		rec = &record{name: name}
		i.cases[name] = rec
	}
	return rec
}

// Case begins a case. The same name again is another run of the same case.
func (i *Item) Case(name string) *Case {
	i.run.mu.Lock()
	rec := i.recordOf(name)
	if !i.run.over() {
		rec.open++
	}
	i.run.mu.Unlock()
	i.run.record(event{Event: "case_began", Item: i.id, Case: name})
	return &Case{run: i.run, item: i, rec: rec, began: time.Now()}
}

// Waits says, in the events, what the case waits for before it can go on.
func (c *Case) Waits(what string) {
	c.run.record(event{Event: "case_waits", Item: c.item.id, Case: c.rec.name, Text: what})
}

// Evidence adds something a person can look at. File is a file in Dir.
func (c *Case) Evidence(e Evidence) {
	c.run.mu.Lock()
	defer c.run.mu.Unlock()
	c.evidence = append(c.evidence, e)
}

// Finish ends the case: its artefacts are redacted and moved into the report,
// its outcome is written down. Only the first call counts, and none does once
// the run is over. Files in Dir that no Evidence names are added by themselves.
func (c *Case) Finish(o Outcome) {
	c.run.landing.RLock()
	defer c.run.landing.RUnlock()
	c.run.mu.Lock()
	stop := c.done || c.run.over()
	c.done = true
	c.run.mu.Unlock()
	if stop {
		return
	}

	if !o.State.Known() {
		o.State, o.Reason = Error, "the check ended without a state"
	}
	if o.Duration == 0 {
		o.Duration = time.Since(c.began)
	}
	mask := c.run.redactor.String
	result := CaseResult{
		Name: c.rec.name, State: o.State, Seconds: seconds(o.Duration), Reason: mask(o.Reason),
		Expected: mask(o.Expected), Seen: mask(o.Seen), Output: clip(mask(plainly(o.Output))), At: o.At,
		Why: o.Why, Mend: o.Mend, Standard: o.Standard,
		Test: o.Test, Runs: 1,
	}
	if o.Test != "" && o.State.gates() {
		result.Repro = c.Repro()
	}
	if o.State.gates() && result.Expected == "" && result.Seen == "" {
		result.Expected, result.Seen = expectedAndSeen(result.Name, result.Output)
	}
	result.Evidence, result.Folder = c.land(o.State.gates())
	c.run.record(event{Event: "case_ended", Item: c.item.id, Case: c.rec.name, State: o.State,
		Seconds: result.Seconds, Text: firstOf(result.Reason, firstLine(result.Output))})

	c.run.mu.Lock()
	defer c.run.mu.Unlock()
	c.rec.open--
	c.rec.runs = append(c.rec.runs, result)
}
