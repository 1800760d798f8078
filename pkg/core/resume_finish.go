package core

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// FinishResumable makes an upload whose bytes are all there a file: it is verified from here on. An upload that is a file already stays as it is, and
// one that is a part of another does, too. It may run for the same upload in several processes at once.
//
// An upload of one piece is finished where it lies; of more, they are written into one blob. The errors are those of Upload. After one that is
// final, of its type, its size or its digest, the upload has ended; after another it stands as it was.
func (c *Core) FinishResumable(ctx context.Context, r *Resumable, l Limits, p content.Policy) (err error) {
	if !r.Open() || r.Partial() {
		return nil
	}
	if !r.Whole() {
		return notReceived("resume.finish")
	}
	f := r.File
	ctx, end := c.uploading(ctx, f.Tenant, f.Via)
	defer func() { end(r.File, err) }()
	start := c.now()
	u := Upload{
		Tenant: f.Tenant, OriginalName: f.OriginalName, Name: f.Name, Description: f.Description, DeclaredType: f.DeclaredType,
		Life: f.Resumable.Life, SHA256: f.SHA256, Announced: f.Resumable.Length, Policy: p,
	}
	err = l.tooLarge(r.Offset)
	var info blob.Info
	if err == nil {
		info, err = c.assemble(ctx, r, &u)
	}
	if final(err) {
		return c.turnDown(ctx, r, err)
	}
	if err != nil {
		return c.finishedElsewhere(ctx, r, err)
	}
	got, err := c.modify(ctx, f.Tenant, file.ByID(f.ID), func(f *file.File) error {
		if !inPieces(f) {
			return finishedAlready(f)
		}
		now := c.now()
		holds(f, info)
		f.DeclaredType, f.Claim, f.ExpiresAt = u.DeclaredType, file.Claim{Token: f.Claim.Token}, time.Time{}
		if f.Resumable.Life > 0 {
			f.ExpiresAt = now.Add(f.Resumable.Life)
		}
		f.Log(file.Step{At: now, What: "received", Took: now.Sub(start)})
		c.owe(f, event.Stored)
		return f.Move(file.Pending)
	})
	if err != nil {
		if _, piece := pieceOffset(info.Key); piece {
			return c.finishedElsewhere(ctx, r, err)
		}
		if got, err = c.settleReceived(ctx, f, info, err); err != nil {
			return err
		}
	}
	c.finished(ctx, r, got, info)
	return nil
}

// finishedAlready is what to do with the record of an upload that is not open any more: nothing, where it is a file.
func finishedAlready(f *file.File) error {
	if f.State == file.Deleting || f.State == file.Gone {
		return noUpload("resume")
	}
	return errUnchanged
}

// finished takes a finished record into r, and removes what it does not name.
func (c *Core) finished(ctx context.Context, r *Resumable, f *file.File, mine blob.Info) {
	ctx, cancel := detach(ctx)
	defer cancel()
	keys := []string{mine.Key}
	for _, p := range r.pieces {
		keys = append(keys, p.key)
	}
	for _, key := range keys {
		if key != f.BlobKey {
			c.removeBlob(ctx, key)
		}
	}
	r.File, r.Offset, r.pieces = f, f.Size, nil
}

// finishedElsewhere looks, after an error, whether another process has finished the upload meanwhile. If not, it returns the error.
func (c *Core) finishedElsewhere(ctx context.Context, r *Resumable, cause error) error {
	ctx, cancel := detach(ctx)
	defer cancel()
	f, err := c.meta.Get(ctx, r.File.Tenant, file.ByID(r.File.ID))
	if err != nil || inPieces(f) || !f.Live(c.now()) {
		if file.Is(cause, file.NotFound) { // a piece that is not there any more
			return file.Wrap(file.Unavailable, "resume.finish", cause)
		}
		return cause
	}
	r.File, r.Offset, r.pieces = f, f.Size, nil
	return nil
}

// assemble makes one blob of the pieces, and judges it as that of any upload.
func (c *Core) assemble(ctx context.Context, r *Resumable, u *Upload) (blob.Info, error) {
	if len(r.pieces) == 1 {
		return c.adopt(ctx, r.pieces[0], u)
	}
	body := &sequence{ctx: ctx, blobs: c.blobs, rest: r.pieces}
	defer body.Close()
	return c.put(ctx, receivedKey(r.File), u, body)
}

