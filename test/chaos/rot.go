package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/harness/launch"
)

const (
	rotLimit  = 60 * time.Second // for damage to be found by a scrub in a hurry
	rotLarge  = 10               // of so many files, one is large
	rotPaints = 5                // and one is a picture
)

// rot damages what is stored, as a disk does that ages: a bit is another, or an end is missing. It is for one goroutine.
type rot struct {
	*trial
	*server
	checker *checker
	events  *api.Events
	cut     int // blobs that were cut off; in the others a bit was flipped
	damaged int // blobs, in all
}

// rotStores damages blobs, first of files that are then read, next of files that nobody reads; and at last the bus's store and the database. Half
// of the damage is done while the server runs, half while it is stopped.
func rotStores(ctx context.Context, t *trial) (reached string, err error) {
	nats, err := launch.FreeAddr()
	if err != nil {
		return "", err
	}
	s, err := newServerWith(ctx, t, map[string]string{"INLET_NATS_ADDR": nats, "INLET_SCRUB_EVERY": "0s"})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	r := &rot{trial: t, server: s, checker: newChecker(t, s.Client)}
	if r.events, err = api.Subscribe(ctx, "nats://"+nats, nil); err != nil {
		return "", err
	}
	defer r.events.Close()
	var said []string
	for _, part := range []func(context.Context) (string, error){r.fill, r.rotRead, r.rotUnread, r.rotBus, r.rotRecords} {
		figures, err := part(ctx)
		if err != nil {
			return strings.Join(said, "; "), err
		}
		t.line("%s", figures)
		said = append(said, figures)
	}
	return fmt.Sprintf("%s; %s", strings.Join(said, "; "), t.found.figures(changed, overlooked, lost, stuck)), nil
}

// The files in three equal parts: those that are damaged and read, those that are damaged and not read, and those that stay whole.
func (r *rot) read() []*entry   { return r.history.from(0)[:r.cycles] }
func (r *rot) unread() []*entry { return r.history.from(r.cycles)[:r.cycles] }
func (r *rot) whole() []*entry  { return r.history.from(2 * r.cycles)[:r.cycles] }

// fill uploads all files and waits for their ends.
func (r *rot) fill(ctx context.Context) (string, error) {
	var entries []*entry
	for i := range 3 * r.cycles {
		c := content{seed: r.rng.Uint64()}
		switch {
		case i%rotLarge == 3:
			c.kind = large
		case i%rotPaints == 1:
			c.kind = picture
		}
		entries = append(entries, r.history.add(fmt.Sprintf("r%d", i), c.measured()))
	}
	if err := r.uploadAll(ctx, entries); err != nil {
		return "", err
	}
	_, err := r.checker.settle(ctx)
	return fmt.Sprintf("%d files", len(entries)), err
}

func (r *rot) uploadAll(ctx context.Context, entries []*entry) error {
	g, uploading := errgroup.WithContext(ctx)
	g.SetLimit(checkers)
	for _, e := range entries {
		g.Go(func() error { return settleUpload(uploading, r.trial, r.Client, e, respondAsync()) })
	}
	return g.Wait()
}

// restart ends the server, does something to what it has stored, and starts it with these settings.
func (r *rot) restart(ctx context.Context, settings map[string]string, stopped func() error) error {
	code, err := r.term(ctx)
	if err == nil && code != 0 {
		r.found.addf(unclean, "exit code %d", code)
	}
	if err = errors.Join(err, stopped()); err != nil {
		return err
	}
	r.set(settings)
	return r.start(ctx)
}

// rotRead damages files and reads them: no answer ends well, and from then on the record says why.
func (r *rot) rotRead(ctx context.Context) (string, error) {
	victims := r.read()
	running, stopped := victims[:len(victims)/2], victims[len(victims)/2:]
	err := r.spoilAll(running)
	if err == nil {
		err = r.restart(ctx, nil, func() error { return r.spoilAll(stopped) })
	}
	if err != nil {
		return "", err
	}
	var refused, broken atomic.Int64
	g, reading := errgroup.WithContext(ctx)
	g.SetLimit(checkers)
	for _, e := range victims {
		g.Go(func() error {
			for range 2 {
				resp, err := r.Download(reading, e.id, nil)
				switch {
				case reading.Err() != nil:
					return reading.Err()
				case err != nil:
					broken.Add(1)
				case resp.Status == http.StatusOK:
					r.found.addf(changed, "%s (%s): damaged, and %d bytes came to a good end, %s", e.key, e.id, len(resp.Body), digest(resp.Body))
				default:
					refused.Add(1)
				}
			}
			return r.wantDamaged(reading, e, time.Now().Add(rotLimit))
		})
	}
	err = g.Wait()
	return fmt.Sprintf("%d damaged and read: %d answers refused, %d broken off", len(victims), refused.Load(), broken.Load()), err
}

