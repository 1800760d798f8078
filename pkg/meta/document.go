package meta

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// Document is a File as the drivers store it. It is the only mapping between the two: a field that is missing here is lost.
//
// Record holds the file itself; Index holds what is computed from it to be searched. MongoDB stores both in one document;
// SQLite stores Record as JSON and Index in columns.
//
// Times are microseconds since 1970, UTC, and 0 is the zero time: what is finer than a microsecond is cut off.
type Document struct {
	Record `bson:",inline"`
	Index  `json:"-" bson:",inline"`
}

// Record is the stored form of a File, field by field.
type Record struct {
	ID         string `json:"id" bson:"_id"`
	Number     int64  `json:"number" bson:"number"`
	Tenant     string `json:"tenant" bson:"tenant"`
	Class      string `json:"class,omitempty" bson:"class,omitempty"`
	ParentKind string `json:"parent_kind,omitempty" bson:"parent_kind"`
	ParentID   string `json:"parent_id,omitempty" bson:"parent_id"`
	Links      []Link `json:"links,omitempty" bson:"links,omitempty"`
	Path       string `json:"path,omitempty" bson:"path,omitempty"`
	Via        string `json:"via,omitempty" bson:"via,omitempty"`
	Source     string `json:"source,omitempty" bson:"source,omitempty"`

	Name         string            `json:"name,omitempty" bson:"name,omitempty"`
	OriginalName string            `json:"original_name,omitempty" bson:"original_name,omitempty"`
	Description  string            `json:"description,omitempty" bson:"description,omitempty"`
	DeclaredType string            `json:"declared_type,omitempty" bson:"declared_type,omitempty"`
	DetectedType string            `json:"detected_type,omitempty" bson:"detected_type,omitempty"`
	Size         int64             `json:"size,omitempty" bson:"size,omitempty"`
	SHA256       string            `json:"sha256,omitempty" bson:"sha256,omitempty"`
	MD5          string            `json:"md5,omitempty" bson:"md5,omitempty"`
	Image        *Image            `json:"image,omitempty" bson:"image,omitempty"`
	BlobKey      string            `json:"blob_key,omitempty" bson:"blob_key,omitempty"`
	Variants     []Variant         `json:"variants,omitempty" bson:"variants,omitempty"`
	Renders      []Render          `json:"renders,omitempty" bson:"renders,omitempty"`
	Thumbnail    string            `json:"thumbnail,omitempty" bson:"thumbnail,omitempty"`
	Resumable    *Resumable        `json:"resumable,omitempty" bson:"resumable,omitempty"`
	Attributes   map[string]string `json:"attributes,omitempty" bson:"attributes,omitempty"`

	State     string `json:"state" bson:"state"`
	Reason    string `json:"reason,omitempty" bson:"reason,omitempty"`
	Attempts  int    `json:"attempts,omitempty" bson:"attempts,omitempty"`
	Crashes   int    `json:"crashes,omitempty" bson:"crashes,omitempty"`
	ExpiresAt int64  `json:"expires_at,omitempty" bson:"expires_at"`
	Downloads int64  `json:"downloads,omitempty" bson:"downloads,omitempty"`

	CreatedBy string `json:"created_by,omitempty" bson:"created_by,omitempty"`
	CreatedAt int64  `json:"created_at,omitempty" bson:"created_at,omitempty"`
	UpdatedBy string `json:"updated_by,omitempty" bson:"updated_by,omitempty"`
	UpdatedAt int64  `json:"updated_at,omitempty" bson:"updated_at,omitempty"`
	DeletedBy string `json:"deleted_by,omitempty" bson:"deleted_by,omitempty"`
	DeletedAt int64  `json:"deleted_at,omitempty" bson:"deleted_at,omitempty"`
	ErasedAt  int64  `json:"erased_at,omitempty" bson:"erased_at,omitempty"`

	Timeline    []Step        `json:"timeline,omitempty" bson:"timeline,omitempty"`
	Rev         int64         `json:"rev" bson:"rev"`
	ClaimBy     string        `json:"claim_by,omitempty" bson:"claim_by,omitempty"`
	ClaimUntil  int64         `json:"claim_until,omitempty" bson:"claim_until,omitempty"`
	ClaimToken  int64         `json:"claim_token,omitempty" bson:"claim_token,omitempty"`
	Outbox      []OutboxEntry `json:"outbox,omitempty" bson:"outbox,omitempty"`
	IdemKey     string        `json:"idem_key,omitempty" bson:"idem_key,omitempty"`
	Fingerprint string        `json:"fingerprint,omitempty" bson:"fingerprint,omitempty"`
}

