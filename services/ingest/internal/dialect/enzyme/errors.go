package enzyme

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/file"
)

// codeNotMember is the vendor's code for who is not in the channel, or not in its workspace. It is the Code of such a Forbidden error.
const codeNotMember = "NOT_A_MEMBER"

// answers is how each kind of error looks from outside. Status, code and text of 400, 401, 403, 404 and 500 are the vendor's, the others are ours.
var answers = map[file.Kind]struct {
	status int
	code   string
	text   string
	fixed  bool // the text stands, whatever the error says
}{
	file.Invalid:      {http.StatusBadRequest, "VALIDATION_ERROR", "Invalid request parameters", false},
	file.TooLarge:     {http.StatusBadRequest, "VALIDATION_ERROR", "File too large", true},
	file.TypeRefused:  {http.StatusBadRequest, "VALIDATION_ERROR", "This type of file is not allowed", false},
	file.Unauthorized: {http.StatusUnauthorized, "NOT_AUTHENTICATED", "Not authenticated", true},
	file.Forbidden:    {http.StatusForbidden, "PERMISSION_DENIED", "You do not have permission to perform this action", false},
	file.NotFound:     {http.StatusNotFound, "NOT_FOUND", "Resource not found", false},
	file.Conflict:     {http.StatusConflict, "CONFLICT", "The file was changed by somebody else", true},
	file.NotReady:     {http.StatusConflict, "CONFLICT", "The file is being verified", false},
	file.Mismatch:     {http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED", "The Idempotency-Key was used for another request", true},
	file.Precondition: {http.StatusPreconditionFailed, "PRECONDITION_FAILED", "The file has changed", true},
	file.RateLimited:  {http.StatusTooManyRequests, "RATE_LIMITED", "Too many requests", false},
	file.OverQuota:    {http.StatusInsufficientStorage, "STORAGE_LIMIT_EXCEEDED", "Storage limit exceeded", true},
	file.NoSpace:      {http.StatusInsufficientStorage, "INSUFFICIENT_STORAGE", "There is no room for the file", true},
	file.Cancelled:    {http.StatusRequestTimeout, "REQUEST_TIMEOUT", "The request was not completed in time", true},
	file.Unavailable:  {http.StatusServiceUnavailable, "SERVICE_UNAVAILABLE", "The service cannot do this now; try again", true},
	file.Damaged:      {http.StatusInternalServerError, "INTERNAL_ERROR", "An internal error occurred", true},
	file.Internal:     {http.StatusInternalServerError, "INTERNAL_ERROR", "An internal error occurred", true},
}

type errorBody struct {
	Error errorInfo `json:"error"`
}

type errorInfo struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// fail answers with an error, and logs it when it is a fault of ours.
func (d *Dialect) fail(g *gin.Context, err error) {
	kind := file.KindOf(err)
	a, known := answers[kind]
	if !known {
		a = answers[file.Internal]
	}
	info := errorInfo{Code: a.code, Message: a.text}
	if !a.fixed {
		info.Message = file.PublicText(err, a.text)
	}
	if file.CodeOf(err) == codeNotMember {
		info.Code = codeNotMember
	}
	h := g.Writer.Header()
	switch kind {
	case file.Unauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="inlet"`)
	case file.RateLimited:
		h.Set("Retry-After", seconds(access.RetryAfter(err)))
	case file.NotReady:
		h.Set("Retry-After", "1")
	case file.Unavailable:
		h.Set("Retry-After", seconds(access.RetryAfter(err)))
		d.log.WarnContext(g, "a dependency is out", "request_id", h.Get("X-Request-Id"), "err", err)
	case file.Internal, file.Damaged:
		d.log.ErrorContext(g, "request failed", "request_id", h.Get("X-Request-Id"), "err", err)
	}
	g.AbortWithStatusJSON(a.status, errorBody{info})
}

// seconds is how long a client is told to wait: one at least.
func seconds(d time.Duration) string { return strconv.Itoa(max(1, int(d/time.Second))) }
