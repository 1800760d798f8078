package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// test is one way to break Inlet.
type test struct {
	name        string
	quick, full int    // cycles of the lanes
	wanted      string // the figure, with a %[1]d for the cycles
	run         func(context.Context, *trial) (reached string, err error)
}

// tests are all there are, in the order in which they run.
var tests = []test{
	{"kill", 30, 500, "%[1]d cycles, 40 uploads acknowledged in each on average: 0 lost, changed, phantom, stuck, resurrected; 0 orphans after a reconcile", killUnderLoad},
	{"quota", 30, 1000, "%[1]d rounds of 64 uploads for room for 10: exactly 10 each", raceForRoom},
	{"races", 300, 10_000, "%[1]d races of reads with a delete or an expiry: 0 readable after it", raceReads},
	{"sigterm", 5, 100, "%[1]d SIGTERMs with 100 uploads in flight: exit 0 within 35 s, 0 lost", terminate},
}

// skip says what a machine lacks for a test. A test that returns it was not run.
type skip string

func (s skip) Error() string { return string(s) }

// trial is one run of a test.
type trial struct {
	options
	cycles  int
	rng     *rand.Rand // of the goroutine that runs the test
	dir     string     // the trial's own
	history history
	found   violations
	out     io.Writer
}

// stream is a source of randomness of its own for one of several goroutines.
func (t *trial) stream(n int) *rand.Rand {
	return rand.New(rand.NewPCG(t.seed, uint64(n))) //nolint:gosec // what happens is to happen again
}

// line prints a line of -v.
func (t *trial) line(format string, args ...any) {
	if t.verbose {
		fmt.Fprintf(t.out, format+"\n", args...)
	}
}

// within picks a time of at most limit.
func (t *trial) within(limit time.Duration) time.Duration {
	return time.Duration(t.rng.Int64N(int64(limit)))
}

// result is what became of a test.
type result struct {
	test
	cycles  int
	reached string
	found   *violations
	err     error // the test could not be run to its end
	took    time.Duration
}

func (r result) passed() bool { return r.err == nil && r.found.total() == 0 }

// skipped tells for want of what a test was not run.
func (r result) skipped() (reason skip, ok bool) { return reason, errors.As(r.err, &reason) }

// failed reports whether a test must turn the run red: one that was skipped does where nothing may be missing.
func (r result) failed(strict bool) bool {
	_, skipped := r.skipped()
	return !r.passed() && (strict || !skipped)
}

// perform runs a test in a folder of its own, which is removed if it passed.
func perform(ctx context.Context, t test, o options, out io.Writer) result {
	r := result{test: t, cycles: t.quick}
	if o.full {
		r.cycles = t.full
	}
	if o.cycles > 0 {
		r.cycles = o.cycles
	}
	tr := &trial{options: o, cycles: r.cycles, out: out}
	tr.rng = tr.stream(-1)
	r.found = &tr.found
	start := time.Now()
	if tr.dir, r.err = os.MkdirTemp("", "inlet-chaos-"+t.name+"-"); r.err != nil {
		return r
	}
	tr.line("== %s, %d cycles", t.name, r.cycles)
	r.reached, r.err = t.run(ctx, tr)
	r.took = time.Since(start)
	if r.passed() {
		r.err = os.RemoveAll(tr.dir)
		return r
	}
	if _, ok := r.skipped(); ok {
		r.err = errors.Join(r.err, os.RemoveAll(tr.dir))
		return r
	}
	r.err = errors.Join(r.err, tr.history.save(filepath.Join(tr.dir, "history.jsonl")))
	fmt.Fprintf(out, "%s has failed; %s has its data, its log and its history\n", t.name, tr.dir)
	return r
}

// table prints what was wanted and what was reached, and then what went wrong.
func table(out io.Writer, o options, results []result) {
	for _, r := range results {
		if reason, ok := r.skipped(); ok {
			fmt.Fprintf(out, "\nSKIP  %-8s  %s\n", r.name, reason)
			continue
		}
		verdict := "PASS"
		if !r.passed() {
			verdict = "FAIL"
		}
		fmt.Fprintf(out, "\n%s  %-8s  seed %d, %.1f s\n", verdict, r.name, o.seed, r.took.Seconds())
		fmt.Fprintf(out, "      wanted   "+r.wanted+"\n      reached  %[2]s\n", r.cycles, r.reached)
	}
	for _, r := range results {
		if _, ok := r.skipped(); r.err != nil && !ok {
			fmt.Fprintf(out, "\n%s: %v\n", r.name, r.err)
		}
		if lines := r.found.lines(); len(lines) > 0 {
			fmt.Fprintf(out, "\n%s: %s\n  %s\n", r.name, r.found, strings.Join(lines, "\n  "))
		}
	}
}
