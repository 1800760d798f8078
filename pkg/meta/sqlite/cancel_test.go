package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// TestCancelledReadsLeaveNoSnapshot gives up reads at every moment, and then looks whether each reader sees what was written afterwards.
func TestCancelledReadsLeaveNoSnapshot(t *testing.T) {
	s := open(t, Config{Path: filepath.Join(t.TempDir(), "inlet.db"), Synchronous: Off})
	record := func(n int64) *file.File {
		return &file.File{ID: file.ID(ulid.Make().String()), Number: n, Tenant: "acme", Class: file.ClassGeneric, State: file.Pending,
			Created: file.Actor{ID: "u", At: time.Now()}, Updated: file.Actor{ID: "u", At: time.Now()}}
	}
	first := record(1)
	if err := s.Create(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 1500 {
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					for range i % 50 {
						_ = ctx.Err()
					}
					cancel()
				}()
				_, _ = s.Get(ctx, "acme", file.ByID(first.ID)) // either outcome will do
				_, _ = s.Count(ctx, meta.Query{Tenant: "acme"}, 1)
				cancel()
			}
		})
	}
	wg.Wait()

	second := record(2)
	if err := s.Create(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	stale := make(chan error, 64*50)
	for range 64 {
		wg.Go(func() {
			for range 50 {
				if _, err := s.Get(t.Context(), "acme", file.ByID(second.ID)); err != nil {
					stale <- fmt.Errorf("a reader does not see what was written: %w", err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(stale); n > 0 {
		t.Errorf("%d of %d reads: %v", n, 64*50, <-stale)
	}
}
