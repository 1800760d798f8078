package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"sync"

	"github.com/inlethq/inlet/pkg/file"
)

// maxBatch bounds how many writes share a transaction, and so how long the first of them waits for the last.
const maxBatch = 256

// write is a change on its way to the writer.
type write struct {
	apply func(*batch) error // run by the writer, a second time when the disk was full; an error fails this write alone and must leave the transaction unchanged
	done  chan error         // gets the outcome; has room for it, so the writer never waits
}

// writer owns the only connection that writes.
type writer struct {
	db     *sql.DB
	conn   *sql.Conn
	ledger *ledger
	spare  *spare // nil where none is kept
	queue  chan write
	ended  chan struct{}

	mu     sync.RWMutex // held to send on queue, and exclusively to close it
	closed bool
}

func startWriter(db *sql.DB, conn *sql.Conn, l *ledger, s *spare) *writer {
	w := &writer{db: db, conn: conn, ledger: l, spare: s, queue: make(chan write, maxBatch), ended: make(chan struct{})}
	go w.run()
	return w
}

// do runs apply in a transaction and returns when that is committed.
func (w *writer) do(ctx context.Context, op string, apply func(*batch) error) error {
	if err := ctx.Err(); err != nil {
		return file.Wrap(file.Cancelled, op, err)
	}
	change := write{apply: apply, done: make(chan error, 1)}
	if err := w.send(ctx, change); err != nil {
		return translate(ctx, op, err)
	}
	select {
	case err := <-change.done:
		// The writer works for many, so ctx is not why it failed.
		return translate(context.WithoutCancel(ctx), op, err)
	case <-ctx.Done():
		return file.Wrap(file.Cancelled, op, ctx.Err())
	}
}

func (w *writer) send(ctx context.Context, change write) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return file.Wrap(file.Unavailable, "sqlite", errClosed)
	}
	select {
	case w.queue <- change:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close lets the writer finish what was sent, and gives its connection back.
func (w *writer) close() error {
	w.mu.Lock()
	w.closed = true
	close(w.queue)
	w.mu.Unlock()
	<-w.ended
	return errors.Join(w.conn.Close(), w.db.Close())
}

// run commits batches until the queue is closed and empty.
func (w *writer) run() {
	defer close(w.ended)
	for first := range w.queue {
		// Those who were answered a moment ago are about to write again: let them get into this batch.
		runtime.Gosched()
		w.commit(w.collect(first))
		if w.spare != nil {
			w.spare.keep()
		}
	}
	if w.ledger.unsaved() {
		w.commit(nil)
	}
}

// collect returns first and whatever else waits.
func (w *writer) collect(first write) []write {
	batch := []write{first}
	for len(batch) < maxBatch {
		select {
		case next, ok := <-w.queue:
			if !ok {
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// commit applies the writes in one transaction and tells each its outcome. Where the disk is full they are tried once more if there is room in the log.
func (w *writer) commit(writes []write) {
	outcomes, err := w.try(writes)
	if err != nil && kindOf(err) == file.NoSpace && w.rewind() {
		outcomes, err = w.try(writes)
	}
	for i, change := range writes {
		if err != nil {
			outcomes[i] = err
		}
		change.done <- outcomes[i]
	}
}

// try applies the writes in one transaction. After an error, which is for all of them, nothing has changed, and they may be tried again.
func (w *writer) try(writes []write) ([]error, error) {
	outcomes := make([]error, len(writes))
	b := &batch{conn: w.conn, ledger: w.ledger}
	b.exec("BEGIN IMMEDIATE")
	for i, change := range writes {
		if b.broken != nil {
			break
		}
		outcomes[i] = change.apply(b)
	}
	b.saveLedger()
	b.exec("COMMIT")
	if b.broken != nil {
		b.rollBack()
	}
	return outcomes, b.broken
}

// rewind copies the write-ahead log into the database, so that the next write takes the log's own room from its beginning in place of new room at its
// end. It reports whether it could.
func (w *writer) rewind() bool { return checkpoint(w.conn, "RESTART") }

// batch is a transaction of the writer. Its first failing statement breaks it: from then on nothing is executed, and every write in it
// fails. So a statement must fail for the database's reasons only, and what can be refused is asked for beforehand.
type batch struct {
	conn     *sql.Conn
	ledger   *ledger
	settled  []settlement // changes of the ledger, to be undone when the transaction is
	saved    []row        // what the transaction saves of the ledger
	broken   error
	affected int64
	lastID   int64
}

// exec runs a statement and reports whether it did; affected and lastID then tell of it.
func (b *batch) exec(query string, args ...any) bool {
	if b.broken != nil {
		return false
	}
	r, err := b.conn.ExecContext(context.Background(), query, args...)
	if err != nil {
		b.broken = err
		return false
	}
	b.affected, _ = r.RowsAffected() // the driver returns no error from either
	b.lastID, _ = r.LastInsertId()
	return true
}

// queryRow scans the first row into dest and reports whether there was one.
func (b *batch) queryRow(query string, args []any, dest ...any) bool {
	if b.broken != nil {
		return false
	}
	err := b.conn.QueryRowContext(context.Background(), query, args...).Scan(dest...)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		b.broken = err
	}
	return err == nil
}

// settle follows a change of a record in the account of its tenant.
func (b *batch) settle(t file.Tenant, id file.ID, change int64) {
	b.settled = append(b.settled, b.ledger.settle(t, id, change))
}

// saveLedger writes what changed in the accounts since the last transaction.
func (b *batch) saveLedger() {
	b.saved = b.ledger.takeUnsaved()
	for _, r := range b.saved {
		b.exec(r.query, r.args...)
	}
}

// rollBack undoes the transaction, and with it what it did to the ledger.
func (b *batch) rollBack() {
	_, _ = b.conn.ExecContext(context.Background(), "ROLLBACK") // fails when SQLite has rolled back by itself
	b.ledger.undo(b.settled, b.saved)
}
