package sqlite

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// A statement that would break a unique index does nothing, and says so by the number of rows it changed.
const (
	insertFile = `INSERT INTO files (id, tenant, number, rev, path_index, idem_index, parent_kind, parent_id, link_index, state,
		expires_at, charged, due_expiry, due_outbox, due_purge, work, work_at, name_index, type_index, doc)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	updateFile = `UPDATE OR IGNORE files SET rev = ?, path_index = ?, idem_index = ?, parent_kind = ?, parent_id = ?, link_index = ?, state = ?,
		expires_at = ?, charged = ?, due_expiry = ?, due_outbox = ?, due_purge = ?, work = ?, work_at = ?, name_index = ?, type_index = ?,
		doc = ? WHERE seq = ?`
	currentFile = `SELECT seq, charged, link_index FROM files WHERE id = ? AND tenant = ? AND number = ? AND rev = ?`
	goneFile    = `SELECT seq, number, link_index FROM files WHERE id = ? AND tenant = ? AND rev = ? AND state = 'gone'`
	deleteFile  = `DELETE FROM files WHERE seq = ?`
	insertLink  = `INSERT INTO links (tenant, link, number, seq) VALUES (?, ?, ?, ?)`
	deleteLink  = `DELETE FROM links WHERE tenant = ? AND link = ? AND number = ?`
)

// encoded is a document made ready by the caller, so that the writer only has to bind it.
type encoded struct {
	meta.Document
	columns []any // in the order of insertFile; those of updateFile begin at mutable
}

// mutable is the first column that an update may change. ID, tenant and number come before it.
const mutable = 3

func encode(f *file.File, rev int64) (encoded, error) {
	e := encoded{Document: meta.FromFile(f)}
	e.Rev = rev
	if err := e.Validate(); err != nil {
		return e, err
	}
	doc, err := json.Marshal(e.Record)
	if err != nil {
		return e, file.Wrap(file.Internal, "sqlite.encode", err)
	}
	e.columns = []any{
		e.ID, e.Tenant, e.Number, e.Rev, e.PathIndex, e.IdemIndex, e.ParentKind, e.ParentID, joinLinks(e.LinkIndex), e.State,
		e.ExpiresAt, e.Charged, orNull(e.DueExpiry), orNull(e.DueOutbox), orNull(e.DuePurge), orNull(e.Work), orNull(e.WorkAt),
		e.NameIndex, e.TypeIndex, doc,
	}
	return e, nil
}

func decode(doc []byte) (*file.File, error) {
	var r meta.Record
	if err := json.Unmarshal(doc, &r); err != nil {
		return nil, file.Wrap(file.Damaged, "sqlite.decode", err)
	}
	return r.File(), nil
}

// orNull keeps a zero value out of its index.
func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

// joinLinks and splitLinks turn a list of links into one text and back. A link may hold any character, so each is quoted.
func joinLinks(links []string) string {
	if len(links) == 0 {
		return ""
	}
	b, _ := json.Marshal(links) // strings always encode
	return string(b)
}

func splitLinks(s string) (links []string) {
	if s != "" {
		_ = json.Unmarshal([]byte(s), &links) // made by joinLinks
	}
	return links
}

// Create inserts f.
func (s *Store) Create(ctx context.Context, f *file.File) error {
	if err := s.writable(); err != nil {
		return err
	}
	if f.Rev != 0 {
		return file.Errorf(file.Invalid, "sqlite.create", "a new record has no revision")
	}
	e, err := encode(f, 1)
	if err != nil {
		return err
	}
	if err := s.writer.do(ctx, "sqlite.create", e.create); err != nil {
		return err
	}
	f.Rev = 1
	return nil
}

func (e encoded) create(b *batch) error {
	if !b.exec(insertFile, e.columns...) {
		return b.broken
	}
	if b.affected == 0 {
		return b.taken(e, 0)
	}
	b.link(e, b.lastID)
	b.settle(file.Tenant(e.Tenant), file.ID(e.ID), e.Charged)
	return nil
}

// Update replaces the record if it is still at f.Rev.
func (s *Store) Update(ctx context.Context, f *file.File) error {
	if err := s.writable(); err != nil {
		return err
	}
	e, err := encode(f, f.Rev+1)
	if err != nil {
		return err
	}
	if err := s.writer.do(ctx, "sqlite.update", e.update); err != nil {
		return err
	}
	f.Rev = e.Rev
	return nil
}

func (e encoded) update(b *batch) error {
	var seq, charged int64
	var links string
	if !b.queryRow(currentFile, []any{e.ID, e.Tenant, e.Number, e.Rev - 1}, &seq, &charged, &links) {
		return meta.Taken(meta.ConflictRev)
	}
	if !b.exec(updateFile, append(slices.Clip(e.columns[mutable:]), seq)...) {
		return b.broken
	}
	if b.affected == 0 {
		return b.taken(e, seq)
	}
	if links != joinLinks(e.LinkIndex) {
		b.unlink(e.Tenant, e.Number, links)
		b.link(e, seq)
	}
	if e.Charged != charged {
		b.settle(file.Tenant(e.Tenant), file.ID(e.ID), e.Charged-charged)
	}
	return nil
}

// Purge removes a tombstone.
func (s *Store) Purge(ctx context.Context, t file.Tenant, id file.ID, rev int64) error {
	if err := meta.ValidateTenant(t); err != nil {
		return err
	}
	if err := s.writable(); err != nil {
		return err
	}
	return s.writer.do(ctx, "sqlite.purge", func(b *batch) error {
		var seq, number int64
		var links string
		if !b.queryRow(goneFile, []any{string(id), string(t), rev}, &seq, &number, &links) {
			return meta.Taken(meta.ConflictRev)
		}
		b.unlink(string(t), number, links)
		b.exec(deleteFile, seq)
		return nil
	})
}

func (b *batch) link(e encoded, seq int64) {
	for _, l := range e.LinkIndex {
		b.exec(insertLink, e.Tenant, l, e.Number, seq)
	}
}

func (b *batch) unlink(tenant string, number int64, links string) {
	for _, l := range splitLinks(links) {
		b.exec(deleteLink, tenant, l, number)
	}
}

// taken finds out which unique value of e a record other than its own, in row seq, has.
func (b *batch) taken(e encoded, seq int64) error {
	for _, u := range []struct {
		code, query string
		args        []any
	}{
		{meta.ConflictID, otherWithID, []any{e.ID, seq}},
		{meta.ConflictNumber, otherWith("number"), []any{e.Tenant, e.Number, seq}},
		{meta.ConflictPath, otherWith("path_index"), []any{e.Tenant, e.PathIndex, seq}},
		{meta.ConflictIdempotency, otherWith("idem_index"), []any{e.Tenant, e.IdemIndex, seq}},
	} {
		var found int
		if b.queryRow(u.query, u.args, &found) {
			return meta.Taken(u.code)
		}
	}
	return meta.Taken(meta.ConflictRev)
}

const otherWithID = `SELECT 1 FROM files WHERE id = ? AND seq <> ?`

func otherWith(column string) string {
	return `SELECT 1 FROM files WHERE tenant = ? AND ` + unique(column) + ` AND seq <> ?`
}

// unique is the condition that a unique column has a value. The partial indexes leave out what meta.UniqueIndex gives for "no value",
// and SQLite uses such an index only where a query says the same.
func unique(column string) string {
	if strings.HasSuffix(column, "_index") {
		return column + ` = ? AND ` + column + ` >= '='`
	}
	return column + ` = ?`
}
