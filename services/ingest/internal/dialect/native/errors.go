package native

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
)

// answers is how each kind of error looks from outside. Status and code of the first eight are tagd-ai's, the others are ours.
var answers = map[file.Kind]struct {
	status int
	code   string
	text   string // where the error has none of its own
}{
	file.Invalid:      {http.StatusBadRequest, "invalid_request", "The request is not valid"},
	file.Unauthorized: {http.StatusUnauthorized, "unauthorized", "Authentication required"},
	file.Forbidden:    {http.StatusForbidden, "forbidden", "You do not have permission to do this"},
	file.NotFound:     {http.StatusNotFound, "not_found", "Not found"},
	file.TooLarge:     {http.StatusBadRequest, "file_too_large", "The file is too large"},
	file.TypeRefused:  {http.StatusUnsupportedMediaType, "unsupported_file_type", "This type of file is not allowed"},
	file.RateLimited:  {http.StatusTooManyRequests, "rate_limit_exceeded", "Rate limit exceeded"},
	file.OverQuota:    {http.StatusInsufficientStorage, "storage_limit_exceeded", "Account storage limit exceeded"},
	file.Conflict:     {http.StatusConflict, "conflict", "The file was changed by somebody else"},
	file.NotReady:     {http.StatusConflict, "not_ready", "The file is being verified"},
	file.Mismatch:     {http.StatusUnprocessableEntity, "idempotency_key_reused", "The Idempotency-Key was used for another request"},
	file.Precondition: {http.StatusPreconditionFailed, "precondition_failed", "The file has changed"},
	file.NoSpace:      {http.StatusInsufficientStorage, "insufficient_storage", "There is no room for the file"},
	file.Cancelled:    {http.StatusRequestTimeout, "request_timeout", "The request was not completed in time"},
	file.Unavailable:  {http.StatusServiceUnavailable, "unavailable", "The service cannot do this now; try again"},
	file.Damaged:      {http.StatusInternalServerError, "internal_error", "Something went wrong on our side"},
	file.Internal:     {http.StatusInternalServerError, "internal_error", "Something went wrong on our side"},
}

// seconds is how long a client is told to wait: one at least.
func seconds(d time.Duration) int { return max(1, int(d/time.Second)) }

type errorBody struct {
	Success bool      `json:"success"` // false
	Error   errorInfo `json:"error"`
}

type errorInfo struct {
	Code       string `json:"code"`
	Message    string `json:"message"`
	RetryAfter int    `json:"retry_after,omitempty"` // seconds
}

// fail answers with an error, and logs it when it is a fault of ours.
func (d *Dialect) fail(g *gin.Context, err error) {
	kind := file.KindOf(err)
	a, known := answers[kind]
	if !known {
		a = answers[file.Internal]
	}
	info := errorInfo{Code: a.code, Message: file.PublicText(err, a.text)}
	if code := file.CodeOf(err); code != "" {
		info.Code = code
	}
	h := g.Writer.Header()
	switch kind {
	case file.Unauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="inlet"`)
	case file.RateLimited:
		if info.Code == core.CodeTooManyVariants { // no wait will help
			break
		}
		info.RetryAfter = seconds(access.RetryAfter(err))
		info.Message = "Rate limit exceeded. Retry after " + strconv.Itoa(info.RetryAfter) + " seconds."
		h.Set("Retry-After", strconv.Itoa(info.RetryAfter))
	case file.NotReady:
		h.Set("Retry-After", "1")
	case file.Unavailable:
		h.Set("Retry-After", strconv.Itoa(seconds(access.RetryAfter(err))))
		d.log.WarnContext(g, "a dependency is out", "request_id", h.Get("X-Request-Id"), "err", err)
		info = errorInfo{Code: a.code, Message: a.text}
	case file.Internal, file.Damaged:
		d.log.ErrorContext(g, "request failed", "request_id", h.Get("X-Request-Id"), "err", err)
		info = errorInfo{Code: a.code, Message: a.text}
	case file.Conflict:
		info = errorInfo{Code: a.code, Message: a.text}
	}
	g.AbortWithStatusJSON(a.status, errorBody{Error: info})
}
