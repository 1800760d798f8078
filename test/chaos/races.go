package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/test/harness/api"
)

const (
	racesAtOnce = 48
	raceLife    = time.Second           // of files that expire
	raceDelay   = 30 * time.Millisecond // the latest delete after the upload
	readPause   = 10 * time.Millisecond // between two reads of one reader
	readsAfter  = 2                     // that each reader must see fail
	raceTries   = 10                    // files for one race, whose life may be over before it
)

// race is one file that ends while it is read.
type race struct {
	trial   *trial
	client  *api.Client
	entry   *entry
	signed  string // path and query of its signed URL
	ended   atomic.Bool
	expires bool
	life    time.Duration // of a file that expires
	removed bool          // by a request
	after   time.Duration // from its acknowledgement to that request
}

// raceReads lets files end while they are verified and read. A third is deleted, a third expires, and a third does both at about the same time.
// A read that begins after the delete was acknowledged, or the life is over, must find nothing.
func raceReads(ctx context.Context, t *trial) (reached string, err error) {
	s, err := newServer(ctx, t)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	reached, err = raceIn(ctx, t, s, t.cycles, racesAtOnce, raceLife)
	return fmt.Sprintf("%d races, %s; %s", t.cycles, t.found.figures(resurrected), reached), err
}

// raceIn runs races, some at once.
func raceIn(ctx context.Context, t *trial, s system, races, atOnce int, life time.Duration) (reached string, err error) {
	g, running := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i := range races {
		r := &race{
			trial: t, client: s.client(), expires: i%3 != 0, removed: i%3 != 1, after: t.within(raceDelay), life: life,
			entry: t.history.add(fmt.Sprintf("race-%d", i), newText(t.rng.Uint64())),
		}
		if r.expires && r.removed {
			r.after += life - raceDelay/2
		}
		g.Go(func() error { return r.run(running) })
	}
	if err := g.Wait(); err != nil {
		return "", err
	}
	before, mended, err := mend(ctx, t, s)
	if err != nil {
		return "", err
	}
	err = newChecker(t, s.client()).lookForPhantoms(ctx)
	return fmt.Sprintf("fsck found %s, and nothing %.1f s into the reconcile", before, mended.Seconds()), err
}

func (r *race) run(ctx context.Context) error {
	err := r.begin(ctx)
	for again := 1; errors.Is(err, errOver) && again < raceTries; again++ {
		r.entry = r.trial.history.add(fmt.Sprintf("%s-%d", r.entry.key, again), newText(r.entry.seed+1))
		err = r.begin(ctx)
	}
	if err != nil {
		return err
	}
	over := time.Now().Add(r.life) // it was made before it was acknowledged
	g, ctx := errgroup.WithContext(ctx)
	for _, path := range []string{"/v1/files/" + r.entry.id, "/v1/files/" + r.entry.id + "/download", r.signed} {
		g.Go(func() error { return r.read(ctx, path) })
	}
	if r.removed {
		g.Go(func() error { return r.remove(ctx) })
	}
	if r.expires {
		g.Go(func() error {
			err := pause(ctx, time.Until(over))
			r.ended.Store(true)
			return err
		})
	}
	err = g.Wait()
	r.trial.history.change(r.entry, func(e *entry) { e.remove = ok })
	return err
}

// errOver says that a machine was too busy for a race: the file's life was over before it.
var errOver = errors.New("the file has expired before its race")

// begin uploads the file, mostly without waiting for its verdict, and has a URL signed for it.
func (r *race) begin(ctx context.Context) error {
	query := url.Values{}
	if r.expires {
		query.Set("expires_in", strconv.Itoa(int(r.life/time.Second)))
	}
	h := respondAsync()
	if r.entry.seed%4 == 0 && !r.expires {
		h = nil
	}
	var f api.File
	_, err := r.trial.history.ask("upload", r.entry, func() (err error) {
		f, err = put(ctx, r.client, r.entry, bytes.NewReader(r.entry.bytes()), query, h)
		return err
	}, func(e *entry, o outcome) { e.upload, e.id = o, f.ID })
	if err != nil {
		return err
	}
	resp, err := r.client.Do(ctx, api.Request{Method: http.MethodPost, Path: "/v1/files/" + f.ID + "/sign"})
	if err == nil {
		err = resp.Err()
	}
	if r.expires && api.Status(err) == http.StatusNotFound {
		r.trial.history.change(r.entry, func(e *entry) { e.remove = ok })
		return errOver
	}
	if err != nil {
		return err
	}
	var signed struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(resp.Body, &struct {
		Data any `json:"data"`
	}{&signed}); err != nil {
		return err
	}
	r.signed = strings.TrimPrefix(signed.URL, r.client.Base())
	return nil
}

// read asks for a path until it was refused often enough after the end.
func (r *race) read(ctx context.Context, path string) error {
	c := r.client
	if path == r.signed {
		c = c.As("")
	}
	tick := time.NewTicker(readPause)
	defer tick.Stop()
	for after := 0; after < readsAfter; {
		ended := r.ended.Load() // before the request begins
		resp, err := c.Do(ctx, api.Request{Method: http.MethodGet, Path: path})
		if err != nil {
			return err
		}
		switch {
		case ended && resp.Status != http.StatusNotFound:
			r.trial.found.addf(resurrected, "%s (%s): GET %s answers %d after its end", r.entry.key, r.entry.id, path, resp.Status)
			return nil
		case ended:
			after++
		case resp.Status >= http.StatusInternalServerError:
			r.trial.found.addf(refused, "%s (%s): GET %s answers %d", r.entry.key, r.entry.id, path, resp.Status)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// remove deletes the file. When it was there to be deleted, or had expired, that is its end.
func (r *race) remove(ctx context.Context) error {
	if err := pause(ctx, r.after); err != nil {
		return err
	}
	_, err := r.trial.history.ask("delete", r.entry, func() error {
		err := r.client.Delete(ctx, r.entry.id)
		if r.expires && api.Status(err) == http.StatusNotFound {
			return nil
		}
		return err
	}, func(*entry, outcome) {})
	if err == nil {
		r.ended.Store(true)
	}
	return err
}
