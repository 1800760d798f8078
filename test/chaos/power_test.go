package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/inlethq/inlet/test/harness"
)

// TestCutTakesWhatIsNotSynced writes files to a disk that remembers, and looks for them after cuts: fsync must reach the log through the file system
// and the loop device, and nothing else must be sure.
func TestCutTakesWhatIsNotSynced(t *testing.T) {
	if lack := lacksForDisks(); lack != "" {
		t.Skip(lack)
	}
	image, err := makeFS(harness.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(image) })
	d, err := newLoggedDisk(image, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.unmount(); err != nil {
			t.Error(err)
		}
	})
	begun := d.Mark()
	create(t, d.dir, "synced", true)
	synced := d.Mark()
	create(t, d.dir, "cached", false)
	cached := d.Mark()
	for _, tt := range []struct {
		name string
		at   int
		want []string
	}{
		{"at the start", begun, []string{"lost+found"}},
		{"after the fsync", synced, []string{"lost+found", "synced"}},
		{"after a write", cached, []string{"lost+found", "synced"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := afterCut(t, d, tt.at); !slices.Equal(got, tt.want) {
				t.Errorf("the disk has %q, want %q", got, tt.want)
			}
		})
	}
}

// create makes a file, and syncs it and its folder.
func create(t *testing.T, dir, name string, sync bool) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(name); err != nil {
		t.Fatal(err)
	}
	folder, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []*os.File{f, folder} {
		if sync {
			err = x.Sync()
		}
		if err := errors.Join(err, x.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// afterCut returns the names that a disk has after a cut in which its cache was lost. Each file holds its name.
func afterCut(t *testing.T, d *loggedDisk, at int) []string {
	t.Helper()
	image, err := makeImage(t.TempDir(), func(disk io.WriterAt) error { return d.Cut(at, func() bool { return false }, disk) })
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := mount(image, dir); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unmount(dir); err != nil {
			t.Error(err)
		}
	}()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		if e.IsDir() {
			continue
		}
		if text, err := os.ReadFile(filepath.Join(dir, e.Name())); err != nil || string(text) != e.Name() {
			t.Errorf("%s holds %q: %v", e.Name(), text, err)
		}
	}
	return names
}

// TestAsOf looks back at a file that was uploaded, changed and deleted.
func TestAsOf(t *testing.T) {
	var h history
	now := 0
	h.position = func() int { now++; return now }
	at := map[string]int{"before": 0}
	then := func(name string) { at[name] = now }
	e := h.add("k", newText(1))
	then("sending")
	_, _ = h.ask("upload", e, func() error { return nil }, func(e *entry, o outcome) { e.upload, e.id = o, "file_1" })
	then("sent")
	h.change(e, func(e *entry) { e.notes = append(e.notes, "new") })
	then("changing")
	_, _ = h.ask("patch", e, func() error { return nil }, func(e *entry, _ outcome) { e.notes = []string{"new"} })
	then("changed")
	h.change(e, func(e *entry) { e.remove = unknown })
	then("deleting")
	_, _ = h.ask("delete", e, func() error { return nil }, func(e *entry, o outcome) { e.remove = o })
	then("deleted")
	for _, tt := range []struct {
		moment         string
		upload, remove outcome
		notes          []string
	}{
		{"sending", unknown, "", []string{""}},
		{"sent", ok, "", []string{""}},
		{"changing", ok, "", []string{"", "new"}},
		{"changed", ok, "", []string{"new"}},
		{"deleting", ok, unknown, []string{"new"}},
		{"deleted", ok, ok, []string{"new"}},
	} {
		was := h.asOf(at[tt.moment])
		if len(was) != 1 || was[0].upload != tt.upload || was[0].remove != tt.remove || !slices.Equal(was[0].notes, tt.notes) {
			t.Errorf("%s: it was %+v", tt.moment, was)
		}
	}
	if was := h.asOf(at["before"]); len(was) != 0 {
		t.Errorf("before it was sent it was %+v", was)
	}
}
