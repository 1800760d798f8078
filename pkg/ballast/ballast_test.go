package ballast

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/diskspace"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/sqlite"
)

// sizeOf is the size of the ballast in dir; 0 when there is none.
func sizeOf(t *testing.T, dir string) int64 {
	t.Helper()
	fi, err := os.Stat(filepath.Join(dir, Name))
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return fi.Size()
}

func TestBallastComesAndGoes(t *testing.T) {
	const mib = 1 << 20
	dir := t.TempDir()
	var space diskspace.Space
	var broken error
	b := newBallast(dir, slog.New(slog.DiscardHandler), func() (diskspace.Space, error) { return space, broken })
	for _, step := range []struct {
		what  string
		total int64
		free  int64
		files int64
		err   error
		cut   bool // by a write, afterwards
		size  int64
		low   bool
	}{
		{"a new disk", 32 * mib, 60 * mib, 10, nil, false, mib, false},
		{"nearly full", 32 * mib, mib / 2, 10, nil, false, mib, false},
		{"full", 32 * mib, mib/2 - 1, 10, nil, false, mib, true},
		{"full, and a write", 32 * mib, 0, 10, nil, true, 0, true},
		{"another write", 32 * mib, 0, 10, nil, true, 0, true},
		{"its own room is not room", 32 * mib, 2 * mib, 10, nil, false, 0, true},
		{"cannot be measured", 0, 0, 0, errors.New("out"), false, 0, true},
		{"room again", 32 * mib, 3 * mib, 10, nil, false, mib, false},
		{"no inodes", 32 * mib, 30 * mib, 0, nil, false, mib, true},
		{"inodes again", 32 * mib, 30 * mib, 1, nil, false, mib, false},
		{"a large disk", 10_000_000 * mib, 5_000_000 * mib, 10, nil, false, maxSize, false},
		{"a write that was faster", 32 * mib, 60 * mib, 10, nil, true, 0, true},
	} {
		space = diskspace.Space{Bytes: step.total, FreeBytes: step.free, Files: 100, FreeFiles: step.files}
		broken = step.err
		b.look()
		if step.cut {
			b.Cut()
		}
		if size := sizeOf(t, dir); size != step.size || b.Low() != step.low {
			t.Errorf("%s: the ballast has %d bytes and low is %v, want %d and %v", step.what, size, b.Low(), step.size, step.low)
		}
	}
	if cuts := b.Cuts(); cuts != 2 {
		t.Errorf("room was given free %d times, want 2", cuts)
	}
	space = diskspace.Space{Bytes: mib / 2, FreeBytes: mib / 2, Files: 100, FreeFiles: 100}
	small := newBallast(t.TempDir(), b.log, b.measure)
	small.look()
	if size := sizeOf(t, filepath.Dir(small.path)); size != 0 || small.Low() {
		t.Errorf("a disk of 512 KiB has a ballast of %d bytes", size)
	}
}

func TestBallastTakesRealRoom(t *testing.T) {
	dir := t.TempDir()
	b, err := Open(Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	fi, err := os.Stat(filepath.Join(dir, Name))
	if err != nil {
		t.Skipf("no ballast here: %v", err)
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok && st.Blocks*512 < fi.Size() {
		t.Errorf("%d bytes take %d", fi.Size(), st.Blocks*512)
	}
}

// full opens records on a small file system of their own and fills it to the last byte. foreign is what takes the room.
func full(t *testing.T, guarded bool) (repo meta.Repo, f *file.File, foreign string) {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("no full disk here: mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	store, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "meta.db")})
	if err != nil {
		t.Fatal(err)
	}
	repo = store
	if guarded {
		b, err := Open(Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		repo = Guard(store, b)
	}
	t.Cleanup(func() {
		if err := repo.Close(); err != nil {
			t.Error(err)
		}
	})
	f = &file.File{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Number: 1, Tenant: "t", State: file.Ready, Class: file.ClassGeneric, Created: file.Actor{ID: "u", At: time.Now()}}
	if err := repo.Create(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	foreign = filepath.Join(dir, "foreign")
	if err := os.WriteFile(foreign, make([]byte, 16<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk took it: %v", err)
	}
	return repo, f, foreign
}

func bury(t *testing.T, repo meta.Repo, f *file.File) error {
	t.Helper()
	f.State, f.Deleted = file.Deleting, file.Actor{ID: "u", At: time.Now()}
	return repo.Update(t.Context(), f)
}

func TestTombstonesFindRoom(t *testing.T) {
	repo, f, foreign := full(t, true)
	if err := bury(t, repo, f); err != nil {
		t.Errorf("a tombstone on a full disk: %v", err)
	}
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	upload := meta.Reservation{Tenant: "t", ID: "01ARZ3NDEKTSV4RRFFQ69G5FAW", Bytes: 10, Until: time.Now().Add(time.Hour)}
	if err := repo.Reserve(t.Context(), upload, 100); !file.Is(err, file.NoSpace) {
		t.Errorf("an upload on a full disk: %v", err)
	}
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
	for sizeOf(t, filepath.Dir(foreign)) == 0 {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("the ballast does not come back")
		}
	}
	if err := repo.Reserve(t.Context(), upload, 100); err != nil {
		t.Errorf("an upload when there is room: %v", err)
	}
}

// What the ballast is for, without it.
func TestWithoutBallastTombstonesFail(t *testing.T) {
	repo, f, foreign := full(t, false)
	if err := bury(t, repo, f); !file.Is(err, file.NoSpace) {
		t.Errorf("a tombstone on a full disk without a ballast: %v: the test above shows nothing", err)
	}
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
}
