package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

const (
	selectWalk = `SELECT doc FROM walks WHERE name = ?`
	insertWalk = `INSERT INTO walks (name, rev, doc) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	updateWalk = `UPDATE walks SET rev = ?, doc = ? WHERE name = ? AND rev = ?`
)

// Walk returns what was saved of a walk.
func (s *Store) Walk(ctx context.Context, name string) (meta.Walk, error) {
	const op = "sqlite.walk"
	if err := s.open(); err != nil {
		return meta.Walk{}, err
	}
	w := meta.Walk{Name: name}
	err := each(ctx, s.readers, selectWalk, []any{name}, func(scan scanner) error {
		var doc sql.RawBytes
		if err := scan(&doc); err != nil {
			return err
		}
		var r meta.WalkRecord
		if err := json.Unmarshal(doc, &r); err != nil {
			return file.Wrap(file.Damaged, op, err)
		}
		w = r.Walk()
		return nil
	})
	return w, s.readError(ctx, op, err)
}

// SaveWalk saves a walk if nobody else did meanwhile.
func (s *Store) SaveWalk(ctx context.Context, w *meta.Walk) error {
	const op = "sqlite.walk"
	if err := s.writable(); err != nil {
		return err
	}
	r, err := meta.FromWalk(*w)
	if err != nil {
		return err
	}
	doc, err := json.Marshal(r)
	if err != nil {
		return file.Wrap(file.Internal, op, err)
	}
	query, args := updateWalk, []any{r.Rev, doc, r.Name, w.Rev}
	if w.Rev == 0 {
		query, args = insertWalk, []any{r.Name, r.Rev, doc}
	}
	err = s.writer.do(ctx, op, func(b *batch) error {
		if !b.exec(query, args...) {
			return b.broken
		}
		if b.affected == 0 {
			return meta.Taken(meta.ConflictRev)
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.Rev = r.Rev
	return nil
}
