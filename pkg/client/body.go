package client

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// body is what a request sends. It is sent again from where it began, when that can be found again.
type body struct {
	r        io.Reader
	seeker   io.Seeker // nil for what can be read once
	start    int64     // where seeker stood
	size     int64     // -1 when it is not known
	progress func(sent, total int64)
}

// newBody looks at r: how long it is, unless size (above zero) says so, and whether it can be rewound.
func newBody(r io.Reader, size int64) (*body, error) {
	b := &body{r: r, size: -1}
	if size > 0 {
		b.size = size
	}
	s, ok := r.(io.Seeker)
	if !ok {
		return b, nil
	}
	start, err := s.Seek(0, io.SeekCurrent)
	if err != nil { // a pipe has the method and cannot do it
		return b, nil
	}
	b.seeker, b.start = s, start
	if size > 0 {
		return b, nil
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	b.size = end - start
	_, err = s.Seek(start, io.SeekStart)
	return b, err
}

// begin rewinds the body for one attempt at sending it.
func (b *body) begin(dog *watchdog) (*attempt, error) {
	if b.seeker != nil {
		if _, err := b.seeker.Seek(b.start, io.SeekStart); err != nil {
			return nil, err
		}
	}
	return &attempt{body: b, dog: dog}, nil
}

// errReleased ends a read that came after its request had ended.
var errReleased = errors.New("the request has ended")

// attempt is the body of one request. net/http may go on reading one after its request has failed: release stops that, so that the next attempt has the reader
// for itself.
type attempt struct {
	body *body
	dog  *watchdog

	mu       sync.Mutex // held while the source is read
	released atomic.Bool
	sent     int64
}

// Read implements io.Reader. The watchdog sleeps while the source is read: a source may be slow, the network may not.
func (a *attempt) Read(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.released.Load() {
		return 0, errReleased
	}
	a.dog.disarm()
	n, err := a.body.r.Read(p)
	if a.released.Load() {
		return 0, errReleased
	}
	a.dog.arm()
	if a.sent += int64(n); n > 0 && a.body.progress != nil {
		a.body.progress(a.sent, a.body.size)
	}
	return n, err
}

// Close implements io.Closer. The reader is its owner's to close.
func (a *attempt) Close() error { return nil }

// release allows no other read, and waits for one that is under way. What cannot be sent again is not waited for: it may be a terminal where nobody types.
func (a *attempt) release() {
	if a == nil {
		return
	}
	a.released.Store(true)
	if a.body.seeker != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
	}
	a.dog.disarm()
}

// watchdog calls bark when it was armed and nobody disarmed it, or armed it anew, in time.
type watchdog struct {
	limit time.Duration // 0 for never
	mu    sync.Mutex
	timer *time.Timer
	bark  func()
}

func newWatchdog(limit time.Duration, bark func()) *watchdog {
	return &watchdog{limit: limit, bark: bark}
}

func (w *watchdog) arm() {
	if w.limit <= 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer == nil {
		w.timer = time.AfterFunc(w.limit, w.bark)
		return
	}
	w.timer.Reset(w.limit)
}

func (w *watchdog) disarm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
}
