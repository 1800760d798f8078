package main

import (
	"context"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/test/harness/api"
)

// checkEffects looks whether each file has one verdict, one thumbnail and as many downloads as are made, whatever the deliveries.
func (b *busTest) checkEffects(ctx context.Context, entries []*entry) error {
	for _, do := range []func(context.Context, entry) error{b.checkTimeline, b.download, b.checkDownloads} {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(checkers)
		for _, e := range entries {
			g.Go(func() error { return do(ctx, b.history.snapshot(e)) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	return nil
}

func (b *busTest) checkTimeline(ctx context.Context, e entry) error {
	steps, err := b.server.Timeline(ctx, e.id)
	if err != nil {
		return err
	}
	want := map[string]int{"received": 1, "verified": 1}
	switch e.kind {
	case picture:
		want["thumbnail"] = 1
	case broken:
		want = map[string]int{"received": 1, "rejected": 1}
	}
	got := map[string]int{}
	for _, s := range steps {
		got[s.What]++
	}
	if !maps.Equal(got, want) {
		b.found.addf(repeated, "%s (%s): its timeline has %v, not %v", e.key, e.id, got, want)
	}
	return nil
}

const (
	downloads     = 2
	downloadLimit = 10 * time.Second // for them to be counted
)

func (b *busTest) download(ctx context.Context, e entry) error {
	for range downloads {
		resp, err := b.server.Download(ctx, e.id, nil)
		if err == nil && e.kind != broken {
			err = resp.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkDownloads looks whether each download of a good file is counted once.
func (b *busTest) checkDownloads(ctx context.Context, e entry) error {
	if e.kind == broken {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, downloadLimit)
	defer cancel()
	var f api.File
	_ = untilKnown(limited, func() (o outcome, err error) { // when its time is over, what it has is judged
		if f, err = b.server.Get(ctx, e.id); err == nil && f.DownloadCount < downloads {
			return unknown, fmt.Errorf("%d downloads", f.DownloadCount)
		}
		return outcomeOf(err), err
	})
	if f.DownloadCount != downloads {
		b.found.addf(repeated, "%s (%s): %d downloads are counted, of %d", e.key, e.id, f.DownloadCount, downloads)
	}
	return ctx.Err()
}
