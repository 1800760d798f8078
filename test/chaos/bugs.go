package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/inlethq/inlet/test/harness/overlay"
)

// bug is a fault that is sown into the program on purpose, as somebody might by mistake.
type bug struct {
	name    string
	changes []overlay.Change
	by      []hunt // any of them may find it
}

// hunt is a test that must find a bug, with as many cycles as it takes.
type hunt struct {
	test   string
	cycles int
}

// huntTries is how often a hunt begins anew with another seed: some faults show only when the moment is right.
const huntTries = 3

// catchBugs builds the program with one bug after the other and runs the tests that must fail then. A harness that finds nothing wrong with a broken
// program finds nothing at all.
func catchBugs(ctx context.Context, t *trial) (reached string, err error) {
	sown := t.pickBugs()
	caught := 0
	for _, b := range sown {
		found, err := t.catch(ctx, b)
		if err != nil {
			return "", fmt.Errorf("%s: %w", b.name, err)
		}
		if found == "" {
			t.found.addf(missed, "%s", b.name)
		} else {
			caught++
		}
	}
	return fmt.Sprintf("%d of %d caught", caught, len(sown)), nil
}

// pickBugs takes as many as there are cycles, those that the seed says, or the one that is named.
func (t *trial) pickBugs() []bug {
	if t.bug != "" {
		return slices.DeleteFunc(slices.Clone(bugs), func(b bug) bool { return b.name != t.bug })
	}
	sown := slices.Clone(bugs)
	t.rng.Shuffle(len(sown), func(i, j int) { sown[i], sown[j] = sown[j], sown[i] })
	return sown[:min(t.cycles, len(sown))]
}

// catch hunts one bug and tells what has given it away; nothing when it got through.
func (t *trial) catch(ctx context.Context, b bug) (found string, err error) {
	program := filepath.Join(t.dir, "inlet-"+b.name)
	if err := overlay.Build(ctx, t.source, program, "inlet", b.changes); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.Remove(program)) }()
	for try := range huntTries {
		for _, h := range b.by {
			start := time.Now()
			found, err := t.hunt(ctx, b, h, program, t.seed+uint64(try))
			if err != nil {
				return "", err
			}
			if found == "" {
				t.line("%s: %s found nothing in %.0f s", b.name, h.test, time.Since(start).Seconds())
				continue
			}
			t.line("%s: caught by %s in %.0f s, try %d: %s", b.name, h.test, time.Since(start).Seconds(), try+1, found)
			return found, nil
		}
	}
	return "", nil
}

// hunt runs one test on the broken program. A test that cannot be run to its end has found nothing, unless the program was the reason.
func (t *trial) hunt(ctx context.Context, b bug, h hunt, program string, seed uint64) (found string, err error) {
	i := slices.IndexFunc(t.all, func(x test) bool { return x.name == h.test })
	if i < 0 {
		return "", fmt.Errorf("there is no test %q", h.test)
	}
	run := &trial{options: t.options, cycles: h.cycles, out: io.Discard, dir: filepath.Join(t.dir, b.name)}
	run.inlet, run.seed, run.verbose = program, seed, false
	run.rng = run.stream(-1)
	if err := os.Mkdir(run.dir, 0o700); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(run.dir)) }()
	_, failed := t.all[i].run(ctx, run)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if lines := run.found.lines(); len(lines) > 0 {
		return fmt.Sprintf("%s (%s)", run.found.figures(), strings.TrimSpace(lines[0])), nil
	}
	if lacks := skip(""); errors.As(failed, &lacks) {
		return "", lacks
	}
	if failed != nil {
		t.line("%s: %s: %v", b.name, h.test, failed)
	}
	return "", nil
}
