package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/inlethq/inlet/pkg/file"
)

// migrations are the steps from one version of the schema to the next; PRAGMA user_version counts those done.
// A step that was released is never changed: another is added.
//
// Columns before doc are what queries look at; doc is meta.Record as JSON (of walks, meta.WalkRecord). It stands last because SQLite reads a row from the front.
// A queue's column is NULL for what is not in it, and its index holds the others only.
var migrations = []string{`
CREATE TABLE files (
	seq         INTEGER PRIMARY KEY,
	id          TEXT    NOT NULL,
	tenant      TEXT    NOT NULL,
	number      INTEGER NOT NULL,
	rev         INTEGER NOT NULL,
	path_index  TEXT    NOT NULL,
	idem_index  TEXT    NOT NULL,
	parent_kind TEXT    NOT NULL,
	parent_id   TEXT    NOT NULL,
	link_index  TEXT    NOT NULL,
	state       TEXT    NOT NULL,
	expires_at  INTEGER NOT NULL,
	charged     INTEGER NOT NULL,
	due_expiry  INTEGER,
	due_outbox  INTEGER,
	due_purge   INTEGER,
	work        TEXT,
	work_at     INTEGER,
	doc         BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX files_id     ON files (id);
CREATE UNIQUE INDEX files_number ON files (tenant, number);
CREATE UNIQUE INDEX files_path   ON files (tenant, path_index) WHERE path_index >= '=';
CREATE UNIQUE INDEX files_idem   ON files (tenant, idem_index) WHERE idem_index >= '=';
CREATE INDEX files_parent ON files (tenant, parent_kind, parent_id, number, state, expires_at, charged);
CREATE INDEX files_expiry ON files (due_expiry) WHERE due_expiry IS NOT NULL;
CREATE INDEX files_outbox ON files (due_outbox) WHERE due_outbox IS NOT NULL;
CREATE INDEX files_purge  ON files (due_purge)  WHERE due_purge  IS NOT NULL;
CREATE INDEX files_work   ON files (work, work_at) WHERE work IS NOT NULL;

CREATE TABLE links (
	tenant TEXT    NOT NULL,
	link   TEXT    NOT NULL,
	number INTEGER NOT NULL,
	seq    INTEGER NOT NULL,
	PRIMARY KEY (tenant, link, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
	tenant  TEXT PRIMARY KEY,
	charged INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE reservations (
	tenant TEXT    NOT NULL,
	id     TEXT    NOT NULL,
	bytes  INTEGER NOT NULL,
	until  INTEGER NOT NULL,
	PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
`, `
CREATE TABLE clock (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	at INTEGER NOT NULL
) STRICT;
`, `
CREATE TABLE walks (
	name TEXT    PRIMARY KEY,
	rev  INTEGER NOT NULL,
	doc  BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
`}

// migrate brings the schema to the version of this program, each step in a transaction.
func migrate(ctx context.Context, conn *sql.Conn) error {
	version, err := userVersion(ctx, conn)
	if err != nil {
		return err
	}
	for ; version < len(migrations); version++ {
		tx, err := conn.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, migrations[version]+fmt.Sprintf("PRAGMA user_version = %d;", version+1))
		if err != nil {
			_ = tx.Rollback()
			return fmt.Errorf("migration %d: %w", version+1, err)
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// checkVersion refuses a file that this program would misread.
func checkVersion(ctx context.Context, q querier) error {
	version, err := userVersion(ctx, q)
	if err != nil {
		return err
	}
	if version != len(migrations) {
		return file.Errorf(file.Unavailable, "sqlite.open", "the database has schema version %d; this program knows version %d", version, len(migrations))
	}
	return nil
}

// querier is what sql.DB and sql.Conn have in common for reading.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func userVersion(ctx context.Context, q querier) (n int, err error) {
	err = q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&n)
	return n, err
}
