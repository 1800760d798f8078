package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/blob/blobtest"
	"github.com/inlethq/inlet/pkg/file"
)

func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	for _, d := range []Durability{Power, Process} {
		t.Run(string(d), func(t *testing.T) {
			suite := blobtest.Suite{
				Open:         func(t testing.TB) blob.Store { return open(t, Config{Durability: d}) },
				ReadsDeleted: true,
				Full:         func(t testing.TB) blob.Store { return open(t, Config{Dir: tmpfs(t, "size=1m"), Durability: d}) },
			}
			if d == Process {
				suite.Large = 64 << 20
			}
			blobtest.Run(t, suite)
		})
	}
}

func BenchmarkDisk(b *testing.B) {
	for _, d := range []Durability{Power, Process} {
		b.Run(string(d), func(b *testing.B) {
			blobtest.Bench(b, func(t testing.TB) blob.Store { return open(t, Config{Durability: d}) })
		})
	}
}

// tmpfs mounts a small file system, or skips the test where that is refused.
func tmpfs(t testing.TB, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("no full disk here: mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestOpenMakesWhatIsMissing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := open(t, Config{Dir: dir})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, s, "x/y", "bytes")
	again := open(t, Config{Dir: dir})
	if i, err := again.Stat(t.Context(), "x/y"); err != nil || i.Size != 5 {
		t.Errorf("after opening it again: %+v, %v", i, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(Config{Dir: t.TempDir(), Durability: "some"}); !file.Is(err, file.Invalid) {
		t.Errorf("unknown durability: %v", err)
	}
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: name}); !file.Is(err, file.Internal) {
		t.Errorf("a file for a folder: %v", err)
	}
}

func TestOpenRefusesTwoDevices(t *testing.T) {
	dir, other := t.TempDir(), tmpfs(t, "size=64k")
	if err := os.Mkdir(filepath.Join(dir, blobsDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount(other, filepath.Join(dir, blobsDir), "", syscall.MS_BIND, ""); err != nil {
		t.Skipf("no second device here: mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(filepath.Join(dir, blobsDir), 0) })
	if _, err := Open(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "different devices") {
		t.Errorf("opened: %v", err)
	}
}

func TestBlobIsAReadOnlyFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	put(t, s, "a/b", "bytes")
	fi, err := os.Stat(filepath.Join(dir, blobsDir, "a", "b"))
	if err != nil || fi.Mode().Perm()&^0o440 != 0 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	f, err := s.Open(t.Context(), "a/b")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := f.(*os.File); !ok {
		t.Errorf("Open returns %T: sendfile is lost", f)
	}
}

func TestNoLinkLeadsOut(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	s := open(t, Config{Dir: dir})
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, blobsDir, "out")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, blobsDir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"out/secret", "link"} {
		if f, err := s.Open(t.Context(), key); err == nil {
			t.Errorf("open %s: no error", key)
			_ = f.Close()
		}
		if _, err := s.Stat(t.Context(), key); err == nil {
			t.Errorf("stat %s: no error", key)
		}
	}
	if _, err := s.Put(t.Context(), "out/new", strings.NewReader("x"), blob.PutOptions{}); err == nil {
		t.Error("put through a link: no error")
	}
	if err := s.Delete(t.Context(), "out/secret"); err == nil {
		t.Error("delete through a link: no error")
	}
	if names := files(t, outside); !slices.Equal(names, []string{"secret"}) {
		t.Errorf("outside there is %v", names)
	}
}

func TestKeyIsNotAFolder(t *testing.T) {
	s := open(t, Config{})
	put(t, s, "a", "file")
	put(t, s, "b/c", "file")
	for _, key := range []string{"a/b", "a/b/c", "b"} {
		if _, err := s.Put(t.Context(), key, strings.NewReader("x"), blob.PutOptions{}); !file.Is(err, file.Conflict) {
			t.Errorf("put %s: %v, want conflict", key, err)
		}
	}
}

// A kill leaves a temporary file at any length, and after the link one that is a blob's second name.
func TestSweepTakesWhatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	put(t, s, "whole", "bytes")
	tmp := filepath.Join(dir, tmpDir)
	if err := os.WriteFile(filepath.Join(tmp, "torn"), []byte("by"), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, blobsDir, "whole"), filepath.Join(tmp, "linked")); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{"torn", "linked"} {
		if err := os.Chtimes(filepath.Join(tmp, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(tmp, "running"), nil, 0o400); err != nil {
		t.Fatal(err)
	}

	if n, err := s.SweepUnfinished(t.Context(), time.Now().Add(-time.Hour)); n != 2 || err != nil {
		t.Errorf("swept %d, %v, want 2", n, err)
	}
	if names := files(t, tmp); !slices.Equal(names, []string{"running"}) {
		t.Errorf("tmp holds %v", names)
	}
	if i, err := s.Stat(t.Context(), "whole"); err != nil || i.Size != 5 {
		t.Errorf("the blob: %+v, %v", i, err)
	}
	if n, err := s.SweepUnfinished(t.Context(), time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("swept %d, %v, want 1", n, err)
	}
}

func TestPutMakesAFolderAgainThatWasRemoved(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	put(t, s, "a/b/c", "bytes")
	if err := os.RemoveAll(filepath.Join(dir, blobsDir, "a")); err != nil {
		t.Fatal(err)
	}
	put(t, s, "a/b/c", "again")
}

func TestListPassesOverWhatIsNoBlob(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	put(t, s, "a", "bytes")
	blobs := filepath.Join(dir, blobsDir)
	err := errors.Join(
		os.WriteFile(filepath.Join(blobs, "no key"), nil, 0o600),
		os.MkdirAll(filepath.Join(blobs, "no~key", "b"), 0o700),
		os.MkdirAll(filepath.Join(blobs, "empty", "folder"), 0o700),
		os.Symlink("a", filepath.Join(blobs, "link")),
	)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	err = s.List(t.Context(), "", func(i blob.Info) error {
		keys = append(keys, i.Key)
		return nil
	})
	if err != nil || !slices.Equal(keys, []string{"a"}) {
		t.Errorf("listed %v, %v", keys, err)
	}
}

func TestPingTellsAFullDisk(t *testing.T) {
	dir := tmpfs(t, "size=64k")
	s := open(t, Config{Dir: dir})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 1<<20), 0o600)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk took the ballast: %v", err)
	}
	if err := s.Ping(t.Context()); !file.Is(err, file.NoSpace) {
		t.Errorf("ping on a full disk: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("ping with space again: %v", err)
	}
}

// With no inodes left it is a folder or a temporary file that cannot be made.
func TestNoInodesIsNoSpace(t *testing.T) {
	s := open(t, Config{Dir: tmpfs(t, "size=1m,nr_inodes=5")})
	_, err := s.Put(t.Context(), "a/b/c/d", strings.NewReader("x"), blob.PutOptions{})
	if !file.Is(err, file.NoSpace) {
		t.Errorf("put: %v, want no space", err)
	}
}

func put(t testing.TB, s *Store, key, text string) {
	t.Helper()
	if _, err := s.Put(t.Context(), key, strings.NewReader(text), blob.PutOptions{Size: -1}); err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
}

// files lists the files below dir.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
