package core

import (
	"context"
	"errors"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Findings counts what a reconcile pass met.
type Findings struct {
	Blobs      int // looked at
	Records    int // looked at
	Orphans    int // blobs that no record names, removed
	Missing    int // blobs that a record names and the store does not have, or has in another size
	Unfinished int // temporary files and open multipart uploads, removed
	Drift      int64
}

// Reconciler walks the blobs and the records, a piece at a time, and mends where they do not agree. It is for one goroutine.
// A walk that was interrupted goes on where it stopped; the two walks begin again when they have reached the end.
type Reconciler struct {
	core    *Core
	grace   time.Duration
	blobs   string  // cursor
	records file.ID // cursor
	tenants map[file.Tenant]bool
}

// NewReconciler makes a Reconciler that leaves alone what is younger than grace: it may belong to an upload that is on its way.
func (c *Core) NewReconciler(grace time.Duration) *Reconciler {
	return &Reconciler{core: c, grace: grace, tenants: map[file.Tenant]bool{}}
}

var errEnough = errors.New("enough for this pass")

// Pass looks at up to limit blobs and limit records.
func (r *Reconciler) Pass(ctx context.Context, limit int) (Findings, error) {
	var found Findings
	err := errors.Join(r.passBlobs(ctx, limit, &found), r.passRecords(ctx, limit, &found))
	return found, err
}

// Unfinished removes what writes that began longer ago than age left behind.
func (c *Core) Unfinished(ctx context.Context, age time.Duration) (int, error) {
	j, ok := c.blobs.(blob.Janitor)
	if !ok {
		return 0, nil
	}
	return j.SweepUnfinished(ctx, c.now().Add(-age))
}

// ReleaseLapsed takes back what is reserved for uploads that ended without a word, and returns for how many tenants. The lease of such a reservation
// has run out, as nobody renews it.
func (c *Core) ReleaseLapsed(ctx context.Context) (int, error) {
	a, ok := c.meta.(meta.Auditor)
	if !ok {
		return 0, nil
	}
	all, err := a.Reservations(ctx)
	if err != nil {
		return 0, err
	}
	now := c.now()
	lapsed := map[file.Tenant]bool{}
	for _, r := range all {
		if r.Until.Before(now) {
			lapsed[r.Tenant] = true
		}
	}
	var failed []error
	for t := range lapsed {
		// What is listed may be older than what is held: the repository, which knows, drops those that have ended.
		if _, err := c.meta.Recount(ctx, t, now); err != nil && !file.Is(err, file.Conflict) { // a busy tenant is counted another time
			failed = append(failed, err)
		}
	}
	return len(lapsed), errors.Join(failed...)
}

func (r *Reconciler) passBlobs(ctx context.Context, limit int, found *Findings) error {
	n := 0
	err := r.core.blobs.List(ctx, r.blobs, func(b blob.Info) error {
		if n == limit {
			return errEnough
		}
		n++
		found.Blobs++
		if r.core.now().Sub(b.Modified) > r.grace {
			stray, err := r.core.stray(ctx, b.Key)
			if err == nil && stray {
				stray, err = r.core.removeStray(ctx, b.Key)
			}
			if err != nil {
				return err
			}
			if stray {
				found.Orphans++
				r.core.observer.Found(FoundOrphan, 1)
			}
		}
		r.blobs = b.Key
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	if err == nil {
		r.blobs = ""
	}
	return err
}

func (r *Reconciler) passRecords(ctx context.Context, limit int, found *Findings) error {
	files, err := r.core.meta.Scan(ctx, r.records, min(limit, meta.MaxLimit))
	if err != nil {
		return err
	}
	for _, f := range files {
		found.Records++
		r.tenants[f.Tenant] = true
		if err := r.passRecord(ctx, f, found); err != nil {
			return err
		}
		r.records = f.ID
	}
	if len(files) == min(limit, meta.MaxLimit) {
		return nil
	}
	r.records = ""
	return r.recount(ctx, found)
}

// passRecord mends what it finds of a record, but for bytes that are not there, which it tells the log: a disk may not be mounted, and only an
// operator can say that a file is lost (Fsck).
func (r *Reconciler) passRecord(ctx context.Context, f *file.File, found *Findings) error {
	bytes, err := r.core.lookBytes(ctx, f, false)
	if err != nil {
		return err
	}
	for _, x := range bytes {
		found.Missing++
		r.core.observer.Found(FoundMissing, 1)
		r.core.log.ErrorContext(ctx, "the store does not have the bytes of a record", "file", x.File, "key", x.Key, "finding", x.Code, "note", x.Note)
	}
	versions, err := r.core.lookVersions(ctx, f)
	if err != nil || len(versions) == 0 {
		return err
	}
	return r.core.supersede(ctx, f)
}

// recount sets right the storage of every tenant that the walk has met.
func (r *Reconciler) recount(ctx context.Context, found *Findings) error {
	var failed []error
	for t := range r.tenants {
		drift, err := r.core.meta.Recount(ctx, t, r.core.now())
		if err != nil && !file.Is(err, file.Conflict) { // a busy tenant is counted another time
			failed = append(failed, err)
			continue
		}
		if drift != 0 {
			r.core.observer.Found(FoundDrift, int(max(drift, -drift)))
			r.core.log.WarnContext(ctx, "storage of a tenant was off", "tenant", t, "bytes", drift)
			found.Drift += drift
		}
	}
	clear(r.tenants)
	return errors.Join(failed...)
}
