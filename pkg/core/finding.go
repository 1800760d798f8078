package core

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
)

// This file is the half of a check that looks. It changes nothing; mend.go is the other half. Fsck looks, and mends when it is told to; the
// Reconciler does both all the time, but for what only an operator may decide.

// FindingCode names a kind of finding. Scripts rely on the codes: they never change their meaning.
type FindingCode string

// The codes.
const (
	MissingBlob      FindingCode = "missing-blob"      // a record names bytes that the store does not have
	SizeMismatch     FindingCode = "size-mismatch"     // the store has them in another size
	DigestMismatch   FindingCode = "digest-mismatch"   // the store has others, or cannot read them
	OrphanBlob       FindingCode = "orphan-blob"       // bytes that no record names
	Unfinished       FindingCode = "unfinished"        // what a write that was cut off has left
	Stuck            FindingCode = "stuck"             // work that should have been done by now
	StaleOutbox      FindingCode = "stale-outbox"      // an event that should have been published by now
	Expired          FindingCode = "expired"           // a file whose life has ended, with its bytes
	Superseded       FindingCode = "superseded"        // a version that a newer one has replaced
	Misindexed       FindingCode = "misindexed"        // a record that is found, or charged, by other values than its own
	QuotaDrift       FindingCode = "quota-drift"       // a tenant's account differs from what its records add up to
	StaleReservation FindingCode = "stale-reservation" // storage held for an upload that ended
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Code   FindingCode
	Tenant file.Tenant // empty for what is nobody's
	File   file.ID     // empty for what is no file's
	Key    string      // of the blob that it is about, if it is about one
	Note   string      // the particulars, for an operator
	Mended bool
}

// What may be late before it is a finding. A dependency that was out for less leaves none.
const (
	lateWork   = time.Minute // beyond a lease: the longest that a file waits once everything is back
	lateOutbox = time.Minute
	lateExpiry = time.Minute
)

// The reasons of a file that failed because its bytes did.
const (
	ReasonLost    = "lost"    // they are gone
	ReasonDamaged = "damaged" // they are others
)

// spoilt reports whether it is known already that a file's bytes are not what they were.
func spoilt(f *file.File) bool {
	return f.State == file.Failed && (f.Reason == ReasonLost || f.Reason == ReasonDamaged)
}

// keeps reports whether the store must have the bytes that the record names. Those of a file that ends go at any time.
func keeps(f *file.File) bool {
	switch f.State {
	case file.Rejected, file.Deleting, file.Gone:
		return false
	}
	return !spoilt(f)
}

// stored is one blob as a record describes it.
type stored struct {
	key    string
	size   int64
	sha256 string
}

// blobsOf lists what the store must have of a file: its own bytes first.
func blobsOf(f *file.File) []stored {
	var list []stored
	if f.BlobKey != "" {
		list = append(list, stored{f.BlobKey, f.Size, f.SHA256})
	}
	for _, v := range f.Variants {
		list = append(list, stored{v.BlobKey, v.Size, v.SHA256})
	}
	return list
}

// lookBytes finds what the store does not have of what a record names; deep reads every byte.
func (c *Core) lookBytes(ctx context.Context, f *file.File, deep bool) ([]Finding, error) {
	if !keeps(f) {
		return nil, nil
	}
	var found []Finding
	for _, want := range blobsOf(f) {
		code, note, err := c.lookBlob(ctx, want, deep)
		if err != nil {
			return nil, err
		}
		if code != "" {
			found = append(found, Finding{Code: code, Tenant: f.Tenant, File: f.ID, Key: want.key, Note: note})
		}
	}
	if len(found) > 0 && c.moved(ctx, f) {
		return nil, nil
	}
	return found, nil
}

// moved reports whether a record has changed since it was read: what was found about it may be out of date, and the next walk looks again.
func (c *Core) moved(ctx context.Context, f *file.File) bool {
	now, err := c.meta.Get(ctx, f.Tenant, file.ByID(f.ID))
	return err != nil || now.Rev != f.Rev
}

// lookBlob compares one blob with what its record says. The code is empty when they agree.
func (c *Core) lookBlob(ctx context.Context, want stored, deep bool) (code FindingCode, note string, err error) {
	got, err := c.blobs.Stat(ctx, want.key)
	switch {
	case file.Is(err, file.NotFound):
		return MissingBlob, fmt.Sprintf("%d bytes", want.size), nil
	case err != nil:
		return "", "", err
	case got.Size != want.size:
		return SizeMismatch, wrongSize(got.Size, want.size), nil
	case !deep || want.sha256 == "":
		return "", "", nil
	}
	code, note, err = c.readBlob(ctx, want, func(r io.Reader) io.Reader { return &endingReader{ctx, r} })
	switch {
	case file.Is(err, file.NotFound):
		return MissingBlob, fmt.Sprintf("%d bytes", want.size), nil
	case unreadable(err):
		return DigestMismatch, "cannot be read: " + err.Error(), nil
	}
	return code, note, err
}

