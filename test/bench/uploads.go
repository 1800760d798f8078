package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

// warmUp is how many uploads go before those that count.
const warmUp = 20

// picture is an upload of a JPEG of 100 KiB that nobody has seen yet.
func picture(n int) api.Upload {
	s := samples.SmallJPEG(n)
	return api.Upload{Name: s.Name, Type: s.Type, Data: s.Data}
}

// latency uploads one picture after the other. The answer has the verdict; where it came without the thumbnail, the record is asked until it is there.
func latency(ctx context.Context, t *target, o options) error {
	var took []time.Duration
	asked := 0
	for i := range warmUp + o.uploads {
		u := picture(i)
		start := time.Now()
		f, err := t.Upload(ctx, u)
		if err != nil {
			return err
		}
		if f.ThumbnailURL == "" {
			asked++
		}
		if err := complete(ctx, t, f); err != nil {
			return err
		}
		if i >= warmUp {
			took = append(took, time.Since(start))
		}
	}
	fmt.Printf("latency of a 100 KiB JPEG, to its verdict and thumbnail, %d uploads in a row: %s\n", o.uploads, quantiles(took))
	if asked > 0 {
		fmt.Printf("  %d times the answer came before the thumbnail\n", asked)
	}
	return nil
}

// throughput uploads pictures from 1, 8 and 32 clients at once: with answers when the bytes are safe, and with answers that have the verdict.
func throughput(ctx context.Context, t *target, o options) error {
	n := 1_000_000 // others than those of latency
	for _, async := range []bool{true, false} {
		for _, clients := range []int{1, 8, 32} {
			if err := load(ctx, t, o.uploads, n, clients, async); err != nil {
				return err
			}
			n += o.uploads
		}
	}
	return nil
}

// load uploads a number of pictures from some clients, prints how fast that went, and waits until nothing is left to do for the next.
func load(ctx context.Context, t *target, uploads, first, clients int, async bool) error {
	took := make([]time.Duration, uploads)
	files := make([]api.File, uploads)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(clients)
	start := time.Now()
	for i := range uploads {
		u := picture(first + i)
		if async {
			u.Header = http.Header{"Prefer": {"respond-async"}}
		}
		g.Go(func() (err error) {
			start := time.Now()
			files[i], err = t.Upload(gctx, u)
			took[i] = time.Since(start)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	all := time.Since(start)
	answer := "with the verdict"
	if async {
		answer = "when stored"
	}
	fmt.Printf("throughput of 100 KiB JPEGs, answered %-16s  c=%-2d  %5.0f/s  %s\n", answer, clients, float64(uploads)/all.Seconds(), quantiles(took))
	for _, f := range files {
		if err := complete(ctx, t, f); err != nil {
			return err
		}
	}
	return nil
}

// complete asks for a picture until it has its verdict and its thumbnail.
func complete(ctx context.Context, t *target, f api.File) (err error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for f.State != "ready" || f.ThumbnailURL == "" {
		if f.State != "ready" && f.State != "pending" {
			return fmt.Errorf("%s is %s for %q", f.Name, f.State, f.Reason)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if f, err = t.Get(ctx, f.ID); err != nil {
			return err
		}
	}
	return nil
}
