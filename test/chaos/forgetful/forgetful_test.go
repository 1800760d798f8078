package forgetful

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// mount shows a new folder on a disk; tests without FUSE are skipped.
func mount(t *testing.T) (d *Disk, dir string) {
	t.Helper()
	d, dir = new(Disk), t.TempDir()
	server, err := Mount(d, t.TempDir(), dir)
	if err != nil {
		t.Skipf("no FUSE here: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return d, dir
}

// write makes a file as a careful program does, but for one thing: it tells what failed and goes on.
func write(t *testing.T, path string, data []byte) (fsynced, closed error) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	fsynced = f.Sync()
	return fsynced, f.Close()
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestKeeps(t *testing.T) {
	d, dir := mount(t)
	path := filepath.Join(dir, "a")
	want := bytes.Repeat([]byte("inlet"), 100_000)
	if fsynced, closed := write(t, path, want); fsynced != nil || closed != nil {
		t.Fatal(fsynced, closed)
	}
	if err := os.Link(path, filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	folder, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(folder.Sync(), folder.Close(), os.Remove(path)); err != nil {
		t.Error(err)
	}
	if got := read(t, filepath.Join(dir, "b")); !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
	if d.Lost() != 0 {
		t.Errorf("%d calls have failed", d.Lost())
	}
}

// TestForgets: a call fails once, the next one does not, and the bytes are gone.
func TestForgets(t *testing.T) {
	for _, fails := range []Call{Fsync, Close} {
		t.Run(string(fails), func(t *testing.T) {
			d, dir := mount(t)
			d.Lose(func(c Call) bool { return c == fails && d.Lost() == 0 })
			path := filepath.Join(dir, "a")
			fsynced, closed := write(t, path, []byte("inlet"))
			if errors.Is(fsynced, syscall.EIO) != (fails == Fsync) || errors.Is(closed, syscall.EIO) != (fails == Close) {
				t.Errorf("fsync: %v, close: %v", fsynced, closed)
			}
			if got := read(t, path); !bytes.Equal(got, make([]byte, 5)) {
				t.Errorf("%q was kept", got)
			}
			if d.Lost() != 1 {
				t.Errorf("%d calls have failed", d.Lost())
			}
		})
	}
}
