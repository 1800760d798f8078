package diskspace

import (
	"math"
	"path/filepath"
	"testing"
)

func TestOf(t *testing.T) {
	s, err := Of(t.TempDir())
	if err != nil || s.Bytes <= 0 || s.FreeBytes <= 0 || s.FreeBytes > s.Bytes || s.Files <= 0 || s.FreeFiles > s.Files {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := Of(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no error for a path that is not there")
	}
	if n := product(math.MaxUint64, 4096); n != math.MaxInt64 {
		t.Errorf("too large a number became %d", n)
	}
}

func TestReserveAbove(t *testing.T) {
	const mib, gib, tib = 1 << 20, 1 << 30, 1 << 40
	for _, c := range []struct {
		reserve      string
		size, free   int64 // bytes
		wantBytes    int64
		files, ffree int64
		wantFiles    int64
	}{
		{reserve: "", size: 64 * mib, free: 64 * mib, wantBytes: 64*mib - 64*mib/20, files: 400, ffree: 100, wantFiles: 80},
		{reserve: "", size: 10 * tib, free: 2 * gib, wantBytes: gib, files: 1e9, ffree: 2000, wantFiles: 1000},
		{reserve: "10%", size: 10 * gib, free: gib, wantBytes: 0, files: 1000, ffree: 1000, wantFiles: 900},
		{reserve: "2.5 %", size: 1000, free: 0, wantBytes: -25, files: 1000, ffree: 0, wantFiles: -25},
		{reserve: "5000", size: 64 * mib, free: 6000, wantBytes: 1000, files: 100, ffree: 100, wantFiles: 95},
		{reserve: "0", size: 64 * mib, free: 1, wantBytes: 1, files: 100, ffree: 1, wantFiles: 1},
		{reserve: "0%", size: 64 * mib, free: 1, wantBytes: 1, files: 100, ffree: 1, wantFiles: 1},
	} {
		r, err := ParseReserve(c.reserve)
		if err != nil {
			t.Errorf("%q: %v", c.reserve, err)
		}
		bytes, files := r.Above(Space{Bytes: c.size, FreeBytes: c.free, Files: c.files, FreeFiles: c.ffree})
		if bytes != c.wantBytes || files != c.wantFiles {
			t.Errorf("%q of %d bytes, %d free, and %d inodes, %d free: %d and %d above it, want %d and %d",
				c.reserve, c.size, c.free, c.files, c.ffree, bytes, files, c.wantBytes, c.wantFiles)
		}
	}
	unlimited := Space{Bytes: 100, FreeBytes: 100, Files: math.MaxInt64, FreeFiles: math.MaxInt64}
	if _, files := Default.Above(unlimited); files < 1 {
		t.Errorf("%d inodes where their number is not limited", files)
	}
}

func TestParseReserveRefuses(t *testing.T) {
	for _, s := range []string{"-1", "1GiB", "%", "-1%", "91%", "NaN%", "5 %%", "x", "99999999999999999999"} {
		if r, err := ParseReserve(s); err == nil {
			t.Errorf("%q is %+v", s, r)
		}
	}
}
