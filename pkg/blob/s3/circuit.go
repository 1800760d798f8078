package s3

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

const (
	// The server counts as out when so many requests have failed in a row and none was answered for so long.
	outAfter = 3
	outFor   = time.Second
	// trialEvery is how often, while it is out, an operation is let through to see whether it is back.
	trialEvery = 500 * time.Millisecond
)

var errOut = errors.New("the server is out: the last requests have failed")

// circuit knows whether the server is out, from what became of the requests, so that callers need not each wait to find out: while it is open
// operations fail at once, but for one now and then. It may be used by many goroutines.
type circuit struct {
	now func() time.Time

	mu       sync.Mutex
	failures int       // in a row
	good     time.Time // when a request was last answered
	trial    time.Time // when an operation was last let through an open circuit
	open     bool
	closed   context.Context         // ends when the circuit opens
	cut      context.CancelCauseFunc // of closed
}

func newCircuit(now func() time.Time) *circuit {
	c := &circuit{now: now, good: now()}
	c.close()
	return c
}

// admit lets an operation begin, or refuses it with Unavailable. The context that it returns ends when the circuit opens.
func (c *circuit) admit() (context.Context, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open {
		return c.closed, nil
	}
	now := c.now()
	if now.Sub(c.trial) < trialEvery {
		return nil, file.Wrap(file.Unavailable, "s3.circuit", errOut)
	}
	c.trial = now
	return context.Background(), nil
}

// answered notes a request that the server has dealt with, whatever it said.
func (c *circuit) answered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures, c.good = 0, c.now()
	if c.open {
		c.open = false
		c.close()
	}
}

// failed notes a request that the server did not deal with: no answer, or one that says to try again.
func (c *circuit) failed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures++
	now := c.now()
	if c.open || c.failures < outAfter || now.Sub(c.good) < outFor {
		return
	}
	c.open, c.trial = true, now
	c.cut(errOut)
}

// close makes the context of the next time that the circuit is closed. The caller holds the lock.
func (c *circuit) close() { c.closed, c.cut = context.WithCancelCause(context.Background()) }
