// Package meta keeps the records: the Repo interface that SQLite and MongoDB implement, and the one mapping between a
// File and the document that both store.
//
// It knows records, revisions and accounts. It makes no decision about a file: states, policy and events are core's.
package meta

import (
	"context"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// Repo is everything that a driver implements. All methods may be called at the same time from many goroutines.
// A write that returned nil is on stable storage (MongoDB: majority, journaled).
//
// Errors are *file.Error: NotFound, Conflict (its Code is one of the Conflict constants), OverQuota, Invalid for a missing tenant,
// Cancelled, Unavailable for a database that is out or an outcome that is not known, Internal for the rest.
type Repo interface {
	Files
	Queue
	Accounts
	Walks
	Webhooks
	Clock
	// Ping returns nil when the database answers.
	Ping(ctx context.Context) error
	// Close ends the work that was accepted and lets go of the database.
	Close() error
}

// Clock is the one clock that decides when a lease ends, and a file: the database's, whatever the hosts of the processes think. Times that are
// kept in records, and times that these are compared with, are to be taken from it.
type Clock interface {
	// Now returns the time, in UTC. It takes no round trip, keeps on while the database is out, and in one process never goes back. It is never
	// ahead of the database's clock while that is not set back: behind it is by no more than an answer takes to come.
	Now() time.Time
}

// What a Conflict was about.
const (
	ConflictID          = "id"
	ConflictNumber      = "number"
	ConflictPath        = "path"
	ConflictIdempotency = "idempotency"
	ConflictRev         = "rev"
)

// Files reads and writes records, always within one tenant.
type Files interface {
	// Create inserts f, whose Rev must be 0, and sets it to 1. ID is unique in the whole repository; Number, Path (when set)
	// and Idempotency.Key (when set) are unique in the tenant: a Conflict otherwise, with its Code.
	// A Path of a class that Replaces is shared: it is no reason for a Conflict, and Get by path does not find it (Query.Path does).
	// A path is free again, and finds nothing, from the moment its file is Deleting or Gone; the record keeps it all the same.
	// The tenant's usage grows by f.Charged(), and the reservation under f.ID, if there is one, ends.
	Create(ctx context.Context, f *file.File) error
	// Get returns the record, in any state.
	Get(ctx context.Context, t file.Tenant, ref file.Ref) (*file.File, error)
	// GetMany returns the records with these ids, MaxLimit of them at most, in any state and in no order. An id without a record of
	// the tenant is left out, and one that is named twice is found once.
	GetMany(ctx context.Context, t file.Tenant, ids []file.ID) ([]*file.File, error)
	// GetIdempotent returns the record that was made under an idempotency key.
	GetIdempotent(ctx context.Context, t file.Tenant, key string) (*file.File, error)
	// Update replaces the record if it is still at f.Rev, and advances f.Rev by one; otherwise ConflictRev and f is unchanged.
	// So is it for a record that is not there. ID, Tenant and Number never change; a Path or an Idempotency.Key that is taken is a Conflict.
	// The tenant's usage follows the change of Charged(), and when that changes, the reservation under f.ID, if there is one, ends.
	Update(ctx context.Context, f *file.File) error
	// Find returns the records that match, in the order of Number.
	Find(ctx context.Context, q Query) ([]*file.File, error)
	// Count counts what Find would return without limit and offset, from the beginning to q.Until, and stops at most. It looks at no record after that.
	Count(ctx context.Context, q Query, most int64) (int64, error)
	// Purge removes a record for good if it is Gone and still at rev, the end of a tombstone; otherwise ConflictRev.
	Purge(ctx context.Context, t file.Tenant, id file.ID, rev int64) error
}

// Query selects records of one tenant.
type Query struct {
	Tenant file.Tenant
	Parent *file.Parent // only these, when set
	Link   *file.Link   // only those linked to this Type and ID, when set
	// Path finds the versions of a path that files of a class that Replaces share, when set. It does not go with Link.
	Path   string
	States []file.State // any of these; all when empty
	// Name finds this text in a file's names (NameIndex), whatever the case of its letters, when set: MinName to MaxName bytes. Type finds a media
	// type (TypeIndex), or as in "image/*" a family, when set. By neither is found what is Deleting or Gone.
	Name string
	Type string
	// NotExpiredAt leaves out what has expired at this time, when set.
	NotExpiredAt time.Time
	Descending   bool // newest first
	// After continues after the record of this Number, in the order asked for; 0 starts at the beginning.
	After int64
	// Until ends with the record of this Number, in the order asked for; 0 goes on to the end.
	Until  int64
	Offset int
	Limit  int // 1 … MaxLimit
}

// LinkKey is the entry of Index.LinkIndex that q asks for; empty when it asks for none.
func (q Query) LinkKey() string {
	switch {
	case q.Link != nil:
		return LinkIndex(q.Link.Type, q.Link.ID)
	case q.Path != "":
		return LinkIndex(versionOf, q.Path)
	}
	return ""
}

// MaxLimit bounds Query.Limit and the limits of Queue.
const MaxLimit = 1000

// Due names a queue of records that need somebody's attention, across tenants.
type Due string

// The queues, and the time that each is ordered by.
const (
	DueExpiry Due = "expiry" // File.ExpiresAt, for what is neither Deleting nor Gone
	DueOutbox Due = "outbox" // File.OutboxSince
	// The kinds of work, each by the time of File.Owed. (One queue a kind: a service that is out must not hide another's work.)
	DueFinish        = Due(file.WorkFinish)
	DueFetch         = Due(file.WorkFetch)
	DueVerify        = Due(file.WorkVerify)
	DueThumbnail     = Due(file.WorkThumbnail)
	DueErase         = Due(file.WorkErase)
	DuePurge     Due = "purge" // Deleted.At of what is Gone
)

// Queue lets the care-takers of the system, and nobody who acts for a tenant, find what is due.
type Queue interface {
	// Due returns up to limit records whose time in the queue is at or before the given one, the oldest first.
	Due(ctx context.Context, q Due, before time.Time, limit int) ([]*file.File, error)
	// Scan returns up to limit records of all tenants and states with an ID greater than after, in the order of ID.
	Scan(ctx context.Context, after file.ID, limit int) ([]*file.File, error)
}

// Reservation sets storage aside for an upload before its record exists.
type Reservation struct {
	Tenant file.Tenant
	ID     file.ID // of the file to be
	Bytes  int64
	Until  time.Time // when nobody has created the file or renewed it by then, the bytes are free again
}

// Account is a tenant's storage.
type Account struct {
	Tenant file.Tenant
	Used   int64 // bytes charged to records, and reserved
	Held   int64 // bytes reserved, of those
}

// Accounts keeps each tenant's storage within its limit. Create and Update keep it current; these methods are for the rest.
type Accounts interface {
	// Reserve adds r.Bytes to the reservation under r.ID (which it makes, or renews) if the tenant's usage stays within limit;
	// otherwise OverQuota, and nothing has changed. Of any number of concurrent calls exactly those succeed that fit.
	// Alone among writes it may be lost in a power cut: so is the upload that it was for.
	Reserve(ctx context.Context, r Reservation, limit int64) error
	// Release ends a reservation. Without one it does nothing.
	Release(ctx context.Context, t file.Tenant, id file.ID) error
	// Account returns the tenant's storage; zero for a tenant that never stored anything.
	Account(ctx context.Context, t file.Tenant) (Account, error)
	// Recount drops reservations that ended before now and sets the usage to what records and reservations add up to.
	// It returns by how much the usage has shrunk; below 0 it has grown. It may give up, with a Conflict, while the tenant is being written to.
	Recount(ctx context.Context, t file.Tenant, now time.Time) (int64, error)
}
