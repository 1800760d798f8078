package desk

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/file"
)

// errorsBody is the answer to a request that failed. The vendor documents none: the form is ours, a list as its validator is said to make.
type errorsBody struct {
	Errors []errorInfo `json:"errors"`
}

type errorInfo struct {
	Code   string            `json:"code"`
	Title  string            `json:"title"`
	Detail string            `json:"detail"`
	Meta   map[string]string `json:"meta"` // what the error is about: "field" names a member of the request
}

func newError(code, title, detail string) errorInfo {
	return errorInfo{Code: code, Title: title, Detail: detail, Meta: map[string]string{}}
}

// fieldError is an error about one member of a request.
func fieldError(field, code, detail string) errorInfo {
	e := newError(code, answers[file.Invalid].title, detail)
	e.Meta["field"] = field
	return e
}

// answers is how each kind of error looks from outside. What of a file is refused is a 400, whatever is wrong with it.
var answers = map[file.Kind]struct {
	status int
	code   string
	title  string
	detail string // where the error has none of its own
}{
	file.Invalid:      {http.StatusBadRequest, "invalid_request", "Invalid request", "The request is not valid"},
	file.Unauthorized: {http.StatusUnauthorized, "unauthorized", "Unauthorized", "Authentication required"},
	file.Forbidden:    {http.StatusForbidden, "forbidden", "Forbidden", "You do not have permission to do this"},
	file.NotFound:     {http.StatusNotFound, "not_found", "Not found", "Not found"},
	file.TooLarge:     {http.StatusBadRequest, "file_too_large", "File too large", "The file is too large"},
	file.TypeRefused:  {http.StatusBadRequest, "unsupported_file_type", "File refused", "This type of file is not allowed"},
	file.RateLimited:  {http.StatusTooManyRequests, "rate_limit_exceeded", "Too many requests", "Too many requests; try again later"},
	file.OverQuota:    {http.StatusInsufficientStorage, "storage_limit_exceeded", "Storage limit exceeded", "Account storage limit exceeded"},
	file.Conflict:     {http.StatusConflict, "conflict", "Conflict", "The file was changed by somebody else"},
	file.NotReady:     {http.StatusConflict, "not_ready", "Not ready", "The file is being verified"},
	file.Mismatch:     {http.StatusUnprocessableEntity, "idempotency_key_reused", "Conflict", "The Idempotency-Key was used for another request"},
	file.Precondition: {http.StatusPreconditionFailed, "precondition_failed", "Precondition failed", "The file has changed"},
	file.NoSpace:      {http.StatusInsufficientStorage, "insufficient_storage", "Insufficient storage", "There is no room for the file"},
	file.Cancelled:    {http.StatusRequestTimeout, "request_timeout", "Request timeout", "The request was not completed in time"},
	file.Unavailable:  {http.StatusServiceUnavailable, "unavailable", "Unavailable", "The service cannot do this now; try again"},
	file.Damaged:      {http.StatusInternalServerError, "internal_error", "Internal error", "Something went wrong on our side"},
	file.Internal:     {http.StatusInternalServerError, "internal_error", "Internal error", "Something went wrong on our side"},
}

// fail answers with an error, and logs it when it is a fault of ours.
func (d *Dialect) fail(g *gin.Context, err error) {
	kind := file.KindOf(err)
	a, known := answers[kind]
	if !known {
		a = answers[file.Internal]
	}
	info := newError(a.code, a.title, a.detail)
	if !d.hide(g, kind, err) {
		info.Detail = file.PublicText(err, a.detail)
		if code := file.CodeOf(err); code != "" {
			info.Code = code
		}
	}
	switch kind {
	case file.Unauthorized:
		g.Header("WWW-Authenticate", `Bearer realm="inlet"`)
	case file.RateLimited, file.Unavailable:
		g.Header("Retry-After", retryAfter(err))
	case file.NotReady:
		g.Header("Retry-After", "1")
	}
	d.answerErrors(g, a.status, info)
}

// hide reports whether a client learns nothing of an error but its kind, and logs it when it is not the client's.
func (d *Dialect) hide(g *gin.Context, kind file.Kind, err error) bool {
	id := g.Writer.Header().Get("X-Request-Id")
	switch kind {
	case file.Unavailable:
		d.log.WarnContext(g, "a dependency is out", "request_id", id, "err", err)
	case file.Internal, file.Damaged:
		d.log.ErrorContext(g, "request failed", "request_id", id, "err", err)
	case file.Conflict:
	default:
		return false
	}
	return true
}

// retryAfter is how many seconds a client is told to wait: one at least.
func retryAfter(err error) string {
	return strconv.Itoa(max(1, int(access.RetryAfter(err)/time.Second)))
}

func (d *Dialect) answerErrors(g *gin.Context, status int, list ...errorInfo) {
	g.AbortWithStatusJSON(status, errorsBody{list})
}