// adopt judges a piece that is all of its upload, and is to stay where it is. It is read where its digest is not known.
func (c *Core) adopt(ctx context.Context, p piece, u *Upload) (blob.Info, error) {
	body, err := c.blobs.Open(ctx, p.key)
	if err != nil {
		return blob.Info{}, err
	}
	defer body.Close()
	head, err := content.ReadHead(body)
	if err != nil {
		return blob.Info{}, err
	}
	if u.DeclaredType, err = content.Admit(u.OriginalName, u.DeclaredType, head, u.Policy); err != nil {
		return blob.Info{}, err
	}
	if p.sha256 == "" {
		h := sha256.New()
		_, _ = h.Write(head) // never fails
		if _, err := io.Copy(h, &endingReader{ctx, body}); err != nil {
			return blob.Info{}, err
		}
		p.sha256 = hex.EncodeToString(h.Sum(nil))
	}
	info := blob.Info{Key: p.key, Size: p.size, SHA256: p.sha256}
	return info, u.checkDigest(info)
}

// sequence reads pieces one after another.
type sequence struct {
	ctx   context.Context // of the one read, as an io.Reader must
	blobs blob.Store
	rest  []piece
	open  io.ReadCloser // the first of rest; nil before it is opened
}

func (s *sequence) Read(p []byte) (int, error) {
	for len(s.rest) > 0 {
		if s.open == nil {
			var err error
			if s.open, err = s.blobs.Open(s.ctx, s.rest[0].key); err != nil {
				return 0, err
			}
		}
		n, err := s.open.Read(p)
		if err != io.EOF {
			return n, err
		}
		s.Close()
		s.rest = s.rest[1:]
		if n > 0 {
			return n, nil
		}
	}
	return 0, io.EOF
}

// Close lets go of the piece that is being read.
func (s *sequence) Close() {
	if s.open != nil {
		s.open.Close()
		s.open = nil
	}
}

// Concat makes a file of parts, which are uploads in pieces of their own, in the order given, and ends them. Its bytes and its event come into being
// as those of any Upload: u is one without a Body.
//
// What the parts charge is given back for the time, so that no more room is needed than for one of both. When the file is refused the parts are as
// they were.
func (c *Core) Concat(ctx context.Context, u Upload, parts []Resumable, metadata string) (Stored, error) {
	body := &sequence{ctx: ctx, blobs: c.blobs}
	defer body.Close()
	seen := map[file.ID]bool{}
	for _, r := range parts {
		if !r.Open() || !r.Partial() || !r.Whole() || seen[r.File.ID] {
			return Stored{}, &file.Error{Kind: file.Invalid, Op: "resume.concat", Code: CodePartUnusable,
				Public: "A part is not complete, is none, or is named twice"}
		}
		seen[r.File.ID] = true
		body.rest = append(body.rest, r.pieces...)
		u.Announced += r.Offset
	}
	u.Body = body
	u.resumable = &file.Resumable{Length: u.Announced, Concat: file.ConcatFinal, Life: u.Life, Metadata: metadata}
	for i, r := range parts {
		if err := c.chargePart(ctx, r, 0); err != nil {
			c.chargeParts(ctx, parts[:i])
			return Stored{}, err
		}
	}
	s, err := c.Upload(ctx, u)
	if err != nil {
		c.chargeParts(ctx, parts)
		return Stored{}, err
	}
	for _, r := range parts {
		if err := c.EndResumable(ctx, r.File.Tenant, r.File.ID, u.By); err != nil && !file.Is(err, file.NotFound) {
			c.log.WarnContext(ctx, "a part of a file stays until it expires", "file", r.File.ID, "err", err)
		}
	}
	return s, nil
}

// Concatenated finds the file that Concat has made under the key of u, whose parts are gone since. NotFound when there is none; a Mismatch when the
// key was used for another request.
func (c *Core) Concatenated(ctx context.Context, u Upload) (*file.File, error) {
	first, err := c.meta.GetIdempotent(ctx, u.Tenant, u.Key)
	if err != nil {
		return nil, err
	}
	if u.Name == "" {
		u.Name = u.OriginalName
	}
	s, err := c.resumed(first, u.fingerprint(blob.Info{Size: first.Size, SHA256: first.SHA256}))
	return s.File, err
}

// chargePart sets what a part charges. A part of which nothing is charged is being made a file of: another file of it finds its own room.
func (c *Core) chargePart(ctx context.Context, r Resumable, bytes int64) error {
	_, err := c.modify(ctx, r.File.Tenant, file.ByID(r.File.ID), func(f *file.File) error {
		if !inPieces(f) {
			return noUpload("resume.concat")
		}
		f.Size = bytes
		return nil
	})
	return err
}

// chargeParts charges parts anew after their file was refused.
func (c *Core) chargeParts(ctx context.Context, parts []Resumable) {
	ctx, cancel := detach(ctx)
	defer cancel()
	for _, r := range parts {
		if err := c.chargePart(ctx, r, r.Offset); err != nil {
			c.log.WarnContext(ctx, "a part is not charged any more", "file", r.File.ID, "err", err)
		}
	}
}
