package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/inlethq/inlet/test/harness"
)

// terminal is one that somebody sits at: a shell in tmux, which shows what a person would see.
type terminal struct {
	t      *testing.T
	socket string
}

func (u *user) terminal(width, height int) terminal {
	u.t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		u.t.Skip("there is no tmux")
	}
	x := terminal{u.t, filepath.Join(u.t.TempDir(), "tmux")}
	server := exec.Command("tmux", "-D", "-S", x.socket, "-f", "/dev/null") // -D: it does not leave us, and ends with us
	server.Dir, server.Env = u.work, append(u.env, "LC_ALL=C.UTF-8", "SHELL=/bin/sh", "TERM=xterm")
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := server.Start(); err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait() // it was killed
	})
	harness.Eventually(u.t, harness.Limit, func() error {
		_, err := os.Stat(x.socket)
		return err
	})
	x.tmux("new-session", "-d", "-c", u.work, "-x", strconv.Itoa(width), "-y", strconv.Itoa(height),
		"env", "PS1=$ ", "PATH="+filepath.Dir(harness.Binary(u.t, "inlet"))+":/usr/bin:/bin", "sh")
	return x
}

func (x terminal) tmux(args ...string) string {
	x.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", x.socket}, args...)...).CombinedOutput()
	if err != nil {
		x.t.Fatalf("tmux %s: %v: %s", args[0], err, out)
	}
	return string(out)
}

// run types a command, which is followed by its exit code.
func (x terminal) run(command string) {
	x.t.Helper()
	x.tmux("send-keys", "clear; "+command+`; echo "code $?"`, "Enter")
}

func (x terminal) interrupt() { x.t.Helper(); x.tmux("send-keys", "C-c") }

func (x terminal) resize(width, height int) {
	x.t.Helper()
	x.tmux("resize-window", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height))
}

// lines is what stands on the screen.
func (x terminal) lines() []string {
	x.t.Helper()
	return strings.Split(strings.TrimRight(x.tmux("capture-pane", "-p"), "\n"), "\n")
}

// await waits until the screen is as it is wanted to be, and returns its lines.
func (x terminal) await(what string, ok func(lines []string) bool) []string {
	x.t.Helper()
	var lines []string
	harness.Eventually(x.t, harness.Limit, func() error {
		if lines = x.lines(); !ok(lines) {
			return fmt.Errorf("no %s on the screen\n%s", what, strings.Join(lines, "\n"))
		}
		return nil
	})
	return lines
}

// ended waits for the exit code of what run has typed.
func (x terminal) ended(code int) []string {
	x.t.Helper()
	return x.await("exit code", func(lines []string) bool {
		return find(lines, regexp.MustCompile(`^code `+strconv.Itoa(code)+`$`)) != nil
	})
}

// find returns the groups of the one line that matches; nil when none does, or more than one.
func find(lines []string, pattern *regexp.Regexp) []string {
	var found [][]string
	for _, line := range lines {
		if m := pattern.FindStringSubmatch(line); m != nil {
			found = append(found, m)
		}
	}
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

// line is a proxy before a server. It notes what passes, and stands still when it is told to.
type line struct {
	*httptest.Server
	still chan struct{} // closed to let all pass
	open  func()        // closes it; may be called again

	mu      sync.Mutex
	small   int      // uploads of one request that were begun
	created int      // resumable uploads that were
	offsets []string // of the requests that brought bytes of those
	bytes   int64    // that these have brought
}

// What passes a line that stands still.
const (
	smallPass = 100
	bytesPass = 40 << 20 // of resumable uploads
)

func newLine(t *testing.T, server string) *line {
	t.Helper()
	at, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(at) },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {}, // of clients that go
	}
	l := &line{still: make(chan struct{})}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.note(r) > smallPass {
			l.wait(r.Context())
		}
		proxy.ServeHTTP(w, r)
	}))
	l.open = sync.OnceFunc(func() { close(l.still) })
	t.Cleanup(func() {
		l.open()
		l.Close()
	})
	return l
}

// note returns how many small uploads there were, if this is one.
func (l *line) note(r *http.Request) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case r.Method == http.MethodPatch:
		l.offsets = append(l.offsets, r.Header.Get("Upload-Offset"))
		r.Body = &metered{r.Body, l, r.Context()}
	case r.Method == http.MethodPost && r.URL.Path == "/v1/uploads":
		l.created++
	case r.Method == http.MethodPost:
		l.small++
		return l.small
	}
	return 0
}

