package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
)

// TestFullDiskTakesChanges: on a disk without a free byte, what is there can be changed, and deleted.
func TestFullDiskTakesChanges(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=32m"); err != nil {
		t.Skipf("no full disk here: mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := open(t, Config{Path: filepath.Join(dir, "meta.db"), Spare: true})
	files := make([]*file.File, 200)
	for i := range files {
		files[i] = record(i + 1)
		if err := s.Create(t.Context(), files[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "foreign"), make([]byte, 32<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk took it: %v", err)
	}
	log, err := os.Stat(filepath.Join(dir, "meta.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		for _, state := range []file.State{file.Ready, file.Deleting, file.Gone} {
			f.State = state
			f.Owe(file.OutboxEntry{ID: fmt.Sprintf("event-%d-%s", i, state), Fact: string(state)})
			if err := s.Update(t.Context(), f); err != nil {
				t.Fatalf("file %d is not %s, with %d bytes of log: %v", i, state, log.Size(), err)
			}
		}
	}
	got, err := s.Get(t.Context(), files[0].Tenant, file.ByID(files[0].ID))
	if err != nil || got.Rev != files[0].Rev {
		t.Errorf("the record is at %v, %v; want revision %d", got, err, files[0].Rev)
	}
}

// TestSpareIsKept: while records are written the database has free pages, on the disk.
func TestSpareIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	s := open(t, Config{Path: path, Synchronous: Off, Spare: true})
	number := func(pragma string) (n int64) {
		if err := s.readers.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	text := strings.Repeat("long ", 800)
	made := number("page_count")
	for i := range 800 {
		f := record(i + 1)
		f.Description = text
		if err := s.Create(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		if i%50 != 49 {
			continue
		}
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if free, pages := number("freelist_count"), number("page_count"); free < spareLow/2 || fi.Size() != pages*4096 {
			t.Fatalf("after %d records: %d of %d pages are free, of %d bytes on the disk", i+1, free, pages, fi.Size())
		}
	}
	if now := number("page_count"); now <= made {
		t.Fatalf("nothing was made: %d pages, %d at first", now, made)
	}
}
