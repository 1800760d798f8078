package cli

import (
	"fmt"
	"math"
	"sync"
	"time"
)

// meter measures a transfer: how far it is, how fast it goes and how long it will take. Its methods may be called from many goroutines.
type meter struct {
	mu      sync.Mutex
	size    int64 // bytes to come to
	done    int64 // bytes that are there
	moved   int64 // bytes that passed, with those that passed twice and without those that were there before
	samples []sample
}

// sample is how much had passed at a time.
type sample struct {
	at    time.Time
	moved int64
}

// speedOver is the time over which speed is measured: longer is calmer, shorter is truer.
const speedOver = 5 * time.Second

// there counts bytes that did not have to pass: they were there already, or will not come.
func (m *meter) there(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
}

// pass counts bytes that have passed. Less than none have when a transfer begins again.
func (m *meter) pass(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
	m.moved += max(n, 0)
}

// level returns how many bytes are there.
func (m *meter) level() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.done
}

// figures is the text beside a bar, and the share that is there, 0 to 1. The text is always as wide, so that nothing jumps:
// 100% of 999.9 MiB  999.9 MiB/s  59:59 left.
func (m *meter) figures(now time.Time) (text string, share float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	share = 1
	if m.size > 0 {
		share = min(max(float64(m.done)/float64(m.size), 0), 1)
	}
	speed, left := "", ""
	if rate, ok := m.rate(now); ok {
		speed = size(int64(rate)) + "/s"
		if rest := float64(m.size - m.done); rate >= 1 && rest > 0 {
			left = clock(rest/rate) + " left"
		}
	}
	return fmt.Sprintf("%3d%% of %-9s %11s %11s", int(100*share), size(m.size), speed, left), share
}

// rate returns bytes a second of the last while; false before that can be told.
func (m *meter) rate(now time.Time) (float64, bool) {
	m.samples = append(m.samples, sample{now, m.moved})
	for len(m.samples) > 2 && now.Sub(m.samples[1].at) >= speedOver {
		m.samples = m.samples[1:]
	}
	first := m.samples[0]
	span := now.Sub(first.at)
	if span < patience {
		return 0, false
	}
	return float64(m.moved-first.moved) / span.Seconds(), true
}

// clock shows how many seconds are left: as minutes and seconds, as hours and minutes, or in days.
func clock(seconds float64) string {
	const minute, hour, day = 60, 3600, 86400
	s := int(min(max(math.Round(seconds), 0), 9999*day))
	switch {
	case s < hour:
		return fmt.Sprintf("%d:%02d", s/minute, s%minute)
	case s < 100*hour:
		return fmt.Sprintf("%dh%02d", s/hour, s%hour/minute)
	}
	return fmt.Sprintf("%dd", s/day)
}
