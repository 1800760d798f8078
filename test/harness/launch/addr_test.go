package launch

import (
	"net"
	"sync"
	"testing"
)

// An address is given once, and listened at twice.
func TestFreeAddr(t *testing.T) {
	var mu sync.Mutex
	given := map[string]bool{}
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 50 {
				addr, err := FreeAddr()
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if given[addr] {
					t.Errorf("%s was given twice", addr)
				}
				given[addr] = true
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	for addr := range given {
		for range 2 {
			l, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := net.Listen("tcp", addr); err == nil {
				t.Errorf("two listen at %s", addr)
			}
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			_ = c.Close()
			_ = l.Close()
		}
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			t.Errorf("somebody listens at %s", addr)
		}
	}
}
