package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/test/harness/api"
)

const (
	fillClients  = 16
	fillRefusals = 3 // that each client takes before it believes that the disk is full
	fillDeletes  = 12
	fillsPerKill = 4
	fillLimit    = 2 * time.Minute       // for one fill
	roomLimit    = 5 * time.Second       // from when there is room until an upload is accepted: what is promised
	roomPause    = 20 * time.Millisecond // between two tries
	faultRounds  = 5                     // cycles for one round with a disk that fails
)

// fillDisks fills the disks of two servers again and again, one's with bytes and the other's with inodes, then lets the disk of a third fail, and
// that of a fourth lose files.
func fillDisks(ctx context.Context, t *trial) (reached string, err error) {
	if lack := lacksForFull(); lack != "" {
		return "", skip(lack)
	}
	sum := &fillSum{}
	for i, what := range []scarcity{bytesScarce, inodesScarce} {
		err := t.alone(string(what), t.durability, func(own *trial) error { return fillDisk(ctx, own, what, (t.cycles+1-i)/2, sum) })
		if err != nil {
			return "", err
		}
	}
	rounds := max(1, t.cycles/faultRounds)
	var faults, losses string
	err = t.alone("faults", "power", func(own *trial) error {
		faults, err = failDisk(ctx, own, rounds)
		return err
	})
	if err != nil {
		return "", err
	}
	err = t.alone("forgetful", "power", func(own *trial) error {
		losses, err = forget(ctx, own, 2*rounds)
		return err
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: %s; %s; %s", sum, t.found.figures(lost, changed, phantom, stuck, resurrected, refused, unclean, untidy), faults, losses), nil
}

// alone runs a part of a trial, of which only what it finds is left.
func (t *trial) alone(name, durability string, run func(*trial) error) error {
	own, err := t.part(name, durability)
	if err != nil {
		return err
	}
	if err := run(own); err != nil {
		t.found.take(&own.found, name)
		return fmt.Errorf("%s: %w", name, err)
	}
	return t.conclude(own)
}

// fillSum adds up all fills.
type fillSum struct {
	fills, stored, refused, deleted, kills int
	slowest                                time.Duration // from room to an upload that is accepted
	checked                                int64
}

func (s *fillSum) String() string {
	return fmt.Sprintf("%d fills, %d uploads acknowledged, %d refused, %d deletes while full, %d kills while full; accepted again %.2f s after there was room at the latest; %d looks",
		s.fills, s.stored, s.refused, s.deleted, s.kills, s.slowest.Seconds(), s.checked)
}

// fillDisk fills one server's disk, and judges everything in the end.
func fillDisk(ctx context.Context, t *trial, what scarcity, cycles int, sum *fillSum) (err error) {
	d, err := newSmallDisk(ctx, t.dir, what)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.remove()) }()
	s, err := newServerWith(ctx, t, on(d.dir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	f := &filling{server: s, trial: t, checker: newChecker(t, s.Client), name: string(what), disk: d, fillSum: sum}
	for n := range cycles {
		if err := f.round(ctx, n); err != nil {
			return fmt.Errorf("fill %d: %w", n, err)
		}
	}
	end, err := checkEnd(ctx, t, s)
	if err != nil {
		return err
	}
	t.line("%s: %s", what, end)
	sum.stored += t.history.acknowledged()
	sum.checked += f.checker.looks.Load()
	return t.lookForPanics(s)
}

// filling is what is known of a server whose disk is filled. It is for one goroutine.
type filling struct {
	*server
	*fillSum
	trial   *trial
	checker *checker
	name    string // of its files
	disk    *smallDisk
	mine    []*entry // acknowledged, and not deleted
}

// round fills the disk, deletes on the full disk, makes room, and waits until an upload is accepted.
func (f *filling) round(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, fillLimit)
	defer cancel()
	start := time.Now()
	toTheLast := f.trial.rng.IntN(2) == 0
	byDelete := !toTheLast && f.trial.rng.IntN(2) == 0
	if err := f.disk.leave(); err != nil {
		return err
	}
	before := f.refused
	if err := f.fill(ctx, n); err != nil {
		return err
	}
	if toTheLast { // what Inlet has kept back goes to somebody else
		if err := f.disk.leaveNothing(); err != nil {
			return err
		}
	}
	if n%fillsPerKill == 1 {
		f.kill()
		f.kills++
		if err := f.start(ctx); err != nil {
			f.trial.found.addf(unreadable, "fill %d: it does not start on the full disk: %v", n, err)
			return err
		}
	}
	if err := f.checker.lookAll(ctx, f.mine, false); err != nil {
		return err
	}
	if err := f.remove(ctx, fillDeletes); err != nil {
		return err
	}
	f.deleted += fillDeletes
	if byDelete {
		f.deleted += len(f.mine)
		if err := f.remove(ctx, len(f.mine)); err != nil {
			return err
		}
	} else if err := f.disk.giveBack(); err != nil {
		return err
	}
	took, err := f.accepted(ctx, n)
	if err != nil {
		return err
	}
	f.fills++
	f.trial.line("%s %d: %d refused, to the last: %v, room by deletes: %v, accepted again after %d ms, %d stored, %d ms in all, %d violations", f.name, n+1,
		f.refused-before, toTheLast, byDelete, took.Milliseconds(), len(f.mine), time.Since(start).Milliseconds(), f.trial.found.total())
	if err := f.remove(ctx, len(f.mine)); err != nil {
		return err
	}
	return f.disk.giveBack()
}

// fill uploads with many clients until each was refused.
func (f *filling) fill(ctx context.Context, n int) error {
	var mu sync.Mutex // of mine and refused
	var g errgroup.Group
	for client := range fillClients {
		rng := f.trial.stream(n*fillClients + client)
		g.Go(func() error {
			for i, full := 0, 0; full < fillRefusals; i++ {
				e := f.trial.history.add(fmt.Sprintf("%s%d-%d-%d", f.name, n, client, i), f.disk.content(rng.Uint64()))
				status, err := f.send(ctx, e)
				if ctx.Err() != nil {
					return errors.Join(ctx.Err(), err)
				}
				mu.Lock()
				switch status {
				case 0:
					f.mine = append(f.mine, e)
				case http.StatusInsufficientStorage:
					full++
					f.refused++
				default:
					f.trial.found.addf(refused, "upload %s into a full disk: %v", e.key, err)
					full++
				}
				mu.Unlock()
			}
			return nil
		})
	}
	return g.Wait()
}

// send uploads a file once. The status is 0 for a success, and -1 where there was no answer.
func (f *filling) send(ctx context.Context, e *entry) (status int, err error) {
	var got api.File
	o, err := f.trial.history.ask("upload", e, func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, attemptLimit)
		defer cancel()
		got, err = put(ctx, f.Client, e, bytes.NewReader(e.bytes()), nil, respondAsync())
		return err
	}, func(e *entry, o outcome) { e.upload, e.id = o, got.ID })
	if o == ok {
		return 0, nil
	}
	if status = api.Status(err); status == 0 {
		status = -1
	}
	return status, err
}

