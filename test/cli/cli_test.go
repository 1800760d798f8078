// Package cli tests the user's commands of inlet from outside: the program that is shipped, against a server of its own.
//
// Run it with -count=1: the go command does not see that the program has changed.
package cli

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
)

// user is somebody at a machine from which a server can be reached.
type user struct {
	t      *testing.T
	server *harness.System
	home   string
	work   string // the folder that commands are given in
	env    []string
}

func newUser(t *testing.T, s *harness.System) *user {
	t.Helper()
	u := &user{t: t, server: s, home: t.TempDir(), work: t.TempDir()}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "INLET_") && !strings.HasPrefix(kv, "XDG_") {
			u.env = append(u.env, kv)
		}
	}
	u.env = append(u.env, "HOME="+u.home)
	return u
}

// loggedIn is a user who has given the key.
func loggedIn(t *testing.T, s *harness.System) *user {
	t.Helper()
	u := newUser(t, s)
	u.input(s.Key()+"\n", 0, "login", s.Base(), "--key-stdin")
	return u
}

// said is what a command has printed.
type said struct{ out, err string }

func (x said) lines() []string {
	return strings.Split(strings.TrimSuffix(x.out, "\n"), "\n")
}

func (u *user) command(args ...string) *exec.Cmd {
	cmd := exec.Command(harness.Binary(u.t, "inlet"), args...)
	cmd.Dir, cmd.Env = u.work, u.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// inlet runs a command to its end and wants an exit code.
func (u *user) inlet(code int, args ...string) said { u.t.Helper(); return u.input("", code, args...) }

// input is inlet with something to read.
func (u *user) input(stdin string, code int, args ...string) said {
	u.t.Helper()
	cmd := u.command(args...)
	var out, errOut bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errOut
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		u.t.Fatal(err)
	}
	x := said{out.String(), errOut.String()}
	if got := cmd.ProcessState.ExitCode(); got != code {
		u.t.Fatalf("inlet %s: exit code %d, want %d; it said\n%s\n%s", strings.Join(args, " "), got, code, x.out, x.err)
	}
	if strings.Contains(x.out+x.err, u.server.Key()) {
		u.t.Errorf("inlet %s shows the key", strings.Join(args, " "))
	}
	return x
}

// begun is a command that runs.
type begun struct {
	u      *user
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	errOut bytes.Buffer
}

func (u *user) begin(args ...string) *begun {
	u.t.Helper()
	b := &begun{u: u, cmd: u.command(args...)}
	b.cmd.Stderr = &b.errOut
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		u.t.Fatal(err)
	}
	b.lines = bufio.NewScanner(out)
	if err := b.cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	limit := time.AfterFunc(harness.Limit, func() { _ = b.cmd.Process.Kill() }) // what never ends fails
	u.t.Cleanup(func() {
		limit.Stop()
		_ = b.cmd.Process.Kill()
	})
	return b
}

// read waits for n lines.
func (b *begun) read(n int) []string {
	b.u.t.Helper()
	var got []string
	for len(got) < n && b.lines.Scan() {
		got = append(got, b.lines.Text())
	}
	if len(got) < n {
		b.u.t.Fatalf("it ended after %d lines of %d: %q", len(got), n, got)
	}
	return got
}

// end sends a signal, unless that is 0, and returns the exit code and the lines that were left.
func (b *begun) end(s syscall.Signal) (int, []string) {
	b.u.t.Helper()
	if s != 0 {
		if err := b.cmd.Process.Signal(s); err != nil {
			b.u.t.Fatal(err)
		}
	}
	var rest []string
	for b.lines.Scan() {
		rest = append(rest, b.lines.Text())
	}
	_ = b.cmd.Wait() // its code says how
	return b.cmd.ProcessState.ExitCode(), rest
}

// write makes a file of the user's.
func (u *user) write(name, text string) string {
	u.t.Helper()
	path := filepath.Join(u.work, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		u.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		u.t.Fatal(err)
	}
	return path
}

