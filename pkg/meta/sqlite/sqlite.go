// Package sqlite keeps the records of one process in an SQLite file: the repository of `inlet serve`.
//
// One goroutine writes. It takes every write that waits, applies them in one transaction and answers when that is on disk, so
// that many writers share one fsync. Reads go past it, on connections of their own that see the last commit. Accounts live in
// memory, where reserving costs nothing, and reach the file with the transaction that changed them.
//
// The file belongs to one process, which a lock beside it enforces. It is not for network file systems: WAL needs shared memory.
//
// A write whose context ends while it waits returns Cancelled, and may or may not happen.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"

	"github.com/inlethq/inlet/pkg/durable"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/clock"
)

// Synchronous says what a write that returned nil survives (https://www.sqlite.org/pragma.html#pragma_synchronous).
type Synchronous string

// The levels. All survive the death of the process.
const (
	Full   Synchronous = "FULL"   // and a power cut
	Normal Synchronous = "NORMAL" // after a power cut the last seconds may be gone; the file is consistent
	Off    Synchronous = "OFF"    // after a power cut the file may be damaged: for tests
)

// levels holds what PRAGMA synchronous answers.
var levels = map[Synchronous]int{Off: 0, Normal: 1, Full: 2}

// Config says which file to open, and how.
type Config struct {
	Path        string      // of the database; its folder is made when missing
	Synchronous Synchronous // Full when empty
	// Spare keeps 1 to 2 MiB of free pages in the file, so that on a full disk records can still be changed and removed.
	Spare bool
	// ReadOnly opens an existing file without its lock, beside a process that may be writing: for tools that look. Every write fails.
	ReadOnly bool
}

// Store is a meta.Repo in an SQLite file.
type Store struct {
	readers *sql.DB
	writer  *writer // nil when read-only
	ledger  *ledger // nil when read-only
	lock    *os.File
	clock   *clock.Clock
	closed  atomic.Bool
}

var _ meta.Repo = (*Store)(nil)

// Open opens the database, makes or migrates its schema, and takes ownership of it.
// It fails when another process owns the file, when the file is of a newer version, or when it cannot keep what Synchronous promises.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Synchronous == "" {
		c.Synchronous = Full
	}
	if _, ok := levels[c.Synchronous]; !ok || c.Path == "" {
		return nil, file.Errorf(file.Invalid, "sqlite.open", "a path and a known level of synchronous are needed")
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, file.Wrap(file.Internal, "sqlite.open", err)
	}
	s := &Store{}
	if c.ReadOnly {
		err = s.openReaders(ctx, path)
	} else {
		err = s.openWriter(ctx, path, c)
	}
	if err == nil {
		err = s.startClock(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) openWriter(ctx context.Context, path string, c Config) error {
	if err := prepareFile(path); err != nil {
		return file.Wrap(file.Unavailable, "sqlite.open", err)
	}
	var err error
	if s.lock, err = lock(path); err != nil {
		return err
	}
	// With secure_delete what is taken out of a page is overwritten: the name of a deleted file does not stay in the database.
	db, err := sql.Open("sqlite", dsn(path, "rwc",
		"journal_mode(WAL)", "secure_delete(FAST)", "synchronous("+string(c.Synchronous)+")", "busy_timeout(5000)", "cache_size(-32768)",
		"wal_autocheckpoint(4000)", "journal_size_limit(67108864)"))
	if err != nil {
		return translate(ctx, "sqlite.open", err)
	}
	conn, err := writeConn(ctx, db, c.Synchronous)
	if err != nil {
		return errors.Join(translate(ctx, "sqlite.open", err), db.Close())
	}
	// The schema is there now: what opens the file for reading finds its tables.
	if err := s.openReaders(ctx, path); err != nil {
		return errors.Join(err, conn.Close(), db.Close())
	}
	if s.ledger, err = loadLedger(ctx, s.readers); err != nil {
		return errors.Join(translate(ctx, "sqlite.open", err), conn.Close(), db.Close())
	}
	var free *spare
	if c.Spare {
		free = openSpare(conn)
	}
	s.writer = startWriter(db, conn, s.ledger, free)
	return nil
}

// writeConn returns the connection that writes, with its promise checked and its schema current.
func writeConn(ctx context.Context, db *sql.DB, level Synchronous) (*sql.Conn, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if err = assertDurable(ctx, conn, level); err == nil {
		err = migrate(ctx, conn)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// assertDurable reads the settings back: a pragma that SQLite cannot follow is ignored without an error.
func assertDurable(ctx context.Context, conn *sql.Conn, level Synchronous) error {
	var mode string
	var sync int
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&sync); err != nil {
		return err
	}
	if mode != "wal" || sync != levels[level] {
		return file.Errorf(file.Unavailable, "sqlite.open", "the database runs with journal_mode %s and synchronous %d", mode, sync)
	}
	return nil
}

func (s *Store) openReaders(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", dsn(path, "ro", "query_only(1)", "busy_timeout(5000)", "cache_size(-4096)"))
	if err != nil {
		return translate(ctx, "sqlite.open", err)
	}
	s.readers = db
	n := max(4, 2*runtime.GOMAXPROCS(0))
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return translate(ctx, "sqlite.open", checkVersion(ctx, db))
}

// dsn names the file as a URI, so that every character of a path is taken literally.
func dsn(path, mode string, pragmas ...string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"mode": {mode}, "_pragma": pragmas}.Encode()}
	return u.String()
}

// prepareFile makes the folder and an empty file that only its owner reads, and makes both names durable.
func prepareFile(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator names the path
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return errors.Join(durable.SyncDir(dir), durable.SyncDir(filepath.Dir(dir)))
}

// Ping returns nil when the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.open(); err != nil {
		return err
	}
	return translate(ctx, "sqlite.ping", s.readers.PingContext(ctx))
}

// Close commits what was accepted, checkpoints, and gives the file free. Everything later is Unavailable; a second Close does nothing.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	var errs []error
	if s.clock != nil {
		errs = append(errs, s.clock.Close(context.Background())) // the writer does not wait long
	}
	if s.readers != nil {
		errs = append(errs, s.readers.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return file.Wrap(file.Internal, "sqlite.close", errors.Join(errs...))
}

var errClosed = errors.New("the store is closed")

// open returns an Unavailable error once the store is closed.
func (s *Store) open() error {
	if s.closed.Load() {
		return file.Wrap(file.Unavailable, "sqlite", errClosed)
	}
	return nil
}

// writable returns an error for a store that is closed or read-only.
func (s *Store) writable() error {
	if err := s.open(); err != nil {
		return err
	}
	if s.writer == nil {
		return file.Wrap(file.Internal, "sqlite", fmt.Errorf("the store was opened to read only"))
	}
	return nil
}