// Index holds what a File is found by besides the fields of Record. It is computed from the File at every write and never read back.
type Index struct {
	PathIndex string   `bson:"path_index"`           // UniqueIndex of a path of its own, which is free again from Deleting on
	IdemIndex string   `bson:"idem_index"`           // UniqueIndex of the idempotency key
	LinkIndex []string `bson:"link_index,omitempty"` // LinkIndex of each link, and of the path of a class that Replaces; sorted, each once
	Charged   int64    `bson:"charged"`
	DueExpiry int64    `bson:"due_expiry,omitempty"` // the queues: 0 for what is not in one
	DueOutbox int64    `bson:"due_outbox,omitempty"`
	DuePurge  int64    `bson:"due_purge,omitempty"`
	Work      string   `bson:"work,omitempty"` // the kind of work owed, empty for none
	WorkAt    int64    `bson:"work_at,omitempty"`
	NameIndex string   `bson:"name_index"` // NameIndex and TypeIndex of what can be found by them; empty for what is deleted
	TypeIndex string   `bson:"type_index"`
}

// Link is the stored form of file.Link.
type Link struct {
	Type    string `json:"type,omitempty" bson:"type,omitempty"`
	ID      string `json:"id,omitempty" bson:"id,omitempty"`
	At      int64  `json:"at,omitempty" bson:"at,omitempty"`
	Primary bool   `json:"primary,omitempty" bson:"primary,omitempty"`
}

// Image is the stored form of file.Image.
type Image struct {
	Width  int `json:"width,omitempty" bson:"width,omitempty"`
	Height int `json:"height,omitempty" bson:"height,omitempty"`
	Frames int `json:"frames,omitempty" bson:"frames,omitempty"`
}

// Variant is the stored form of file.Variant.
type Variant struct {
	Name    string `json:"name" bson:"name"`
	Width   int    `json:"width,omitempty" bson:"width,omitempty"`
	Height  int    `json:"height,omitempty" bson:"height,omitempty"`
	Type    string `json:"type,omitempty" bson:"type,omitempty"`
	Size    int64  `json:"size,omitempty" bson:"size,omitempty"`
	SHA256  string `json:"sha256,omitempty" bson:"sha256,omitempty"`
	BlobKey string `json:"blob_key,omitempty" bson:"blob_key,omitempty"`
}

// Render is the stored form of file.Render.
type Render struct {
	Name  string `json:"name" bson:"name"`
	By    string `json:"by,omitempty" bson:"by,omitempty"`
	Until int64  `json:"until,omitempty" bson:"until,omitempty"`
}

// Resumable is the stored form of file.Resumable.
type Resumable struct {
	Length   int64  `json:"length" bson:"length"`
	Concat   string `json:"concat,omitempty" bson:"concat,omitempty"`
	Life     int64  `json:"life,omitempty" bson:"life,omitempty"` // nanoseconds
	Metadata string `json:"metadata,omitempty" bson:"metadata,omitempty"`
}

// Step is the stored form of file.Step.
type Step struct {
	At      int64  `json:"at,omitempty" bson:"at,omitempty"`
	What    string `json:"what,omitempty" bson:"what,omitempty"`
	Took    int64  `json:"took,omitempty" bson:"took,omitempty"` // nanoseconds
	Attempt int    `json:"attempt,omitempty" bson:"attempt,omitempty"`
	Note    string `json:"note,omitempty" bson:"note,omitempty"`
}

