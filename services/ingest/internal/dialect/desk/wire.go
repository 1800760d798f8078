package desk

import (
	"time"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/file"
)

// The JSON of the API. Members stand in the order of the vendor's examples; those after the blank line are in its list of members alone.

type fileBody struct {
	ID          int64     `json:"id"` // file.File's Number
	MimeType    string    `json:"mimeType"`
	FileName    string    `json:"fileName"` // so in the examples
	Filename    string    `json:"filename"` // and so in the list of members
	Size        int64     `json:"size"`     // bytes
	Disposition string    `json:"disposition"`
	Type        string    `json:"type"`
	URL         *string   `json:"URL,omitempty"` // empty in the vendor's example; DownloadURL is what it would say
	CreatedAt   string    `json:"createdAt"`
	UpdatedAt   string    `json:"updatedAt"`
	CreatedBy   reference `json:"createdBy"`
	UpdatedBy   reference `json:"updatedBy"`
	State       string    `json:"state"`

	DeletedAt   string     `json:"deletedAt,omitempty"`
	DeletedBy   *reference `json:"deletedBy,omitempty"`
	DownloadURL string     `json:"downloadURL,omitempty"`
	ProxyKey    string     `json:"proxyKey,omitempty"`
	PixelHeight int        `json:"pixelHeight,omitempty"`
	PixelWidth  int        `json:"pixelWidth,omitempty"`
	S3Path      string     `json:"s3Path,omitempty"` // file.File's Path: no bucket and no key
}

// reference names an entity of Desk.
type reference struct {
	ID   int64  `json:"id"`
	Type string `json:"type"`
}

type fileAnswer struct {
	File any `json:"file"`
}

// refAnswer is the fileRefResponse of the vendor.
type refAnswer struct {
	URL    string            `json:"url"`
	Params map[string]string `json:"params"` // encoded in the order of the vendor's example, which is that of the names
	File   fileBody          `json:"file"`
}

// The states that the vendor knows. What was refused stays temp for ever.
const (
	stateTemp    = "temp"
	stateActive  = "active"
	stateDeleted = "deleted"
)

// Where a file was added, and what it is by default.
const (
	dispositionAttachment = "attachment"
	dispositionInline     = "attachment-inline"
	typeAttachment        = "attachment"
)

// What a client has said of a file is kept in these attributes.
const (
	attributeDisposition = "disposition"
	attributeType        = "type"
)

// timeFormat is RFC 3339 in UTC with microseconds.
const timeFormat = "2006-01-02T15:04:05.000000Z"

func timeText(t time.Time) string { return t.UTC().Format(timeFormat) }

// state is the vendor's word for where a file stands.
func state(f *file.File, now time.Time) string {
	switch {
	case f.State == file.Deleting, f.State == file.Gone, f.Expired(now):
		return stateDeleted
	case f.State == file.Pending, f.State == file.Ready:
		return stateActive
	}
	return stateTemp
}

func (d *Dialect) user(f *file.File, id string) reference {
	return reference{ID: d.Directory.Number(f.Tenant, id), Type: "users"}
}

// announced is a file as the answer to its announcement shows it.
func (d *Dialect) announced(f *file.File) fileBody {
	b := fileBody{
		ID: f.Number, MimeType: f.Type(), FileName: f.OriginalName, Filename: f.OriginalName, Size: f.Size,
		Disposition: dispositionAttachment, Type: typeAttachment,
		CreatedAt: timeText(f.Created.At), UpdatedAt: timeText(f.Updated.At),
		CreatedBy: d.user(f, f.Created.ID), UpdatedBy: d.user(f, f.Updated.ID),
		State: state(f, d.now()),
	}
	if s := f.Attributes[attributeDisposition]; s != "" {
		b.Disposition = s
	}
	if s := f.Attributes[attributeType]; s != "" {
		b.Type = s
	}
	return b
}

// whole is all that there is to say about a file to p, who may read it. base is the URL of this server.
func (d *Dialect) whole(f *file.File, p access.Principal, base string) fileBody {
	b := d.announced(f)
	b.URL = new(string)
	b.S3Path = f.Path
	if f.Image != nil {
		b.PixelHeight, b.PixelWidth = f.Image.Height, f.Image.Width
	}
	switch b.State {
	case stateActive:
		b.ProxyKey = d.proxyKey(p, f)
		b.DownloadURL = downloadURL(base, f, b.ProxyKey)
	case stateDeleted:
		at, by := f.Deleted.At, d.user(f, f.Deleted.ID)
		if at.IsZero() { // expired, and the sweeper has yet to come by
			at, by = f.ExpiresAt, d.user(f, f.Updated.ID)
		}
		b.DeletedAt, b.DeletedBy = timeText(at), &by
	}
	return b
}
