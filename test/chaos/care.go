package main

import (
	"context"
	"fmt"
	"time"
)

const (
	careGrace = time.Second            // age above which bytes without a record are removed
	careLimit = 60 * time.Second       // for everything to be mended: one sweep
	careShare = 2 * time.Millisecond   // and for each upload, as a sweep looks at them all
	carePause = 500 * time.Millisecond // between two looks of fsck
)

// mend restarts the server with a sweeper in a hurry and waits until fsck finds nothing. It returns what fsck found before, and how long the
// mending took. What is left after one sweep is a violation. Nothing may be under way.
func mend(ctx context.Context, t *trial, s system) (before checkup, took time.Duration, err error) {
	if before, err = s.fsck(ctx, careGrace); err != nil {
		return before, 0, err
	}
	code, err := s.term(ctx)
	if err != nil {
		return before, 0, err
	}
	if code != 0 {
		t.found.addf(unclean, "exit code %d before the reconcile", code)
	}
	s.set(map[string]string{"INLET_SWEEP_GRACE": careGrace.String(), "INLET_SWEEP_UNFINISHED": careGrace.String(), "INLET_SWEEP_RECONCILE": "100ms"})
	if err := s.start(ctx); err != nil {
		return before, 0, err
	}
	start := time.Now()
	limit := careLimit + time.Duration(t.history.acknowledged())*careShare
	tick := time.NewTicker(carePause)
	defer tick.Stop()
	for {
		now, err := s.fsck(ctx, careGrace)
		if err != nil {
			return before, 0, err
		}
		took = time.Since(start)
		if now.Findings == 0 {
			return before, took, nil
		}
		if took > limit {
			for _, line := range now.lines {
				t.found.addf(untidy, "%s", line)
			}
			return before, took, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return before, took, ctx.Err()
		}
	}
}

// checkEnd judges everything when the last fault is over: all files reach their end, the stores are mended, and then every file is looked at.
func checkEnd(ctx context.Context, t *trial, s system) (string, error) {
	c := newChecker(t, s.client())
	settled, err := c.settle(ctx)
	if err != nil {
		return "", err
	}
	before, mended, err := mend(ctx, t, s)
	if err != nil {
		return "", err
	}
	if err := c.lookAll(ctx, t.history.from(0), true); err != nil {
		return "", err
	}
	if err := c.lookForPhantoms(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("settled in %.1f s; fsck found %s, and nothing %.1f s into the reconcile; %d files checked",
		settled.Seconds(), before, mended.Seconds(), c.looks.Load()), nil
}
