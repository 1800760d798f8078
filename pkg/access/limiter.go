package access

import (
	"sync"
	"time"
)

// maxCounters bounds a Limiter's memory to some 20 MB. Past that the key unused for longest starts anew.
const maxCounters = 1 << 16

// Limiter counts requests in fixed windows: the minutes, hours and days of UTC, each ending at a known second, which is
// what X-RateLimit-Reset tells. It counts in the memory of one process. All methods may be called concurrently, and
// exactly as many requests pass as the rate allows.
type Limiter struct {
	now func() time.Time

	mu       sync.Mutex
	counters *lru[string, *counter]
}

// NewLimiter returns a Limiter that reads the time from now; nil means the system's clock.
func NewLimiter(now func() time.Time) *Limiter {
	if now == nil {
		now = time.Now
	}
	return &Limiter{now: now, counters: newLRU[string, *counter](maxCounters)}
}

// Decision is a Limiter's answer, in the terms of X-RateLimit-* headers. They are about the window in which the fewest requests remain.
type Decision struct {
	Allowed    bool
	Limit      int64         // requests that the window has; 0 when no rate applies
	Remaining  int64         // requests left in it, after this one
	Reset      time.Time     // when the window ends
	RetryAfter time.Duration // for a refused request: until Reset, rounded up to a second
}

// Err is nil for an allowed request and RateLimited, with a RetryAfter, for a refused one.
func (d Decision) Err() error {
	if d.Allowed {
		return nil
	}
	return rateLimited("access.rate", "rate limit exceeded", d.RetryAfter)
}

var periods = [...]time.Duration{time.Minute, time.Hour, 24 * time.Hour}

// counter holds the current window of each period.
type counter [len(periods)]struct {
	start int64 // Unix seconds
	count int64
}

// Allow decides on one request under key and counts it if it may pass. A refused request counts nowhere.
// A changed rate applies at once, to what is already counted.
func (l *Limiter) Allow(key string, r Rate) Decision {
	if r == (Rate{}) {
		return Decision{Allowed: true}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	c := l.counters.get(key)
	if c == nil {
		c = new(counter)
		l.counters.put(key, c)
	}
	c.advance(now)
	d := c.tightest(r)
	if d.Remaining == 0 {
		d.RetryAfter = max(time.Second, (d.Reset.Sub(now) + time.Second - 1).Truncate(time.Second))
		return d
	}
	for i := range c {
		c[i].count++
	}
	d.Allowed = true
	d.Remaining--
	return d
}

// advance opens the windows that now is in. A clock that goes backwards opens none.
func (c *counter) advance(now time.Time) {
	for i, p := range periods {
		seconds := int64(p / time.Second)
		if start := now.Unix() / seconds * seconds; start > c[i].start {
			c[i].start, c[i].count = start, 0
		}
	}
}

// tightest describes the window that has the fewest requests left; of several, the one that ends last.
func (c *counter) tightest(r Rate) Decision {
	d := Decision{Remaining: Unlimited}
	for i, limit := range [...]int64{r.PerMinute, r.PerHour, r.PerDay} {
		if limit <= 0 {
			continue
		}
		if left := max(0, limit-c[i].count); left <= d.Remaining {
			d = Decision{Limit: limit, Remaining: left, Reset: time.Unix(c[i].start, 0).Add(periods[i])}
		}
	}
	return d
}
