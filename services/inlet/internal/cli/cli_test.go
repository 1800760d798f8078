package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/inlethq/inlet/pkg/client"
	"github.com/inlethq/inlet/services/inlet/internal/cli/profile"
)

func TestHelp(t *testing.T) {
	root := &cobra.Command{Use: "inlet", Args: Usage(cobra.NoArgs), RunE: func(*cobra.Command, []string) error { return nil }, SilenceErrors: true, SilenceUsage: true}
	Add(root)
	for _, code := range []int{0, CodeError, CodeUsage, CodeNotFound, CodeDenied, CodeRejected, CodeUnavailable, CodeInterrupted} {
		if !strings.Contains(root.Long, fmt.Sprintf(" %d ", code)) {
			t.Errorf("the exit code %d is not in the help", code)
		}
	}
	for _, cmd := range append(root.Commands(), root) {
		for line := range strings.Lines(cmd.Long) {
			if len(strings.TrimSuffix(line, "\n")) > 82 {
				t.Errorf("the help of %s is too wide: %s", cmd.Name(), line)
			}
		}
	}
	for args, want := range map[string]string{
		"putt": `unknown command "putt" for "inlet"; did you mean put?`, "xyz": `unknown command "xyz" for "inlet"`, "put": "only received 0: inlet put FILE|FOLDER|-… [flags]",
	} {
		root.SetArgs([]string{args})
		var e Exit
		if err := root.ExecuteContext(t.Context()); !errors.As(err, &e) || e.Code != CodeUsage || !strings.Contains(e.Err.Error(), want+"\nSee inlet") {
			t.Errorf("inlet %s: %v", args, err)
		}
	}
}

func TestCodes(t *testing.T) {
	for want, errs := range map[int][]error{
		CodeError:       {errors.New("x"), &client.Error{Status: 400}, &client.Error{Status: 500}, &client.Error{Status: 507}, client.ErrDigest},
		CodeUsage:       {usagef("x"), fmt.Errorf("more: %w", usagef("x"))},
		CodeNotFound:    {&client.Error{Status: 404}},
		CodeDenied:      {&client.Error{Status: 401}, &client.Error{Status: 403}},
		CodeRejected:    {&client.Error{Status: 415, Code: "corrupt"}},
		CodeUnavailable: {&client.Error{Status: 503}, &client.Error{Status: 429}, &client.Error{Status: 409, Code: "not_ready"}, context.DeadlineExceeded},
		CodeInterrupted: {context.Canceled, fmt.Errorf("sent half: %w", context.Canceled)},
	} {
		for _, err := range errs {
			if got := codeOf(err); got != want {
				t.Errorf("%v ends with %d, want %d", err, got, want)
			}
		}
	}
}

