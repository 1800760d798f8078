package core

import (
	"context"
	"slices"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// An upload in pieces: BeginResumable makes a promise, Append stores what each request brings of it as a blob of its own, and FinishResumable
// makes it a file like any other. How far an upload is the blob store knows: it is the length of the pieces that follow each other without a
// gap, so that a piece is there as soon as its blob is, and no record is written for it.
//
// Whoever writes a piece holds a lock on the upload, which reaches as far as its process. Of two processes that go on from the same offset one
// finds its piece's key taken, which is a Conflict.

// Codes of uploads in pieces that end, or cannot go on.
const (
	CodeEmptyFile     = "empty_file"
	CodeTooManyPieces = "too_many_pieces" // the upload has MaxPieces
	CodePartUnusable  = "part_unusable"   // a part that is not whole, is no part, or is named twice
)

// stepOpened begins the timeline of an upload in pieces.
const stepOpened = "opened"

// inPieces reports whether a record is that of an open upload in pieces.
func inPieces(f *file.File) bool { return f.State == file.Temp && f.Resumable != nil }

// Resume is what there is to say of an upload in pieces besides what an Upload has.
type Resume struct {
	Length   int64         // in bytes; file.DeferredLength when it is declared later
	Partial  bool          // it is to be a part of another, and never a file by itself
	Metadata string        // kept, and not looked at
	Wait     time.Duration // how long it waits for its next piece
}

// Resumable is an upload in pieces as it stands. It is for one goroutine, which holds the lock on it.
type Resumable struct {
	File   *file.File // Temp while the upload is open
	Offset int64      // bytes that are on stable storage, without a gap from the first on

	pieces []piece // of an open upload
}

// piece is a stored piece.
type piece struct {
	key          string
	offset, size int64
	sha256       string // empty for one that this process has not just stored
}

// Open reports whether the upload is not a file yet.
func (r *Resumable) Open() bool { return inPieces(r.File) }

// Whole reports whether all bytes of an upload are there.
func (r *Resumable) Whole() bool { return !r.Open() || r.Offset == r.File.Resumable.Length }

// Partial reports whether the upload is a part of another.
func (r *Resumable) Partial() bool { return r.File.Resumable.Concat == file.ConcatPartial }

// BeginResumable begins an upload in pieces from u, whose Body is nil. Where the length is known it is set aside, and charged, from here on. The
// errors are those of Upload. Under a Key that was used before it returns the first upload, which may be a file by now.
func (c *Core) BeginResumable(ctx context.Context, u Upload, o Resume) (Stored, error) {
	u.Announced = max(o.Length, 0)
	if err := u.admitAnnounced(); err != nil {
		return Stored{}, err
	}
	if o.Length == 0 && !o.Partial {
		return Stored{}, emptyFile("resume.begin")
	}
	now := c.now()
	f := u.record(newID(), now)
	f.State, f.Size, f.SHA256 = file.Temp, u.Announced, u.SHA256
	f.Resumable = &file.Resumable{Length: o.Length, Life: u.Life, Metadata: o.Metadata}
	if o.Partial {
		f.Resumable.Concat = file.ConcatPartial
	}
	postpone(f, now.Add(o.Wait))
	f.Log(file.Step{At: now, What: stepOpened})
	if u.Key != "" {
		first, err := c.meta.GetIdempotent(ctx, u.Tenant, u.Key)
		if err == nil {
			return c.resumed(first, u.fingerprint(blob.Info{Size: f.Size, SHA256: f.SHA256}))
		}
		if !file.Is(err, file.NotFound) {
			return Stored{}, err
		}
	}
	if f.Size > 0 {
		if err := c.reserve(ctx, f.Tenant, f.ID, f.Size, u.Limits); err != nil {
			return Stored{}, err
		}
	}
	s, err := c.create(ctx, &u, f)
	if err == nil && s.Replayed {
		return c.resumed(s.File, s.File.Idempotency.Fingerprint)
	}
	return s, err
}

// resumed is the outcome of an upload that was begun before under the same key.
func (c *Core) resumed(first *file.File, fingerprint string) (Stored, error) {
	s, err := sameRequest(first, fingerprint)
	if err == nil && (first.Resumable == nil || first.Expired(c.now())) {
		return Stored{}, noUpload("resume.replay")
	}
	return s, err
}

// postpone sets the end of an upload that nobody goes on with: for its users, and for the sweeper, which buries it.
func postpone(f *file.File, until time.Time) { f.ExpiresAt, f.Claim.Until = until, until }

// GetResumable finds an upload in pieces, open or finished. One that is unknown, ended or expired is NotFound.
func (c *Core) GetResumable(ctx context.Context, t file.Tenant, id file.ID) (Resumable, error) {
	pieces, end, err := c.piecesOf(ctx, t, id) // first: as long as the upload is open none of them goes
	if err != nil {
		return Resumable{}, err
	}
	f, err := c.PeekResumable(ctx, t, id)
	if err != nil {
		return Resumable{}, err
	}
	if !inPieces(f) {
		return Resumable{File: f, Offset: f.Size}, nil
	}
	return Resumable{File: f, Offset: end, pieces: pieces}, nil
}

// PeekResumable is GetResumable for who wants to know of the record alone. It needs no lock.
func (c *Core) PeekResumable(ctx context.Context, t file.Tenant, id file.ID) (*file.File, error) {
	const op = "resume.get"
	f, err := c.meta.Get(ctx, t, file.ByID(id))
	if file.Is(err, file.NotFound) {
		return nil, noUpload(op)
	}
	if err != nil {
		return nil, err
	}
	if f.Resumable == nil || !inPieces(f) && !f.Live(c.now()) || f.Expired(c.now()) {
		return nil, noUpload(op)
	}
	return f, nil
}

// piecesOf lists the pieces of an open upload that follow each other without a gap, and how far they reach.
func (c *Core) piecesOf(ctx context.Context, t file.Tenant, id file.ID) (pieces []piece, end int64, err error) {
	var found []piece
	err = blob.ListPrefix(ctx, c.blobs, originalKey(t, id)+pieceMark, func(b blob.Info) error {
		if offset, ok := pieceOffset(b.Key); ok {
			found = append(found, piece{key: b.Key, offset: offset, size: b.Size})
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	slices.SortFunc(found, func(a, b piece) int { return int(min(max(a.offset-b.offset, -1), 1)) })
	for _, p := range found {
		if p.offset == end { // else it comes twice, from a store and its fallback, or lies behind a gap
			pieces, end = append(pieces, p), end+p.size
		}
	}
	return pieces, end, nil
}

// DeclareLength says how long an upload is, once, and sets aside what is missing for it.
func (c *Core) DeclareLength(ctx context.Context, r *Resumable, length int64, l Limits) error {
	const op = "resume.declare"
	switch {
	case length == 0 && !r.Partial():
		return emptyFile(op)
	case length < r.Offset || r.File.Resumable.Length != file.DeferredLength:
		return file.Errorf(file.Invalid, op, "The length of the upload is another")
	}
	if err := l.tooLarge(length); err != nil {
		return err
	}
	id := r.File.ID
	if missing := length - r.File.Size; missing > 0 {
		if err := c.reserve(ctx, r.File.Tenant, id, missing, l); err != nil {
			return err
		}
	}
	f, err := c.modify(ctx, r.File.Tenant, file.ByID(id), func(f *file.File) error {
		if !inPieces(f) || f.Resumable.Length != file.DeferredLength {
			return file.Errorf(file.Conflict, op, "The upload has changed")
		}
		f.Resumable.Length, f.Size = length, length
		return nil
	})
	if err != nil {
		c.release(ctx, r.File.Tenant, id)
		return err
	}
	r.File = f
	return nil
}

// EndResumable ends an open upload and removes its bytes: nothing of it is charged from here on. Forbidden for one that is a file by now.
func (c *Core) EndResumable(ctx context.Context, t file.Tenant, id file.ID, by string) error {
	f, err := c.bury(ctx, t, file.ByID(id), by, event.Deleted, func(f *file.File) error {
		switch {
		case f.Resumable == nil || f.State == file.Deleting || f.State == file.Gone:
			return noUpload("resume.end")
		case !inPieces(f):
			return file.Errorf(file.Forbidden, "resume.end", "The upload is complete: delete its file instead")
		}
		return nil
	})
	if err != nil {
		return err
	}
	tidy, cancel := detach(ctx)
	defer cancel()
	if err := c.erase(tidy, f); err != nil {
		c.log.WarnContext(ctx, "bytes of an upload that ended stay until the sweeper removes them", "file", f.ID, "err", err)
	}
	return nil
}

// turnDown ends an upload that can come to nothing any more, and returns why.
func (c *Core) turnDown(ctx context.Context, r *Resumable, cause error) error {
	ctx, cancel := detach(ctx)
	defer cancel()
	if err := c.EndResumable(ctx, r.File.Tenant, r.File.ID, "refused"); err != nil {
		c.log.WarnContext(ctx, "an upload that was refused stays until it expires", "file", r.File.ID, "err", err)
	}
	return cause
}

func noUpload(op string) error { return file.Errorf(file.NotFound, op, "Upload not found") }

func emptyFile(op string) error {
	return &file.Error{Kind: file.Invalid, Op: op, Code: CodeEmptyFile, Public: "The file is empty"}
}
