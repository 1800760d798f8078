package embedded

import (
	"testing"
	"testing/synctest"
	"time"
)

// What hangs is waited for as long as the limit, and no longer.
func TestEndsWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, free := time.Now(), make(chan struct{})
		if endsWithin(shutdownLimit, func() { <-free }) || time.Since(begin) != shutdownLimit {
			t.Errorf("what hangs was waited for for %s", time.Since(begin))
		}
		close(free)
		begin = time.Now()
		if !endsWithin(shutdownLimit, func() { time.Sleep(time.Second) }) || time.Since(begin) != time.Second { //nolint:forbidigo // the time of a bubble
			t.Errorf("what ends was waited for for %s", time.Since(begin))
		}
	})
}