// large makes a zip that goes in pieces.
func (u *user) large(name string, size int64) {
	u.t.Helper()
	f, err := os.Create(filepath.Join(u.work, name))
	if err != nil {
		u.t.Fatal(err)
	}
	z := zip.NewWriter(f)
	w, err := z.CreateHeader(&zip.FileHeader{Name: "noise", Method: zip.Store})
	if err == nil {
		_, err = io.CopyN(w, rand.Reader, size)
	}
	if err := errors.Join(err, z.Close(), f.Close()); err != nil {
		u.t.Fatal(err)
	}
}

// stored lists the names of the files of a tag, as the API has them.
func (u *user) stored(tag string) []string {
	u.t.Helper()
	var names []string
	query := url.Values{"limit": {"100"}, "state": {"pending,ready,rejected,failed"}}
	for {
		page, err := u.server.List(harness.Context(u.t), tag, query)
		if err != nil {
			u.t.Fatal(err)
		}
		for _, f := range page.Files {
			names = append(names, f.Name)
		}
		if !page.Pagination.HasMore {
			slices.Sort(names)
			return names
		}
		query.Set("cursor", page.Pagination.Next)
	}
}

func TestCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("starts programs")
	}
	s := harness.Single(t, harness.Options{})
	for name, test := range map[string]func(*testing.T, *harness.System){
		"login": testLogin, "a day of files": testFiles, "exit codes": testExitCodes, "pipes are clean": testPipes,
		"a folder, interrupted and killed": testFolder, "a large file, interrupted": testLarge, "a download goes on": testPart,
		"events": testEvents, "watch": testWatch,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

func testLogin(t *testing.T, s *harness.System) {
	u := newUser(t, s)
	if x := u.inlet(2, "ls"); !strings.Contains(x.err, "inlet login") {
		t.Errorf("who has no server reads\n%s", x.err)
	}
	u.input("wrong\n", 4, "login", s.Base(), "--key-stdin")
	u.input("\n", 2, "login", s.Base(), "--key-stdin")
	u.inlet(2, "login", s.Base()) // no terminal to ask on
	u.input(s.Key()+"\n", 0, "login", s.Base()+"/", "--key-stdin", "--profile", "one")
	info, err := os.Stat(filepath.Join(u.home, ".config", "inlet", "profiles.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the profiles are %v, %v", info, err)
	}
	u.input(s.Key()+"\n", 0, "login", s.Base(), "--key-stdin")
	host := strings.TrimPrefix(s.Base(), "http://")
	if got := u.inlet(0, "profiles").out; got != fmt.Sprintf("*\t%s\t%s\tmain\n\tone\t%s\tmain\n", host, s.Base(), s.Base()) {
		t.Errorf("the profiles are\n%s", got)
	}
	u.inlet(0, "profiles", "use", "one")
	u.inlet(0, "logout")
	u.inlet(0, "ls")
	u.inlet(2, "ls", "--profile", "one")
	if got := u.inlet(0, "__complete", "ls", "--profile", "").lines(); got[0] != host {
		t.Errorf("a shell would complete to %q", got)
	}
	u.inlet(0, "logout", host)
	u.env = append(u.env, "INLET_URL="+s.Base(), "INLET_API_KEY="+s.Key())
	u.inlet(0, "ls")
}

func testFiles(t *testing.T, s *harness.System) {
	u := loggedIn(t, s)
	u.write("day.txt", "a day of files\n")
	var f struct {
		api.File
		Local string `json:"local_path"`
	}
	u.decode(u.inlet(0, "put", "day.txt", "--tag", "day", "--name", "Day", "--description", "one", "--expires-in", "2d", "--wait", "--json").out, &f)
	if f.State != "ready" || f.Name != "Day" || f.Local != "day.txt" {
		t.Errorf("it became %+v", f)
	}
	u.input("from a pipe\n", 0, "put", "-", "--name", "pipe.txt", "--tag", "day", "--wait")
	if got := u.stored("day"); !slices.Equal(got, []string{"Day", "pipe.txt"}) {
		t.Errorf("stored are %v", got)
	}
	fields := strings.Split(u.inlet(0, "ls", "--tag", "day", "--limit", "1").lines()[0], "\t")
	if len(fields) != 6 || fields[1] != "ready" || fields[2] != "text/plain" || fields[3] != "12" || fields[5] != "pipe.txt" {
		t.Errorf("the newest is %q", fields)
	}
	if got := u.inlet(0, "ls", "-q", "--tag", "day", "--search", "da"); got.out != f.ID+"\n" {
		t.Errorf("searched and found %q", got.out)
	}
	if got := u.inlet(0, "info", f.ID).out; !strings.Contains(got, "original name\tday.txt\n") || !strings.Contains(got, "verified") || !strings.Contains(got, "expires\t") {
		t.Errorf("it is described as\n%s", got)
	}
	if got := u.inlet(0, "get", f.ID, "-o", "-").out; got != "a day of files\n" {
		t.Errorf("got %q", got)
	}
	u.inlet(1, "get", f.ID) // is there
	u.inlet(0, "get", f.ID, "--force")
	u.inlet(0, "get", f.ID, "-o", "copies/")
	if got, err := os.ReadFile(filepath.Join(u.work, "copies", "day.txt")); string(got) != "a day of files\n" || err != nil {
		t.Errorf("the copy is %q, %v", got, err)
	}
	var signed struct{ URL string }
	u.decode(u.inlet(0, "sign", f.ID, "--expires", "7d", "--json").out, &signed)
	if !strings.HasPrefix(signed.URL, s.Base()+"/v1/files/"+f.ID+"/download?") {
		t.Errorf("signed %s", signed.URL)
	}
	u.inlet(0, "rm", f.ID)
	u.inlet(3, "rm", f.ID)
}

func (u *user) decode(text string, to any) {
	u.t.Helper()
	if err := json.Unmarshal([]byte(text), to); err != nil {
		u.t.Fatalf("%v in %q", err, text)
	}
}

func testExitCodes(t *testing.T, s *harness.System) {
	u := loggedIn(t, s)
	u.write("a.txt", "text")
	u.write("fake.png", "no picture")
	u.write("a.exe", "MZ")
	for _, x := range []struct {
		code int
		args string
	}{
		{0, "ls"}, {0, "--help"}, {0, "put --help"},
		{2, "nonsense"}, {2, "ls --nonsense"}, {2, "ls x"}, {2, "get"}, {2, "put nowhere.txt"}, {2, "put -"}, {2, "put a.txt a.txt --name x"}, {2, "sign x --expires soon"},
		{2, "events --type nonsense"}, {2, "watch a.txt"}, {2, "put a.txt --parallel 0"}, {2, "dead show"}, {2, "fsck --nonsense"},
		{3, "info file_01JQ3KMN7XFGY4P6WBR2SZTA9V"}, {3, "get file_01JQ3KMN7XFGY4P6WBR2SZTA9V nonsense"}, {3, "rm -f 42"},
		{5, "put a.exe"}, {5, "put fake.png --wait"}, {1, "put a.txt --tag " + strings.Repeat("x", 129)},
	} {
		if x.code == 1 {
			x.code = 3 // a tag that cannot be is not found
		}
		u.inlet(x.code, strings.Fields(x.args)...)
	}
	u.env = append(u.env, "INLET_URL=http://127.0.0.1:1", "INLET_API_KEY=x")
	u.inlet(6, "ls")
	u.env = append(u.env, "INLET_URL="+s.Base())
	u.inlet(4, "ls")
}

// testPipes looks for what a terminal would obey and a pipe must not have.
func testPipes(t *testing.T, s *harness.System) {
	u := loggedIn(t, s)
	u.write("p/one.txt", "1")
	u.write("p/two.txt", "2")
	for _, args := range []string{"put p --tag pipes --wait", "put p --tag pipes", "ls --tag pipes", "events --tag pipes --since 1h -n 2", "profiles", "ls --tag pipes --json"} {
		x := u.inlet(0, strings.Fields(args)...)
		for _, r := range x.out + x.err {
			if unicode.IsControl(r) && r != '\n' && r != '\t' {
				t.Errorf("inlet %s prints %q", args, r)
			}
		}
		if !strings.HasSuffix(args, "--json") {
			continue
		}
		for _, line := range x.lines() {
			if !json.Valid([]byte(line)) {
				t.Errorf("not JSON: %s", line)
			}
		}
	}
}

// The folder of testFolder.
const (
	smallFiles = 500
	untilSIGI  = 60 // lines before SIGINT
	untilKill  = 60
)

func testFolder(t *testing.T, s *harness.System) {
	u := loggedIn(t, s)
	var want []string
	for n := range smallFiles {
		name := fmt.Sprintf("%03d.txt", n)
		want = append(want, name)
		u.write(filepath.Join("folder", fmt.Sprintf("%d", n%7), name), "file "+name)
	}
	u.write("folder/.hidden.txt", "hidden")

	first := u.begin("put", "folder", "--tag", "folder", "--parallel", "2")
	first.read(untilSIGI)
	code, rest := first.end(syscall.SIGINT)
	if done := untilSIGI + len(rest); code != 130 || done >= smallFiles || !strings.Contains(first.errOut.String(), fmt.Sprintf("%d of %d files done", done, smallFiles)) {
		t.Errorf("interrupted: exit code %d after %d files; it said %s", code, done, first.errOut.String())
	}
	second := u.begin("put", "folder", "--tag", "folder", "--parallel", "4")
	second.read(untilKill)
	second.end(syscall.SIGKILL)
	third := u.inlet(0, "put", "folder", "--tag", "folder")
	if got := u.stored("folder"); !slices.Equal(got, want) {
		t.Errorf("%d files are stored, want each of %d once", len(got), smallFiles)
	}
	if len(third.lines()) > smallFiles-untilSIGI-untilKill {
		t.Errorf("the third time %d files were sent", len(third.lines()))
	}
	if last := u.inlet(0, "put", "folder", "--tag", "folder"); last.out != "" || !strings.Contains(last.err, "0 uploaded, 500 there already") {
		t.Errorf("once more: %+v", last)
	}
	u.write("folder/0/000.txt", "another text")
	if again := u.inlet(0, "put", "folder", "--tag", "folder"); len(again.lines()) != 1 {
		t.Errorf("after a change: %+v", again)
	}
}

// journalOf waits until the command has noted where a large upload goes on.
func (u *user) journalOf() {
	u.t.Helper()
	harness.Eventually(u.t, harness.Limit, func() error {
		found, err := filepath.Glob(filepath.Join(u.home, ".local", "state", "inlet", "*.jsonl"))
		for _, path := range found {
			if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), `"url"`) {
				return nil
			}
		}
		return fmt.Errorf("no upload is noted yet: %w", errors.Join(err, os.ErrNotExist))
	})
}

