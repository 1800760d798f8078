package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

var _ meta.Auditor = (*Store)(nil)

const (
	scanDocuments = `SELECT path_index, idem_index, link_index, charged, coalesce(due_expiry, 0), coalesce(due_outbox, 0), coalesce(due_purge, 0),
		coalesce(work, ''), coalesce(work_at, 0), name_index, type_index, doc FROM files WHERE id > ? ORDER BY id LIMIT ?`
	allReservations = `SELECT tenant, id, bytes, until FROM reservations`
)

// ScanDocuments returns the records of all tenants in the order of ID, with what their columns hold.
func (s *Store) ScanDocuments(ctx context.Context, after file.ID, limit int) ([]meta.Document, error) {
	if err := meta.ValidateLimit(limit); err != nil {
		return nil, err
	}
	var list []meta.Document
	err := s.audit(ctx, scanDocuments, []any{string(after), limit}, func(scan scanner) error {
		var d meta.Document
		var links string
		var doc sql.RawBytes
		err := scan(&d.PathIndex, &d.IdemIndex, &links, &d.Charged, &d.DueExpiry, &d.DueOutbox, &d.DuePurge, &d.Work, &d.WorkAt, &d.NameIndex, &d.TypeIndex, &doc)
		if err != nil {
			return err
		}
		d.LinkIndex = splitLinks(links)
		if err := json.Unmarshal(doc, &d.Record); err != nil {
			return file.Wrap(file.Damaged, "sqlite.decode", err)
		}
		list = append(list, d)
		return nil
	})
	return list, err
}

// Reservations lists what is saved of the reservations of all tenants.
func (s *Store) Reservations(ctx context.Context) ([]meta.Reservation, error) {
	var list []meta.Reservation
	err := s.audit(ctx, allReservations, nil, func(scan scanner) error {
		var r meta.Reservation
		var until int64
		err := scan(&r.Tenant, &r.ID, &r.Bytes, &until)
		r.Until = meta.Time(until)
		list = append(list, r)
		return err
	})
	return list, err
}

// Total adds up all accounts; of a read-only store as they were last saved.
func (s *Store) Total(ctx context.Context) (meta.Account, error) {
	if err := s.open(); err != nil {
		return meta.Account{}, err
	}
	if s.ledger != nil {
		return s.ledger.total(), nil
	}
	l, err := loadLedger(ctx, s.readers)
	if err != nil {
		return meta.Account{}, s.readError(ctx, "sqlite.audit", err)
	}
	return l.total(), nil
}

func (s *Store) audit(ctx context.Context, query string, args []any, fn func(scanner) error) error {
	if err := s.open(); err != nil {
		return err
	}
	return s.readError(ctx, "sqlite.audit", each(ctx, s.readers, query, args, fn))
}
