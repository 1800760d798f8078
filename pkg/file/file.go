// Package file is the domain: a File and its states, and the errors of the whole system.
//
// It is pure: values, rules about them, and nothing that reads a clock, a disk or a network.
// It imports the standard library only; every other package may import it.
package file

import (
	"maps"
	"slices"
	"time"
)

// Limits on what a record may carry. They bound a record to a few KiB.
const (
	MaxNameBytes        = 255  // Name and OriginalName, UTF-8
	MaxDescriptionBytes = 4096 // Description, UTF-8
	MaxLinks            = 64
	MaxVariants         = 64
	MaxTimeline         = 32 // older steps but the first are dropped
	MaxOutbox           = 8  // a newer entry replaces an older one of its kind
	MaxAttributes       = 16
)

// Tenant owns files, quota and policy. No repository call works without one.
type Tenant string

// Class says which policy applies to a file: what may be uploaded, for how long, and whether it gets a thumbnail.
type Class string

// The classes. They are stored, so a value never changes its meaning.
const (
	ClassGeneric    Class = "generic"
	ClassTag        Class = "tag"
	ClassChat       Class = "chat"
	ClassAsset      Class = "asset"
	ClassAvatar     Class = "avatar"
	ClassChannel    Class = "channel"
	ClassAttachment Class = "attachment"
)

// WantsThumbnail reports whether images of this class get the 200x200 thumbnail without being asked.
func (c Class) WantsThumbnail() bool { return c != ClassChat }

// Replaces reports whether files of this class take each other's place: all that have one Path are versions, and the newest that is Ready
// is what the path finds. (A path of the other classes belongs to one file.)
func (c Class) Replaces() bool { return c == ClassAvatar }

// Parent is what a file was uploaded to: a channel, tag, project, user or bot. The zero value means the tenant itself.
type Parent struct {
	Kind string
	ID   string
}

// Link ties a file to an entity of the host product after the upload.
type Link struct {
	Type    string
	ID      string
	At      time.Time
	Primary bool // the picture that stands for the entity
}

// Image holds what the header of a picture says.
type Image struct {
	Width  int // pixels, after orientation
	Height int // pixels, of one frame
	Frames int // 1 for a still
}

// Variant is a rendering of a file: its thumbnail, or a transform somebody asked for.
type Variant struct {
	Name    string // unique in its file; ThumbnailName for the thumbnail
	Width   int
	Height  int
	Type    string // media type
	Size    int64
	SHA256  string // lower-case hex
	BlobKey string
}

// ThumbnailName names the 200x200 variant.
const ThumbnailName = "thumbnail"

// Thumbnail is the progress of the one variant that is made unasked.
type Thumbnail string

// The thumbnail's progress.
const (
	ThumbnailNone   Thumbnail = ""       // not wanted: not an image, or its class has none
	ThumbnailOwed   Thumbnail = "owed"   // wanted and not yet made
	ThumbnailMade   Thumbnail = "made"   // among the variants
	ThumbnailFailed Thumbnail = "failed" // given up; the timeline says why
)

// Render is a lease on the making of one Variant, so that of many who ask for it one makes it.
type Render struct {
	Name  string // the variant's
	By    string
	Until time.Time
}

// Resumable says of a file that its bytes come, or came, in pieces: a client sends them one after another, and goes on after a break. Until all
// are there the file is a promise; its Size is what is set aside for it, and its SHA256 what the whole is to have, where that is known. It
// Expires when the client does not go on.
type Resumable struct {
	Length   int64         // of the whole, in bytes; DeferredLength when the client says it later
	Concat   Concat        // whether it is a part of another, or made of such parts
	Life     time.Duration // of the file from when it is whole; 0 is for ever
	Metadata string        // what the client said of it, as it was sent
}

// DeferredLength is the length that nobody knows yet.
const DeferredLength = -1

// Concat is the place of an upload among several that make up one file.
type Concat string

// The places.
const (
	ConcatNone    Concat = ""        // it makes up a file by itself
	ConcatPartial Concat = "partial" // a part, which never becomes a file
	ConcatFinal   Concat = "final"   // what parts became
)

// Step is one line of a file's timeline.
type Step struct {
	At      time.Time
	What    string        // received, verified, rejected, thumbnail, failed, …
	Took    time.Duration // 0 when nothing was timed
	Attempt int           // 1 for the first; 0 when it does not apply
	Note    string        // a reason, for people; never a path, a host or a secret
}