func testLarge(t *testing.T, s *harness.System) {
	u := loggedIn(t, s)
	u.large("large.zip", 100<<20)
	first := u.begin("put", "large.zip", "--tag", "large")
	u.journalOf()
	if code, rest := first.end(syscall.SIGINT); code != 130 || len(rest) != 0 {
		t.Fatalf("interrupted: exit code %d, it printed %q and %s", code, rest, first.errOut.String())
	}
	u.inlet(0, "put", "large.zip", "--tag", "large", "--wait")
	if got := u.stored("large"); !slices.Equal(got, []string{"large.zip"}) {
		t.Errorf("stored are %v", got)
	}
	if left, err := os.ReadDir(filepath.Join(u.home, ".local", "state", "inlet")); err != nil || len(left) != 0 {
		t.Errorf("remembered are %v, %v", left, err)
	}
}

func testPart(t *testing.T, s *harness.System) {
	u := loggedIn(t, s)
	text := strings.Repeat("all of the text ", 1000)
	u.write("part.txt", text)
	id := strings.Split(u.inlet(0, "put", "part.txt", "--wait").out, "\t")[0]
	for name, part := range map[string]string{"half": text[:5000], "wrong": strings.Repeat("x", 5000)} {
		u.write(name+".part", part)
		u.inlet(0, "get", id, "-o", name)
		if got, err := os.ReadFile(filepath.Join(u.work, name)); string(got) != text || err != nil {
			t.Errorf("from a part that is %s: %d bytes, %v", name, len(got), err)
		}
	}
}

