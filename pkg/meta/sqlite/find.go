package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Get returns a record.
func (s *Store) Get(ctx context.Context, t file.Tenant, ref file.Ref) (*file.File, error) {
	if err := meta.ValidateRef(ref); err != nil {
		return nil, err
	}
	switch {
	case ref.ID != "":
		return s.get(ctx, t, "id", string(ref.ID))
	case ref.Number != 0:
		return s.get(ctx, t, "number", ref.Number)
	default:
		return s.get(ctx, t, "path_index", meta.UniqueIndex(ref.Path, ""))
	}
}

// GetMany returns the records with these ids.
func (s *Store) GetMany(ctx context.Context, t file.Tenant, ids []file.ID) ([]*file.File, error) {
	if err := meta.ValidateIDs(t, ids); err != nil || len(ids) == 0 {
		return nil, err
	}
	args := []any{string(t)}
	for _, id := range ids {
		args = append(args, string(id))
	}
	return s.files(ctx, "sqlite.get_many", selectMany(len(ids)), args...)
}

// selectMany keeps SQLite, by the +, from reading all of the tenant's files when many ids are asked for.
func selectMany(n int) string {
	return `SELECT doc FROM files WHERE +tenant = ? AND id IN (?` + strings.Repeat(`, ?`, n-1) + `)`
}

// GetIdempotent returns the record that was made under an idempotency key.
func (s *Store) GetIdempotent(ctx context.Context, t file.Tenant, key string) (*file.File, error) {
	if key == "" {
		return nil, file.Errorf(file.Invalid, "sqlite.get", "an idempotency key is missing")
	}
	return s.get(ctx, t, "idem_index", meta.UniqueIndex(key, ""))
}

func (s *Store) get(ctx context.Context, t file.Tenant, column string, value any) (*file.File, error) {
	if err := meta.ValidateTenant(t); err != nil {
		return nil, err
	}
	found, err := s.files(ctx, "sqlite.get", selectOne(column), string(t), value)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, file.Errorf(file.NotFound, "sqlite.get", "no such file")
	}
	return found[0], nil
}

func selectOne(column string) string {
	return `SELECT doc FROM files WHERE tenant = ? AND ` + unique(column)
}

// Find returns the records that match, in the order of Number.
func (s *Store) Find(ctx context.Context, q meta.Query) ([]*file.File, error) {
	if err := errors.Join(q.Validate(), meta.ValidateLimit(q.Limit)); err != nil {
		return nil, err
	}
	query, args := find(q)
	return s.files(ctx, "sqlite.find", query, args...)
}

// Count counts the records that match.
func (s *Store) Count(ctx context.Context, q meta.Query, most int64) (n int64, err error) {
	if err := errors.Join(q.Validate(), meta.ValidateMost(most)); err != nil {
		return 0, err
	}
	if err := s.open(); err != nil {
		return 0, err
	}
	query, args := count(q)
	err = each(ctx, s.readers, query, append(args, most), func(scan scanner) error { return scan(&n) })
	return n, s.readError(ctx, "sqlite.count", err)
}

// Due returns what is due in a queue.
func (s *Store) Due(ctx context.Context, d meta.Due, before time.Time, limit int) ([]*file.File, error) {
	work, err := d.Work()
	if err = errors.Join(err, meta.ValidateLimit(limit)); err != nil {
		return nil, err
	}
	query, args := due(d, work)
	return s.files(ctx, "sqlite.due", query, append(args, meta.Micros(before), limit)...)
}

// Scan returns the records of all tenants in the order of ID.
func (s *Store) Scan(ctx context.Context, after file.ID, limit int) ([]*file.File, error) {
	if err := meta.ValidateLimit(limit); err != nil {
		return nil, err
	}
	return s.files(ctx, "sqlite.scan", scanFiles, string(after), limit)
}

const scanFiles = `SELECT doc FROM files WHERE id > ? ORDER BY id LIMIT ?`

// due returns the query of a queue, without its last two arguments: the time and the limit.
func due(d meta.Due, work file.Work) (string, []any) {
	if work != file.WorkNone {
		return `SELECT doc FROM files WHERE work = ? AND work_at <= ? ORDER BY work_at LIMIT ?`, []any{string(work)}
	}
	column := "due_" + string(d)
	return `SELECT doc FROM files WHERE ` + column + ` <= ? ORDER BY ` + column + ` LIMIT ?`, nil
}

