package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// maxRetryAfter is the longest that is waited because a server asks for it. A longer wait is the caller's to decide on.
const maxRetryAfter = time.Minute

// backoff says how long to wait before a request is sent again.
type backoff struct {
	base, most time.Duration
	random     func() float64 // in [0,1)
}

var defaultBackoff = backoff{base: 200 * time.Millisecond, most: 5 * time.Second, random: rand.Float64}

// after is the wait after the n-th failure (0 for the first): what the server asked for, or else the base, doubled each time, of which the second half is left to
// chance, so that many clients do not come back at once.
func (b backoff) after(n int, err error) time.Duration {
	var e *Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		return e.RetryAfter
	}
	d := min(b.base<<min(n, 16), b.most)
	return d/2 + time.Duration(b.random()*float64(d/2))
}

// sleep waits, or returns the error of ctx when that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
