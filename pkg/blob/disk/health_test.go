package disk

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
)

// fakeProbe is a disk whose probe fails with err.
type fakeProbe struct {
	err    error
	probes int
	clock  time.Time
}

func (p *fakeProbe) health() *health {
	p.clock = time.Unix(1_000_000, 0)
	return &health{
		now:   func() time.Time { return p.clock },
		probe: func() error { p.probes++; return p.err },
	}
}

var errIO = fault(opPut, fmt.Errorf("fsync: %w", syscall.EIO))

func TestHealthCountsFaults(t *testing.T) {
	for name, c := range map[string]struct {
		faults []error
		apart  time.Duration
		closed bool
	}{
		"two":                  {[]error{errIO, errIO}, 0, false},
		"three":                {[]error{errIO, errIO, errIO}, 20 * time.Second, true},
		"three in two minutes": {[]error{errIO, errIO, errIO}, 40 * time.Second, false},
		"between others":       {[]error{errIO, nil, errIO, nil, errIO}, 14 * time.Second, true},
		"a full disk":          {[]error{fault(opPut, syscall.ENOSPC), fault(opPut, syscall.ENOSPC), fault(opPut, syscall.ENOSPC)}, 0, false},
		"open files":           {[]error{fault(opPut, syscall.EMFILE), fault(opPut, syscall.EMFILE), fault(opPut, syscall.EMFILE)}, 0, false},
		"not the disk":         {[]error{fault(opPut, errors.New("path escapes")), fault(opPut, errors.New("path escapes")), fault(opPut, errors.New("path escapes"))}, 0, false},
		"none":                 {[]error{nil, nil, nil}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := &fakeProbe{}
			h := p.health()
			for _, err := range c.faults {
				if got := h.fault(err); got != err { //nolint:errorlint // as it is
					t.Errorf("%v became %v", err, got)
				}
				p.clock = p.clock.Add(c.apart)
			}
			p.clock = p.clock.Add(-c.apart)
			err := h.admit()
			if c.closed != file.Is(err, file.Unavailable) || c.closed != (err != nil) {
				t.Errorf("admit: %v, want closed %v", err, c.closed)
			}
			if c.closed && !errors.Is(err, syscall.EIO) {
				t.Errorf("%v does not say why", err)
			}
			if p.probes != 0 {
				t.Errorf("%d probes", p.probes)
			}
		})
	}
}

func TestHealthOpensAfterAProbe(t *testing.T) {
	p := &fakeProbe{err: errIO}
	h := p.health()
	for range maxFaults {
		_ = h.fault(errIO)
	}
	for second := range 3 {
		for range 5 {
			if err := h.admit(); !file.Is(err, file.Unavailable) {
				t.Errorf("admitted: %v", err)
			}
		}
		if p.probes != second {
			t.Errorf("%d probes after %d s", p.probes, second)
		}
		p.clock = p.clock.Add(probeEvery)
	}
	p.err = nil
	if err := h.admit(); err != nil {
		t.Errorf("after a good probe: %v", err)
	}
	_ = h.fault(errIO)
	_ = h.fault(errIO)
	if err := h.admit(); err != nil {
		t.Errorf("the faults before the probe still count: %v", err)
	}
}

// One at a time makes the probe, which may take long; the others are refused meanwhile.
func TestHealthProbesOnce(t *testing.T) {
	p := &fakeProbe{}
	h := p.health()
	started, goOn := make(chan struct{}), make(chan struct{})
	h.probe = func() error { close(started); <-goOn; return nil }
	for range maxFaults {
		_ = h.fault(errIO)
	}
	p.clock = p.clock.Add(probeEvery)
	done := make(chan error)
	go func() { done <- h.admit() }()
	<-started
	if err := h.admit(); !file.Is(err, file.Unavailable) {
		t.Errorf("during the probe: %v", err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := h.admit(); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// A file system that is made read-only under the store, as ext4 does after an error, and writable again.
func TestStoreOfAFailingDisk(t *testing.T) {
	dir := tmpfs(t, "size=1m")
	s := open(t, Config{Dir: dir})
	put(t, s, "before", "bytes")
	clock := time.Now()
	s.health.now = func() time.Time { return clock }
	remount := func(flags uintptr) {
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	try := func(r io.Reader) error {
		_, err := s.Put(t.Context(), "key", r, blob.PutOptions{Size: -1})
		return err
	}
	for range maxFaults {
		// A reader that fails is no fault of the disk, even if it is by the same error.
		if err := try(io.MultiReader(strings.NewReader("x"), failing{})); !errors.Is(err, syscall.EIO) {
			t.Error(err)
		}
	}
	remount(syscall.MS_RDONLY)
	for range maxFaults {
		if err := try(strings.NewReader("x")); !file.Is(err, file.Internal) {
			t.Errorf("a write that fails: %v", err)
		}
	}
	if err := try(unread{t}); !file.Is(err, file.Unavailable) {
		t.Errorf("after %d: %v", maxFaults, err)
	}
	if err := s.Ping(t.Context()); !file.Is(err, file.Unavailable) || !errors.Is(err, syscall.EROFS) {
		t.Errorf("ping: %v", err)
	}
	if _, err := s.Stat(t.Context(), "before"); err != nil {
		t.Errorf("it cannot be read: %v", err)
	}
	clock = clock.Add(probeEvery)
	if err := try(unread{t}); !file.Is(err, file.Unavailable) {
		t.Errorf("after a probe that failed: %v", err)
	}
	remount(0)
	if err := try(unread{t}); !file.Is(err, file.Unavailable) {
		t.Errorf("before the next probe: %v", err)
	}
	clock = clock.Add(probeEvery)
	if err := try(strings.NewReader("x")); err != nil {
		t.Errorf("when the disk works again: %v", err)
	}
	if left := files(t, dir); len(left) != 2 {
		t.Errorf("there is %v", left)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, syscall.EIO }
