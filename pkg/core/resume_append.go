package core

import (
	"bufio"
	"cmp"
	"context"
	"io"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
)

const (
	// MaxPieces bounds the pieces of one upload, as all of them are listed for each request. A client that sends many more requests for one file
	// than that should send larger ones.
	MaxPieces = 10_000
	// DefaultPiece is where a long request is cut into pieces: it is what the end of a process costs a client at most.
	DefaultPiece = 256 << 20
	// renewals is how often an upload's end is put off while it waits: a record is written for each, and none for the pieces in between.
	renewals = 8
)

// Piece is what one request brings of an upload.
type Piece struct {
	Body io.Reader
	// Check, when set, makes all of Body one piece, which is kept only if Check returns nil at its end. Its error is returned as it is.
	Check  func() error
	Limits Limits
	Policy content.Policy
	Wait   time.Duration // how long the upload waits for what comes next
	Most   int64         // bytes of a stored piece, where there is no Check; DefaultPiece when 0
}

// Append stores what a request brings at the end of an open upload, and returns how many bytes that were: with an error, too, as what has been
// stored stays. The body's end is the end of what arrived, whatever is missing of it. ctx does not end what has arrived: it is stored also for a
// client that has gone.
//
// The errors are those of Upload, and Conflict where another process goes on with the same upload. Where the first bytes are of a type that is
// refused, the upload has ended.
func (c *Core) Append(ctx context.Context, r *Resumable, p Piece) (int64, error) {
	ctx = context.WithoutCancel(ctx)
	body := bufio.NewReaderSize(p.Body, bodyBuffer)
	var stored int64
	for {
		if _, err := body.Peek(1); err == io.EOF {
			return stored, nil
		} else if err != nil {
			return stored, err
		}
		if err := c.admitPiece(ctx, r, p, body); err != nil {
			return stored, err
		}
		n, err := c.appendPiece(ctx, r, p, body)
		stored += n
		if err != nil {
			return stored, err
		}
	}
}

const bodyBuffer = 32 << 10

// admitPiece judges an upload by its first bytes, as soon as there are enough of them.
func (c *Core) admitPiece(ctx context.Context, r *Resumable, p Piece, body *bufio.Reader) error {
	if len(r.pieces) >= MaxPieces {
		return &file.Error{Kind: file.Invalid, Op: "resume.append", Code: CodeTooManyPieces,
			Public: "The upload is in too many pieces: send it again in larger ones"}
	}
	if r.Offset > 0 || r.Partial() || p.Check != nil { // what Check does not let pass may be anything
		return nil
	}
	head, err := body.Peek(content.HeadBytes)
	if err != nil && err != io.EOF {
		return err
	}
	if len(head) < content.HeadBytes && int64(len(head)) != r.File.Resumable.Length {
		return nil // judged at the end
	}
	if _, err := content.Admit(r.File.OriginalName, r.File.DeclaredType, head, p.Policy); err != nil {
		return c.turnDown(ctx, r, err)
	}
	return nil
}

// appendPiece stores one piece and takes it into r.
func (c *Core) appendPiece(ctx context.Context, r *Resumable, p Piece, body io.Reader) (int64, error) {
	hold := newID()
	if r.File.Resumable.Length == file.DeferredLength {
		defer c.release(ctx, r.File.Tenant, hold)
		body = &meter{ctx: ctx, core: c, tenant: r.File.Tenant, id: hold, limits: p.Limits, src: body, read: r.Offset, reserved: r.Offset}
	}
	o := blob.PutOptions{Size: -1}
	if p.Check != nil {
		o.Check = func(blob.Info) error { return p.Check() }
	} else {
		body = io.LimitReader(body, cmp.Or(p.Most, DefaultPiece))
	}
	ctx, k := c.calling(ctx, "blobs", "receive")
	info, err := c.blobs.Put(ctx, pieceKey(r.File, r.Offset), body, o)
	k.end(err)
	if err != nil {
		return 0, err
	}
	f, err := c.keepPiece(ctx, r, p, r.Offset+info.Size)
	if file.Is(err, file.NotFound) {
		c.removeBlob(ctx, info.Key)
		return 0, err
	}
	r.pieces = append(r.pieces, piece{key: info.Key, offset: r.Offset, size: info.Size, sha256: info.SHA256})
	r.Offset += info.Size
	if err == nil {
		r.File = f
	}
	if !r.Open() { // another process has found all there, this piece too, and finished the upload
		r.Offset, r.pieces = f.Size, nil
	}
	return info.Size, err
}

// keepPiece looks whether the upload of a piece is still there, and writes what there is to write: the next end of one that goes on, and the bytes
// of one whose length is not known yet.
func (c *Core) keepPiece(ctx context.Context, r *Resumable, p Piece, end int64) (*file.File, error) {
	return c.modify(ctx, r.File.Tenant, file.ByID(r.File.ID), func(f *file.File) error {
		if !inPieces(f) {
			return finishedAlready(f)
		}
		now := c.now()
		grown := f.Resumable.Length == file.DeferredLength && f.Size < end
		if !grown && f.ExpiresAt.Sub(now) > p.Wait-p.Wait/renewals {
			return errUnchanged
		}
		if grown {
			f.Size = end
		}
		postpone(f, now.Add(p.Wait))
		return nil
	})
}
