package enzyme

import (
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// The JSON of the API, its members in the order of the vendor's page.

type uploadBody struct {
	File fileBody `json:"file"`
}

type fileBody struct {
	ID          file.ID `json:"id"`
	Filename    string  `json:"filename"`
	Size        int64   `json:"size"` // bytes
	ContentType string  `json:"content_type"`
}

type signedBody struct {
	FileID    file.ID `json:"file_id"`
	URL       string  `json:"url"`
	ExpiresAt string  `json:"expires_at"`
}

type signedListBody struct {
	URLs []signedBody `json:"urls"` // never null
}

type successBody struct {
	Success bool `json:"success"` // true
}

func describe(f *file.File) fileBody {
	return fileBody{ID: f.ID, Filename: f.OriginalName, Size: f.Size, ContentType: f.Type()}
}

// timeText writes a time as the vendor does: RFC 3339 in UTC, whole seconds.
func timeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
