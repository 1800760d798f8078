package sqlite

import (
	"context"
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/inlethq/inlet/pkg/file"
)

// translate gives an error of the database its kind; nil, and an error that has one, stay as they are.
// Result codes: https://www.sqlite.org/rescode.html.
func translate(ctx context.Context, op string, err error) error {
	var known *file.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if ctx.Err() != nil {
		return file.Wrap(file.Cancelled, op, context.Cause(ctx))
	}
	return file.Wrap(kindOf(err), op, err)
}

func kindOf(err error) file.Kind {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return file.Internal
	}
	const primary = 0xff // an extended code has the primary one in its low byte
	switch e.Code() & primary {
	case sqlite3.SQLITE_FULL:
		return file.NoSpace
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY,
		sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT:
		return file.Unavailable
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return file.Damaged
	}
	return file.Internal
}
