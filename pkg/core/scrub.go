package core

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// A scrub reads every blob that a record names, over and over, and compares it with the digest that it was stored under: bytes that rot while
// nobody asks for them are found, and not years later.

// Scrub says how often, and how fast.
type Scrub struct {
	Every time.Duration // from the beginning of one round to that of the next, if a round takes less
	Rate  int64         // bytes a second, at most
}

// Scrubbed counts what a scrub has met.
type Scrubbed struct {
	Records    int
	Blobs      int   // read to their end
	Bytes      int64 // of those
	Damaged    int   // blobs that were others than stored; their records say so now
	Unreadable int   // blobs that the store could not read; their records stay as they are
}

// Scrubber walks the records, round after round. How far it is stands in the repository, so that it goes on there after a restart; of several
// Scrubbers one is on the way at a time. It is for one goroutine.
type Scrubber struct {
	core *Core
	Scrub
	walk    meta.Walk
	saved   time.Time // when walk was
	pacer   pacer
	pending int64 // bytes that are read and not yet counted in walk
}

const (
	scrubWalk  = "scrub"
	scrubLease = time.Minute     // of a Scrubber that is on the way
	scrubSave  = 5 * time.Second // between two notes of how far it is
	scrubOpen  = 64 << 10        // bytes that opening a blob counts as
	scrubPace  = 1 << 20         // bytes a second that a round is not slowed down below
)

// NewScrubber makes a Scrubber.
func (c *Core) NewScrubber(s Scrub) *Scrubber {
	return &Scrubber{core: c, Scrub: s}
}

var errNothingDue = errors.New("nothing to read now")

// Pass reads the blobs of up to limit records. It meets none while the round is over and the next not due, or another Scrubber is on the way.
//
// A first round goes at Rate. A later one takes as long as half of Every, by what the one before has read, so that it is spread and yet ends
// when there is more to read, or when the process was down for days.
func (s *Scrubber) Pass(ctx context.Context, limit int) (Scrubbed, error) {
	var n Scrubbed
	err := s.begin(ctx)
	if err == nil {
		err = s.pass(ctx, limit, &n)
	}
	if errors.Is(err, errNothingDue) || file.CodeOf(err) == meta.ConflictRev {
		return n, nil
	}
	return n, err
}

// Rest lets others go on at once. It is for the end of a process.
func (s *Scrubber) Rest(ctx context.Context) error {
	if s.walk.By != s.core.name {
		return nil
	}
	s.walk.By, s.walk.Until = "", time.Time{}
	return s.core.meta.SaveWalk(ctx, &s.walk)
}

// begin takes the lease, and begins a round when one is due.
func (s *Scrubber) begin(ctx context.Context) error {
	w, err := s.core.meta.Walk(ctx, scrubWalk)
	if err != nil {
		return err
	}
	now := s.core.now()
	if w.By != s.core.name && now.Before(w.Until) {
		return errNothingDue
	}
	if idle := !w.Ended.IsZero() && now.Before(w.Began.Add(s.Every)); idle {
		return errNothingDue
	}
	if !w.Ended.IsZero() || w.Began.IsZero() {
		w = meta.Walk{Name: w.Name, Rev: w.Rev, Began: now, LastBytes: w.Bytes}
	}
	s.walk, s.pending = w, 0
	s.pacer.rate = s.pace()
	return s.save(ctx)
}

// pace is how fast a round goes, in bytes a second.
func (s *Scrubber) pace() float64 {
	most := float64(s.Rate)
	if s.walk.LastBytes == 0 {
		return most
	}
	return min(most, max(scrubPace, 2*float64(s.walk.LastBytes)/s.Every.Seconds()))
}

// save notes how far the walk is, and renews the lease.
func (s *Scrubber) save(ctx context.Context) error {
	now := s.core.now()
	s.walk.By, s.walk.Until = s.core.name, now.Add(scrubLease)
	s.saved = now
	return s.core.meta.SaveWalk(ctx, &s.walk)
}

// saveNowAndThen is save for those who come by often.
func (s *Scrubber) saveNowAndThen(ctx context.Context) error {
	if s.core.now().Sub(s.saved) < scrubSave {
		return nil
	}
	return s.save(ctx)
}

func (s *Scrubber) pass(ctx context.Context, limit int, n *Scrubbed) error {
	limit = min(limit, meta.MaxLimit)
	files, err := s.core.meta.Scan(ctx, s.walk.After, limit)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := s.record(ctx, f, n); err != nil {
			return err
		}
		n.Records++
		s.walk.After = f.ID
		s.walk.Bytes, s.pending = s.walk.Bytes+s.pending, 0
		if err := s.saveNowAndThen(ctx); err != nil {
			return err
		}
	}
	if len(files) < limit {
		s.walk.After, s.walk.Ended = "", s.core.now()
	}
	return s.save(ctx)
}

