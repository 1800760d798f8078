package blocklog

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
)

const testPieces = 8

// blank is a disk of zeros.
func blank(t *testing.T) *Disk {
	t.Helper()
	d, err := New(bytes.NewReader(make([]byte, testPieces*Piece)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func write(t *testing.T, d *Disk, p []byte, off int64) {
	t.Helper()
	if n, err := d.WriteAt(p, off); n != len(p) || err != nil {
		t.Fatalf("wrote %d of %d bytes: %v", n, len(p), err)
	}
}

// file is an image in memory that begins as zeros.
type file []byte

func (f file) WriteAt(p []byte, off int64) (int, error) { return copy(f[off:], p), nil }

func cut(t *testing.T, d *Disk, at int, keep func() bool) []byte {
	t.Helper()
	f := make(file, d.Size())
	if err := d.Cut(at, keep, f); err != nil {
		t.Fatal(err)
	}
	return f
}

func all() bool  { return true }
func none() bool { return false }

// alternately keeps the first piece that it is asked for, and each second after it.
func alternately() func() bool {
	keep := false
	return func() bool { keep = !keep; return keep }
}

// letters shows a disk with a letter for each piece.
func letters(image []byte) string {
	var s []byte
	for piece := range slices.Chunk(image, Piece) {
		s = append(s, max(piece[0], '.'))
	}
	return string(s)
}

func TestCut(t *testing.T) {
	d := blank(t)
	for piece, letter := range "abcd" {
		write(t, d, bytes.Repeat([]byte{byte(letter)}, Piece), int64(piece)*Piece)
		if letter == 'b' {
			d.Flush()
		}
	}
	d.Mark()
	write(t, d, bytes.Repeat([]byte{'A'}, Piece), 0)
	d.Flush()
	write(t, d, bytes.Repeat([]byte{'e'}, 3*Piece), 4*Piece)
	for _, tt := range []struct {
		name string
		at   int
		keep func() bool
		want string
	}{
		{"before everything", 0, all, "........"},
		{"before any flush, nothing kept", 2, none, "........"},
		{"before any flush, all kept", 2, all, "ab......"},
		{"before any flush, one kept", 2, alternately(), "a......."},
		{"right after a flush", 3, none, "ab......"},
		{"after it, nothing kept", 7, none, "ab......"},
		{"after it, all kept", 7, all, "Abcd...."},
		{"after it, the later kept and the earlier not", 7, alternately(), "Abc....."},
		{"after the next flush", 8, none, "Abcd...."},
		{"in the middle of a long write", 9, alternately(), "Abcde.e."},
		{"past the end", 99, all, "Abcdeee."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := letters(cut(t, d, tt.at, tt.keep)); got != tt.want {
				t.Errorf("the disk is %s, want %s", got, tt.want)
			}
		})
	}
}

func TestMoments(t *testing.T) {
	d := blank(t)
	write(t, d, []byte("x"), 0)
	d.Flush()
	write(t, d, []byte("y"), 0)
	if at := d.Mark(); at != 4 {
		t.Errorf("the mark is at %d, want 4", at)
	}
	if got, want := d.Moments(4), []int{1, 2, 4}; !slices.Equal(got, want) {
		t.Errorf("the moments are %v, want %v", got, want)
	}
	if got, want := d.Moments(2), []int{1, 2}; !slices.Equal(got, want) {
		t.Errorf("the moments up to 2 are %v, want %v", got, want)
	}
	if writes, flushes, marks := d.Count(4); writes != 2 || flushes != 1 || marks != 1 {
		t.Errorf("counted %d writes, %d flushes, %d marks", writes, flushes, marks)
	}
}

// TestLikeABuffer compares a disk with plain memory, over writes of any size at any place, and then its image.
func TestLikeABuffer(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	want := make(file, testPieces*Piece)
	for i := range want[:3*Piece] {
		want[i] = byte(rng.Uint32())
	}
	d, err := New(bytes.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		p := make([]byte, rng.IntN(2*Piece))
		for i := range p {
			p[i] = byte(rng.Uint32() & 1) // often zero
		}
		off := rng.Int64N(d.Size() - int64(len(p)))
		copy(want[off:], p)
		write(t, d, p, off)
		clear(p) // it is the caller's
		from, n := rng.Int64N(d.Size()), rng.IntN(Piece)
		got := make([]byte, min(int64(n), d.Size()-from))
		if _, err := d.ReadAt(got, from); err != nil || !bytes.Equal(got, want[from:from+int64(len(got))]) {
			t.Fatalf("read other bytes at %d: %v", from, err)
		}
	}
	if !bytes.Equal(cut(t, d, 500, all), want) {
		t.Error("the image is not what was written")
	}
}

func TestBounds(t *testing.T) {
	d := blank(t)
	for _, off := range []int64{-1, d.Size(), d.Size() - 1} {
		if _, err := d.WriteAt([]byte("xy"), off); !errors.Is(err, ErrBounds) {
			t.Errorf("a write at %d: %v", off, err)
		}
		if _, err := d.ReadAt(make([]byte, 2), off); !errors.Is(err, ErrBounds) {
			t.Errorf("a read at %d: %v", off, err)
		}
	}
	if _, err := New(bytes.NewReader(make([]byte, Piece+1))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a disk with half a piece: %v", err)
	}
}
