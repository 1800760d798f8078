package render

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
)

func TestContext(t *testing.T) {
	r := open(t, Config{Workers: 1})
	src := asPNG(t, photo(9, 9))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Render(ended, src, imaging.Thumbnail); !file.Is(err, file.Cancelled) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want Cancelled", err)
	}

	r.slots <- struct{}{} // the only worker is busy
	waiting, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := r.Render(waiting, src, imaging.Thumbnail); !file.Is(err, file.Cancelled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want Cancelled", err)
	}
	<-r.slots
	render(t, r, src, imaging.Thumbnail)
}

func TestClose(t *testing.T) {
	r, err := Open(Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	src := asPNG(t, photo(9, 9))
	r.slots <- struct{}{} // one render is under way
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := r.Close(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v while a render is under way", err)
	}
	if _, err := r.Render(t.Context(), src, imaging.Thumbnail); !file.Is(err, file.Unavailable) {
		t.Errorf("got %v after Close, want Unavailable", err)
	}
	<-r.slots
	for range 2 {
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestSameBytes renders from many goroutines while the collector runs all the time: what libvips reads has to stay where it is.
func TestSameBytes(t *testing.T) {
	r := open(t, Config{Workers: 4})
	img := photo(640, 480)
	sources := [][]byte{asJPEG(t, img), withEXIF(asJPEG(t, img), 6), asPNG(t, img), animation(t, 64, 64, 3)}
	var want []Picture
	for _, src := range sources {
		want = append(want, render(t, r, src, imaging.Thumbnail))
	}
	stop := make(chan struct{})
	var collector, workers sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	const rounds = 2
	for range 16 {
		workers.Go(func() {
			for i := range rounds * len(sources) {
				k := i % len(sources)
				got, err := r.Render(t.Context(), slices.Clone(sources[k]), imaging.Thumbnail)
				if err != nil || !bytes.Equal(got.Data, want[k].Data) {
					t.Errorf("source %d: other bytes, %v", k, err)
					return
				}
			}
		})
	}
	workers.Wait()
	close(stop)
	collector.Wait()
}
