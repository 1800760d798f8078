package sqlite

import (
	"context"
	"database/sql"
)

// Room inside the database, in pages of 4 KiB. On a full disk a deletion has to find everything that it needs in the files that are there: the log
// gives its own room again once it is copied into the database (rewind), which works only when the database need not grow for it.
const (
	sparePages = 512 // that are made at once
	spareLow   = 256 // below which they are made; some hundred files take to be deleted
	spareEvery = 32  // transactions between two looks
)

// The table is always empty, but for the moment between the two statements.
const (
	insertSpare = `INSERT INTO spare (pages) VALUES (zeroblob(? * 4096))`
	deleteSpare = `DELETE FROM spare`
)

// spare keeps free pages in the database, on the disk and not only in its log. It is for the goroutine that writes.
type spare struct {
	conn  *sql.Conn
	since int  // transactions since the last look
	owed  bool // the log has to be copied: free pages may be there and nowhere else
}

// openSpare begins with a look. A process that was killed may have copied nothing.
func openSpare(conn *sql.Conn) *spare {
	s := &spare{conn: conn, owed: true}
	s.look()
	return s
}

// keep looks every now and then, and makes pages where they are few. A disk without room for them is no error: it is looked at again.
func (s *spare) keep() {
	if s.since++; s.since >= spareEvery {
		s.look()
	}
}

// look makes the pages. What a killed process left in the table becomes free with what is new.
func (s *spare) look() {
	s.since = 0
	ctx := context.Background()
	var free int64
	if err := s.conn.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil {
		return
	}
	if free < spareLow {
		// Two transactions: a page that one takes and gives back is never written.
		if _, err := s.conn.ExecContext(ctx, insertSpare, sparePages); err != nil {
			return
		}
		s.owed = true
		if _, err := s.conn.ExecContext(ctx, deleteSpare); err != nil {
			return
		}
	}
	if s.owed {
		s.owed = !checkpoint(s.conn, "PASSIVE")
	}
}

// checkpoint copies the log into the database, and reports whether all of it: readers may hold on to it, and the database itself may have to grow.
// https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
func checkpoint(conn *sql.Conn, mode string) bool {
	var busy, frames, copied int64
	err := conn.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &frames, &copied)
	return err == nil && busy == 0 && frames == copied
}
