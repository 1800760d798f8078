package inspect

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
)

// long is a file of head, then a filler as often as it takes, then tail. It keeps none of it.
type long struct {
	head, tail   []byte
	filler       byte
	size, offset int64
}

func (l *long) Read(p []byte) (int, error) {
	if l.offset >= l.size {
		return 0, io.EOF
	}
	n := min(int64(len(p)), l.size-l.offset)
	for i := range p[:n] {
		p[i] = l.filler
	}
	if l.offset < int64(len(l.head)) {
		copy(p[:n], l.head[l.offset:])
	}
	if behind := l.offset + n - (l.size - int64(len(l.tail))); behind > 0 {
		copy(p[max(n-behind, 0):n], l.tail[max(behind-n, 0):])
	}
	l.offset += n
	return int(n), nil
}

func (l *long) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += l.offset
	case io.SeekEnd:
		offset += l.size
	}
	if offset < 0 {
		return 0, errors.New("before the start")
	}
	l.offset = offset
	return offset, nil
}

// longFiles are of kinds whose check reads all bytes.
func longFiles(t testing.TB, size int64) map[string]*long {
	jpg := jpegSample(t, 8, 8)
	pixels := bytes.LastIndex(jpg, []byte{0xFF, markerSOS}) + 20
	return map[string]*long{
		"text/plain":       {filler: 'a', size: size},
		"application/json": {head: []byte(`{"a":"`), filler: 'a', tail: []byte(`"}`), size: size},
		"image/jpeg":       {head: jpg[:pixels], filler: 0x55, tail: jpg[pixels:], size: size},
	}
}

// The memory for a check does not grow with the file.
func TestMemoryIsBounded(t *testing.T) {
	const size, bound = 32 << 20, 1 << 20
	i, err := New(Config{})
	must(t, err)
	for declared, f := range longFiles(t, size) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if v, err := i.Inspect(t.Context(), f, &file.File{DeclaredType: declared}); err != nil || v.Reason != "" {
			t.Errorf("%s: %+v, %v", declared, v, err)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > bound {
			t.Errorf("%s: %d bytes allocated for a file of %d", declared, n, size)
		}
	}
}

func BenchmarkInspect(b *testing.B) {
	const size = 16 << 20
	i, err := New(Config{})
	must(b, err)
	for declared, f := range longFiles(b, size) {
		b.Run(declared, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := i.Inspect(b.Context(), f, &file.File{DeclaredType: declared}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
