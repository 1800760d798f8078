package core_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	metaclock "github.com/inlethq/inlet/pkg/meta/clock"
)

// database is the clock of a database that processes on several hosts share.
type database struct {
	mu     sync.Mutex
	time   time.Time // when nothing had passed
	passed time.Duration
	mark   time.Time
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newDatabase() *database { return &database{time: noon} }

func (d *database) Read(context.Context) (time.Time, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.time.Add(d.passed), nil
}

func (d *database) Mark(context.Context) (time.Time, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mark, nil
}

func (d *database) SetMark(_ context.Context, at time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mark = at
	return nil
}

// pass lets time pass, everywhere.
func (d *database) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.passed += by
}

// step sets the database's clock.
func (d *database) step(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.time = d.time.Add(by)
}

// host is the clock of a host that is off by so much.
func (d *database) host(off time.Duration) func() time.Time {
	return func() time.Time {
		d.mu.Lock()
		defer d.mu.Unlock()
		return noon.Add(d.passed + off)
	}
}

// sharing is a repository with a clock of its own.
type sharing struct {
	meta.Repo
	*metaclock.Clock
}

func (s sharing) Now() time.Time { return s.Clock.Now() }

func (s sharing) Close() error { return s.Repo.Close() }

// process is a Core as another process has it, on a host whose clock is off by so much. It goes by the database's clock, or by its host's.
func (b *bench) process(d *database, off time.Duration, alone bool) *core.Core {
	b.t.Helper()
	k, err := metaclock.Start(b.t.Context(), d, metaclock.Options{Host: d.host(off)})
	if err != nil {
		b.t.Fatal(err)
	}
	cfg := core.Config{Blobs: b.blobs, Meta: sharing{b.repo, k}, Bus: b.bus}
	if alone {
		cfg.Now = d.host(off)
	}
	c := core.New(cfg)
	b.t.Cleanup(func() {
		c.Close(context.Background())
		if err := k.Close(context.Background()); err != nil {
			b.t.Error(err)
		}
	})
	return c
}

func TestLeasesGoByOneClock(t *testing.T) {
	for _, x := range []struct {
		name   string
		off    time.Duration
		alone  bool
		stolen bool
	}{
		{"hosts agree", 0, false, false},
		{"ahead", 30 * time.Second, false, false},
		{"behind", -30 * time.Second, false, false},
		{"an hour ahead", time.Hour, false, false},
		{"an hour behind", -time.Hour, false, false},
		{"ahead, each by its own", 30 * time.Second, true, true}, // what the others are safe from
	} {
		t.Run(x.name, func(t *testing.T) {
			b, d := newBench(t), newDatabase()
			holder, rival := b.process(d, 0, false), b.process(d, x.off, x.alone)
			s, err := holder.Upload(t.Context(), text("hello"))
			if err != nil {
				t.Fatal(err)
			}
			look := func(c *core.Core, then func()) {
				err := c.Verify(t.Context(), hint(s.File), func(context.Context, io.ReadSeeker, *file.File) (content.Verdict, error) {
					then()
					return content.Verdict{Type: "text/plain"}, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
			stolen, taken := false, false
			look(holder, func() {
				d.pass(core.DefaultLease - time.Millisecond)
				look(rival, func() { stolen = true })
				d.pass(time.Millisecond)
				look(rival, func() { taken = true })
			})
			if stolen != x.stolen {
				t.Errorf("stolen from who held it: %t, want %t", stolen, x.stolen)
			}
			if !stolen && !taken {
				t.Error("nobody could take a lease that had ended")
			}
			if got := b.get(s.File); got.State != file.Ready || got.Rev > s.File.Rev+4 {
				t.Errorf("the file is %s at revision %d", got.State, got.Rev)
			}
		})
	}
}

func TestLivesEndByOneClock(t *testing.T) {
	const life = 10 * time.Second
	b, d := newBench(t), newDatabase()
	maker := b.process(d, time.Hour, false)
	u := text("hello")
	u.Life = life
	s, err := maker.Upload(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	f := s.File
	err = maker.Verify(t.Context(), hint(f), func(context.Context, io.ReadSeeker, *file.File) (content.Verdict, error) {
		return content.Verdict{Type: "text/plain"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	readers := map[string]*core.Core{
		"maker": maker, "an hour behind": b.process(d, -time.Hour, false), "two hours ahead": b.process(d, 2*time.Hour, false),
	}
	look := func(when string, there bool) {
		t.Helper()
		for name, c := range readers {
			if _, err := c.Get(t.Context(), f.Tenant, file.ByID(f.ID)); (err == nil) != there || err != nil && !file.Is(err, file.NotFound) {
				t.Errorf("%s, the process %s finds it: %v", when, name, err)
			}
		}
	}
	expire := func(want int) {
		t.Helper()
		if n, err := readers["two hours ahead"].ExpireDue(t.Context(), 10); n != want || err != nil {
			t.Errorf("ExpireDue = %d, %v, want %d", n, err, want)
		}
	}
	d.pass(life - time.Millisecond)
	look("a millisecond before its end", true)
	expire(0)
	d.pass(time.Millisecond)
	look("at its end", false)
	d.mark = maker.Now()
	d.step(-time.Hour)
	readers["started later"] = b.process(d, 0, false)
	look("when the database's clock was set back", false)
	expire(1)
	look("when it was buried", false)
}