// wantDamaged waits until a file's record says that its bytes are damaged, and its event was seen.
func (r *rot) wantDamaged(ctx context.Context, e *entry, until time.Time) error {
	limited, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	var last api.File
	err := untilKnown(limited, func() (outcome, error) {
		f, err := r.Get(limited, e.id)
		if last = f; err == nil && f.State == "failed" && f.Reason == "damaged" {
			return ok, nil
		}
		return unknown, err
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.found.addf(overlooked, "%s (%s): it is %s %q: %v", e.key, e.id, last.State, last.Reason, err)
		return nil
	}
	if _, err := r.events.Wait(limited, e.id, event.Failed); err != nil {
		r.found.addf(unseen, "%s (%s): that it has failed: %v", e.key, e.id, err)
	}
	return nil
}

// rotUnread damages files that nobody reads, and pictures' thumbnails: a scrub in a hurry finds every one, and nothing else.
func (r *rot) rotUnread(ctx context.Context) (string, error) {
	thumbnails, err := r.thumbnails(ctx)
	if err != nil {
		return "", err
	}
	victims := r.unread()
	running, stopped := victims[:len(victims)/2], victims[len(victims)/2:]
	if err := r.spoilAll(running); err != nil {
		return "", err
	}
	hurry := map[string]string{"INLET_SCRUB_EVERY": "1s", "INLET_SCRUB_RATE": "1000000000"}
	err = r.restart(ctx, hurry, func() error {
		for id := range thumbnails {
			if err := r.spoilThumbnail(id); err != nil {
				return err
			}
		}
		return r.spoilAll(stopped)
	})
	if err != nil {
		return "", err
	}
	start := time.Now()
	g, waiting := errgroup.WithContext(ctx)
	g.SetLimit(checkers)
	for _, e := range victims {
		g.Go(func() error { return r.wantDamaged(waiting, e, start.Add(rotLimit)) })
	}
	for id, sha256 := range thumbnails {
		g.Go(func() error { return r.wantThumbnail(waiting, id, sha256, start.Add(rotLimit)) })
	}
	if err := g.Wait(); err != nil {
		return "", err
	}
	took := time.Since(start)
	if err := r.compareDead(ctx); err != nil {
		return "", err
	}
	if err := r.checker.lookAll(ctx, r.whole(), true); err != nil {
		return "", err
	}
	now, err := r.server.fsck(ctx, fsckGrace)
	for _, line := range now.lines {
		r.found.addf(untidy, "%s", line)
	}
	return fmt.Sprintf("%d damaged and not read, and %d thumbnails: found in %.1f s (of all %d damaged blobs %d were cut off)",
		len(victims), len(thumbnails), took.Seconds(), r.damaged, r.cut), err
}

// thumbnails returns the digests of some thumbnails of files that stay whole, by the id of the file.
func (r *rot) thumbnails(ctx context.Context) (map[string]string, error) {
	all := map[string]string{}
	for _, e := range r.whole() {
		if e.kind != picture {
			continue
		}
		resp, err := r.Thumbnail(ctx, e.id)
		if err == nil {
			err = resp.Err()
		}
		if err != nil {
			return nil, err
		}
		all[e.id] = digest(resp.Body)
	}
	return all, nil
}

// wantThumbnail waits until a thumbnail was made again, and looks whether it is what it was.
func (r *rot) wantThumbnail(ctx context.Context, id, sha256 string, until time.Time) error {
	limited, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	err := untilKnown(limited, func() (outcome, error) {
		made := 0
		for _, ev := range r.events.Of(id) {
			if ev.Fact() == event.VariantCreated {
				made++
			}
		}
		if made < 2 {
			return unknown, fmt.Errorf("made %d times", made)
		}
		return ok, nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.found.addf(overlooked, "the thumbnail of %s: %v", id, err)
		return nil
	}
	resp, err := r.Thumbnail(ctx, id)
	if err == nil && (resp.Status != http.StatusOK || digest(resp.Body) != sha256) {
		r.found.addf(changed, "the thumbnail of %s answers %d with %s; it was %s", id, resp.Status, digest(resp.Body), sha256)
	}
	return err
}

// compareDead compares what `inlet dead ls` lists with what was damaged.
func (r *rot) compareDead(ctx context.Context) error {
	listed, err := r.dead(ctx)
	if err != nil {
		return err
	}
	for _, e := range slices.Concat(r.read(), r.unread()) {
		bare := strings.TrimPrefix(e.id, "file_")
		if listed[bare] != "damaged" {
			r.found.addf(overlooked, "%s (%s): inlet dead ls says %q", e.key, e.id, listed[bare])
		}
		delete(listed, bare)
	}
	for _, id := range slices.Sorted(maps.Keys(listed)) {
		r.found.addf(lost, "%s was not damaged; inlet dead ls says %q", id, listed[id])
	}
	return nil
}

// dead returns what `inlet dead ls` lists: the reason by the id of the file.
func (r *rot) dead(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, fsckLimit)
	defer cancel()
	var said bytes.Buffer
	p, err := launch.Start(launch.Spec{Name: "inlet dead ls", Path: r.inlet, Args: []string{"dead", "ls", "--json"}, Env: r.spec.Env, Log: &said})
	if err != nil {
		return nil, err
	}
	if code, err := p.Wait(ctx); err != nil || code != 0 {
		return nil, fmt.Errorf("inlet dead ls ended with exit code %d: %w: %s", code, err, said.Bytes())
	}
	listed := map[string]string{}
	for line := range strings.Lines(said.String()) {
		var grave struct{ File, Reason string }
		if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &grave) == nil && grave.File != "" {
			listed[grave.File] = grave.Reason
		}
	}
	return listed, nil
}
