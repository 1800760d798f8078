package desk

import (
	"encoding/xml"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
)

// The XML of S3's POST Object.

// postResponse answers a form that asked for a 201. Its elements stand in the order of the vendor's example, which is not S3's.
type postResponse struct {
	XMLName xml.Name `xml:"PostResponse"`
	Bucket  string
	Key     string
	ETag    struct {
		Text string `xml:",innerxml"` // as S3 has it, with its quotes bare
	}
	Location string
}

// postError answers a form that is refused.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
type postError struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	RequestID string `xml:"RequestId"`
}

// postAnswers is how each kind of error looks to who posts a form. S3 has no code for a quota: that one is ours.
var postAnswers = map[file.Kind]struct {
	status int
	code   string
	text   string // where the error has none of its own
}{
	file.Invalid:      {http.StatusBadRequest, "MalformedPOSTRequest", "The body is not a well-formed multipart/form-data form"},
	file.Unauthorized: {http.StatusForbidden, "AccessDenied", "Access denied"},
	file.Forbidden:    {http.StatusForbidden, "AccessDenied", "Access denied"},
	file.NotFound:     {http.StatusForbidden, "AccessDenied", "The upload is not open"},
	file.TooLarge:     {http.StatusBadRequest, "EntityTooLarge", "The file is larger than the policy allows"},
	file.TypeRefused:  {http.StatusForbidden, "AccessDenied", "The file is not what was announced"},
	file.RateLimited:  {http.StatusServiceUnavailable, "SlowDown", "Reduce your request rate"},
	file.OverQuota:    {http.StatusForbidden, "QuotaExceeded", "Account storage limit exceeded"},
	file.Conflict:     {http.StatusForbidden, "AccessDenied", "The file has been sent already"},
	file.NotReady:     {http.StatusForbidden, "AccessDenied", "Access denied"},
	file.Mismatch:     {http.StatusForbidden, "AccessDenied", "Access denied"},
	file.Precondition: {http.StatusPreconditionFailed, "PreconditionFailed", "A condition does not hold"},
	file.NoSpace:      {http.StatusServiceUnavailable, "ServiceUnavailable", "There is no room for the file"},
	file.Cancelled:    {http.StatusBadRequest, "RequestTimeout", "The body came too slowly"},
	file.Unavailable:  {http.StatusServiceUnavailable, "SlowDown", "The service cannot do this now; try again"},
	file.Damaged:      {http.StatusInternalServerError, "InternalError", "Something went wrong on our side"},
	file.Internal:     {http.StatusInternalServerError, "InternalError", "Something went wrong on our side"},
}

// postCodes are S3's codes for finer ones of ours.
var postCodes = map[string]string{
	"empty_file":      "EntityTooSmall",
	"incomplete_body": "IncompleteBody",
}

// answerPost answers a form whose bytes were taken, as it asked for.
func (d *Dialect) answerPost(g *gin.Context, accepted sign.Accepted, f *file.File) {
	r := postResponse{Bucket: bucket, Key: accepted.Key, Location: "/" + bucket + "/" + accepted.Key}
	r.ETag.Text = `"` + f.MD5 + `"`
	g.Header("ETag", r.ETag.Text)
	g.Header("Location", r.Location)
	if accepted.SuccessStatus != http.StatusCreated {
		g.Status(accepted.SuccessStatus)
		return
	}
	writeXML(g, http.StatusCreated, r)
}

// failPost answers a form that is not taken, and logs it when that is a fault of ours.
func (d *Dialect) failPost(g *gin.Context, err error) {
	var refused *sign.PostError
	if errors.As(err, &refused) {
		d.refusePost(g, refused.Status, refused.Code, refused.Message)
		return
	}
	kind := file.KindOf(err)
	a, known := postAnswers[kind]
	if !known {
		a = postAnswers[file.Internal]
	}
	if !d.hide(g, kind, err) {
		a.text = file.PublicText(err, a.text)
		if code := postCodes[file.CodeOf(err)]; code != "" {
			a.code = code
		}
	}
	if a.status == http.StatusServiceUnavailable {
		g.Header("Retry-After", retryAfter(err))
	}
	d.refusePost(g, a.status, a.code, a.text)
}

func (d *Dialect) refusePost(g *gin.Context, status int, code, message string) {
	g.Abort()
	writeXML(g, status, postError{Code: code, Message: message, RequestID: g.Writer.Header().Get("X-Request-Id")})
}

func writeXML(g *gin.Context, status int, v any) {
	text, err := xml.Marshal(v)
	if err != nil { // structs of texts: it cannot be
		g.Status(http.StatusInternalServerError)
		return
	}
	g.Data(status, "application/xml", append([]byte(xml.Header), text...))
}