func testEvents(t *testing.T, s *harness.System) {
	u := loggedIn(t, s)
	u.write("e.txt", "event")
	u.inlet(0, "put", "e.txt", "--tag", "events", "--wait")
	live := u.begin("events", "--tag", "events", "--since", "1h")
	if got := live.read(2); !strings.Contains(got[0], "\tfile.stored\t") || !strings.Contains(got[1], "\tfile.verified\t") {
		t.Errorf("told %q", got)
	}
	u.write("f.txt", "another")
	u.inlet(0, "put", "f.txt", "--tag", "events", "--wait")
	if got := live.read(2); !strings.HasSuffix(got[0], "\tf.txt\t") {
		t.Errorf("told %q", got)
	}
	if code, _ := live.end(syscall.SIGINT); code != 130 {
		t.Errorf("interrupted: exit code %d", code)
	}
	var e struct{ Type string }
	u.decode(u.inlet(0, "events", "--tag", "events", "--since", "1h", "--type", "verified", "-n", "1", "--json").out, &e)
	if e.Type != "inlet.v1.file.verified" {
		t.Errorf("told %s", e.Type)
	}
}

func testWatch(t *testing.T, s *harness.System) {
	u := loggedIn(t, s)
	u.write("in/a.txt", "a")
	watch := func() *begun { return u.begin("watch", "in", "--tag", "watch", "--settle", "10ms") }
	first := watch()
	if got := first.read(1); !strings.HasSuffix(got[0], "\tin/a.txt") {
		t.Errorf("uploaded %q", got)
	}
	u.write("in/below/b.txt", "b")
	if got := first.read(1); !strings.HasSuffix(got[0], "\tin/below/b.txt") {
		t.Errorf("uploaded %q", got)
	}
	u.inlet(1, "watch", "in", "--tag", "watch") // one at a time
	if code, _ := first.end(syscall.SIGINT); code != 130 {
		t.Errorf("interrupted: exit code %d; it said %s", code, first.errOut.String())
	}
	u.write("in/c.txt", "c")
	second := watch()
	if got := second.read(1); !strings.HasSuffix(got[0], "\tin/c.txt") {
		t.Errorf("uploaded %q", got)
	}
	second.end(syscall.SIGKILL)
	if got := u.stored("watch"); !slices.Equal(got, []string{"a.txt", "b.txt", "c.txt"}) {
		t.Errorf("stored are %v", got)
	}
}

// A large upload outlives the server: killed in the middle, it goes on when that is back.
func TestServerIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts programs")
	}
	t.Parallel()
	s := harness.Single(t, harness.Options{})
	u := loggedIn(t, s)
	u.large("large.zip", 100<<20)
	put := u.begin("put", "large.zip", "--tag", "killed", "--wait")
	u.journalOf()
	s.Kill9(t, "inlet")
	s.Start(t, "inlet")
	if code, _ := put.end(0); code != 0 {
		t.Fatalf("exit code %d; it said %s", code, put.errOut.String())
	}
	if got := u.stored("killed"); !slices.Equal(got, []string{"large.zip"}) {
		t.Errorf("stored are %v", got)
	}
}
