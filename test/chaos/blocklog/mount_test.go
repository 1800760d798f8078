package blocklog

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMount writes, syncs and reads through the kernel, and looks what has reached the log.
func TestMount(t *testing.T) {
	d := blank(t)
	m, err := Mount(d, t.TempDir())
	if err != nil {
		t.Skipf("no FUSE here: %v", err)
	}
	t.Cleanup(func() {
		if err := m.Unmount(); err != nil {
			t.Error(err)
		}
	})
	fd, err := unix.Open(m.File, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) }) // before Unmount
	want := bytes.Repeat([]byte("data"), Piece/2)
	if n, err := unix.Pwrite(fd, want, Piece); n != len(want) || err != nil {
		t.Fatalf("wrote %d bytes: %v", n, err)
	}
	if writes, flushes, _ := d.Count(99); writes != 1 || flushes != 0 {
		t.Errorf("%d writes and %d flushes are in the log before the fsync", writes, flushes)
	}
	if err := unix.Fsync(fd); err != nil {
		t.Fatal(err)
	}
	if _, flushes, _ := d.Count(99); flushes != 1 {
		t.Errorf("%d flushes are in the log after the fsync", flushes)
	}
	got := make([]byte, len(want)+1)
	if n, err := unix.Pread(fd, got[:len(want)], Piece); n != len(want) || err != nil || !bytes.Equal(got[:n], want) {
		t.Errorf("read %d bytes, not what was written: %v", n, err)
	}
	if n, err := unix.Pread(fd, got, d.Size()-1); n != 1 || err != nil {
		t.Errorf("read %d bytes across the end: %v", n, err)
	}
}