// OutboxEntry is the stored form of file.OutboxEntry.
type OutboxEntry struct {
	ID      string `json:"id" bson:"id"`
	Fact    string `json:"fact" bson:"fact"`
	Rev     int64  `json:"rev" bson:"rev"`
	At      int64  `json:"at,omitempty" bson:"at,omitempty"`
	Variant string `json:"variant,omitempty" bson:"variant,omitempty"`
	Trace   string `json:"trace,omitempty" bson:"trace,omitempty"`
}

// FromFile returns the document of f. It shares nothing with f.
func FromFile(f *file.File) Document {
	return Document{Record: record(f), Index: index(f)}
}

func record(f *file.File) Record {
	r := Record{
		ID: string(f.ID), Number: f.Number, Tenant: string(f.Tenant), Class: string(f.Class),
		ParentKind: f.Parent.Kind, ParentID: f.Parent.ID, Path: f.Path, Via: f.Via, Source: f.Source,
		Name: f.Name, OriginalName: f.OriginalName, Description: f.Description,
		DeclaredType: f.DeclaredType, DetectedType: f.DetectedType,
		Size: f.Size, SHA256: f.SHA256, MD5: f.MD5, BlobKey: f.BlobKey, Thumbnail: string(f.Thumbnail),
		State: string(f.State), Reason: f.Reason, Attempts: f.Attempts, Crashes: f.Crashes, ExpiresAt: Micros(f.ExpiresAt), Downloads: f.Downloads,
		CreatedBy: f.Created.ID, CreatedAt: Micros(f.Created.At),
		UpdatedBy: f.Updated.ID, UpdatedAt: Micros(f.Updated.At),
		DeletedBy: f.Deleted.ID, DeletedAt: Micros(f.Deleted.At), ErasedAt: Micros(f.ErasedAt),
		Rev: f.Rev, ClaimBy: f.Claim.By, ClaimUntil: Micros(f.Claim.Until), ClaimToken: f.Claim.Token,
		IdemKey: f.Idempotency.Key, Fingerprint: f.Idempotency.Fingerprint,
		Links: convert(f.Links, func(l file.Link) Link {
			return Link{Type: l.Type, ID: l.ID, At: Micros(l.At), Primary: l.Primary}
		}),
		Variants: convert(f.Variants, func(v file.Variant) Variant { return Variant(v) }),
		Renders: convert(f.Renders, func(r file.Render) Render {
			return Render{Name: r.Name, By: r.By, Until: Micros(r.Until)}
		}),
		Attributes: maps.Clone(f.Attributes),
		Timeline: convert(f.Timeline, func(s file.Step) Step {
			return Step{At: Micros(s.At), What: s.What, Took: int64(s.Took), Attempt: s.Attempt, Note: s.Note}
		}),
		Outbox: convert(f.Outbox, func(o file.OutboxEntry) OutboxEntry {
			return OutboxEntry{ID: o.ID, Fact: o.Fact, Rev: o.Rev, At: Micros(o.At), Variant: o.Variant, Trace: o.Trace}
		}),
	}
	if f.Image != nil {
		i := Image(*f.Image)
		r.Image = &i
	}
	if u := f.Resumable; u != nil {
		r.Resumable = &Resumable{Length: u.Length, Concat: string(u.Concat), Life: int64(u.Life), Metadata: u.Metadata}
	}
	return r
}

func index(f *file.File) Index {
	work, at := f.Owed()
	x := Index{
		PathIndex: UniqueIndex(f.Path, f.ID),
		IdemIndex: UniqueIndex(f.Idempotency.Key, f.ID),
		LinkIndex: convert(f.Links, func(l file.Link) string { return LinkIndex(l.Type, l.ID) }),
		Charged:   f.Charged(),
		DueExpiry: Micros(f.ExpiresAt),
		DueOutbox: Micros(f.OutboxSince()),
		Work:      string(work),
		WorkAt:    Micros(at),
	}
	x.NameIndex, x.TypeIndex = searched(f)
	if f.Class.Replaces() && f.Path != "" {
		x.PathIndex = UniqueIndex("", f.ID)
		x.LinkIndex = append(x.LinkIndex, LinkIndex(versionOf, f.Path))
	}
	slices.Sort(x.LinkIndex)
	x.LinkIndex = slices.Compact(x.LinkIndex)
	if f.State == file.Deleting || f.State == file.Gone {
		x.PathIndex = UniqueIndex("", f.ID)
		x.DueExpiry = 0
	}
	if f.State == file.Gone {
		x.DuePurge = Micros(f.Deleted.At)
	}
	return x
}

