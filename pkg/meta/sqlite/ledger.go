package sqlite

import (
	"context"
	"sync"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// ledger holds every account in memory. Reservations change it at once; what records charge changes with the writer's transactions,
// which also save it. A reservation that is made and ends between two transactions never reaches the file.
type ledger struct {
	mu       sync.Mutex
	accounts map[file.Tenant]*account
	dirty    map[file.Tenant]struct{} // accounts that have something unsaved
}

type account struct {
	charged      int64 // to records
	chargedDirty bool
	held         int64 // the sum of holds
	holds        map[file.ID]hold
	holdsDirty   map[file.ID]struct{}
}

// hold is a reservation.
type hold struct {
	bytes int64
	until int64 // microseconds
	saved bool  // there may be a row of it
}

// settlement is one change of an account, kept to be undone.
type settlement struct {
	tenant file.Tenant
	change int64
	ended  map[file.ID]hold
}

// row is a statement that saves a part of an account.
type row struct {
	tenant file.Tenant
	id     file.ID // of a reservation; empty for the account itself
	query  string
	args   []any
}

// loadLedger reads the accounts as they were last saved.
func loadLedger(ctx context.Context, db querier) (*ledger, error) {
	l := &ledger{accounts: map[file.Tenant]*account{}, dirty: map[file.Tenant]struct{}{}}
	var t file.Tenant
	var id file.ID
	var charged int64
	h := hold{saved: true}
	err := each(ctx, db, "SELECT tenant, charged FROM accounts", nil, func(scan scanner) error {
		if err := scan(&t, &charged); err != nil {
			return err
		}
		l.account(t).charged = charged
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, db, "SELECT tenant, id, bytes, until FROM reservations", nil, func(scan scanner) error {
		if err := scan(&t, &id, &h.bytes, &h.until); err != nil {
			return err
		}
		l.account(t).put(id, h)
		return nil
	})
	return l, err
}

// account returns a tenant's account, a new one when there is none. The caller holds mu.
func (l *ledger) account(t file.Tenant) *account {
	a := l.accounts[t]
	if a == nil {
		a = &account{holds: map[file.ID]hold{}, holdsDirty: map[file.ID]struct{}{}}
		l.accounts[t] = a
	}
	return a
}

// put makes or replaces a reservation.
func (a *account) put(id file.ID, h hold) {
	a.held += h.bytes - a.holds[id].bytes
	a.holds[id] = h
}

// end removes a reservation and returns it.
func (a *account) end(id file.ID) (hold, bool) {
	h, ok := a.holds[id]
	if !ok {
		return h, false
	}
	a.held -= h.bytes
	delete(a.holds, id)
	delete(a.holdsDirty, id)
	if h.saved {
		a.holdsDirty[id] = struct{}{}
	}
	return h, true
}

// reserve adds r to the tenant's reservations if it fits.
func (l *ledger) reserve(r meta.Reservation, limit int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.account(r.Tenant)
	if r.Bytes > limit || a.charged+a.held > limit-r.Bytes {
		return false
	}
	h := a.holds[r.ID]
	h.bytes += r.Bytes
	h.until = meta.Micros(r.Until)
	a.put(r.ID, h)
	a.holdsDirty[r.ID] = struct{}{}
	l.dirty[r.Tenant] = struct{}{}
	return true
}

// release ends a reservation and reports whether the file may have a row of it.
func (l *ledger) release(t file.Tenant, id file.ID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, _ := l.account(t).end(id)
	if h.saved {
		l.dirty[t] = struct{}{}
	}
	return h.saved
}

// settle adds change to what records charge, and when there is a reservation for the record, ends it.
func (l *ledger) settle(t file.Tenant, id file.ID, change int64) settlement {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, s := l.account(t), settlement{tenant: t, change: change}
	if h, ok := a.end(id); ok {
		s.ended = map[file.ID]hold{id: h}
	}
	l.charge(t, a, change)
	return s
}

// recount sets what records charge, ends the reservations that lapsed before now, and returns by how much the usage shrank.
func (l *ledger) recount(t file.Tenant, charged int64, now time.Time) (settlement, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.account(t)
	before := a.charged + a.held
	s := settlement{tenant: t, change: charged - a.charged, ended: map[file.ID]hold{}}
	for id, h := range a.holds {
		if h.until < meta.Micros(now) {
			a.end(id)
			s.ended[id] = h
		}
	}
	l.charge(t, a, s.change)
	return s, before - a.charged - a.held
}

func (l *ledger) charge(t file.Tenant, a *account, change int64) {
	if change != 0 {
		a.charged += change
		a.chargedDirty = true
	}
	if a.chargedDirty || len(a.holdsDirty) > 0 {
		l.dirty[t] = struct{}{}
	}
}

// undo takes back what a transaction that failed had settled, and keeps for the next one what it was to save.
func (l *ledger) undo(settled []settlement, saved []row) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range settled {
		a := l.account(s.tenant)
		a.charged -= s.change
		for id, h := range s.ended {
			if _, again := a.holds[id]; !again {
				a.put(id, h)
				a.holdsDirty[id] = struct{}{}
			}
		}
		a.chargedDirty = true
		l.dirty[s.tenant] = struct{}{}
	}
	for _, r := range saved {
		a := l.account(r.tenant)
		if r.id == "" {
			a.chargedDirty = true
		} else {
			a.holdsDirty[r.id] = struct{}{}
		}
		l.dirty[r.tenant] = struct{}{}
	}
}

// unsaved reports whether takeUnsaved would return anything.
func (l *ledger) unsaved() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.dirty) > 0
}

// takeUnsaved returns the statements that bring the file up to date, and counts on their success until undo says otherwise.
func (l *ledger) takeUnsaved() []row {
	l.mu.Lock()
	defer l.mu.Unlock()
	var rows []row
	for t := range l.dirty {
		a := l.accounts[t]
		if a.chargedDirty {
			rows = append(rows, row{tenant: t, query: saveAccount, args: []any{string(t), a.charged}})
		}
		for id := range a.holdsDirty {
			h, ok := a.holds[id]
			if !ok {
				rows = append(rows, row{t, id, dropHold, []any{string(t), string(id)}})
				continue
			}
			h.saved = true
			a.holds[id] = h
			rows = append(rows, row{t, id, saveHold, []any{string(t), string(id), h.bytes, h.until}})
		}
		a.chargedDirty = false
		clear(a.holdsDirty)
	}
	clear(l.dirty)
	return rows
}

const (
	saveAccount = `INSERT INTO accounts (tenant, charged) VALUES (?, ?) ON CONFLICT DO UPDATE SET charged = excluded.charged`
	saveHold    = `INSERT INTO reservations (tenant, id, bytes, until) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET bytes = excluded.bytes, until = excluded.until`
	dropHold = `DELETE FROM reservations WHERE tenant = ? AND id = ?`
)

// total adds up all accounts.
func (l *ledger) total() meta.Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	var sum meta.Account
	for _, a := range l.accounts {
		sum.Used += a.charged + a.held
		sum.Held += a.held
	}
	return sum
}

// of returns a tenant's account as the world sees it.
func (l *ledger) of(t file.Tenant) meta.Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	acc := meta.Account{Tenant: t}
	if a := l.accounts[t]; a != nil {
		acc.Used, acc.Held = a.charged+a.held, a.held
	}
	return acc
}
