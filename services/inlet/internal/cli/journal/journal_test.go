package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func open(t *testing.T, dir string, scope ...string) *Journal {
	t.Helper()
	j, err := Open(dir, scope...)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func note(t *testing.T, j *Journal, e Entry) {
	t.Helper()
	if err := j.Note(e); err != nil {
		t.Fatal(err)
	}
}

func TestJournalRemembers(t *testing.T) {
	dir, at := t.TempDir(), time.Now()
	a := Entry{Path: "a", Size: 5, ModTime: at}
	j := open(t, dir, "server", "folder")
	if _, ok := j.Find(a); ok {
		t.Error("a new journal knows a file")
	}
	begun, done := a, a
	begun.URL, done.File = "http://u", "file_1"
	note(t, j, begun)
	note(t, j, done)
	if _, err := Open(dir, "server", "folder"); !errors.Is(err, ErrBusy) {
		t.Errorf("the second one: %v", err)
	}
	other := open(t, dir, "server", "other")
	if _, ok := other.Find(a); ok {
		t.Error("another folder's journal knows the file")
	}
	if err := errors.Join(other.Close(), j.Close()); err != nil {
		t.Fatal(err)
	}

	// A process that was killed leaves half a line.
	f, err := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"path":"to`); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	j = open(t, dir, "server", "folder")
	b := Entry{Path: "b", Size: 1, ModTime: at, File: "file_2"}
	note(t, j, b)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, dir, "server", "folder")
	for _, want := range []Entry{done, b} {
		if got, ok := j.Find(want); !ok || got.File != want.File || got.URL != "" {
			t.Errorf("of %s it knows %+v", want.Path, got)
		}
	}
	for what, changed := range map[string]Entry{
		"longer": {Path: "a", Size: 6, ModTime: at}, "later": {Path: "a", Size: 5, ModTime: at.Add(1)},
	} {
		if _, ok := j.Find(changed); ok {
			t.Errorf("it takes a file that is %s for the same", what)
		}
	}
	if err := j.Remove(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(j.path + "*"); err != nil || len(left) != 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	if _, ok := open(t, dir, "server", "folder").Find(done); ok {
		t.Error("it knows what it was to forget")
	}
}

func TestJournalStaysSmall(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, "x")
	for n := range 2 * spareLines {
		note(t, j, Entry{Path: "a", File: fmt.Sprint(n)})
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = open(t, dir, "x")
	if got, _ := j.Find(Entry{Path: "a"}); got.File != fmt.Sprint(2*spareLines-1) {
		t.Errorf("the last one is %s", got.File)
	}
	if info, err := os.Stat(j.path); err != nil || info.Size() > 200 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
}

func TestFolder(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", "/state")
	if got, err := Folder(); got != filepath.FromSlash("/state/inlet") || err != nil {
		t.Error(got, err)
	}
	t.Setenv("XDG_STATE_HOME", "relative")
	t.Setenv("HOME", "/home/u")
	if got, err := Folder(); got != filepath.FromSlash("/home/u/.local/state/inlet") || err != nil {
		t.Error(got, err)
	}
}
