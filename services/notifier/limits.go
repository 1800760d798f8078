package notifier

import "sync"

// limits bound how many attempts run at once: in all, and for each webhook, host and tenant, so that receivers who are slow hold up nobody but
// themselves.
type limits struct {
	total, webhook, host, tenant int // the bounds

	mu      sync.Mutex
	running map[string]int // by key; "" for all
}

// lane is what an attempt is counted under.
type lane struct{ webhook, host, tenant string }

func newLimits(total, webhook int) *limits {
	return &limits{total: total, webhook: webhook, host: 2 * webhook, tenant: max(1, total/2), running: map[string]int{}}
}

// keys are what a lane is counted under, each with its bound.
func (l *limits) keys(a lane) map[string]int {
	return map[string]int{"": l.total, "webhook/" + a.webhook: l.webhook, "host/" + a.host: l.host, "tenant/" + a.tenant: l.tenant}
}

// take counts an attempt, and reports whether there is room for it.
func (l *limits) take(a lane) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys := l.keys(a)
	for k, bound := range keys {
		if l.running[k] >= bound {
			return false
		}
	}
	for k := range keys {
		l.running[k]++
	}
	return true
}

// give ends the count of an attempt.
func (l *limits) give(a lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k := range l.keys(a) {
		if l.running[k]--; l.running[k] <= 0 {
			delete(l.running, k)
		}
	}
}

// free is how many more attempts there is room for in all.
func (l *limits) free() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total - l.running[""]
}
