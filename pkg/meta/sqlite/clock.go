package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/clock"
)

// patience is how long the host's clock must have been ahead before it is followed. Long enough to take a mistake back, short enough for a
// laptop that has slept.
const patience = time.Minute

const (
	selectMark = `SELECT at FROM clock`
	upsertMark = `INSERT INTO clock (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at`
)

// Now returns the time.
func (s *Store) Now() time.Time { return s.clock.Now() }

func (s *Store) startClock(ctx context.Context) (err error) {
	s.clock, err = clock.Start(ctx, hostClock{s}, clock.Options{Patience: patience})
	return translate(ctx, "sqlite.clock", err)
}

// hostClock is the reference of a database that is a file: the clock of the host that it is on.
type hostClock struct{ *Store }

// Read returns the host's time.
func (h hostClock) Read(context.Context) (time.Time, error) { return clock.Host(), nil }

// Mark returns what SetMark kept last.
func (h hostClock) Mark(ctx context.Context) (time.Time, error) {
	var at int64
	err := h.readers.QueryRowContext(ctx, selectMark).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return meta.Time(at), translate(ctx, "sqlite.clock", err)
}

// SetMark keeps the time. Who only reads leaves none.
func (h hostClock) SetMark(ctx context.Context, at time.Time) error {
	if h.writer == nil {
		return nil
	}
	return h.writer.do(ctx, "sqlite.clock", func(b *batch) error {
		b.exec(upsertMark, meta.Micros(at))
		return nil
	})
}
