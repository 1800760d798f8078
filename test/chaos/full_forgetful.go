package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/inlethq/inlet/test/chaos/forgetful"
)

// forgetOneIn is how rarely a call on the forgetful disk fails: so rarely that the store, which closes after three faults a minute, is open for most of the time.
const forgetOneIn = 8

// forget keeps the files of a server on a disk that loses some of them, which it says once: on fsync, or on close. The trial is of durability power.
func forget(ctx context.Context, t *trial, rounds int) (reached string, err error) {
	source, dir := filepath.Join(t.dir, "source"), filepath.Join(t.dir, "blobs")
	if err := errors.Join(os.Mkdir(source, 0o700), os.Mkdir(dir, 0o700)); err != nil {
		return "", err
	}
	disk := new(forgetful.Disk)
	mounted, err := forgetful.Mount(disk, source, dir)
	if err != nil {
		return "", skip(err.Error())
	}
	defer func() { err = errors.Join(err, mounted.Unmount()) }()
	s, err := newServerWith(ctx, t, map[string]string{"INLET_BLOBS": "disk:" + dir})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	f := &flaky{filling: filling{server: s, fillSum: &fillSum{}, trial: t, name: "forgetful"}}
	for n := range rounds {
		if err := f.forgetfully(ctx, disk, n); err != nil {
			return "", fmt.Errorf("forgetful round %d: %w", n, err)
		}
	}
	if disk.Lost() == 0 {
		t.found.addf(idle, "the disk has lost nothing")
	}
	end, err := checkEnd(ctx, t, s)
	if err != nil {
		return "", err
	}
	t.line("forgetful: %s", end)
	return fmt.Sprintf("a disk that has lost %d files: %d attempts answered 5xx, %d uploads acknowledged", disk.Lost(), f.failed.Load(), t.history.acknowledged()),
		t.lookForPanics(s)
}

// forgetfully uploads while calls fail.
func (f *flaky) forgetfully(ctx context.Context, disk *forgetful.Disk, n int) error {
	ctx, cancel := context.WithTimeout(ctx, faultLimit)
	defer cancel()
	call := []forgetful.Call{forgetful.Fsync, forgetful.Close}[n%2]
	disk.Lose(f.oneIn(n, forgetOneIn, call))
	defer disk.Lose(nil)
	err := f.upload(ctx, n)
	f.trial.line("forgetful %d: %s, %d files lost, %d attempts failed, %d violations", n+1, call, disk.Lost(), f.failed.Load(), f.trial.found.total())
	return err
}

// oneIn decides by the seed which of the calls fail.
func (f *flaky) oneIn(n, rarely int, fails forgetful.Call) func(forgetful.Call) bool {
	var mu sync.Mutex
	rng := f.trial.stream(-2 - n)
	return func(c forgetful.Call) bool {
		mu.Lock()
		defer mu.Unlock()
		return c == fails && rng.IntN(rarely) == 0
	}
}
