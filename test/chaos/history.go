package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/inlethq/inlet/test/harness/api"
)

// outcome is what a client knows of a request. One that got no answer, or a 5xx, may have been done or not: it is unknown, never failed.
type outcome string

// The outcomes. The zero value means that nothing was asked.
const (
	ok      outcome = "ok"
	failed  outcome = "fail"
	unknown outcome = "unknown"
)

// outcomeOf judges the error of an api.Client. 507 is a refusal: it promises that nothing was kept.
func outcomeOf(err error) outcome {
	status := api.Status(err)
	switch {
	case err == nil:
		return ok
	case status >= 400 && status < 500, status == 507:
		return failed
	}
	return unknown
}

// operation is a line of the history: one request.
type operation struct {
	What    string    `json:"what"`
	Key     string    `json:"key"`
	ID      string    `json:"id,omitempty"`
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	Outcome outcome   `json:"outcome"`
	Error   string    `json:"error,omitempty"`
}

// entry is what is known of one file. Only its history writes to it.
type entry struct {
	content
	key    string        // of its upload, and its name: two files never share one
	life   time.Duration // that it was sent with; 0 for ever
	id     string        // once acknowledged
	upload outcome
	remove outcome
	notes  []string // the descriptions that it may have: the one acknowledged last, and those of unknown outcome since
	rev    int      // changes with every other field
	past   []version
}

// version is what was known of a file from a position on.
type version struct {
	at int
	entry
}

// history is what the clients of one trial have asked for and what they were told. The zero value is empty. It may be used by many goroutines.
type history struct {
	mu       sync.Mutex
	entries  []*entry
	log      []operation
	position func() int // of now among events that the history knows nothing of; with it, asOf can look back. Set before use
}

// add begins the history of a file that is about to be sent.
func (h *history) add(key string, c content) *entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := &entry{content: c, key: key, notes: []string{""}}
	h.entries = append(h.entries, e)
	h.remember(e)
	return e
}

// remember keeps what is known of an entry. The lock is held: what is noted before a request is sent stands before all that the request causes, and
// its answer after.
func (h *history) remember(e *entry) {
	if h.position == nil {
		return
	}
	now := *e
	now.notes, now.past = slices.Clone(e.notes), nil
	e.past = append(e.past, version{at: h.position(), entry: now})
}

// asOf returns copies of the entries with what was known of them at a position. An upload that was under way is unknown.
func (h *history) asOf(at int) []*entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	var then []*entry
	for _, e := range h.entries {
		n, _ := slices.BinarySearchFunc(e.past, at+1, func(v version, at int) int { return v.at - at })
		if n == 0 {
			continue // nobody had thought of it
		}
		was := e.past[n-1].entry
		was.notes = slices.Clone(was.notes)
		if was.upload == "" {
			was.upload = unknown
		}
		then = append(then, &was)
	}
	return then
}

// change is how an entry's fields are written.
func (h *history) change(e *entry, to func(*entry)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	to(e)
	e.rev++
	h.remember(e)
}

// ask sends one request and notes it. The entry is told the outcome under the history's lock.
func (h *history) ask(what string, e *entry, send func() error, then func(*entry, outcome)) (outcome, error) {
	start := time.Now()
	err := send()
	o := outcomeOf(err)
	h.mu.Lock()
	defer h.mu.Unlock()
	then(e, o)
	e.rev++
	h.remember(e)
	op := operation{What: what, Key: e.key, ID: e.id, Start: start, End: time.Now(), Outcome: o}
	if err != nil {
		op.Error = err.Error()
	}
	h.log = append(h.log, op)
	return o, err
}

// snapshot copies an entry.
func (h *history) snapshot(e *entry) entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := *e
	c.notes = slices.Clone(e.notes)
	return c
}

// from returns the entries from the n-th on.
func (h *history) from(n int) []*entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.entries[min(n, len(h.entries)):])
}

// acknowledged counts the uploads that were answered with success.
func (h *history) acknowledged() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, e := range h.entries {
		if e.upload == ok {
			n++
		}
	}
	return n
}

// requests counts the requests that have been answered, or given up.
func (h *history) requests() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.log)
}

// unanswered returns the requests from the n-th on whose outcome is unknown, but for those that their client has cut off.
func (h *history) unanswered(n int) []operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []operation
	for _, op := range h.log[n:] {
		if op.Outcome == unknown && !strings.Contains(op.Error, context.Canceled.Error()) {
			list = append(list, op)
		}
	}
	return list
}

// forget begins anew with an empty store, when every file was judged, and returns how many there were acknowledged. The requests stay for save.
func (h *history) forget() int {
	n := h.acknowledged()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entries = nil
	return n
}

// save writes all requests to a file, one JSON object a line.
func (h *history) save(path string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	f, err := os.Create(path) //nolint:gosec // in the trial's folder
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	lines := json.NewEncoder(w)
	for _, op := range h.log {
		err = errors.Join(err, lines.Encode(op))
	}
	return errors.Join(err, w.Flush(), f.Close())
}
