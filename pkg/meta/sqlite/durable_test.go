package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

const acme = file.Tenant("acme")

var start = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// record returns the n-th file of a test.
func record(n int) *file.File {
	return &file.File{
		ID: file.ID(fmt.Sprintf("01J%023d", n)), Number: int64(n), Tenant: acme, Path: fmt.Sprint("p", n), Name: "a.txt",
		Size: 10, State: file.Ready, Created: file.Actor{At: start},
	}
}

func reserve(t testing.TB, s *Store, n int, bytes int64) {
	t.Helper()
	err := s.Reserve(t.Context(), meta.Reservation{Tenant: acme, ID: record(n).ID, Bytes: bytes, Until: start.Add(time.Hour)}, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
}

func wantAccount(t testing.TB, s *Store, used, held int64) {
	t.Helper()
	a, err := s.Account(t.Context(), acme)
	if want := (meta.Account{Tenant: acme, Used: used, Held: held}); err != nil || a != want {
		t.Fatalf("Account = %+v, %v, want %+v", a, err, want)
	}
}

func TestSettings(t *testing.T) {
	for level, want := range map[Synchronous]int{"": 2, Full: 2, Normal: 1, Off: 0} {
		s := open(t, Config{Path: temp(t), Synchronous: level})
		var mode string
		var sync int
		if err := s.writer.conn.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
			t.Errorf("%q: journal_mode %q, %v", level, mode, err)
		}
		if err := s.writer.conn.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&sync); err != nil || sync != want {
			t.Errorf("%q: synchronous %d, %v, want %d", level, sync, err, want)
		}
		if err := assertDurable(t.Context(), s.writer.conn, Synchronous("FULL")); (err == nil) != (want == 2) {
			t.Errorf("%q: checked for FULL: %v", level, err)
		}
	}
	for _, c := range []Config{{}, {Path: temp(t), Synchronous: "EXTRA"}} {
		if _, err := Open(t.Context(), c); !file.Is(err, file.Invalid) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestPathIsLiteral(t *testing.T) {
	dir := t.TempDir() + "/a b?mode=memory#%41"
	s := open(t, Config{Path: dir + "/x&y.db"})
	if err := s.Create(t.Context(), record(1)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir + "/x&y.db")
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %o", info.Mode().Perm())
	}
}

