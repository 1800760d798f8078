package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"

	driver "modernc.org/sqlite" // and registers itself as "sqlite"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// migrations are the steps from one version of the schema to the next; PRAGMA user_version counts those done.
// A step that was released is never changed: another is added.
//
// Columns before doc are what queries look at; doc is meta.Record as JSON (of the other tables, that of package meta for them). It stands last because SQLite reads a row from the front.
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
`, `
CREATE TABLE webhooks (
	id     TEXT    PRIMARY KEY,
	tenant TEXT    NOT NULL,
	rev    INTEGER NOT NULL,
	doc    BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX webhooks_tenant ON webhooks (tenant, id);

CREATE TABLE deliveries (
	seq     INTEGER PRIMARY KEY,
	id      TEXT    NOT NULL,
	webhook TEXT    NOT NULL,
	tenant  TEXT    NOT NULL,
	event   TEXT    NOT NULL,
	state   TEXT    NOT NULL,
	due     INTEGER,
	ended   INTEGER,
	rev     INTEGER NOT NULL,
	doc     BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX deliveries_id    ON deliveries (id);
CREATE UNIQUE INDEX deliveries_event ON deliveries (webhook, event);
CREATE INDEX deliveries_list  ON deliveries (webhook, id, state);
CREATE INDEX deliveries_due   ON deliveries (due, webhook) WHERE due IS NOT NULL;
CREATE INDEX deliveries_ended ON deliveries (ended) WHERE ended IS NOT NULL;
`, `
ALTER TABLE files ADD COLUMN name_index TEXT NOT NULL DEFAULT '';
ALTER TABLE files ADD COLUMN type_index TEXT NOT NULL DEFAULT '';
UPDATE files SET
	name_index = inlet_name_index(json_extract(CAST(doc AS TEXT), '$.name'), json_extract(CAST(doc AS TEXT), '$.original_name')),
	type_index = inlet_type_index(json_extract(CAST(doc AS TEXT), '$.detected_type'), json_extract(CAST(doc AS TEXT), '$.declared_type'))
	WHERE state NOT IN ('deleting', 'gone');
DROP INDEX files_parent;
CREATE INDEX files_parent ON files (tenant, parent_kind, parent_id, number, state, expires_at, charged, type_index, name_index);
CREATE INDEX files_search ON files (tenant, number, state, expires_at, type_index, name_index);
`, `
CREATE TABLE spare (pages BLOB NOT NULL) STRICT;
`}

// The functions of the migration that gives names and types to records that were written without. They are of no use to a query: an index holds
// what they would compute.
func init() {
	driver.MustRegisterDeterministicScalarFunction("inlet_name_index", 2, func(_ *driver.FunctionContext, args []sqldriver.Value) (sqldriver.Value, error) {
		return meta.NameIndex(textOf(args[0]), textOf(args[1])), nil
	})
	driver.MustRegisterDeterministicScalarFunction("inlet_type_index", 2, func(_ *driver.FunctionContext, args []sqldriver.Value) (sqldriver.Value, error) {
		return meta.TypeIndex(cmp.Or(textOf(args[0]), textOf(args[1]))), nil
	})
}

// textOf is a text that may be missing.
func textOf(v sqldriver.Value) string {
	s, _ := v.(string)
	return s
}

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
