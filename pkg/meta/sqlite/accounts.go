package sqlite

import (
	"context"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Reserve sets storage aside. It does not touch the file: the reservation is saved with the next write of anybody, and by Close.
func (s *Store) Reserve(ctx context.Context, r meta.Reservation, limit int64) error {
	if err := r.Validate(); err != nil {
		return err
	}
	if err := s.writable(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return file.Wrap(file.Cancelled, "sqlite.reserve", err)
	}
	if !s.ledger.reserve(r, limit) {
		return file.Errorf(file.OverQuota, "sqlite.reserve", "the storage limit is reached")
	}
	return nil
}

// Release ends a reservation.
func (s *Store) Release(ctx context.Context, t file.Tenant, id file.ID) error {
	if err := meta.ValidateTenant(t); err != nil {
		return err
	}
	if err := s.writable(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return file.Wrap(file.Cancelled, "sqlite.release", err)
	}
	if !s.ledger.release(t, id) {
		return nil
	}
	// The transaction of any write, one that changes nothing too, saves the ledger.
	return s.writer.do(ctx, "sqlite.release", func(*batch) error { return nil })
}

// Account returns the tenant's storage; of a read-only store as it was last saved.
func (s *Store) Account(ctx context.Context, t file.Tenant) (meta.Account, error) {
	if err := meta.ValidateTenant(t); err != nil {
		return meta.Account{}, err
	}
	if err := s.open(); err != nil {
		return meta.Account{}, err
	}
	if err := ctx.Err(); err != nil {
		return meta.Account{}, file.Wrap(file.Cancelled, "sqlite.account", err)
	}
	if s.ledger != nil {
		return s.ledger.of(t), nil
	}
	l, err := loadLedger(ctx, s.readers)
	if err != nil {
		return meta.Account{}, s.readError(ctx, "sqlite.account", err)
	}
	return l.of(t), nil
}

// Recount compares the account with the records. It runs between writes, so it is exact and never gives up.
func (s *Store) Recount(ctx context.Context, t file.Tenant, now time.Time) (int64, error) {
	if err := meta.ValidateTenant(t); err != nil {
		return 0, err
	}
	if err := s.writable(); err != nil {
		return 0, err
	}
	var off int64
	err := s.writer.do(ctx, "sqlite.recount", func(b *batch) error {
		var charged int64
		if b.queryRow(sumCharged, []any{string(t)}, &charged) {
			var done settlement
			done, off = b.ledger.recount(t, charged, now)
			b.settled = append(b.settled, done)
		}
		return nil
	})
	if err != nil {
		return 0, err // off may still be written to
	}
	return off, nil
}

const sumCharged = `SELECT coalesce(sum(charged), 0) FROM files WHERE tenant = ?`
