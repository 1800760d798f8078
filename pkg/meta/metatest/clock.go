package metatest

import (
	"sync"
	"testing"
	"time"
)

// runsClock checks that the clock runs, forward only, for all at once, and without the database.
func runsClock(t *testing.T, e env) {
	const reads = 2000
	first := e.Now()
	if first.Location() != time.UTC {
		t.Errorf("it tells the time of %s", first.Location())
	}
	if off := time.Since(first).Abs(); off > time.Minute {
		t.Errorf("it is %s off this host's", off)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			last := first
			for range reads {
				now := e.Now()
				if now.Before(last) {
					t.Errorf("%s came after %s", now, last)
					return
				}
				last = now
			}
		})
	}
	wg.Wait()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	closed := e.Now()
	if !closed.After(first) {
		t.Errorf("it stood still at %s", first)
	}
}