// find returns the query of Find.
func find(q meta.Query) (string, []any) {
	where, args := matching(q)
	number := numberColumn(q)
	low, high, order := ` > ?`, ` <= ?`, ""
	after, until := q.After, q.Until
	if q.Descending {
		low, high, order = ` < ?`, ` >= ?`, " DESC"
		if after == 0 {
			after = math.MaxInt64
		}
	} else if until == 0 {
		until = math.MaxInt64
	}
	return `SELECT doc` + where + ` AND ` + number + low + ` AND ` + number + high + ` ORDER BY ` + number + order + ` LIMIT ? OFFSET ?`,
		append(args, after, until, q.Limit, q.Offset)
}

// count returns the query of Count, without its last argument: the most to count.
func count(q meta.Query) (string, []any) {
	where, args := matching(q)
	if q.Until != 0 {
		compare := ` <= ?`
		if q.Descending {
			compare = ` >= ?`
		}
		where, args = where+` AND `+numberColumn(q)+compare, append(args, q.Until)
	}
	return `SELECT count(*) FROM (SELECT 1` + where + ` LIMIT ?)`, args
}

// matching returns FROM and WHERE of what Find and Count have in common.
func matching(q meta.Query) (string, []any) {
	var b strings.Builder
	var args []any
	and := func(condition string, values ...any) {
		b.WriteString(condition)
		args = append(args, values...)
	}
	switch link := q.LinkKey(); {
	case link != "":
		// CROSS JOIN keeps SQLite from turning the order of the tables round.
		and(` FROM links CROSS JOIN files ON files.seq = links.seq WHERE links.tenant = ? AND links.link = ?`,
			string(q.Tenant), link)
	case q.Parent != nil:
		and(` FROM files INDEXED BY files_parent WHERE files.tenant = ?`, string(q.Tenant))
	default:
		// It knows of a smaller index, which would have it read the row of every file that does not match.
		and(` FROM files INDEXED BY files_search WHERE files.tenant = ?`, string(q.Tenant))
	}
	if q.Parent != nil {
		and(` AND parent_kind = ? AND parent_id = ?`, q.Parent.Kind, q.Parent.ID)
	}
	if len(q.States) > 0 {
		and(` AND state IN (?` + strings.Repeat(`, ?`, len(q.States)-1) + `)`)
		for _, s := range q.States {
			args = append(args, string(s))
		}
	}
	if !q.NotExpiredAt.IsZero() {
		and(` AND (expires_at = 0 OR expires_at > ?)`, meta.Micros(q.NotExpiredAt))
	}
	if low, high := q.TypeRange(); low != "" {
		and(` AND type_index >= ? AND type_index < ?`, low, high)
	}
	if q.Name != "" {
		and(` AND instr(name_index, ?) > 0`, meta.Fold(q.Name))
	}
	return b.String(), args
}

func numberColumn(q meta.Query) string {
	if q.LinkKey() != "" {
		return "links.number"
	}
	return "files.number"
}

// files runs a query for documents.
func (s *Store) files(ctx context.Context, op, query string, args ...any) ([]*file.File, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	var list []*file.File
	err := each(ctx, s.readers, query, args, func(scan scanner) error {
		var doc sql.RawBytes
		if err := scan(&doc); err != nil {
			return err
		}
		f, err := decode(doc)
		list = append(list, f)
		return err
	})
	if err != nil {
		return nil, s.readError(ctx, op, err)
	}
	return list, nil
}

// readError translates an error of a read. One that Close has caused says so.
func (s *Store) readError(ctx context.Context, op string, err error) error {
	if err != nil && s.closed.Load() {
		return file.Wrap(file.Unavailable, op, err)
	}
	return translate(ctx, op, err)
}

type scanner func(dest ...any) error

// each calls fn for every row, until ctx ends. A query that has begun is not given up: when ctx ends at the wrong moment the driver (modernc.org/sqlite,
// v1.39.0) forgets the statement without closing it, and its connection would go on reading from the snapshot of that moment.
func each(ctx context.Context, q querier, query string, args []any, fn func(scanner) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rows, err := q.QueryContext(context.WithoutCancel(ctx), query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
