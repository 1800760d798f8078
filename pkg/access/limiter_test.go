package access

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// clock is a time that a test sets.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 1, 2, 3, 4, 30, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func TestLimiterWindows(t *testing.T) {
	c := newClock() // 03:04:30
	l := NewLimiter(c.now)
	r := Rate{PerMinute: 2, PerHour: 3, PerDay: 4}
	minute := func(h, m int) time.Time { return time.Date(2026, 1, 2, h, m, 0, 0, time.UTC) }
	midnight := time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)
	for i, s := range []struct {
		wait             time.Duration
		allowed          bool
		limit, remaining int64
		reset            time.Time
	}{
		{0, true, 2, 1, minute(3, 5)},
		{0, true, 2, 0, minute(3, 5)},
		{0, false, 2, 0, minute(3, 5)},
		{30 * time.Second, true, 3, 0, minute(4, 0)},
		{0, false, 3, 0, minute(4, 0)},
		{time.Hour, true, 4, 0, midnight},
		{0, false, 4, 0, midnight},
		{24 * time.Hour, true, 2, 1, minute(4, 6).AddDate(0, 0, 1)},
		{-time.Hour, true, 2, 0, minute(4, 6).AddDate(0, 0, 1)}, // a clock that was set back opens no window
		{0, false, 2, 0, minute(4, 6).AddDate(0, 0, 1)},
	} {
		c.add(s.wait)
		d := l.Allow("k", r)
		if d.Allowed != s.allowed || d.Limit != s.limit || d.Remaining != s.remaining || !d.Reset.Equal(s.reset) {
			t.Fatalf("step %d: %+v, want %+v", i, d, s)
		}
		if after := RetryAfter(d.Err()); s.allowed != (d.Err() == nil) || !s.allowed && (after != s.reset.Sub(c.now()) || !file.Is(d.Err(), file.RateLimited)) {
			t.Fatalf("step %d: %v, retry after %v", i, d.Err(), after)
		}
	}
}

func TestLimiterKeysAndPlans(t *testing.T) {
	c := newClock()
	l := NewLimiter(c.now)
	one := Rate{PerMinute: 1}
	if !l.Allow("a", one).Allowed || !l.Allow("b", one).Allowed || l.Allow("a", one).Allowed {
		t.Error("each key has a count of its own")
	}
	if d := l.Allow("a", Rate{PerMinute: 5}); !d.Allowed || d.Remaining != 3 {
		t.Errorf("a better plan applies at once, less what is used: %+v", d)
	}
	if d := l.Allow("c", Rate{PerMinute: 2, PerHour: 2}); d.Reset.Minute() != 0 {
		t.Errorf("of windows with as many left the last to end counts: %+v", d)
	}
	if d := l.Allow("a", Rate{}); !d.Allowed || d.Limit != 0 {
		t.Errorf("without a rate: %+v", d)
	}
	c.add(29*time.Second + 500*time.Millisecond)
	if d := l.Allow("b", one); d.RetryAfter != time.Second {
		t.Errorf("half a second is told as %v", d.RetryAfter)
	}
}

func TestLimiterIsExact(t *testing.T) {
	l := NewLimiter(newClock().now)
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 40 {
				if l.Allow("k", Rate{PerMinute: 700, PerDay: 1234}).Allowed {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if passed.Load() != 700 {
		t.Errorf("%d of 2000 passed, the rate is 700", passed.Load())
	}
}

func TestLimiterMemory(t *testing.T) {
	l := NewLimiter(newClock().now)
	for i := range maxCounters + 100 {
		l.Allow(fmt.Sprint(i), Rate{PerDay: 1})
	}
	if n := l.counters.len(); n != maxCounters {
		t.Errorf("%d counters", n)
	}
}

func TestLRU(t *testing.T) {
	c := newLRU[string, int](2)
	c.put("a", 1)
	c.put("b", 2)
	c.put("a", 3)
	c.put("c", 4) // b was used longest ago
	if c.get("a") != 3 || c.get("b") != 0 || c.get("c") != 4 {
		t.Errorf("a %d, b %d, c %d", c.get("a"), c.get("b"), c.get("c"))
	}
	c.get("a")
	c.put("d", 5)
	if c.get("c") != 0 || c.get("a") != 3 {
		t.Error("reading is a use")
	}
	c.remove("a")
	c.remove("a")
	if c.get("a") != 0 || c.len() != 1 {
		t.Error("a is still there")
	}
}