// File returns the file that the record describes.
func (r Record) File() *file.File {
	f := &file.File{
		ID: file.ID(r.ID), Number: r.Number, Tenant: file.Tenant(r.Tenant), Class: file.Class(r.Class),
		Parent: file.Parent{Kind: r.ParentKind, ID: r.ParentID}, Path: r.Path, Via: r.Via, Source: r.Source,
		Name: r.Name, OriginalName: r.OriginalName, Description: r.Description,
		DeclaredType: r.DeclaredType, DetectedType: r.DetectedType,
		Size: r.Size, SHA256: r.SHA256, MD5: r.MD5, BlobKey: r.BlobKey, Thumbnail: file.Thumbnail(r.Thumbnail),
		State: file.State(r.State), Reason: r.Reason, Attempts: r.Attempts, Crashes: r.Crashes, ExpiresAt: Time(r.ExpiresAt), Downloads: r.Downloads,
		Created:     file.Actor{ID: r.CreatedBy, At: Time(r.CreatedAt)},
		Updated:     file.Actor{ID: r.UpdatedBy, At: Time(r.UpdatedAt)},
		Deleted:     file.Actor{ID: r.DeletedBy, At: Time(r.DeletedAt)},
		ErasedAt:    Time(r.ErasedAt),
		Rev:         r.Rev,
		Claim:       file.Claim{By: r.ClaimBy, Until: Time(r.ClaimUntil), Token: r.ClaimToken},
		Idempotency: file.Idempotency{Key: r.IdemKey, Fingerprint: r.Fingerprint},
		Links: convert(r.Links, func(l Link) file.Link {
			return file.Link{Type: l.Type, ID: l.ID, At: Time(l.At), Primary: l.Primary}
		}),
		Variants: convert(r.Variants, func(v Variant) file.Variant { return file.Variant(v) }),
		Renders: convert(r.Renders, func(r Render) file.Render {
			return file.Render{Name: r.Name, By: r.By, Until: Time(r.Until)}
		}),
		Attributes: maps.Clone(r.Attributes),
		Timeline: convert(r.Timeline, func(s Step) file.Step {
			return file.Step{At: Time(s.At), What: s.What, Took: time.Duration(s.Took), Attempt: s.Attempt, Note: s.Note}
		}),
		Outbox: convert(r.Outbox, func(o OutboxEntry) file.OutboxEntry {
			return file.OutboxEntry{ID: o.ID, Fact: o.Fact, Rev: o.Rev, At: Time(o.At), Variant: o.Variant, Trace: o.Trace}
		}),
	}
	if r.Image != nil {
		i := file.Image(*r.Image)
		f.Image = &i
	}
	if u := r.Resumable; u != nil {
		f.Resumable = &file.Resumable{Length: u.Length, Concat: file.Concat(u.Concat), Life: time.Duration(u.Life), Metadata: u.Metadata}
	}
	return f
}

// UniqueIndex is what stands in a unique index for a value that may be empty: no two files without one collide,
// and no value can look like the absence of one.
func UniqueIndex(value string, id file.ID) string {
	if value == "" {
		return "-" + string(id)
	}
	return "=" + value
}

// versionOf is the type of the link from a file to a path that it shares with others. No caller's link can have it: links' types are words.
const versionOf = "/"

// LinkIndex is one text for a link's type and id. The length in front keeps ("a", "b:c") and ("a:b", "c") apart.
func LinkIndex(kind, id string) string {
	return strconv.Itoa(len(kind)) + ":" + kind + ":" + id
}

// Micros is a time as it is stored.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the reverse of Micros.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// convert maps a list; an empty one becomes nil.
func convert[A, B any](from []A, to func(A) B) []B {
	if len(from) == 0 {
		return nil
	}
	list := make([]B, len(from))
	for i, v := range from {
		list[i] = to(v)
	}
	return list
}