// Claim is a lease on the work of one record. Token grows with every claim and fences off whoever held an earlier one.
// By is empty when nobody holds it; Until then says when the next attempt is due, for those who are not called by an event.
type Claim struct {
	By    string
	Until time.Time
	Token int64
}

// Held reports whether somebody holds the lease at now.
func (c Claim) Held(now time.Time) bool { return c.By != "" && now.Before(c.Until) }

// Same reports whether d is the claim that c is, renewed or not.
func (c Claim) Same(d Claim) bool { return c.By == d.By && c.Token == d.Token }

// OutboxEntry is an event that the record owes to the bus. It is written in the same write as the change that it tells of.
type OutboxEntry struct {
	ID   string // the event's id: a ULID
	Fact string // event.Fact as text
	Rev  int64  // the revision that the change produced
	At   time.Time
	// Variant names the rendering that the fact is about, when it is about one.
	Variant string
	// Trace is where the change stands in its trace, as a W3C traceparent; empty when it is traced nowhere.
	Trace string
}

// Idempotency ties a record to the request that made it.
type Idempotency struct {
	Key         string // hash of principal and Idempotency-Key; unique in a tenant when set
	Fingerprint string // hash of what the request asked for, content included
}

// Actor says who did something and when.
type Actor struct {
	ID string
	At time.Time
}

// File is the record of one file, and the truth about it: events are only hints that a record has changed.
type File struct {
	ID     ID
	Number int64 // below 2^53, ordered by time, unique in its tenant
	Tenant Tenant
	Class  Class
	Parent Parent
	Links  []Link
	Path   string // unique in its tenant, but for classes that Replace
	Via    string // the dialect it came through
	Source string // the URL that the bytes are to be fetched from; empty once they were

	Name         string
	OriginalName string
	Description  string
	DeclaredType string // media type the sender named, or its name implies
	DetectedType string // media type the bytes have; empty until somebody looked
	Size         int64  // bytes
	SHA256       string // lower-case hex
	MD5          string // lower-case hex; a checksum that vendors show, never an identity
	Image        *Image // nil for all but pictures
	BlobKey      string // empty when there are no bytes: temp, rejected, gone
	Variants     []Variant
	Renders      []Render // being made
	Thumbnail    Thumbnail
	Resumable    *Resumable        // nil for all that come in one request
	Attributes   map[string]string // what a vendor's client says of a file and wants to read again; no meaning to Inlet

	State     State
	Reason    string // a code, for rejected and failed: corrupt, type_mismatch, …
	Attempts  int    // tries of the current piece of work that did not end in a crash
	Crashes   int    // tries of it in which the worker died, whatever of
	ExpiresAt time.Time
	Downloads int64

	Created Actor
	Updated Actor
	Deleted Actor
	// ErasedAt is when it was found that no byte of the file is left in any store, its renderings and what was staged for it included.
	// It is zero before, and for the tombstone of an upload that never happened.
	ErasedAt time.Time

	Timeline    []Step
	Rev         int64 // the revision this value was read at; the repository advances it
	Claim       Claim
	Outbox      []OutboxEntry
	Idempotency Idempotency
}

// Expired reports whether the life of the file has ended at now. An expired file is not served, whatever its state.
func (f *File) Expired(now time.Time) bool { return !f.ExpiresAt.IsZero() && !now.Before(f.ExpiresAt) }

// Live reports whether the file exists for its users at now: not a promise, not deleted, not expired.
func (f *File) Live(now time.Time) bool {
	switch f.State {
	case Pending, Ready, Rejected, Failed:
		return !f.Expired(now)
	}
	return false
}

// Servable reports whether the bytes may be handed out at now.
func (f *File) Servable(now time.Time) bool { return f.State == Ready && !f.Expired(now) }

// Charged is the number of bytes that count against the tenant's storage.
func (f *File) Charged() int64 {
	switch f.State {
	case Temp, Pending, Ready, Failed: // a promise has a size from when its bytes are there, one that is Resumable before
		return f.Size
	}
	return 0
}

// Type is the media type to serve and show: what the bytes are, or before that is known what was declared.
func (f *File) Type() string {
	if f.DetectedType != "" {
		return f.DetectedType
	}
	return f.DeclaredType
}