// remove deletes n files. Each has to be acknowledged at once.
func (f *filling) remove(ctx context.Context, n int) error {
	n = min(n, len(f.mine))
	gone := f.mine[:n]
	f.mine = f.mine[n:]
	var g errgroup.Group
	g.SetLimit(fillClients)
	for _, e := range gone {
		f.trial.history.change(e, func(e *entry) { e.remove = unknown })
		g.Go(func() error {
			_, err := f.trial.history.ask("delete", e, func() error { return f.Delete(ctx, e.id) }, func(e *entry, o outcome) {
				if o == ok {
					e.remove = ok
				}
			})
			if err != nil {
				f.trial.found.addf(refused, "delete %s (%s): %v", e.key, e.id, err)
			}
			return ctx.Err()
		})
	}
	return g.Wait()
}

// accepted uploads one file after the other until one is taken.
func (f *filling) accepted(ctx context.Context, n int) (time.Duration, error) {
	start := time.Now()
	rng := f.trial.stream(n) // how often it is needed is not the seed's to decide
	tick := time.NewTicker(roomPause)
	defer tick.Stop()
	for i := 0; ; i++ {
		e := f.trial.history.add(fmt.Sprintf("%s%d-again-%d", f.name, n, i), newText(rng.Uint64()))
		status, err := f.send(ctx, e)
		took := time.Since(start)
		if status == 0 {
			f.mine = append(f.mine, e)
			f.slowest = max(f.slowest, took)
			if took > roomLimit {
				f.trial.found.addf(refused, "fill %d: uploads are accepted only %.1f s after there was room", n, took.Seconds())
			}
			return took, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return took, fmt.Errorf("no upload is accepted: %w; the last answer: %w", ctx.Err(), err)
		}
	}
}
