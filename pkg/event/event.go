// Package event is the contract with subscribers: the facts that Inlet tells, their subjects, and the CloudEvents envelope.
//
// What is published here is published for ever: a changed meaning gets a new version beside the old one. The samples in testdata
// were published once and must decode always. The package builds and reads messages; it sends nothing.
package event

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// Fact is what happened to a file, in the past tense.
type Fact string

// The facts.
const (
	Stored         Fact = "file.stored"          // the bytes and the record are durable; no verdict yet
	Verified       Fact = "file.verified"        // the bytes are what they claim to be: the file is served from now on
	Rejected       Fact = "file.rejected"        // they are not, or policy forbids them: the bytes are removed
	Failed         Fact = "file.failed"          // no verdict could be reached
	VariantCreated Fact = "file.variant_created" // a thumbnail or another rendering is there
	Updated        Fact = "file.updated"         // its name, description or the like was changed
	Linked         Fact = "file.linked"
	Unlinked       Fact = "file.unlinked"
	Expired        Fact = "file.expired" // its life ended: not readable any more
	Deleted        Fact = "file.deleted" // somebody deleted it: not readable any more
)

// Facts lists every fact.
var Facts = []Fact{Stored, Verified, Rejected, Failed, VariantCreated, Updated, Linked, Unlinked, Expired, Deleted}

// Prefix begins every subject and type of this version.
const Prefix = "inlet.v1."

// All is the subject pattern that matches every event.
const All = Prefix + ">"

// Subject is where a fact about a tenant's file is published: inlet.v1.<fact>.<tenant>.
func Subject(f Fact, t file.Tenant) string { return Prefix + string(f) + "." + token(string(t)) }

// SubjectOf is the pattern for one fact of all tenants.
func SubjectOf(f Fact) string { return Prefix + string(f) + ".*" }

// token makes any text one subject token: letters, digits, "-" and "_" stay, every other byte becomes %XX.
// So it can never be a wildcard, hold a separator, or be empty.
func token(s string) string {
	if s == "" {
		return "%"
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// Event is a CloudEvents 1.0 event in structured JSON (https://github.com/cloudevents/spec).
type Event struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"` // inlet/<tenant>
	Type        string    `json:"type"`   // inlet.v1.<fact>
	Subject     string    `json:"subject"`
	Time        time.Time `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Data        Data      `json:"data"`
}

// Data is what a fact carries: the file as anybody in its tenant may see it. It holds no signed URL, no e-mail address and no name of a person.
type Data struct {
	File    File     `json:"file"`
	Variant *Variant `json:"variant,omitempty"` // of variant_created
	Rev     int64    `json:"rev"`               // the revision of the record that the fact produced
}

// File is the public view of a file.
type File struct {
	ID           file.ID     `json:"id"`
	Number       int64       `json:"number"`
	Tenant       file.Tenant `json:"tenant"`
	Class        file.Class  `json:"class"`
	ParentKind   string      `json:"parent_kind,omitempty"`
	ParentID     string      `json:"parent_id,omitempty"`
	Path         string      `json:"path,omitempty"`
	Via          string      `json:"via,omitempty"`
	Name         string      `json:"name"`
	DeclaredType string      `json:"declared_type,omitempty"`
	DetectedType string      `json:"detected_type,omitempty"`
	Size         int64       `json:"size"`
	SHA256       string      `json:"sha256,omitempty"`
	Image        *Image      `json:"image,omitempty"`
	State        file.State  `json:"state"`
	Reason       string      `json:"reason,omitempty"`
	Variants     []Variant   `json:"variants,omitempty"`
	Links        []Link      `json:"links,omitempty"`
	CreatedAt    time.Time   `json:"created_at"`
	ExpiresAt    *time.Time  `json:"expires_at,omitempty"`
}

// Image holds the size of a picture.
type Image struct {
	Width  int `json:"width"`
	Height int `json:"height"`
	Frames int `json:"frames"`
}

// Variant is a rendering of the file.
type Variant struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Size   int64  `json:"size"`
}

// Link is an entity that the file is tied to.
type Link struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// New builds the event of an outbox entry from the record that owes it.
func New(e file.OutboxEntry, f *file.File) Event {
	ev := Event{
		SpecVersion: "1.0",
		ID:          e.ID,
		Source:      "inlet/" + string(f.Tenant),
		Type:        Prefix + e.Fact,
		Subject:     string(f.ID),
		Time:        e.At.UTC(),
		ContentType: "application/json",
		Data:        Data{File: view(f), Rev: e.Rev},
	}
	if made, ok := f.Variant(e.Variant); ok {
		v := variant(made)
		ev.Data.Variant = &v
	}
	return ev
}

// Fact returns the fact that the event's type names.
func (e Event) Fact() Fact { return Fact(strings.TrimPrefix(e.Type, Prefix)) }

// Encode gives the event as structured JSON.
func (e Event) Encode() ([]byte, error) { return json.Marshal(e) }

// Decode reads structured JSON. It accepts members that it does not know and refuses what is not an event of this version.
func Decode(data []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(data, &e); err != nil {
		return Event{}, fmt.Errorf("event: %w", err)
	}
	if e.SpecVersion != "1.0" || e.ID == "" || !strings.HasPrefix(e.Type, Prefix) {
		return Event{}, fmt.Errorf("event: not an event of %s", strings.TrimSuffix(Prefix, "."))
	}
	if _, err := file.ParseID(string(e.Data.File.ID)); err != nil {
		return Event{}, fmt.Errorf("event: %w", err)
	}
	return e, nil
}

func view(f *file.File) File {
	v := File{
		ID: f.ID, Number: f.Number, Tenant: f.Tenant, Class: f.Class, ParentKind: f.Parent.Kind, ParentID: f.Parent.ID,
		Path: f.Path, Via: f.Via, Name: f.Name, DeclaredType: f.DeclaredType, DetectedType: f.DetectedType,
		Size: f.Size, SHA256: f.SHA256, State: f.State, Reason: f.Reason, CreatedAt: f.Created.At.UTC(),
	}
	if f.Image != nil {
		v.Image = &Image{f.Image.Width, f.Image.Height, f.Image.Frames}
	}
	for _, x := range f.Variants {
		v.Variants = append(v.Variants, variant(x))
	}
	for _, l := range f.Links {
		v.Links = append(v.Links, Link{l.Type, l.ID})
	}
	if !f.ExpiresAt.IsZero() {
		t := f.ExpiresAt.UTC()
		v.ExpiresAt = &t
	}
	return v
}

func variant(v file.Variant) Variant {
	return Variant{Name: v.Name, Type: v.Type, Width: v.Width, Height: v.Height, Size: v.Size}
}