// Variant returns the named variant.
func (f *File) Variant(name string) (Variant, bool) {
	i := slices.IndexFunc(f.Variants, func(v Variant) bool { return v.Name == name })
	if i < 0 {
		return Variant{}, false
	}
	return f.Variants[i], true
}

// BlobKeys lists the keys of every blob that belongs to the file, its variants' included.
func (f *File) BlobKeys() []string {
	var keys []string
	if f.BlobKey != "" {
		keys = append(keys, f.BlobKey)
	}
	for _, v := range f.Variants {
		keys = append(keys, v.BlobKey)
	}
	return keys
}

// StartOver forgets the tries of the current piece of work.
func (f *File) StartOver() { f.Attempts, f.Crashes = 0, 0 }

// Log appends a step to the timeline. When it is full the second oldest goes: the first says how the file came.
func (f *File) Log(s Step) {
	if len(f.Timeline) >= MaxTimeline {
		f.Timeline = slices.Delete(f.Timeline, 1, 2)
	}
	f.Timeline = append(f.Timeline, s)
}

// Owe adds an event to the outbox, in place of an older one of the same fact when the outbox is full.
func (f *File) Owe(e OutboxEntry) {
	if len(f.Outbox) >= MaxOutbox {
		i := slices.IndexFunc(f.Outbox, func(o OutboxEntry) bool { return o.Fact == e.Fact })
		f.Outbox = slices.Delete(f.Outbox, max(i, 0), max(i, 0)+1)
	}
	f.Outbox = append(f.Outbox, e)
}

// Paid takes the events with these ids out of the outbox and reports whether any was there.
func (f *File) Paid(ids ...string) bool {
	before := len(f.Outbox)
	f.Outbox = slices.DeleteFunc(f.Outbox, func(o OutboxEntry) bool { return slices.Contains(ids, o.ID) })
	return len(f.Outbox) != before
}

// OutboxSince is the time of the oldest event still owed; zero when there is none.
func (f *File) OutboxSince() time.Time {
	if len(f.Outbox) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(f.Outbox, func(a, b OutboxEntry) int { return a.At.Compare(b.At) }).At
}

// Work is what a file still waits for.
type Work string

// The kinds of work. Each is done by one service.
const (
	WorkNone      Work = ""
	WorkFinish    Work = "finish"    // a promise waits for its bytes, or for its end
	WorkFetch     Work = "fetch"     // a file waits for its bytes to be fetched from its Source
	WorkVerify    Work = "verify"    // stored bytes wait for a verdict
	WorkThumbnail Work = "thumbnail" // a verified picture waits for its thumbnail
	WorkErase     Work = "erase"     // bytes that nobody may read any more wait for their removal
)

// Owed returns the work that the file waits for, and since when it can be done: a claim moves that to the end of its lease.
// It is WorkNone and the zero time for a file that is settled.
func (f *File) Owed() (Work, time.Time) {
	w := f.owed()
	if w == WorkNone {
		return w, time.Time{}
	}
	t := f.Created.At
	if n := len(f.Timeline); n > 0 { // its last step is what made the work due
		t = f.Timeline[n-1].At
	}
	if f.Claim.Until.After(t) {
		t = f.Claim.Until
	}
	return w, t
}

func (f *File) owed() Work {
	switch f.State {
	case Temp:
		return WorkFinish
	case Pending:
		if f.Source != "" {
			return WorkFetch
		}
		return WorkVerify
	case Ready:
		if f.Thumbnail == ThumbnailOwed {
			return WorkThumbnail
		}
	case Rejected:
		if f.BlobKey != "" {
			return WorkErase
		}
	case Deleting:
		return WorkErase
	}
	return WorkNone
}

// Clone returns a copy that shares nothing with f.
func (f *File) Clone() *File {
	c := *f
	c.Links = slices.Clone(f.Links)
	c.Variants = slices.Clone(f.Variants)
	c.Timeline = slices.Clone(f.Timeline)
	c.Outbox = slices.Clone(f.Outbox)
	c.Renders = slices.Clone(f.Renders)
	c.Attributes = maps.Clone(f.Attributes)
	if f.Image != nil {
		img := *f.Image
		c.Image = &img
	}
	if f.Resumable != nil {
		r := *f.Resumable
		c.Resumable = &r
	}
	return &c
}