// readBlob reads a blob to its end and compares it with what its record says. The code is empty when they agree.
func (c *Core) readBlob(ctx context.Context, want stored, through func(io.Reader) io.Reader) (code FindingCode, note string, err error) {
	r, err := c.blobs.Open(ctx, want.key)
	if err != nil {
		return "", "", err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, through(r))
	if err != nil {
		return "", "", err
	}
	digest := hex.EncodeToString(h.Sum(nil))
	switch {
	case n != want.size:
		return SizeMismatch, wrongSize(n, want.size), nil
	case want.sha256 != "" && digest != want.sha256:
		return DigestMismatch, wrongDigest(digest, want.sha256), nil
	}
	return "", "", nil
}

// unreadable reports whether an error is about the blob, and not about the store being out.
func unreadable(err error) bool { return file.Is(err, file.Internal) || file.Is(err, file.Damaged) }

func wrongSize(got, want int64) string { return fmt.Sprintf("%d bytes, not %d", got, want) }

func wrongDigest(got, want string) string { return "SHA-256 " + got + ", not " + want }

// endingReader ends with its context. (A file on a disk knows none.)
type endingReader struct {
	ctx context.Context // lives as long as the copy
	io.Reader
}

func (r *endingReader) Read(p []byte) (int, error) {
	if err := blob.Cancelled(r.ctx, "digest"); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// lookLate finds what a record has waited for too long. A promise has the given time for its next step.
func (c *Core) lookLate(f *file.File, promise time.Duration) []Finding {
	now := c.now()
	var found []Finding
	late := func(code FindingCode, format string, args ...any) {
		found = append(found, Finding{Code: code, Tenant: f.Tenant, File: f.ID, Note: fmt.Sprintf(format, args...)})
	}
	if since := f.OutboxSince(); !since.IsZero() && now.Sub(since) > lateOutbox {
		late(StaleOutbox, "%d events, the first since %s", len(f.Outbox), stamp(since))
	}
	if f.Expired(now.Add(-lateExpiry)) && f.State.CanMove(file.Deleting) {
		late(Expired, "at %s", stamp(f.ExpiresAt))
		return found // nobody begins work on it any more
	}
	allowed := lateWork + c.lease
	if f.State == file.Temp {
		allowed = lateWork + promise
	}
	if work, since := f.Owed(); work != file.WorkNone && now.Sub(since) > allowed {
		late(Stuck, "%s waits for %s since %s, attempts %d", f.State, work, stamp(since), f.Attempts+f.Crashes)
	}
	return found
}

// stamp is a time in a note.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// lookVersions finds what came before f under its path and is still there, when f is what the path finds.
func (c *Core) lookVersions(ctx context.Context, f *file.File) ([]Finding, error) {
	if f.State != file.Ready || !f.Class.Replaces() || f.Path == "" {
		return nil, nil
	}
	versions, err := c.versions(ctx, f.Tenant, f.Path)
	if err != nil {
		return nil, err
	}
	newest := slices.IndexFunc(versions, func(v *file.File) bool { return v.State == file.Ready })
	if newest < 0 || versions[newest].ID != f.ID {
		return nil, nil // found when the walk comes to the newest
	}
	var found []Finding
	for _, v := range versions[newest+1:] {
		found = append(found, Finding{Code: Superseded, Tenant: v.Tenant, File: v.ID, Note: "by " + string(f.ID)})
	}
	return found, nil
}

// stray reports whether no record names a blob, and none is about to. A blob whose key was not made here is nobody's business.
func (c *Core) stray(ctx context.Context, key string) (bool, error) {
	t, id, ok := parseKey(key)
	if !ok {
		c.log.Warn("a blob that is not ours is left alone", "key", key)
		return false, nil
	}
	f, err := c.meta.Get(ctx, t, file.ByID(id))
	if file.Is(err, file.NotFound) {
		return true, nil
	}
	return err == nil && !c.mayName(f, key), err
}

// mayName reports whether a record names a blob, or may do so in a moment: a variant may be on its way, and the pieces of an open upload are its own.
func (c *Core) mayName(f *file.File, key string) bool {
	now := c.now()
	if _, piece := pieceOffset(key); piece && inPieces(f) {
		return true
	}
	return slices.Contains(f.BlobKeys(), key) || f.Claim.Held(now) || beingMade(f, "", now)
}
