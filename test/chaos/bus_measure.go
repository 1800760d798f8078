package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// end ends the server by SIGTERM.
func (b *busTest) end(ctx context.Context) error {
	code, err := b.server.term(ctx)
	if err == nil && code != 0 {
		b.found.addf(unclean, "exit code %d without the bus", code)
	}
	return err
}

// answers waits until the server answers, ready or not.
func (b *busTest) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	return untilKnown(ctx, func() (outcome, error) {
		_, err := b.server.List(ctx, "", pending())
		return outcomeOf(err), err
	})
}

// verdicts waits until no file waits for its verdict. Pictures may wait for their thumbnails.
func (b *busTest) verdicts(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	limited, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	err := untilKnown(limited, func() (outcome, error) {
		page, err := b.server.List(ctx, "", pending())
		if err == nil && page.Pagination.Total > 0 {
			return unknown, fmt.Errorf("%d files wait for their verdict", page.Pagination.Total)
		}
		return outcomeOf(err), err
	})
	if err != nil && ctx.Err() == nil {
		b.found.addf(stuck, "without the bus: %v", err)
	}
	return time.Since(start), ctx.Err()
}

// settle waits until every file has its end.
func (b *busTest) settle(ctx context.Context) (time.Duration, error) {
	took, err := newChecker(b.trial, b.server.Client).settle(ctx)
	if took > settleLimit {
		b.found.addf(stuck, "not all files had their end within %s", settleLimit)
	}
	return took, err
}

// burst sends files by several clients at once, each one time, and returns how long the answers took. All must be acknowledged.
func (b *busTest) burst(ctx context.Context, name string, n int) (latencies, error) {
	took := make(latencies, n)
	g, running := errgroup.WithContext(ctx)
	g.SetLimit(killClients)
	for i := range n {
		e := b.history.add(fmt.Sprintf("%s-%d", name, i), newContent(b.rng.Uint64()))
		g.Go(func() error {
			start := time.Now()
			o, err := upload(running, b.trial, b.server.Client, e, respondAsync())
			took[i] = time.Since(start)
			if o == unknown && running.Err() == nil {
				b.found.addf(refused, "upload %s: %v", e.key, err)
			}
			return running.Err()
		})
	}
	err := g.Wait()
	slices.Sort(took)
	return took, err
}

const (
	slowFactor = 3 // of what is no slower, on a machine that others use too
	slowSpare  = 50 * time.Millisecond
)

// compare reports uploads that felt a fault.
func (b *busTest) compare(when string, took latencies) {
	if took.p99() > slowFactor*b.steady.p99()+slowSpare {
		b.found.addf(slow, "p99 of an upload %s is %s, and was %s", when, took, b.steady)
	}
}

// latencies are sorted.
type latencies []time.Duration

func (l latencies) p99() time.Duration {
	if len(l) == 0 {
		return 0
	}
	return l[len(l)*99/100]
}

func (l latencies) String() string { return l.p99().Round(100 * time.Microsecond).String() }
