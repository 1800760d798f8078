package door

import (
	"sync"

	"github.com/inlethq/inlet/pkg/file"
)

// places are those for uploads in flight. Together with the largest file they bound the bytes that are on their way in; a tenant has a share of them, so that
// none takes all. They may be used by many goroutines.
type places struct {
	all, share int

	mu     sync.Mutex
	taken  int
	shares map[file.Tenant]int // taken by each
}

// newPlaces makes as many places as are named, one at least. A share of 0 is half of them.
func newPlaces(all, share int) *places {
	all = max(all, 1)
	if share <= 0 {
		share = (all + 1) / 2
	}
	return &places{all: all, share: share, shares: map[file.Tenant]int{}}
}

// take takes a place. The caller gives it back by leave, once. Unavailable when there is none, RateLimited when the tenant has its share.
func (p *places) take(t file.Tenant) (leave func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.taken == p.all:
		return nil, file.Errorf(file.Unavailable, "door.enter", "Too many uploads at once")
	case p.shares[t] >= p.share:
		return nil, file.Errorf(file.RateLimited, "door.enter", "Too many uploads at once")
	}
	p.taken++
	p.shares[t]++
	return func() { p.leave(t) }, nil
}

func (p *places) leave(t file.Tenant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.shares[t]--; p.shares[t] == 0 {
		delete(p.shares, t)
	}
}
