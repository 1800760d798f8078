package core

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Fsck says how everything that is stored is to be checked.
type Fsck struct {
	Grace time.Duration // age below which bytes without a record are no finding, and promises without bytes; DefaultGrace when 0
	// Unfinished is the age below which what a write has not finished is no finding: it may go on; DefaultUnfinished when 0.
	Unfinished time.Duration
	Deep       bool          // read every byte and compare its digest
	Repair     bool          // mend what can be mended
	Report     func(Finding) // is told of every finding, mended or not; for one goroutine
}

// DefaultGrace is longer than a slow upload takes between its bytes and its record.
const DefaultGrace = time.Hour

// DefaultUnfinished is longer than any upload takes.
const DefaultUnfinished = 24 * time.Hour

// Checked counts what a check has met.
type Checked struct {
	Records int
	Blobs   int
	Found   int // findings
	Mended  int // of those
}

// Fsck walks all records, then all blobs, then all accounts, and reports what is not as it should be. It writes only when it is to repair,
// and then as the sweeper does, with one exception: a file whose bytes are gone or damaged becomes Failed, which nobody but an operator
// may decide. No record is ever removed.
//
// It may run beside everything else. Its error means that it could not look to the end, or that mending failed; what it reported holds.
func (c *Core) Fsck(ctx context.Context, o Fsck) (Checked, error) {
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	if o.Unfinished == 0 {
		o.Unfinished = DefaultUnfinished
	}
	k := &check{Fsck: o, core: c, charged: map[file.Tenant]int64{}}
	for _, step := range []func(context.Context) error{k.first, k.records, k.blobs, k.unfinished, k.reservations, k.accounts} {
		if err := step(ctx); err != nil {
			return k.Checked, err
		}
	}
	return k.Checked, nil
}

// check is one run of Fsck.
type check struct {
	Fsck
	Checked
	core    *Core
	noBlobs bool                  // the store was empty at the start
	charged map[file.Tenant]int64 // by the records of every tenant that was met
}

