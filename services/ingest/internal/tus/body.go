package tus

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// Why a body ends before its time.
var (
	errShutdown    = &Error{http.StatusServiceUnavailable, "server_shutdown", "The server is shutting down: go on where HEAD tells"}
	errInterrupted = &Error{http.StatusBadRequest, "upload_interrupted", "Another request of the same upload has taken over"}
)

// body is that of a request that brings bytes. It can be stopped from outside, at any time: then it ends as if all had come that there is, so that what
// came is stored. (tusd has a way of its own for that, which loses an interruption that comes before it reads, and races with it.)
//
// The connection of a body that was stopped is of no more use: net/http takes the deadline for the client's end, for all requests to come. So it is closed,
// and a body that has come to its end, after which another request may follow, is not stopped any more.
type body struct {
	io.ReadCloser
	control *http.ResponseController

	mu    sync.Mutex
	cause *Error // why it was stopped
	ended bool
}

// stop ends the body. The first cause counts.
func (b *body) stop(cause *Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended || b.cause != nil {
		return
	}
	b.cause = cause
	_ = b.control.SetReadDeadline(time.Now()) // wakes a read that waits; where there are no deadlines it ends by itself
}

// stopped is the cause, or nil.
func (b *body) stopped() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cause != nil {
		return b.cause
	}
	return nil
}

func (b *body) Read(p []byte) (int, error) {
	if b.stopped() != nil {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cause != nil {
		return n, io.EOF
	}
	b.ended = err != nil
	return n, err
}

// locker has whoever wants the lock on an upload stop the body of the request that has it.
type locker struct{ handler.Locker }

func (l locker) NewLock(id string) (handler.Lock, error) {
	lock, err := l.Locker.NewLock(id)
	return held{lock}, err
}

type held struct{ lock handler.Lock }

// Lock implements handler.Lock. A request without a body has nothing to stop: it ends soon.
func (l held) Lock(ctx context.Context, _ func()) error {
	b := requestOf(ctx).body
	return l.lock.Lock(ctx, func() {
		if b != nil {
			b.stop(errInterrupted)
		}
	})
}

// Unlock implements handler.Lock.
func (l held) Unlock() error { return l.lock.Unlock() }