func TestChooseAServer(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	stored, err := profile.Load()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := choose("", func(string) string { return "" }); !errors.Is(err, errNoServer) {
		t.Errorf("of none: %v", err)
	}
	stored.All["a"], stored.All["b"], stored.Current = profile.Profile{URL: "http://a", Key: "ka", Tenant: "t"}, profile.Profile{URL: "http://b", Key: "kb"}, "a"
	if err := stored.Save(); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		flag string
		env  map[string]string
		want profile.Profile
		code int
	}{
		"the current one":             {"", nil, stored.All["a"], 0},
		"by the flag":                 {"b", map[string]string{envProfile: "a", envURL: "http://c", envKey: "kc"}, stored.All["b"], 0},
		"by the environment's name":   {"", map[string]string{envProfile: "b"}, stored.All["b"], 0},
		"by the environment":          {"", map[string]string{envProfile: "b", envURL: "http://c", envKey: "kc"}, profile.Profile{URL: "http://c", Key: "kc"}, 0},
		"with another key":            {"", map[string]string{envKey: "kc"}, profile.Profile{URL: "http://a", Key: "kc"}, 0},
		"no key for another server":   {"", map[string]string{envURL: "http://c"}, profile.Profile{}, CodeUsage},
		"none of that name":           {"z", nil, profile.Profile{}, CodeUsage},
		"none of that name by chance": {"", map[string]string{envProfile: "z"}, profile.Profile{}, CodeUsage},
	} {
		got, err := choose(x.flag, func(k string) string { return x.env[k] })
		if got != x.want || (err != nil) != (x.code != 0) || err != nil && codeOf(err) != x.code {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestParseLife(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "7d": 7 * 24 * time.Hour, "2w": 14 * 24 * time.Hour, "3600": time.Hour,
		"": 0, "0": 0, "-1h": 0, "1.5s": 0, "d": 0, "soon": 0, "1h7d": 0, "99999999999d": 0,
	} {
		if got, err := parseLife(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %s, %v", text, got, err)
		}
	}
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 1, 15, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{"": {}, "1h": now.Add(-time.Hour), "2026-01-15T08:00:00Z": now.Add(-2 * time.Hour)} {
		if got, err := parseSince(text, now); !got.Equal(want) || err != nil {
			t.Errorf("%q is %s, %v", text, got, err)
		}
	}
	if _, err := parseSince("yesterday", now); codeOf(err) != CodeUsage {
		t.Error(err)
	}
}

func TestForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 16 << 20: "16.0 MiB", 5 << 40: "5.0 TiB"} {
		if got := size(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
	now := time.Now()
	for d, want := range map[time.Duration]string{
		0: "now", time.Second: "1 second ago", 90 * time.Second: "1 minute ago", 49 * time.Hour: "2 days ago", 800 * 24 * time.Hour: "2 years ago", -2 * time.Hour: "in 2 hours",
	} {
		if got := ago(now.Add(-d), now); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
	for text, want := range map[string]string{"a b": "a b", "a\tb\n": "a\ufffdb\ufffd", "\x1b[31mred": "\ufffd[31mred", "a\u202eb": "a\ufffdb", "zoë.txt": "zoë.txt"} {
		if got := clean(text); got != want {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
	for text, want := range map[string]string{"short.txt": "short.txt", "a-very-long-name.txt": "a-ve…e.txt", "ünïcödé-name.txt": "ünïc…e.txt"} {
		if got := shorten(text, 10); got != want {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
}

func TestLocalName(t *testing.T) {
	for name, want := range map[string]string{ //nolint:gosec // of paths, not of passwords
		"photo.jpg": "photo.jpg", "../../etc/passwd": "_.._etc_passwd", ".bashrc": "bashrc", "..": "id", "": "id", `a\b`: "a_b", "a\x00b": "a\ufffdb", " x": "x",
	} {
		if got := localName(client.File{ID: "id", OriginalName: name}); got != want {
			t.Errorf("%q is saved as %q, want %q", name, got, want)
		}
	}
}

func TestInTheClear(t *testing.T) {
	for address, want := range map[string]bool{
		"http://127.0.0.1:8080": false, "http://localhost:8080": false, "http://[::1]:1": false, "https://files.test": false, "http://files.test": true, "http://10.0.0.1": true,
	} {
		if got := inTheClear(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

func TestWalk(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.txt", "below/b.txt", ".git/config", "below/.hidden", "c.txt.part"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "a.txt"), filepath.Join(dir, "link.txt")); err != nil {
		t.Fatal(err)
	}
	for hidden, want := range map[bool]int{false: 2, true: 4} {
		p := put{hidden: hidden}
		items, err := p.walk(dir, dir)
		if err != nil || len(items) != want {
			t.Errorf("with hidden files %v: found %+v, %v", hidden, items, err)
		}
	}
}

// found is what a scan of a folder finds.
type found struct {
	os.FileInfo
	size int64
	at   time.Time
}

func (f found) Size() int64        { return f.size }
func (f found) ModTime() time.Time { return f.at }

func TestWatchTakesWhatHasSettled(t *testing.T) {
	now := time.Now()
	w := watch{settle: 2 * time.Second, now: func() time.Time { return now }, seen: map[string]sighting{}}
	look := func(after time.Duration, want int, sizes ...int64) []item {
		t.Helper()
		now = now.Add(after)
		var items []item
		for i, n := range sizes {
			items = append(items, item{abs: fmt.Sprint(i), info: found{size: n}})
		}
		due := w.look(items)
		if len(due) != want {
			t.Errorf("%d are due, want %d", len(due), want)
		}
		return due
	}
	look(0, 0, 5)           // new
	look(time.Second, 0, 6) // grows
	look(time.Second, 0, 6) // stands still, not for long enough
	due := look(time.Second, 1, 6)
	w.settleOne(due[0], &client.Error{Status: 503})
	look(time.Second, 0, 6)
	due = look(retryAfter, 1, 6) // the server was out
	w.settleOne(due[0], nil)
	look(time.Hour, 0, 6, 1)
	due = look(2*time.Second, 1, 6, 1)
	w.settleOne(due[0], &client.Error{Status: 415})
	look(time.Hour, 0, 6, 1)
	look(time.Second, 0, 7, 1) // changes
	look(2*time.Second, 1, 7, 1)
}