// first looks whether there is any blob.
func (k *check) first(ctx context.Context) error {
	err := k.core.blobs.List(ctx, "", func(blob.Info) error { return errEnough })
	k.noBlobs = err == nil
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// doubt says why a finding is better left alone. Where all bytes or all records are missing, it is rather that a disk is not mounted, or a setting
// names another store.
func (k *check) doubt(x Finding) string {
	switch {
	case x.Code == MissingBlob && k.noBlobs:
		return "not mended: the store has no blob at all"
	case x.Code == OrphanBlob && k.Records == 0:
		return "not mended: there is no record at all"
	}
	return ""
}

// report mends a finding if it is to, and tells of it.
func (k *check) report(ctx context.Context, x Finding) error {
	var err error
	switch doubt := k.doubt(x); {
	case !k.Repair:
	case doubt != "":
		x.Note += "; " + doubt
	default:
		x.Mended, err = k.mend(ctx, x)
		if file.Is(err, file.NotFound) || file.Is(err, file.Conflict) { // the record has moved on, or a tenant is busy: the next check tells
			err = nil
		}
	}
	k.Found++
	if x.Mended {
		k.Mended++
	}
	if k.Report != nil {
		k.Report(x)
	}
	return err
}

// mend mends a finding. What is unfinished is of an age that this check alone knows.
func (k *check) mend(ctx context.Context, x Finding) (bool, error) {
	if x.Code == Unfinished {
		_, err := k.core.Unfinished(ctx, k.Unfinished)
		return err == nil, err
	}
	return k.core.mend(ctx, x)
}

func (k *check) reportAll(ctx context.Context, found []Finding) error {
	for _, x := range found {
		if err := k.report(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

// records walks all records.
func (k *check) records(ctx context.Context) error {
	var after file.ID
	for {
		page, err := k.page(ctx, after)
		if err != nil {
			return err
		}
		for _, d := range page {
			if err := k.record(ctx, d); err != nil {
				return err
			}
			after = file.ID(d.ID)
		}
		if len(page) < meta.MaxLimit {
			return nil
		}
	}
}

// page reads records with their indexes, or from a repository that does not show those, with what they should be.
func (k *check) page(ctx context.Context, after file.ID) ([]meta.Document, error) {
	if a, ok := k.core.meta.(meta.Auditor); ok {
		return a.ScanDocuments(ctx, after, meta.MaxLimit)
	}
	files, err := k.core.meta.Scan(ctx, after, meta.MaxLimit)
	page := make([]meta.Document, len(files))
	for i, f := range files {
		page[i] = meta.FromFile(f)
	}
	return page, err
}

func (k *check) record(ctx context.Context, d meta.Document) error {
	f := d.File()
	k.Records++
	k.charged[f.Tenant] += f.Charged()
	if want := meta.FromFile(f).Index; !reflect.DeepEqual(d.Index, want) {
		x := Finding{Code: Misindexed, Tenant: f.Tenant, File: f.ID, Note: fmt.Sprintf("stored %+v, computed %+v", d.Index, want)}
		if err := k.report(ctx, x); err != nil {
			return err
		}
	}
	found, err := k.core.lookBytes(ctx, f, k.Deep)
	if err != nil {
		return err
	}
	if late := k.core.lookLate(f, k.Grace); len(late) > 0 && !k.core.moved(ctx, f) {
		found = append(found, late...)
	}
	versions, err := k.core.lookVersions(ctx, f)
	if err != nil {
		return err
	}
	return k.reportAll(ctx, append(found, versions...))
}

// blobs walks all blobs.
func (k *check) blobs(ctx context.Context) error {
	return k.core.blobs.List(ctx, "", func(b blob.Info) error {
		k.Blobs++
		if k.core.now().Sub(b.Modified) <= k.Grace {
			return nil
		}
		stray, err := k.core.stray(ctx, b.Key)
		if err != nil || !stray {
			return err
		}
		t, id, _ := parseKey(b.Key)
		return k.report(ctx, Finding{Code: OrphanBlob, Tenant: t, File: id, Key: b.Key, Note: fmt.Sprintf("%d bytes of %s", b.Size, stamp(b.Modified))})
	})
}

// unfinished finds what writes that were cut off have left.
func (k *check) unfinished(ctx context.Context) error {
	j, ok := k.core.blobs.(blob.Janitor)
	if !ok {
		return nil
	}
	n, err := j.Unfinished(ctx, k.core.now().Add(-k.Unfinished))
	if err != nil || n == 0 {
		return err
	}
	return k.report(ctx, Finding{Code: Unfinished, Note: fmt.Sprintf("%d writes that began more than %s ago", n, k.Unfinished)})
}

// reservations finds those whose upload has ended without a word.
func (k *check) reservations(ctx context.Context) error {
	a, ok := k.core.meta.(meta.Auditor)
	if !ok {
		return nil
	}
	all, err := a.Reservations(ctx)
	if err != nil {
		return err
	}
	now := k.core.now()
	for _, r := range all {
		if now.Sub(r.Until) <= lateWork {
			continue
		}
		x := Finding{Code: StaleReservation, Tenant: r.Tenant, File: r.ID, Note: fmt.Sprintf("%d bytes until %s", r.Bytes, stamp(r.Until))}
		if err := k.report(ctx, x); err != nil {
			return err
		}
	}
	return nil
}

// accounts compares every tenant's account with its records.
func (k *check) accounts(ctx context.Context) error {
	for _, t := range slices.Sorted(maps.Keys(k.charged)) {
		off, err := k.core.drift(ctx, t, k.charged[t])
		if err != nil {
			return err
		}
		if off == 0 {
			continue
		}
		if err := k.report(ctx, Finding{Code: QuotaDrift, Tenant: t, Note: fmt.Sprintf("%+d bytes", off)}); err != nil {
			return err
		}
	}
	return nil
}

// driftPause is how long a record and its account may need to agree, where they do not change in one write.
const driftPause = 500 * time.Millisecond

// drift returns by how many bytes a tenant's account is above what its records charge, which was counted before. Where the two differ it counts
// anew, twice: a tenant that is being written to is not off, and is left for another time.
func (c *Core) drift(ctx context.Context, t file.Tenant, charged int64) (int64, error) {
	before, err := c.meta.Account(ctx, t)
	if err != nil || before.Used-before.Held == charged {
		return 0, err
	}
	var off [2]int64
	for i := range off {
		if i > 0 {
			select {
			case <-time.After(driftPause):
			case <-ctx.Done():
				return 0, file.Wrap(file.Cancelled, "fsck.drift", ctx.Err())
			}
		}
		if charged, err = c.sumCharged(ctx, t); err != nil {
			return 0, err
		}
		after, err := c.meta.Account(ctx, t)
		if err != nil || after != before {
			return 0, err
		}
		off[i] = after.Used - after.Held - charged
	}
	if off[0] != off[1] {
		return 0, nil
	}
	return off[0], nil
}

// sumCharged adds up what the records of a tenant charge.
func (c *Core) sumCharged(ctx context.Context, t file.Tenant) (int64, error) {
	var sum int64
	q := meta.Query{Tenant: t, Limit: meta.MaxLimit}
	for {
		files, err := c.meta.Find(ctx, q)
		if err != nil {
			return 0, err
		}
		for _, f := range files {
			sum += f.Charged()
			q.After = f.Number
		}
		if len(files) < q.Limit {
			return sum, nil
		}
	}
}
