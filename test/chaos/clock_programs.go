package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/test/harness/overlay"
)

// clocksVariable names the folder with the clocks of the hosts, for programs that were built by buildStepped. It is none of Inlet's settings.
const clocksVariable = "CHAOS_CLOCKS"

// renewal is how often the programs of the clock tests read their reference, so that they see every step.
const renewal = "250 * time.Millisecond"

// steppedHost takes the place of the host's clock. As on a host whose clock is set, the date moves and the monotonic clock does not notice: the first
// word of a time.Time holds 1 bit, 33 bits of seconds and 30 of nanoseconds (see the source of package time). The start checks that it is so.
const steppedHost = `package clock

import (
	"os"
	"path/filepath"
	"strconv"
	"time"
	"unsafe"
)

func init() {
	if now := time.Now(); set(now, -3600).Sub(now) != 0 || set(now, -3600).Unix() != now.Unix()-3600 {
		panic("a time.Time is not what it was")
	}
}

func set(t time.Time, seconds int64) time.Time {
	*(*uint64)(unsafe.Pointer(&t)) += uint64(seconds) << 30
	return t
}

func stepped(t time.Time) time.Time {
	text, err := os.ReadFile(filepath.Join(os.Getenv("` + clocksVariable + `"), filepath.Base(os.Args[0])))
	if err != nil {
		return t
	}
	seconds, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		panic(err)
	}
	return set(t, seconds)
}
`

// steps are the changes to a program whose host's clock can be set.
var steps = []overlay.Change{
	{File: "pkg/meta/clock/clock.go", Old: "return time.Now() }", New: "return stepped(time.Now()) }"},
	{File: "pkg/meta/clock/clock.go", Old: "renewEvery = 10 * time.Second", New: "renewEvery = " + renewal},
	{File: "pkg/meta/clock/stepped.go", New: steppedHost},
}

// buildStepped builds programs whose hosts' clocks can be set, into the trial's folder, which it returns.
func buildStepped(ctx context.Context, t *trial, programs ...string) (bin string, err error) {
	bin = filepath.Join(t.dir, "bin")
	if err := os.Mkdir(bin, 0o750); err != nil {
		return "", err
	}
	var g errgroup.Group
	for _, p := range programs {
		g.Go(func() error { return overlay.Build(ctx, t.source, filepath.Join(bin, p), p, steps) })
	}
	return bin, g.Wait()
}

// clocks are those of the hosts of programs.
type clocks struct{ dir string }

func newClocks(t *trial) (clocks, error) {
	c := clocks{filepath.Join(t.dir, "clocks")}
	return c, os.Mkdir(c.dir, 0o750)
}

// settings lead a program to its clock.
func (c clocks) settings() map[string]string { return map[string]string{clocksVariable: c.dir} }

// set sets a program's clock to be off by so much, at once.
func (c clocks) set(program string, off time.Duration) error {
	path := filepath.Join(c.dir, program)
	if err := os.WriteFile(path+".new", strconv.AppendInt(nil, int64(off/time.Second), 10), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
