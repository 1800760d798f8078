package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
)

// TestFullDiskTakesChanges: on a disk without a free byte, records are changed in the room that the log has.
func TestFullDiskTakesChanges(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("no full disk here: mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s, err := Open(t.Context(), Config{Path: filepath.Join(dir, "meta.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	files := make([]*file.File, 50)
	for i := range files {
		files[i] = record(i + 1)
		if err := s.Create(t.Context(), files[i]); err != nil {
			t.Fatal(err)
		}
	}
	change := func() error {
		f := files[0]
		f.Description = "changed"
		if f.Rev%2 == 0 {
			f.Description = "changed back"
		}
		return s.Update(t.Context(), f)
	}
	for range 20 {
		if err := change(); err != nil {
			t.Fatal(err)
		}
	}
	if !s.writer.rewind() { // what is there, and what it changes to, needs no more room in the database
		t.Fatal("the log cannot be copied")
	}
	if err := os.WriteFile(filepath.Join(dir, "foreign"), make([]byte, 16<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk took it: %v", err)
	}
	log, err := os.Stat(filepath.Join(dir, "meta.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		if err := change(); err != nil {
			t.Fatalf("change %d with %d bytes of log: %v", i, log.Size(), err)
		}
	}
	got, err := s.Get(context.Background(), files[0].Tenant, file.ByID(files[0].ID))
	if err != nil || got.Rev != files[0].Rev {
		t.Errorf("the record is at %v, %v; want revision %d", got, err, files[0].Rev)
	}
}
