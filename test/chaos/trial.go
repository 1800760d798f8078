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
	quick, full int    // cycles of the lanes; with 0 a test is in the quick lane only when it is named, and has one
	wanted      string // the figure, with a %[1]d for the cycles
	run         func(context.Context, *trial) (reached string, err error)
}

// tests are all there are, in the order in which they run.
var tests = []test{
	{"kill", 12, 500, "%[1]d cycles, 40 uploads acknowledged in each on average: 0 lost, changed, phantom, stuck, resurrected; 0 orphans after a reconcile", killUnderLoad},
	{"points", 16, 4000, "a kill at each call that changes a file, %[1]d at most: 0 lost, changed, phantom, stuck, resurrected, repeated; 0 left after a reconcile", sweepPoints},
	{"power", 16, 2000, "%[1]d power cuts of a disk with ext4: 0 acknowledged uploads lost or changed, 0 deletes undone, 0 stores that do not open; a server without fsync is caught", cutPower},
	{"full", 4, 50, "%[1]d fills of a small disk, half of them with inodes, and disks that fail: every refusal a 507, every delete done, uploads again within 5 s; 0 lost, changed, phantom, stuck, resurrected", fillDisks},
	{"bus", 2, 20, "uploads do not feel that the bus is out, slow or restarted %[1]d times; a backlog has its end 60 s after it returns without its store; events delivered 5 times: 0 lost, stuck, repeated, unseen", breakBus},
	{"database", 20, 1000, "%[1]d answers of writes lost, the primary changed, the database slow, refused and hung: 0 lost, changed, phantom, stuck, resurrected; 503 within 2 s, bodies unread, back within 5 s; accounts exact", breakDatabase},
	{"objects", 2, 120, "%[1]d times 5 s of an S3 server that fails and lies, and that is out: 0 lost, changed, phantom, stuck; answers in 2 s while it is out, back 5 s after it; 0 left after a reconcile, of multipart uploads too", breakObjects},
	{"clock", 15, 200, "%[1]d steps of the host's clock by up to an hour, with restarts on one that was set back: 0 files and signed URLs that end early or come back, signed URLs exact to 1 s; 0 stuck", stepClock},
	{"rot", 20, 200, "%[1]d blobs damaged and read: 0 damaged bytes in an answer that ends well; %[1]d damaged and not read: all found by a scrub; all files final on a damaged bus; no wrong bytes on a damaged database", rotStores},
	{"quota", 20, 1000, "%[1]d rounds of 64 uploads for room for 10: exactly 10 each", raceForRoom},
	{"races", 200, 10_000, "%[1]d races of reads with a delete or an expiry: 0 readable after it", raceReads},
	{"sigterm", 3, 100, "%[1]d SIGTERMs with 100 uploads in flight: exit 0 within 35 s, 0 lost", terminate},
	{"bugs", 0, 12, "%[1]d bugs that were sown into the program on purpose: all caught", catchBugs},
}

// mode is how Inlet runs.
type mode string

// The modes.
const (
	single   mode = "single"  // `inlet serve`, on SQLite and its own bus
	separate mode = "cluster" // a process for each service
)

// modes has the tests of each.
var modes = map[mode][]test{single: tests, separate: clusterTests}

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
	r := result{test: t, cycles: max(t.quick, 1)}
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
		fmt.Fprintf(out, "\n%s  %-8s  mode %s, seed %d, %.1f s\n", verdict, r.name, o.mode, o.seed, r.took.Seconds())
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
