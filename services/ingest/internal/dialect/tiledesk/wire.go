package tiledesk

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
)

// The JSON of the API, with its members in the vendor's order.

// fileBody answers an upload and a delete.
type fileBody struct {
	Message   string `json:"message"`
	Filename  string `json:"filename"`
	Thumbnail string `json:"thumbnail,omitempty"`
}

// errorBody answers what went wrong with a file. Code is the form parser's.
type errorBody struct {
	Success bool   `json:"success"` // false
	Error   string `json:"error"`
	Code    string `json:"code,omitempty"`
}

// denialBody answers who may not use a route.
type denialBody struct {
	Success bool   `json:"success"` // false
	Msg     string `json:"msg"`
}

// projectBody answers a malformed project id.
type projectBody struct {
	Error string `json:"error"`
}

// respond answers in JSON as the vendor's server writes it: without a line break at its end, and with & < > as they are.
func respond(g *gin.Context, status int, body any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(body) // the bodies above always can be
	g.Data(status, gin.MIMEJSON+"; charset=utf-8", bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// refuse answers in JSON, and ends the request.
func refuse(g *gin.Context, status int, body any) {
	respond(g, status, body)
	g.Abort()
}

// deny answers who may not use a route.
func deny(g *gin.Context, msg string) {
	refuse(g, http.StatusForbidden, denialBody{Msg: msg})
}

// uploaded is the answer to an upload. The path of a chat file is shown as it is, all others encoded.
func uploaded(k *kind, f *file.File) fileBody {
	b := fileBody{Message: k.message, Filename: f.Path}
	if k.class == file.ClassChat {
		return b
	}
	b.Filename = encode(f.Path)
	if hasThumbnail(f) {
		b.Thumbnail = encode(thumbnailOf(f.Path))
	}
	return b
}

// hasThumbnail reports whether a file has its thumbnail or is going to have it, as far as is known.
func hasThumbnail(f *file.File) bool {
	switch f.Thumbnail {
	case file.ThumbnailMade, file.ThumbnailOwed:
		return true
	}
	return f.State == file.Pending && f.Class.WantsThumbnail() && content.Renderable(f.Type())
}

// deleted is the answer to a delete.
func deleted(f *file.File) fileBody {
	return fileBody{Message: "File deleted successfully", Filename: encode(f.Path)}
}
