package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	cutsPerRun   = 40
	controlCuts  = 5 // of a server that does not sync
	powerClients = 8
	powerLoad    = 1500 * time.Millisecond // of each run, at least
	powerLimit   = 20 * time.Second        // of each run, for acksPerRun
	acksPerRun   = 50                      // uploads, at least
)

// cutPower lets clients upload, read, change and delete on a disk that remembers what reaches it, and cuts the power at many points of that past.
// For each cut the disk is made as it may have been left, mounted, and the server started on it: what was acknowledged before the cut must be there,
// what was deleted must not, and of everything else each file is whole or nothing.
//
// The same cuts must take something from a server that does not sync. When they do not, nothing was cut, and the test is no test.
func cutPower(ctx context.Context, t *trial) (reached string, err error) {
	if lack := lacksForDisks(); lack != "" {
		return "", skip(lack)
	}
	disks, err := makeDisks(ctx, t)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, disks.remove()) }()
	unsynced, err := cutUnsynced(ctx, t, disks)
	if err != nil {
		return "", err
	}
	var sum tally
	runs := 0
	for ; sum.cuts < t.cycles; runs++ {
		run, err := t.part(fmt.Sprintf("run-%d", runs+1), "power")
		if err != nil {
			return "", err
		}
		one, err := cutRun(ctx, run, disks[runs%len(disks)], min(cutsPerRun, t.cycles-sum.cuts))
		if err == nil {
			err = t.conclude(run)
		}
		if err != nil {
			return "", err
		}
		sum.add(one)
	}
	return fmt.Sprintf("%d cuts of %d runs with %d uploads acknowledged; %d checks of a file acknowledged before a cut: %s; %d cuts followed to the end; "+
		"without fsync %d of %d checks in %d cuts missed the file", sum.cuts, runs, sum.acks, sum.checks,
		t.found.figures(lost, changed, phantom, stuck, resurrected, unreadable, untidy), sum.followed, unsynced.missed, unsynced.checks, unsynced.cuts), nil
}

// cutUnsynced cuts a server that does not sync.
func cutUnsynced(ctx context.Context, t *trial, disks disks) (tally, error) {
	p, err := t.part("control", "process")
	if err != nil {
		return tally{}, err
	}
	sum, err := cutRun(ctx, p, disks[0], controlCuts)
	if err == nil && sum.missed == 0 {
		err = fmt.Errorf("a server that does not sync has lost nothing in %d cuts: the power is not cut", sum.cuts)
	}
	if err != nil {
		return sum, err
	}
	return sum, os.RemoveAll(p.dir)
}

// part begins a trial within a trial: with a folder, a history and randomness of its own.
func (t *trial) part(name, durability string) (*trial, error) {
	p := &trial{options: t.options, cycles: t.cycles, dir: filepath.Join(t.dir, name), out: t.out}
	p.seed, p.durability = t.rng.Uint64(), durability
	p.rng = p.stream(-1)
	return p, os.Mkdir(p.dir, 0o700)
}

// conclude takes over what a part has found. When that is nothing its folder goes.
func (t *trial) conclude(p *trial) error {
	if p.found.total() == 0 {
		return os.RemoveAll(p.dir)
	}
	t.found.take(&p.found, filepath.Base(p.dir))
	return p.history.save(filepath.Join(p.dir, "history.jsonl"))
}

// tally counts what was done.
type tally struct {
	cuts, followed int
	acks           int // uploads
	checks         int // of acknowledged uploads: one for each before each cut
	missed         int // of checks
}

func (t *tally) add(o tally) {
	t.cuts += o.cuts
	t.followed += o.followed
	t.acks += o.acks
	t.checks += o.checks
	t.missed += o.missed
}

// cutRun records one run, on a disk that begins as an image, and cuts it.
func cutRun(ctx context.Context, t *trial, image string, cuts int) (tally, error) {
	r, err := record(ctx, t, image)
	if err != nil {
		return tally{}, err
	}
	sum := tally{acks: t.history.acknowledged()}
	if sum.acks < acksPerRun {
		t.found.addf(idle, "%d uploads were acknowledged in %v", sum.acks, powerLimit)
	}
	for n := range cuts {
		one, err := r.cut(ctx, n)
		if err != nil {
			return sum, fmt.Errorf("%s, cut %d: %w", filepath.Base(t.dir), n+1, err)
		}
		sum.add(one)
	}
	return sum, nil
}

// recording is what a server did to its disk, and what its clients were told meanwhile.
type recording struct {
	*trial
	disk *loggedDisk
	end  int // the position at which the server was killed
}

// record runs a server for a while, under clients, on a disk that begins as an image. The position of the history is that of the disk's log.
func record(ctx context.Context, t *trial, image string) (r *recording, err error) {
	disk, err := newLoggedDisk(image, t.dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, disk.unmount()) }()
	t.history.position = disk.Mark
	s, err := newServerWith(ctx, t, on(disk.dir))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	loaded, stop := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer stop()
	for i := range powerClients {
		c := newClient(t, s.Client, i)
		c.content = newMixed
		clients.Go(func() { c.run(loaded) })
	}
	err = endLoad(ctx, t)
	end := disk.Mark()
	s.kill()
	writes, flushes, marks := disk.Count(end)
	t.line("%s: %d uploads acknowledged, %d writes, %d flushes, %d marks", filepath.Base(t.dir), t.history.acknowledged(), writes, flushes, marks)
	return &recording{trial: t, disk: disk, end: end}, err
}

// endLoad waits until there was enough load.
func endLoad(ctx context.Context, t *trial) error {
	if err := pause(ctx, powerLoad); err != nil {
		return err
	}
	limit := time.NewTimer(powerLimit - powerLoad)
	defer limit.Stop()
	tick := time.NewTicker(retryPause)
	defer tick.Stop()
	for t.history.acknowledged() < acksPerRun {
		select {
		case <-tick.C:
		case <-limit.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
