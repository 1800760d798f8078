package sonar

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/router"
)

// answer is how an error looks from outside. The status is of no account where GraphQL answers: there every error is in a 200.
type answer struct {
	status int
	code   string
	text   string
}

// answers holds one for each kind of error, with the text for an error that has none of its own. The vendor has published neither codes nor
// texts: all are ours.
var answers = map[file.Kind]answer{
	file.Invalid:      {http.StatusBadRequest, codeInvalid, "The request is not valid"},
	file.Unauthorized: {http.StatusUnauthorized, "UNAUTHENTICATED", "Authentication required"},
	file.Forbidden:    {http.StatusForbidden, "FORBIDDEN", "You do not have permission to do this"},
	file.NotFound:     {http.StatusNotFound, "NOT_FOUND", "Not found"},
	file.TooLarge:     {http.StatusRequestEntityTooLarge, "FILE_TOO_LARGE", "The file is too large"},
	file.TypeRefused:  {http.StatusUnsupportedMediaType, "UNSUPPORTED_FILE_TYPE", "This type of file is not allowed"},
	file.RateLimited:  {http.StatusTooManyRequests, "RATE_LIMITED", "Too many requests"},
	file.OverQuota:    {http.StatusInsufficientStorage, "STORAGE_LIMIT_EXCEEDED", "Account storage limit exceeded"},
	file.Conflict:     {http.StatusConflict, "CONFLICT", "The file was changed by somebody else"},
	file.NotReady:     {http.StatusConflict, "NOT_READY", "The file is being verified"},
	file.Mismatch:     {http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED", "The Idempotency-Key was used for another request"},
	file.Precondition: {http.StatusPreconditionFailed, "PRECONDITION_FAILED", "The file has changed"},
	file.NoSpace:      {http.StatusInsufficientStorage, "INSUFFICIENT_STORAGE", "There is no room for the file"},
	file.Cancelled:    {http.StatusRequestTimeout, "REQUEST_TIMEOUT", "The request was not completed in time"},
	file.Unavailable:  {http.StatusServiceUnavailable, "UNAVAILABLE", "The service cannot do this now; try again"},
	file.Damaged:      {http.StatusInternalServerError, "INTERNAL_ERROR", "Something went wrong on our side"},
	file.Internal:     {http.StatusInternalServerError, "INTERNAL_ERROR", "Something went wrong on our side"},
}

// Codes that are no kind's alone.
const (
	codeInvalid    = "INVALID_REQUEST"
	codeAssociated = "already_associated"
)

// explain says what a client learns of an error, and logs it when it is a fault of ours.
func (d *Dialect) explain(ctx context.Context, err error) answer {
	kind := file.KindOf(err)
	a, known := answers[kind]
	if !known {
		a = answers[file.Internal]
	}
	switch kind {
	case file.Unavailable:
		d.log.WarnContext(ctx, "a dependency is out", "request_id", router.RequestID(ctx), "err", err)
		return a
	case file.Internal, file.Damaged:
		d.log.ErrorContext(ctx, "request failed", "request_id", router.RequestID(ctx), "err", err)
		return a
	}
	a.text = file.PublicText(err, a.text)
	if code := file.CodeOf(err); code != "" {
		a.code = strings.ToUpper(code)
	}
	return a
}

// fail answers with an error.
func (d *Dialect) fail(g *gin.Context, err error) {
	h := g.Writer.Header()
	switch file.KindOf(err) {
	case file.Unauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="inlet"`)
	case file.NotReady:
		h.Set("Retry-After", "1")
	case file.RateLimited, file.Unavailable:
		h.Set("Retry-After", strconv.Itoa(max(1, int(access.RetryAfter(err)/time.Second))))
	}
	answerError(g, d.explain(g, err))
}

type errorBody struct {
	Error errorInfo `json:"error"`
}

type errorInfo struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// graphqlErrors is the body of a GraphQL request that has not come to its execution.
type graphqlErrors struct {
	Errors []graphqlError `json:"errors"`
}

type graphqlError struct {
	Message    string            `json:"message"`
	Extensions map[string]string `json:"extensions"`
}

// answerError writes an error in the form that the endpoint has for it.
func answerError(g *gin.Context, a answer) {
	if isGraphQL(g.Request.URL.Path) {
		g.AbortWithStatusJSON(a.status, graphqlErrors{[]graphqlError{{a.text, map[string]string{"code": a.code}}}})
		return
	}
	g.AbortWithStatusJSON(a.status, errorBody{errorInfo{a.code, a.text}})
}
