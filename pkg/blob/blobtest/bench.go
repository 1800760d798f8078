package blobtest

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/inlethq/inlet/pkg/blob"
)

// Bench measures the store: small Puts by one and by eight at once, small reads, and one large Put at a time.
func Bench(b *testing.B, open func(t testing.TB) blob.Store) {
	const small, large = 100 << 10, 1 << 30
	for _, c := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("Put/100KiB/c=%d", c), func(b *testing.B) {
			store, data := open(b), Bytes(small)
			b.SetBytes(small)
			parallel(b, c, func(i int64) error {
				_, err := store.Put(b.Context(), fmt.Sprintf("%x/%d", i%16, i), reader(data), blob.PutOptions{Size: small})
				return err
			})
		})
	}
	b.Run("Get/100KiB/c=1", func(b *testing.B) {
		store := open(b)
		put(b, store, "get", Bytes(small))
		b.SetBytes(small)
		parallel(b, 1, func(int64) error {
			r, err := store.Open(b.Context(), "get")
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = io.Copy(io.Discard, r)
			return err
		})
	})
	b.Run("Put/1GiB", func(b *testing.B) {
		store := open(b)
		b.SetBytes(large)
		for i := 0; b.Loop(); i++ {
			key := fmt.Sprint("large/", i)
			if _, err := store.Put(b.Context(), key, Generate(large), blob.PutOptions{Size: large}); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			if err := store.Delete(b.Context(), key); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
}

// parallel runs fn b.N times in c goroutines.
func parallel(b *testing.B, c int, fn func(i int64) error) {
	var next atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for range c {
		all.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(b.N) {
					return
				}
				if err := fn(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}
