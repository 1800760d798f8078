package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// watchedDir names the folder of TestWatched's process, and tells it what it is.
const watchedDir = "CHAOS_WATCHED_DIR"

var watchedFile *os.File

// watchedSteps are what that process does, each on a thread of its own, and what is in its folder after each.
var watchedSteps = []struct {
	do   func() error
	call string
	left []string
}{
	{func() error { return os.Mkdir("a", 0o700) }, "mkdirat a", []string{"a"}},
	{func() error { return os.Mkdir("a/b", 0o700) }, "mkdirat a/b", []string{"a", "a/b"}},
	{func() error { return os.Link("file", "a/c") }, "linkat a/c", []string{"a", "a/b", "a/c"}},
	{func() error { return os.Remove("a/c") }, "unlinkat a/c", []string{"a", "a/b"}},
	{func() (err error) { watchedFile, err = os.Create("a/d"); return err }, "openat a/d", []string{"a", "a/b", "a/d"}},
	{func() error { _, err := watchedFile.WriteString("text"); return err }, "write a/d", []string{"a", "a/b", "a/d"}},
	{func() error { return watchedFile.Sync() }, "fsync a/d", []string{"a", "a/b", "a/d"}},
	{func() error { return watchedFile.Close() }, "close a/d", []string{"a", "a/b", "a/d"}},
	{func() error { return os.Truncate("file", 3) }, "truncate file", []string{"a", "a/b", "a/d"}},
	{func() error { return os.Rename("a/d", "a/e") }, "renameat a/e", []string{"a", "a/b", "a/e"}},
}

// TestWatched is the process that is watched: it begins when its input ends.
func TestWatched(t *testing.T) {
	dir := os.Getenv(watchedDir)
	if dir == "" {
		return // it has its work in a process of its own
	}
	t.Chdir(dir)
	fmt.Println() //nolint:forbidigo // says that it is there
	if _, err := os.Stdin.Read(make([]byte, 1)); err == nil {
		t.Fatal("there is an input")
	}
	for _, step := range watchedSteps {
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // and ends the thread with the goroutine
			done <- step.do()
		}()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// watchProcess runs that process in a folder and kills it at a call; at none for "". It returns the calls that were seen.
func watchProcess(t *testing.T, dir, at string) []string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestWatched$") //nolint:gosec // this test itself
	cmd.Env = append(os.Environ(), watchedDir+"="+dir)
	begin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }() // as package launch does
	w, err := watch(cmd.Process.Pid, dir, at, 1)
	if errors.As(err, new(skip)) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = begin.Close()
	<-w.done
	if err := <-ended; (err == nil) != (at == "") {
		t.Errorf("killed at %q, it ended with %v", at, err)
	}
	if w.err != nil || w.killed != (at != "") {
		t.Fatalf("killed: %v, %v", w.killed, w.err)
	}
	return w.calls
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == straceCommand {
		os.Exit(straceMain(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func TestCallsAreSeen(t *testing.T) {
	var want []string
	for _, step := range watchedSteps {
		want = append(want, "before "+step.call, "after "+step.call)
	}
	if got := watchProcess(t, t.TempDir(), ""); !slices.Equal(got, want) {
		t.Errorf("seen\n%q\nwant\n%q", got, want)
	}
}

// Killed before a call, the process has not made it; killed after it, it has, and no other.
func TestKillAtEveryCall(t *testing.T) {
	left := []string(nil)
	for _, step := range watchedSteps {
		for _, side := range []string{"before ", "after "} {
			dir := t.TempDir()
			watchProcess(t, dir, side+step.call)
			if side == "after " {
				left = step.left
			}
			if got := namesBelow(t, dir); !slices.Equal(got, left) {
				t.Errorf("killed %s%s: there is %q, want %q", side, step.call, got, left)
			}
		}
	}
}

// namesBelow lists what is in dir, but for the file that was there at first.
func namesBelow(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		if path != "." && path != "file" {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
