package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/test/harness/api"
)

const (
	faultUploads = 4 // of each client, while some calls fail
	faultLimit   = time.Minute
	faultPause   = 50 * time.Millisecond // between two uploads of one who waits for the store to close
)

// failing are the calls that fail, in turn. The records sync, too, so a fault may be theirs: then the answer is a 5xx all the same. strace cannot tell a write
// to a file from one to a connection.
var failing = []string{"fsync", "linkat"}

// failDisk lets calls of a server fail: some of them, and then all until its store takes no more, which must pass when they succeed again.
// The trial is of durability power: without fsync none fails.
func failDisk(ctx context.Context, t *trial, rounds int) (reached string, err error) {
	s, err := newServer(ctx, t)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	f := &flaky{filling: filling{server: s, fillSum: &fillSum{}, trial: t, name: "faults"}}
	for n := range rounds {
		if err := f.round(ctx, n); err != nil {
			return "", fmt.Errorf("round %d: %w", n, err)
		}
	}
	end, err := checkEnd(ctx, t, s)
	if err != nil {
		return "", err
	}
	t.line("faults: %s", end)
	return fmt.Sprintf("EIO in %d rounds: %d attempts answered 5xx, the store closed each time and was open again after %.2f s at the latest; %d uploads acknowledged",
		rounds, f.failed.Load(), f.slowest.Seconds(), t.history.acknowledged()), t.lookForPanics(s)
}

// flaky is a server whose calls fail.
type flaky struct {
	filling
	failed atomic.Int64 // attempts
}

func (f *flaky) round(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, faultLimit)
	defer cancel()
	call := failing[n%len(failing)]
	some, err := inject(ctx, f.process.PID(), call, fmt.Sprintf("%s:error=EIO:when=%d+%d", call, 1+f.trial.rng.IntN(4), 10+f.trial.rng.IntN(20)))
	if err != nil {
		return err
	}
	err = f.upload(ctx, n)
	if err = errors.Join(err, some()); err != nil {
		return err
	}
	all, err := inject(ctx, f.process.PID(), call, call+":error=EIO")
	if err != nil {
		return err
	}
	err = f.closes(ctx, n)
	if err = errors.Join(err, all()); err != nil {
		return err
	}
	took, err := f.accepted(ctx, n)
	f.trial.line("faults %d: %s, %d attempts failed, accepted again after %d ms, %d violations", n+1, call, f.failed.Load(), took.Milliseconds(), f.trial.found.total())
	return err
}

// upload sends files with many clients. Each repeats an upload under its key until it is known.
func (f *flaky) upload(ctx context.Context, n int) error {
	var g errgroup.Group
	for client := range fillClients {
		rng := f.trial.stream(n*fillClients + client)
		g.Go(func() error {
			for i := range faultUploads {
				e := f.trial.history.add(fmt.Sprintf("eio%d-%d-%d", n, client, i), newMixed(rng.Uint64()))
				err := untilKnown(ctx, func() (outcome, error) {
					o, err := upload(ctx, f.trial, f.Client, e, respondAsync())
					f.judge(err)
					return o, err
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// judge looks at the answer of an upload into a disk that fails.
func (f *flaky) judge(err error) {
	var answer *api.Error
	if !errors.As(err, &answer) {
		return
	}
	f.failed.Add(1)
	switch {
	case answer.Status == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") == "":
		f.trial.found.addf(refused, "a 503 without Retry-After: %v", err)
	case answer.Status != http.StatusServiceUnavailable && answer.Status != http.StatusInternalServerError:
		f.trial.found.addf(refused, "a disk that fails is answered by %v", err)
	}
}

// closes uploads until the store takes no more, which the server must say of itself, too.
func (f *flaky) closes(ctx context.Context, n int) error {
	rng := f.trial.stream(n)
	tick := time.NewTicker(faultPause)
	defer tick.Stop()
	for i := 0; ; i++ {
		e := f.trial.history.add(fmt.Sprintf("eio%d-closes-%d", n, i), newText(rng.Uint64()))
		o, err := upload(ctx, f.trial, f.Client, e, respondAsync())
		f.judge(err)
		if o == ok {
			f.trial.found.addf(lost, "%s was acknowledged while every %s fails", e.key, failing[n%len(failing)])
		}
		if api.Status(err) == http.StatusServiceUnavailable {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the store does not close: %w; the last answer: %w", ctx.Err(), err)
		}
	}
	brief, cancel := context.WithTimeout(ctx, faultPause)
	defer cancel()
	if f.process.Ready(brief) == nil {
		f.trial.found.addf(unclean, "round %d: the server is ready while its store takes nothing", n)
	}
	return nil
}

// inject lets system calls of a process fail until undo is called. how is as in strace(1).
func inject(ctx context.Context, pid int, call, how string) (undo func() error, err error) {
	cmd := exec.CommandContext(ctx, "strace", "-f", "-p", strconv.Itoa(pid), "-o", "/dev/null", "-e", "trace="+call, "-e", "inject="+how) //nolint:gosec // a tool of the machine
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var words []string
	attached := false
	lines := bufio.NewScanner(said)
	for !attached && lines.Scan() {
		words = append(words, lines.Text())
		attached = strings.Contains(lines.Text(), "attached")
	}
	undo = func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM) // one that has ended is told by Wait
		for lines.Scan() {                      // threads that come and go
			words = append(words, lines.Text())
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); err != nil && !errors.As(err, &exit) { // it ends by the signal
			return err
		}
		return nil
	}
	if attached {
		return undo, nil
	}
	err = errors.Join(fmt.Errorf("strace: %s", strings.Join(words, "; ")), undo())
	if strings.Contains(err.Error(), "not permitted") {
		return nil, skip(err.Error())
	}
	return nil, err
}
