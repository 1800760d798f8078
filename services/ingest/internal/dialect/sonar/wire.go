package sonar

import (
	"strconv"
	"strings"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/dialect/sonar/graph"
)

// uploadBody is the vendor's answer to an upload: its files in the order in which they came.
type uploadBody struct {
	Files []fileBody `json:"files"`
}

type fileBody struct {
	ID             *int64  `json:"id"` // a number here, and a string in GraphQL; null for a file that was not stored
	Filename       string  `json:"filename"`
	Stored         bool    `json:"stored"`
	FailureMessage *string `json:"failure_message"` // null for a file that was stored
}

func storedBody(f *file.File) fileBody {
	return fileBody{ID: &f.Number, Filename: f.OriginalName, Stored: true}
}

// refusedBody is of a file with that name, as sent, which was not stored because of err.
func refusedBody(name string, err error) fileBody {
	text := file.PublicText(err, answers[file.KindOf(err)].text)
	return fileBody{Filename: shownName(name), FailureMessage: &text}
}

// shownName is the name that a file would have, or of one that is no good as much as a name has.
func shownName(name string) string {
	if clean, err := content.CleanName(name); err == nil {
		return clean
	}
	return strings.ToValidUTF8(name[:min(len(name), file.MaxNameBytes)], "\ufffd")
}

// graphFile is a file as GraphQL shows it.
func (d *Dialect) graphFile(f *file.File) *graph.File {
	user := graph.Int64Bit(d.Directory.Number(f.Tenant, f.Created.ID))
	out := &graph.File{
		ID: graph.Int64Bit(f.Number), SonarUniqueID: string(f.ID), Version: strconv.FormatInt(f.Rev, 10),
		CreatedAt: graph.Datetime(f.Created.At), UpdatedAt: graph.Datetime(f.Updated.At), UserID: &user,
		Filename: f.OriginalName, MimeType: f.Type(), FileSizeInBytes: graph.Int64Bit(f.Size),
	}
	if f.Description != "" {
		out.Description = &f.Description
	}
	if l, ok := association(f); ok {
		t := graph.FileableType(l.Type)
		id, _ := strconv.ParseInt(l.ID, 10, 64) // association has looked
		n := graph.Int64Bit(id)
		out.FileableType, out.FileableID, out.PrimaryImage = &t, &n, l.Primary
	}
	return out
}

// entity is the link to something that this API knows.
func entity(t graph.FileableType, id graph.Int64Bit) file.Link {
	return file.Link{Type: string(t), ID: strconv.FormatInt(int64(id), 10)}
}

// association is the link that this API shows of a file, which other APIs may have linked to things of their own.
func association(f *file.File) (file.Link, bool) {
	for _, l := range f.Links {
		if _, err := strconv.ParseInt(l.ID, 10, 64); err == nil && graph.FileableType(l.Type).IsValid() {
			return l, true
		}
	}
	return file.Link{}, false
}
