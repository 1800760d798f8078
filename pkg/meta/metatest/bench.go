package metatest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Bench measures a driver: operations a second and the 99th percentile of their time, by the number of clients at once.
func Bench(b *testing.B, s Suite) {
	for _, clients := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("Create/c=%d", clients), func(b *testing.B) {
			r := open(b, s)
			parallel(b, clients, func(int) error { return r.Create(b.Context(), typical()) })
		})
	}
	b.Run("Upload/c=8", func(b *testing.B) { // all that one upload writes before its answer
		r := open(b, s)
		parallel(b, 8, func(int) error {
			f := typical()
			if err := r.Reserve(b.Context(), meta.Reservation{Tenant: acme, ID: f.ID, Bytes: f.Size, Until: start}, 1<<60); err != nil {
				return err
			}
			return r.Create(b.Context(), f)
		})
	})
	b.Run("Update/c=8", func(b *testing.B) {
		r := open(b, s)
		files := fill(b, r, 64)
		parallel(b, 8, func(client int) error {
			files[client].Downloads++
			return r.Update(b.Context(), files[client])
		})
	})
	for _, clients := range []int{1, 8} {
		b.Run(fmt.Sprintf("Get/c=%d", clients), func(b *testing.B) {
			r := open(b, s)
			files := fill(b, r, min(1000, max(s.Writes, 100)))
			var n atomic.Int64
			parallel(b, clients, func(int) error {
				f := files[int(n.Add(1))%len(files)]
				_, err := r.Get(b.Context(), f.Tenant, file.ByID(f.ID))
				return err
			})
		})
		b.Run(fmt.Sprintf("Newest20/c=%d", clients), func(b *testing.B) {
			r := open(b, s)
			files := fill(b, r, min(1000, max(s.Writes, 100)))
			q := meta.Query{
				Tenant: acme, Parent: &files[0].Parent, States: []file.State{file.Pending, file.Ready}, NotExpiredAt: start, Descending: true, Limit: 20,
			}
			parallel(b, clients, func(int) error {
				_, err := r.Find(b.Context(), q)
				return err
			})
		})
	}
}

func open(b *testing.B, s Suite) meta.Repo {
	r := s.Open(b)
	b.Cleanup(func() {
		if err := r.Close(); err != nil {
			b.Error(err)
		}
	})
	return r
}

// typical is a picture as an upload stores it.
func typical() *file.File {
	return with(func(f *file.File) {
		f.State, f.Name, f.OriginalName, f.DeclaredType = file.Pending, "photo.jpg", "photo.jpg", "image/jpeg"
		f.SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
		f.BlobKey = "acme/" + string(f.ID)
		f.Log(file.Step{At: start, What: "received", Took: time.Millisecond})
		f.Owe(file.OutboxEntry{ID: string(f.ID), Fact: "file.stored", Rev: 1, At: start})
	})
}

func fill(b *testing.B, r meta.Repo, n int) []*file.File {
	b.Helper()
	files := make([]*file.File, n)
	for i := range files {
		files[i] = typical()
	}
	var wg sync.WaitGroup
	for part := range slices.Chunk(files, (n+31)/32) {
		wg.Go(func() {
			for _, f := range part {
				if err := r.Create(b.Context(), f); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return files
}

// parallel spreads b.N calls over clients, each of which makes one at a time.
func parallel(b *testing.B, clients int, fn func(client int) error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	took := make([][]time.Duration, clients)
	var wg sync.WaitGroup
	b.ResetTimer()
	began := time.Now()
	for client := range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				t := time.Now()
				if err := fn(client); err != nil {
					b.Error(err)
					return
				}
				took[client] = append(took[client], time.Since(t))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "ops/s")
	all := slices.Concat(took...)
	if len(all) > 0 {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	}
}
