package blob

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // a checksum that vendors show
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/inlethq/inlet/pkg/file"
)

func randomBytes(n int) []byte {
	var seed [32]byte
	b := make([]byte, n)
	_, _ = rand.NewChaCha8(seed).Read(b)
	return b
}

func TestPumpCopiesAndHashes(t *testing.T) {
	sizes := []int{0, 1}
	for _, edge := range []int{besideSize, bufferSize, rotation * bufferSize, (rotation + 1) * bufferSize} {
		sizes = append(sizes, edge-1, edge, edge+1)
	}
	readers := map[string]func(io.Reader) io.Reader{
		"whole":          func(r io.Reader) io.Reader { return r },
		"end with bytes": iotest.DataErrReader,
		"half":           iotest.HalfReader,
		"4 KiB":          func(r io.Reader) io.Reader { return struct{ io.Reader }{&stepReader{r, 4096}} },
	}
	for _, size := range sizes {
		want := randomBytes(size)
		sha, md := sha256.Sum256(want), md5.Sum(want) //nolint:gosec // as above
		for name, wrap := range readers {
			t.Run(fmt.Sprintf("%d/%s", size, name), func(t *testing.T) {
				var got bytes.Buffer
				info, err := Pump(t.Context(), &got, wrap(bytes.NewReader(want)), true)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got.Bytes(), want) {
					t.Error("other bytes came out")
				}
				if info.Size != int64(size) || info.SHA256 != hex.EncodeToString(sha[:]) || info.MD5 != hex.EncodeToString(md[:]) {
					t.Errorf("info %+v", info)
				}
			})
		}
	}
}

func TestPumpLeavesOutMD5(t *testing.T) {
	info, err := Pump(t.Context(), io.Discard, bytes.NewReader([]byte("abc")), false)
	if err != nil || info.MD5 != "" || info.SHA256 != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestPumpWritesLargeSteps(t *testing.T) {
	var w stepWriter
	src := struct{ io.Reader }{&stepReader{bytes.NewReader(make([]byte, 3*bufferSize+1)), 4096}}
	if _, err := Pump(t.Context(), &w, src, false); err != nil {
		t.Fatal(err)
	}
	if want := []int{bufferSize, bufferSize, bufferSize, 1}; fmt.Sprint(w.steps) != fmt.Sprint(want) {
		t.Errorf("wrote in steps of %v, want %v", w.steps, want)
	}
}

func TestPumpReturnsErrorsAsTheyAre(t *testing.T) {
	errTorn := errors.New("torn")
	for _, before := range []int{0, 1000, besideSize + 1, 5 * bufferSize, 9*bufferSize + 7} {
		head := func() io.Reader { return bytes.NewReader(make([]byte, before)) }
		for _, want := range []error{errTorn, io.ErrUnexpectedEOF, context.Canceled} {
			_, err := Pump(t.Context(), io.Discard, io.MultiReader(head(), iotest.ErrReader(want)), false)
			if err != want { //nolint:errorlint // as it is means: not wrapped
				t.Errorf("reader failing after %d: %v, want %v", before, err, want)
			}
		}
		if before == 0 {
			continue
		}
		w := &limitWriter{left: before - 1, err: errTorn}
		if _, err := Pump(t.Context(), w, head(), false); err != errTorn { //nolint:errorlint // as above
			t.Errorf("writer failing after %d: %v", before-1, err)
		}
		w = &limitWriter{left: before - 1}
		if _, err := Pump(t.Context(), w, head(), false); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("short write: %v", err)
		}
	}
	if _, err := Pump(t.Context(), io.Discard, idleReader{}, false); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that gives nothing: %v", err)
	}
}

func TestPumpStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	src := readerFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	})
	if _, err := Pump(ctx, io.Discard, src, false); !file.Is(err, file.Cancelled) {
		t.Errorf("got %v, want cancelled", err)
	}
}

func TestPumpSmallInputStartsNoGoroutine(t *testing.T) {
	data, src := make([]byte, 32<<10), bytes.NewReader(nil)
	allocs := testing.AllocsPerRun(100, func() {
		src.Reset(data)
		if _, err := Pump(t.Context(), io.Discard, src, false); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 8 { // the digest and its text; no channel, no goroutine
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkPump(b *testing.B) {
	for _, size := range []int{1 << 10, 32 << 10, 100 << 10, 16 << 20} {
		for _, withMD5 := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dKiB/md5=%t", size>>10, withMD5), func(b *testing.B) {
				data, src := make([]byte, size), bytes.NewReader(nil)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					src.Reset(data)
					if _, err := Pump(b.Context(), io.Discard, src, withMD5); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// stepReader gives at most step bytes a read, as a multipart.Part does.
type stepReader struct {
	r    io.Reader
	step int
}

func (r *stepReader) Read(p []byte) (int, error) { return r.r.Read(p[:min(len(p), r.step)]) }

type stepWriter struct{ steps []int }

func (w *stepWriter) Write(p []byte) (int, error) {
	w.steps = append(w.steps, len(p))
	return len(p), nil
}

// limitWriter takes left bytes and then fails with err, or falls short when that is nil.
type limitWriter struct {
	left int
	err  error
}

func (w *limitWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	w.left -= n
	if n < len(p) {
		return n, w.err
	}
	return n, nil
}

type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
