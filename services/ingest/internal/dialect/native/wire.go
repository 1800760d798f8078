package native

import (
	"cmp"
	"net/http"
	"time"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
)

// The JSON of the API. The members before the blank line in fileBody are tagd-ai's (its files reference, "Response"), in its order; those after are ours.

type dataBody struct {
	Success    bool        `json:"success"` // true
	Data       any         `json:"data"`
	Pagination *pagination `json:"pagination,omitempty"`
}

type messageBody struct {
	Success bool   `json:"success"` // true
	Message string `json:"message"`
}

type pagination struct {
	Total   int64 `json:"total"`
	Limit   int   `json:"limit"`
	Offset  int   `json:"offset"`
	HasMore bool  `json:"has_more"`
	// Ours.
	Next        string `json:"next_cursor,omitempty"`
	TotalCapped bool   `json:"total_capped,omitempty"` // there may be more than total
}

type fileBody struct {
	ID            string  `json:"id"`
	TagID         string  `json:"tag_id,omitempty"`
	Name          string  `json:"name"`
	OriginalName  string  `json:"original_name"`
	Description   *string `json:"description,omitempty"`
	MimeType      string  `json:"mime_type"`
	Size          int64   `json:"size"`
	URL           string  `json:"url,omitempty"`
	DownloadCount *int64  `json:"download_count,omitempty"`
	CreatedAt     string  `json:"created_at"`
	UpdatedAt     string  `json:"updated_at,omitempty"`

	State        file.State     `json:"state"`
	Reason       string         `json:"reason,omitempty"`
	Number       int64          `json:"number"`
	Path         string         `json:"path"`
	SHA256       string         `json:"sha256"`
	DetectedType string         `json:"detected_type,omitempty"`
	ExpiresAt    string         `json:"expires_at,omitempty"`
	Image        *imageBody     `json:"image,omitempty"`
	Thumbnail    file.Thumbnail `json:"thumbnail"` // none, owed, made or failed
	ThumbnailURL string         `json:"thumbnail_url,omitempty"`
	DownloadURL  string         `json:"download_url"`
	Parent       *parentBody    `json:"parent,omitempty"`
	Links        []linkBody     `json:"links"`
}

// parentBody is what a file belongs to.
type parentBody struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

type imageBody struct {
	Width  int `json:"width"`
	Height int `json:"height"`
	Frames int `json:"frames"`
}

type linkBody struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

type stepBody struct {
	At      string  `json:"at"`
	What    string  `json:"what"`
	TookMS  float64 `json:"took_ms,omitempty"`
	Attempt int     `json:"attempt,omitempty"`
	Note    string  `json:"note,omitempty"`
}

// timeFormat is tagd-ai's: RFC 3339 in UTC, whole seconds.
const timeFormat = "2006-01-02T15:04:05Z"

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeFormat)
}

// publicID is the id as tagd-ai writes it.
func publicID(id file.ID) string { return "file_" + string(id) }

// noThumbnail is file.ThumbnailNone in words.
const noThumbnail file.Thumbnail = "none"

// brief is what every body says of a file.
func brief(f *file.File, base string) fileBody {
	at := base + "/v1/files/" + publicID(f.ID)
	b := fileBody{
		ID: publicID(f.ID), Name: f.Name, OriginalName: f.OriginalName, MimeType: f.Type(), Size: f.Size, CreatedAt: timeText(f.Created.At),
		State: f.State, Reason: f.Reason, Number: f.Number, Path: f.Path, SHA256: f.SHA256, DetectedType: f.DetectedType,
		ExpiresAt: timeText(f.ExpiresAt), Thumbnail: cmp.Or(f.Thumbnail, noThumbnail), DownloadURL: at + "/download", Links: []linkBody{},
	}
	if f.Image != nil {
		b.Image = &imageBody{f.Image.Width, f.Image.Height, f.Image.Frames}
	}
	if f.Thumbnail == file.ThumbnailMade {
		b.ThumbnailURL = at + "/thumbnail"
	}
	if f.Parent != (file.Parent{}) {
		b.Parent = &parentBody{f.Parent.Kind, f.Parent.ID}
	}
	for _, l := range f.Links {
		b.Links = append(b.Links, linkBody{l.Type, l.ID})
	}
	return b
}

// listed is a file as lists show it: without the description and the counts.
func listed(f *file.File, base string) fileBody {
	b := brief(f, base)
	b.UpdatedAt = timeText(f.Updated.At)
	return b
}

// created is a file as the answer to its upload shows it.
func created(f *file.File, base string) fileBody {
	b := brief(f, base)
	b.Description = &f.Description
	b.URL = b.DownloadURL
	return b
}

// whole is all that there is to say about a file.
func whole(f *file.File, base string) fileBody {
	b := created(f, base)
	if f.Parent.Kind == tagKind {
		b.TagID = f.Parent.ID
	}
	b.DownloadCount = &f.Downloads
	b.UpdatedAt = timeText(f.Updated.At)
	return b
}

func timeline(f *file.File) []stepBody {
	steps := make([]stepBody, len(f.Timeline))
	for i, s := range f.Timeline {
		steps[i] = stepBody{At: s.At.UTC().Format(time.RFC3339Nano), What: s.What, TookMS: float64(s.Took.Microseconds()) / 1000, Attempt: s.Attempt, Note: s.Note}
	}
	return steps
}

// uploadStatus is 201 for a file with its verdict, 202 for one that still waits.
func uploadStatus(f *file.File) int {
	if core.Judged(f) && f.State != file.Failed {
		return http.StatusCreated
	}
	return http.StatusAccepted
}
