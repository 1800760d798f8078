package disk

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
)

// The tests here run one Put in a process of its own under strace, which shows its system calls in their order and can
// make any of them fail. tracedDir names its folder and tells that process what it is.
const tracedDir = "INLET_DISK_TRACED_DIR"

// TestTracedPut is that process: it opens a store and puts a blob into a new folder.
func TestTracedPut(t *testing.T) {
	dir := os.Getenv(tracedDir)
	if dir == "" {
		return
	}
	runtime.LockOSThread() // strace counts the calls of each thread for itself
	s := open(t, Config{Dir: dir})
	_, err := s.Put(t.Context(), "a/b", strings.NewReader("bytes"), blob.PutOptions{Size: -1})
	if err != nil && !file.Is(err, file.Internal) {
		t.Errorf("put: %v, want internal", err)
	}
	if err != nil {
		t.Skip("the put failed: ", err)
	}
}

// trace runs TestTracedPut in dir with further arguments to strace, and returns what it did to that folder.
func trace(t *testing.T, dir string, args ...string) (steps []string, failed bool) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("no strace here")
	}
	out := filepath.Join(t.TempDir(), "trace")
	args = append([]string{"-f", "-y", "-o", out, "-e", "trace=fsync,mkdirat,linkat,unlinkat"}, args...)
	args = append(args, os.Args[0], "-test.run=^TestTracedPut$", "-test.v")
	cmd := exec.CommandContext(t.Context(), strace, args...) //nolint:gosec // strace, of this test itself
	cmd.Env = append(os.Environ(), tracedDir+"="+dir)
	said, err := cmd.CombinedOutput()
	if err != nil {
		if strings.Contains(string(said), "Operation not permitted") {
			t.Skipf("no strace here: %s", said)
		}
		t.Fatalf("%v\n%s", err, said)
	}
	lines, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		if step := describe(line, dir); step != "" {
			steps = append(steps, step)
		}
	}
	return steps, strings.Contains(string(said), "the put failed")
}

var (
	fsynced  = regexp.MustCompile(`fsync\(\d+<([^>]*)>`)
	mkdired  = regexp.MustCompile(`mkdirat\(\d+<([^>]*)>, "([^"]*)"`)
	linked   = regexp.MustCompile(`linkat\(\d+<([^>]*)>, "[^"]*", \d+<([^>]*)>, "([^"]*)"`)
	unlinked = regexp.MustCompile(`unlinkat\(\d+<([^>]*)>, "([^"]*)"`)
	tempName = regexp.MustCompile(`tmp/[A-Z2-7]{26}$`)
)

// describe says what a line of the trace did below dir, or nothing.
func describe(line, dir string) string {
	var what, name string
	if m := fsynced.FindStringSubmatch(line); m != nil {
		what, name = "sync", m[1]
	} else if m := mkdired.FindStringSubmatch(line); m != nil {
		what, name = "mkdir", filepath.Join(m[1], m[2])
	} else if m := unlinked.FindStringSubmatch(line); m != nil {
		what, name = "unlink", filepath.Join(m[1], m[2])
	} else if m := linked.FindStringSubmatch(line); m != nil {
		what, name = "link", filepath.Join(m[2], m[3])
	}
	rel, err := filepath.Rel(dir, name)
	if what == "" || err != nil || strings.HasPrefix(rel, "..") {
		return ""
	}
	return what + " " + tempName.ReplaceAllString(rel, "tmp/…")
}

func TestPutSyncsInOrder(t *testing.T) {
	steps, _ := trace(t, t.TempDir())
	want := []string{
		"mkdir blobs", "sync .", "mkdir tmp", "sync .",
		"sync tmp/…",                  // the bytes, before they have a name
		"mkdir blobs/a", "sync blobs", // the folder
		"link blobs/a/b", "sync blobs/a", // the name
		"unlink tmp/…",
	}
	if !slices.Equal(steps, want) {
		t.Errorf("it did\n%s\nwant\n%s", strings.Join(steps, "\n"), strings.Join(want, "\n"))
	}
}

// A sync that fails, whichever it is, fails the Put, is not tried again, and leaves nothing.
func TestPutFailsWithItsSync(t *testing.T) {
	for n, what := range []string{"file", "folder made", "name"} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			// Open has made two syncs before.
			steps, failed := trace(t, dir, "-e", fmt.Sprintf("inject=fsync:error=EIO:when=%d", n+3))
			if !failed {
				t.Fatalf("the put succeeded: %v", steps)
			}
			if synced := len(slices.DeleteFunc(steps, func(s string) bool { return !strings.HasPrefix(s, "sync") })); synced != n+3 {
				t.Errorf("%d syncs, want none after the one that failed, which was number %d", synced, n+3)
			}
			if left := files(t, dir); len(left) != 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}
