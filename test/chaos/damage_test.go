package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/inlethq/inlet/test/harness"
)

// TestDamageIsFound does to a store what Inlet must never do, and looks whether the checker and fsck tell.
func TestDamageIsFound(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the shipped program")
	}
	ctx := harness.Context(t)
	tr := &trial{options: options{inlet: harness.Binary(t, "inlet"), durability: "process", seed: 1}, dir: t.TempDir(), out: io.Discard}
	s, err := newServer(ctx, tr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	var sent []*entry
	for i := range 6 {
		e := tr.history.add(fmt.Sprintf("f%d", i), newText(uint64(i)<<32)) // of 100+i bytes
		if err := settleUpload(ctx, tr, s.Client, e, nil); err != nil {
			t.Fatal(err)
		}
		sent = append(sent, e)
	}
	check(t, tr, s)
	if n := tr.found.total(); n != 0 {
		t.Fatalf("%d violations in a sound store: %q", n, tr.found.lines())
	}

	s.kill()
	damage(t, tr.dir, sent[0], os.Remove)
	damage(t, tr.dir, sent[1], func(path string) error { // which the server finds by itself, and serves no more
		if err := os.Chmod(path, 0o600); err != nil {
			return err
		}
		return os.WriteFile(path, fill(int(sent[1].size), 99), 0o600)
	})
	tr.history.change(sent[2], func(e *entry) { e.remove = ok })
	tr.history.entries = append(tr.history.entries[:3], tr.history.entries[4:]...)
	tr.history.change(sent[5], func(e *entry) { e.sha256 = digest(nil) })
	if err := s.start(ctx); err != nil {
		t.Fatal(err)
	}
	check(t, tr, s)
	for _, b := range []breach{lost, changed, stuck, resurrected, phantom} {
		if tr.found.of(b) == 0 {
			t.Errorf("nothing %s was found: %s", b, tr.found.String())
		}
	}
	now, err := s.fsck(ctx, fsckGrace)
	if err != nil || now.Codes["missing-blob"] != 1 {
		t.Errorf("fsck found %s: %v", now, err)
	}
}

func check(t *testing.T, tr *trial, s *server) {
	t.Helper()
	ctx := harness.Context(t)
	c := newChecker(tr, s.Client)
	if err := c.lookAll(ctx, tr.history.from(0), true); err != nil {
		t.Fatal(err)
	}
	if err := c.lookForPhantoms(ctx); err != nil {
		t.Fatal(err)
	}
}

// damage does something to the bytes of a file, which its size gives away.
func damage(t *testing.T, dir string, e *entry, how func(path string) error) {
	t.Helper()
	done := false
	err := filepath.WalkDir(filepath.Join(dir, "data", "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || done {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Size() != e.size {
			return err
		}
		done = true
		return how(path)
	})
	if err != nil || !done {
		t.Fatalf("%s is not damaged: %v", e.key, err)
	}
}
