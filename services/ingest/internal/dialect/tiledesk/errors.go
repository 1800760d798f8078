package tiledesk

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// The vendor's texts for a fault of the server, by what it was doing.
const (
	faultChat    = "Error updating file chunks"
	faultAsset   = "Error uploading asset"
	faultAvatar  = "Error uploading user image."
	faultGet     = "Error getting file."
	faultDelete  = "Error deleting file."
	faultRequest = "Internal server error"
)

// answers is how each kind of error looks from outside. Status and text of Invalid, NotFound, TooLarge and TypeRefused are the vendor's, the
// others are ours: its server has no such cases.
var answers = map[file.Kind]struct {
	status int
	text   string // in place of the error's own; empty shows that
}{
	file.Invalid:      {http.StatusBadRequest, ""},
	file.Unauthorized: {http.StatusUnauthorized, "Unauthorized"},
	file.Forbidden:    {http.StatusForbidden, ""},
	file.NotFound:     {http.StatusNotFound, "File not found."},
	file.TooLarge:     {http.StatusRequestEntityTooLarge, "File too large"},
	file.TypeRefused:  {http.StatusForbidden, ""},
	file.RateLimited:  {http.StatusTooManyRequests, "Too many requests"},
	file.OverQuota:    {http.StatusInsufficientStorage, "Account storage limit exceeded"},
	file.Conflict:     {http.StatusConflict, "The file was changed by somebody else"},
	file.NotReady:     {http.StatusServiceUnavailable, "The file is being verified"},
	file.Mismatch:     {http.StatusUnprocessableEntity, ""},
	file.Precondition: {http.StatusPreconditionFailed, "The file has changed"},
	file.NoSpace:      {http.StatusInsufficientStorage, "There is no room for the file"},
	file.Cancelled:    {http.StatusRequestTimeout, "The request was not completed in time"},
	file.Unavailable:  {http.StatusServiceUnavailable, "The service cannot do this now; try again"},
	file.Damaged:      {http.StatusInternalServerError, ""},
	file.Internal:     {http.StatusInternalServerError, ""},
}

// limits are the form parser's codes, by ours.
var limits = map[string]errorBody{
	door.CodeFileMissing:     {Error: "No file uploaded"},
	door.CodeUnexpectedField: {Error: "Unexpected field", Code: "LIMIT_UNEXPECTED_FILE"},
}

// fail answers with an error, and logs it when it is a fault of ours, for which the client is told the given text.
func (d *Dialect) fail(g *gin.Context, err error, fault string) {
	kind := file.KindOf(err)
	a, known := answers[kind]
	if !known {
		kind, a = file.Internal, answers[file.Internal]
	}
	body := errorBody{Error: a.text}
	if a.text == "" {
		body.Error = file.PublicText(err, "Bad request")
	}
	h := g.Writer.Header()
	switch kind {
	case file.Invalid:
		if b, ok := limits[file.CodeOf(err)]; ok {
			body = b
		}
	case file.TooLarge:
		body.Code = "LIMIT_FILE_SIZE"
	case file.RateLimited:
		h.Set("Retry-After", seconds(access.RetryAfter(err)))
	case file.NotReady:
		h.Set("Retry-After", seconds(0))
	case file.Unavailable:
		h.Set("Retry-After", seconds(access.RetryAfter(err)))
		d.log.WarnContext(g.Request.Context(), "a dependency is out", "request_id", h.Get("X-Request-Id"), "err", err)
	case file.Internal, file.Damaged:
		d.log.ErrorContext(g.Request.Context(), "request failed", "request_id", h.Get("X-Request-Id"), "err", err)
		body.Error = fault
	}
	refuse(g, a.status, body)
}

// seconds is how long a client is told to wait: one at least.
func seconds(d time.Duration) string { return strconv.Itoa(max(1, int(d/time.Second))) }

// refusal puts into the vendor's words why a file of the given name is not taken. Other errors stay as they are.
func (k *kind) refusal(err error, name string) error {
	if !file.Is(err, file.TypeRefused) {
		return err
	}
	refused := &file.Error{Kind: file.TypeRefused, Op: "tiledesk.upload", Err: err}
	var m *content.Mismatch
	switch {
	case errors.As(err, &m):
		detected := m.Detected
		if detected == "" || detected == content.OctetStream {
			detected = "unknown"
		}
		refused.Public = fmt.Sprintf("File content does not match mimetype. Detected: %s, provided: %s", detected, m.Declared)
	case file.CodeOf(err) == content.CodeUnsupported:
		refused.Public = "File extension " + extension(name) + " is not allowed" + k.purpose
	}
	return refused
}

// extension is that of a name as it was sent.
func extension(name string) string {
	if cleaned, err := content.CleanName(name); err == nil {
		name = cleaned
	}
	if ext := content.Extension(name); ext != "" {
		return ext
	}
	return "(none)"
}