// record reads the blobs of one record, its own bytes first: when those are damaged nothing is left to compare. What the store does not have
// is the reconcile's business: only an operator can say that bytes are lost.
func (s *Scrubber) record(ctx context.Context, f *file.File, n *Scrubbed) error {
	if !keeps(f) {
		return nil
	}
	for _, want := range blobsOf(f) {
		x, err := s.compare(ctx, f, want, n)
		switch {
		case file.Is(err, file.NotFound) || err == nil && x.Code == "":
			continue
		case unreadable(err):
			n.Unreadable++
			s.core.observer.Found(FoundUnreadable, 1)
			s.core.log.ErrorContext(ctx, "the bytes of a file cannot be read", "file", f.ID, "key", want.key, "err", err)
			continue
		case err != nil:
			return err
		}
		n.Damaged++
		if err := s.core.damaged(ctx, x); err != nil && !file.Is(err, file.NotFound) {
			return err
		}
		if want.key == f.BlobKey {
			return nil
		}
	}
	return nil
}

// compare reads one blob. The Finding has no code when the blob is whole.
func (s *Scrubber) compare(ctx context.Context, f *file.File, want stored, n *Scrubbed) (x Finding, err error) {
	x = Finding{Tenant: f.Tenant, File: f.ID, Key: want.key}
	if err := s.take(ctx, scrubOpen); err != nil {
		return x, err
	}
	x.Code, x.Note, err = s.core.readBlob(ctx, want, func(r io.Reader) io.Reader { return &pacedReader{ctx, s, r, n} })
	if err == nil {
		n.Blobs++
	}
	return x, err
}

// take waits until so many bytes may be read, and keeps the lease meanwhile.
func (s *Scrubber) take(ctx context.Context, bytes int) error {
	if err := s.pacer.take(ctx, bytes); err != nil {
		return err
	}
	return s.saveNowAndThen(ctx)
}

// pacer lets so many bytes a second pass. It goes by the time of this machine, as what it spares is its disk.
type pacer struct {
	rate float64
	free time.Time // when the next bytes may pass
}

func (p *pacer) take(ctx context.Context, bytes int) error {
	now := time.Now()
	if p.free.Before(now) {
		p.free = now
	}
	wait := p.free.Sub(now)
	p.free = p.free.Add(time.Duration(float64(bytes) / p.rate * float64(time.Second)))
	if wait <= 0 {
		return blob.Cancelled(ctx, "scrub")
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return blob.Cancelled(ctx, "scrub")
	}
}

// pacedReader reads no faster than its scrubber may.
type pacedReader struct {
	ctx      context.Context // lives as long as the copy
	scrubber *Scrubber
	io.Reader
	count *Scrubbed
}

func (r *pacedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		if e := r.scrubber.take(r.ctx, n); e != nil {
			return 0, e
		}
		r.scrubber.pending += int64(n)
		r.count.Bytes += int64(n)
	}
	return n, err
}

// damaged has a record say that bytes were found to be others than stored, unless the store has another copy. It begins with the bytes of the file where a variant was damaged: what is
// made again is made from those.
func (c *Core) damaged(ctx context.Context, x Finding) error {
	f, err := c.meta.Get(ctx, x.Tenant, file.ByID(x.File))
	if err != nil {
		return err
	}
	if !keeps(f) {
		return nil
	}
	if f.BlobKey != "" && x.Key != f.BlobKey {
		own := blobsOf(f)[0]
		code, note, err := c.readBlob(ctx, own, func(r io.Reader) io.Reader { return &endingReader{ctx, r} })
		if err == nil && code != "" {
			x = Finding{Code: code, Tenant: x.Tenant, File: x.File, Key: own.key, Note: note} // its variants go with it
		}
	}
	restored, err := c.restore(ctx, f, x.Key)
	if err != nil {
		c.log.WarnContext(ctx, "the second copy of a blob cannot be had", "file", x.File, "key", x.Key, "err", err)
	}
	c.observer.Found(FoundDamaged, 1)
	c.log.ErrorContext(ctx, "the bytes of a file are damaged", "file", x.File, "key", x.Key, "finding", x.Code, "note", x.Note, "restored", restored)
	if restored {
		return nil
	}
	_, err = c.mendBytes(ctx, x, ReasonDamaged)
	return err
}

// restore puts another copy in the place of a damaged blob, where the store has one.
func (c *Core) restore(ctx context.Context, f *file.File, key string) (bool, error) {
	r, ok := c.blobs.(blob.Restorer)
	i := slices.IndexFunc(blobsOf(f), func(s stored) bool { return s.key == key })
	if !ok || i < 0 {
		return false, nil
	}
	return r.Restore(ctx, key, blobsOf(f)[i].sha256)
}