func TestOneOwner(t *testing.T) {
	path := temp(t)
	s := open(t, Config{Path: path})
	_, err := Open(t.Context(), Config{Path: path})
	if !file.Is(err, file.Unavailable) || !strings.Contains(err.Error(), "in use by another process") {
		t.Fatalf("a second owner: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, Config{Path: path})
}

func TestReadOnly(t *testing.T) {
	path := temp(t)
	if _, err := Open(t.Context(), Config{Path: path, ReadOnly: true}); !file.Is(err, file.Unavailable) {
		t.Fatalf("a file that is not there: %v", err)
	}
	owner := open(t, Config{Path: path})
	f := record(1)
	look := func() {
		t.Helper()
		s := open(t, Config{Path: path, ReadOnly: true})
		if _, err := s.Get(t.Context(), acme, file.ByID(f.ID)); err != nil {
			t.Fatal(err)
		}
		wantAccount(t, s, 10, 0)
		if err := s.Create(t.Context(), record(2)); !file.Is(err, file.Internal) {
			t.Errorf("Create: %v", err)
		}
		if _, err := s.Recount(t.Context(), acme, start); !file.Is(err, file.Internal) {
			t.Errorf("Recount: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := owner.Create(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	look() // beside the owner
	if err := owner.Close(); err != nil {
		t.Fatal(err)
	}
	look() // and after it
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := temp(t)
	s := open(t, Config{Path: path})
	if _, err := s.writer.conn.ExecContext(t.Context(), "PRAGMA user_version = 1000"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{false, true} {
		_, err := Open(t.Context(), Config{Path: path, ReadOnly: readOnly})
		if !file.Is(err, file.Unavailable) || !strings.Contains(err.Error(), "schema version 1000") {
			t.Errorf("read-only %t: %v", readOnly, err)
		}
	}
}

func TestNoDatabase(t *testing.T) {
	path := temp(t)
	if err := os.WriteFile(path, []byte(strings.Repeat("this is no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Path: path}); !file.Is(err, file.Damaged) {
		t.Errorf("Open: %v", err)
	}
}

// TestReopen: what was written is there, reservations and all that Close had to save too.
func TestReopen(t *testing.T) {
	path := temp(t)
	s := open(t, Config{Path: path})
	reserve(t, s, 2, 5)
	if err := s.Create(t.Context(), record(1)); err != nil { // saves the reservation
		t.Fatal(err)
	}
	reserve(t, s, 3, 70) // saved by Close
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Config{Path: path})
	wantAccount(t, s, 85, 75)
	if err := s.Release(t.Context(), acme, record(3).ID); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), record(2)); err != nil { // ends the other
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Config{Path: path})
	wantAccount(t, s, 20, 0)
	found, err := s.Find(t.Context(), meta.Query{Tenant: acme, Limit: 10})
	if err != nil || len(found) != 2 {
		t.Errorf("Find: %d, %v", len(found), err)
	}
}

// TestKill ends a process in the middle of its writes: every one that it was told of is there.
func TestKill(t *testing.T) {
	if path := os.Getenv("INLET_TEST_KILL"); path != "" {
		writeUntilKilled(path)
	}
	if testing.Short() {
		t.Skip("starts processes")
	}
	path := temp(t)
	next := 1
	for range 5 {
		next += killWriter(t, path, next)
		s := open(t, Config{Path: path})
		used := int64(0)
		for n := 1; n < next; n++ {
			if _, err := s.Get(t.Context(), acme, file.ByNumber(int64(n))); err != nil {
				t.Fatalf("record %d was acknowledged: %v", n, err)
			}
		}
		for after := int64(0); ; {
			page, err := s.Find(t.Context(), meta.Query{Tenant: acme, After: after, Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				next = int(after) + 1 // some were written and not acknowledged
				break
			}
			used += int64(len(page)) * 10
			after = page[len(page)-1].Number
		}
		wantAccount(t, s, used, 0)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killWriter starts a process that writes records from first on, kills it after some, and returns how many it acknowledged.
func killWriter(t *testing.T, path string, first int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$") //nolint:gosec // this test itself
	cmd.Env = append(os.Environ(), "INLET_TEST_KILL="+path, fmt.Sprint("INLET_TEST_FIRST=", first))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if acked++; acked == 50 {
			_ = cmd.Process.Kill()
		}
	}
	if err := cmd.Wait(); err == nil || acked < 50 {
		t.Fatalf("the writer ended by itself after %d records: %v", acked, err)
	}
	return acked
}

func writeUntilKilled(path string) {
	s, err := Open(context.Background(), Config{Path: path})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	first := 0
	_, _ = fmt.Sscan(os.Getenv("INLET_TEST_FIRST"), &first)
	for n := first; ; n++ {
		if err := s.Create(context.Background(), record(n)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_, _ = fmt.Fprintln(os.Stdout, n)
	}
}

// TestErrorKinds: an error of a read that Close has cut off is Unavailable, and one of a context is Cancelled, whatever the driver said.
func TestErrorKinds(t *testing.T) {
	s := open(t, Config{Path: temp(t)})
	_, err := s.readers.ExecContext(t.Context(), "CREATE TABLE t (a)") // a reader may not
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for kind, got := range map[file.Kind]error{
		file.Unavailable: s.readError(t.Context(), "test", err),
		file.Cancelled:   s.readError(ended, "test", err),
		file.Internal:    s.readError(t.Context(), "test", os.ErrInvalid),
		file.NotFound:    s.readError(ended, "test", file.Errorf(file.NotFound, "test", "as it was")),
	} {
		if !file.Is(got, kind) {
			t.Errorf("%v, want kind %s", got, kind)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.readError(t.Context(), "test", os.ErrInvalid); !file.Is(err, file.Unavailable) {
		t.Errorf("after Close: %v", err)
	}
}
