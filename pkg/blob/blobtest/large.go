package blobtest

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"runtime"
	"runtime/metrics"
	"testing"
)

const (
	defaultLarge = 1 << 30
	maxGrowth    = 32 << 20
	sampleEvery  = 8 << 20
)

// testLarge streams a blob in and out, and looks at the heap as it goes.
func testLarge(t *testing.T, s Suite) {
	if testing.Short() {
		t.Skip("a large blob takes seconds")
	}
	size := s.Large
	if size == 0 {
		size = defaultLarge
	}
	store := s.Open(t)
	h := sha256.New()
	if _, err := io.Copy(h, Generate(size)); err != nil {
		t.Fatal(err)
	}
	want := hex.EncodeToString(h.Sum(nil))

	in := newHeapWatch(Generate(size))
	info, err := store.Put(t.Context(), "large", in, unknown)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size != size || info.SHA256 != want {
		t.Errorf("info %+v, want size %d, digest %s", info, size, want)
	}
	r, err := store.Open(t.Context(), "large")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	h.Reset()
	out := newHeapWatch(r)
	if n, err := io.Copy(h, out); n != size || err != nil || hex.EncodeToString(h.Sum(nil)) != want {
		t.Errorf("read %d bytes, %v, or other ones", n, err)
	}
	if err := store.Delete(t.Context(), "large"); err != nil {
		t.Error(err)
	}
	for what, w := range map[string]*heapWatch{"writing": in, "reading": out} {
		t.Logf("%s grew the heap by %.1f MiB", what, float64(w.growth())/(1<<20))
		if w.growth() > maxGrowth {
			t.Errorf("%s grew the heap by %d bytes, want at most %d", what, w.growth(), maxGrowth)
		}
	}
}

// heapWatch passes a stream on and samples the heap every few MiB.
type heapWatch struct {
	r             io.Reader
	start, most   uint64
	bytes, sample int64
}

func newHeapWatch(r io.Reader) *heapWatch {
	runtime.GC()
	start := heap()
	return &heapWatch{r: r, start: start, most: start}
}

func (w *heapWatch) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if w.bytes += int64(n); w.bytes >= w.sample {
		w.sample = w.bytes + sampleEvery
		w.most = max(w.most, heap())
	}
	return n, err
}

func (w *heapWatch) growth() uint64 { return w.most - w.start }

func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
