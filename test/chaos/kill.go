package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	killClients  = 16
	killLimit    = 700 * time.Millisecond // the latest kill after the server is ready
	killAtStart  = 150 * time.Millisecond // the latest kill of one that is still starting
	sampleSize   = 32                     // older files that are looked at after each kill
	killsPerFsck = 10
	acksPerCycle = 40        // at least, on average
	fsckGrace    = time.Hour // under load, bytes without a record are on their way
)

// killUnderLoad kills the server with SIGKILL again and again under clients that upload, read, change and delete. After each restart it looks at
// the files that are new since the last, and at a sample of the older; at the end at all.
func killUnderLoad(ctx context.Context, t *trial) (reached string, err error) {
	s, err := newServer(ctx, t)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	k := killing{trial: t, system: s, pick: func() victim { return s }, clients: killClients, sample: sampleSize, cycles: t.cycles, perFsck: killsPerFsck}
	kills, err := k.run(ctx)
	if err != nil {
		return "", err
	}
	acks := t.history.acknowledged()
	if acks < acksPerCycle*t.cycles {
		t.found.addf(idle, "%d uploads were acknowledged in %d cycles", acks, t.cycles)
	}
	end, err := checkEnd(ctx, t, s)
	return fmt.Sprintf("%d cycles, %d kills, %d uploads acknowledged: %s; %s", t.cycles, kills, acks,
		t.found.figures(lost, changed, phantom, stuck, resurrected, untidy), end), err
}

// victim is a process that is killed and started again.
type victim interface {
	kill()
	launch() error                   // without waiting
	start(ctx context.Context) error // until it is of use
	name() string
}

// killing is a run of kills under clients.
type killing struct {
	trial   *trial
	system  system
	pick    func() victim // who is killed in the next cycle
	clients int
	first   int // number of the first client; clients of other numbers send other files
	sample  int // older files that are looked at after each kill
	cycles  int
	perFsck int // cycles from one fsck beside the load to the next; 0 for none
}

// run runs the clients and kills under them. When it returns the clients have ended and every victim is up.
func (k killing) run(ctx context.Context) (kills int, err error) {
	t := k.trial
	loaded, stop := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer stop()
	var begin gate // else the files would grow faster than they are looked at
	for i := range k.clients {
		c := newClient(t, k.system.client(), k.first+i)
		c.gate = &begin
		clients.Go(func() { c.run(loaded) })
	}
	c := newChecker(t, k.system.client())
	checked := 0
	for cycle := range k.cycles {
		s := k.pick()
		if err := pause(ctx, t.within(killLimit)); err != nil {
			return kills, err
		}
		s.kill()
		kills++
		if cycle%8 == 7 { // and once more while it recovers
			if err := s.launch(); err != nil {
				return kills, err
			}
			if err := pause(ctx, t.within(killAtStart)); err != nil {
				return kills, err
			}
			s.kill()
			kills++
		}
		start := time.Now()
		if err := s.start(ctx); err != nil {
			return kills, err
		}
		ready := time.Since(start)
		begin.close()
		fresh := t.history.from(checked)
		if err := c.lookAll(ctx, append(fresh, sample(t, k.sample, checked)...), false); err != nil {
			return kills, err
		}
		checked += len(fresh)
		begin.open()
		if k.perFsck > 0 && cycle%k.perFsck == k.perFsck-1 {
			if err := c.glance(ctx, k.system); err != nil {
				return kills, err
			}
		}
		t.line("kill %d of %s: ready after %d ms, %d acknowledged, %d looks, %d violations", cycle+1, s.name(), ready.Milliseconds(), t.history.acknowledged(), c.looks.Load(), t.found.total())
	}
	return kills, nil
}

// sample picks size of the first n files.
func sample(t *trial, size, n int) []*entry {
	if n == 0 {
		return nil
	}
	all := t.history.from(0)
	picked := make([]*entry, size)
	for i := range picked {
		picked[i] = all[t.rng.IntN(n)]
	}
	return picked
}

// glance lets fsck look beside the load: records without their bytes, wrong indexes and accounts show there.
func (c *checker) glance(ctx context.Context, s system) error {
	now, err := s.fsck(ctx, fsckGrace)
	for _, line := range now.lines {
		c.trial.found.addf(untidy, "under load: %s", line)
	}
	return err
}

// pause waits for a moment that was picked by chance.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