// stands reports whether the line stands still for what is beyond its measure.
func (l *line) stands() bool {
	select {
	case <-l.still:
		return false
	default:
		return true
	}
}

// wait ends when all may pass, or the request is gone.
func (l *line) wait(request context.Context) {
	select {
	case <-l.still:
	case <-request.Done():
	}
}

// forget begins to count anew.
func (l *line) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.small, l.created, l.offsets = 0, 0, nil
}

// metered is the body of a resumable upload on its way.
type metered struct {
	io.ReadCloser
	line    *line
	request context.Context
}

// Read cuts the upload off when the line stands still: what the system has buffered of it may be the rest of a chunk.
func (m *metered) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	m.line.mu.Lock()
	m.line.bytes += int64(n)
	over := m.line.bytes > bytesPass
	m.line.mu.Unlock()
	if over && m.line.stands() {
		m.line.wait(m.request)
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// The lines of a folder on its way.
var (
	largeLine = regexp.MustCompile(`^folder/large\.zip +(?:\[=*>?-*\])? +(\d+)% of 200\.0 MiB`)
	allLine   = regexp.MustCompile(`^(?:stopping: )?(\d+) of 501(?: files)? +(?:\[=*>?-*\])? +\d+% of 20\d\.\d MiB`)
	cutLine   = regexp.MustCompile(`^inlet: interrupted: (\d+) of 501 files done\. The same command goes on from here\.$`)
)

// TestPutOnATerminal uploads a folder with a large file as a person would see it, stops it, and goes on.
func TestPutOnATerminal(t *testing.T) {
	if testing.Short() {
		t.Skip("starts programs")
	}
	t.Parallel()
	s := harness.Single(t, harness.Options{})
	u := newUser(t, s)
	x := u.terminal(100, 30)
	way := newLine(t, s.Base())
	u.input(s.Key()+"\n", 0, "login", way.URL, "--key-stdin")
	for n := range smallFiles {
		u.write(fmt.Sprintf("folder/small/%d/%03d.txt", n%7, n), fmt.Sprintf("file %d\n", n))
	}
	u.large("folder/large.zip", 200<<20)

	x.run("inlet put folder --tag terminal --parallel 2")
	inPlace := func(lines []string) bool { // the small file that stands still has a line, too
		return find(lines, largeLine) != nil && find(lines, allLine) != nil && len(lines) <= 3
	}
	x.await("progress", func(lines []string) bool { return inPlace(lines) && find(lines, allLine)[1] == strconv.Itoa(smallPass) })
	for _, size := range [][2]int{{80, 24}, {90, 10}, {120, 40}} {
		x.resize(size[0], size[1])
		x.await("progress alone", inPlace)
	}
	x.interrupt()
	x.await("word of it", func(lines []string) bool {
		m := find(lines, allLine)
		return m != nil && strings.HasPrefix(m[0], "stopping: ")
	})
	way.open()
	lines := x.ended(130)
	cut := find(lines, cutLine)
	if cut == nil || find(lines, allLine) != nil || find(lines, largeLine) != nil {
		t.Fatalf("interrupted, it shows\n%s", strings.Join(lines, "\n"))
	}
	if got := strings.TrimSpace(x.tmux("display-message", "-p", "#{cursor_flag} #{cursor_x}")); got != "1 2" {
		t.Errorf("the cursor is %q, want it seen behind the prompt", got)
	}
	done, err := strconv.Atoi(cut[1])
	if err != nil || done < smallPass || done > smallPass+2 {
		t.Fatalf("%d files were done, %v", done, err)
	}

	way.forget()
	x.run("inlet put folder --tag terminal >ids")
	lines = x.ended(0)
	if want := fmt.Sprintf("inlet: %d uploaded, %d there already", smallFiles+1-done, done); find(lines, regexp.MustCompile("^"+want+"$")) == nil || len(lines) > 4 {
		t.Errorf("want %q; it shows\n%s", want, strings.Join(lines, "\n"))
	}
	if way.small != smallFiles-done || way.created != 0 || len(way.offsets) == 0 || way.offsets[0] != strconv.Itoa(32<<20) {
		t.Errorf("%d small files and %d large ones were begun, bytes sent from %v; want %d, 0, and from 32 MiB", way.small, way.created, way.offsets, smallFiles-done)
	}
	if got := u.stored("terminal"); len(got) != smallFiles+1 || got[smallFiles] != "large.zip" {
		t.Errorf("%d files are stored", len(got))
	}
}
