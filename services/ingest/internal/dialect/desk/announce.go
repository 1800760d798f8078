package desk

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// maxRefBytes bounds the body of an announcement.
const maxRefBytes = 64 << 10

// bucket is the name by which forms know our own receiver.
const bucket = "inlet-desk"

// announcement is what a client says of a file that it is about to send.
type announcement struct {
	Type        typeName `json:"type"`
	Filename    string   `json:"filename"` // and fileName: encoding/json matches names without case, as the vendor's SDK does
	MimeType    string   `json:"mimeType"`
	Disposition string   `json:"disposition"`
}

// typeName reads the two forms of a file's type: its name alone, or the vendor's FileType, an object with ContentTypes, MaxSize and Name.
// Of that only the name counts: what may be sent is for us to say.
type typeName string

// UnmarshalJSON implements json.Unmarshaler.
func (n *typeName) UnmarshalJSON(text []byte) error {
	var name string
	if json.Unmarshal(text, &name) == nil {
		*n = typeName(name)
		return nil
	}
	var fileType struct{ Name string }
	err := json.Unmarshal(text, &fileType)
	*n = typeName(fileType.Name)
	return err
}

// parseAnnouncement reads the body of an announcement: flat, as the vendor's documentation has it, or below "file", as its SDK
// sends it. Members that it does not know are ignored. The error is Invalid.
func parseAnnouncement(body io.Reader) (announcement, error) {
	var request struct {
		announcement
		File *announcement `json:"file"`
	}
	decoder := json.NewDecoder(body)
	err := decoder.Decode(&request)
	if err == nil && decoder.More() {
		err = errors.New("more than one JSON value")
	}
	if err != nil {
		return announcement{}, &file.Error{Kind: file.Invalid, Op: "desk.announce", Code: "invalid_json",
			Public: "The body must be a JSON object with filename, mimeType, type and disposition", Err: err}
	}
	if request.File != nil {
		return *request.File, nil
	}
	return request.announcement, nil
}

// normalise fills in what may be left out, and returns everything that is wrong with the rest.
func (a *announcement) normalise() (problems []errorInfo) {
	if a.Type == "" {
		a.Type = typeAttachment
	}
	if a.Disposition == "" {
		a.Disposition = dispositionAttachment
	}
	if a.Filename == "" {
		problems = append(problems, fieldError("filename", "filename_missing", "filename is required"))
	} else if _, err := content.CleanName(a.Filename); err != nil {
		problems = append(problems, fieldError("filename", "filename_invalid", file.PublicText(err, "filename is not valid")))
	}
	if a.MimeType == "" {
		problems = append(problems, fieldError("mimeType", "mime_type_missing", "mimeType is required"))
	} else if t, err := content.ParseType(a.MimeType); err != nil || t == "" {
		problems = append(problems, fieldError("mimeType", "mime_type_invalid", "mimeType is not a media type such as image/jpeg"))
	}
	if a.Disposition != dispositionAttachment && a.Disposition != dispositionInline {
		problems = append(problems, fieldError("disposition", "disposition_invalid", "disposition must be attachment or attachment-inline"))
	}
	return problems
}

// announce takes the first step: it makes a promise of a file, and the form that its bytes are to be sent with.
func (d *Dialect) announce(g *gin.Context) {
	p := door.Principal(g)
	if err := p.CheckUpload(p.Tenant, file.Parent{}); err != nil {
		d.fail(g, err)
		return
	}
	a, err := parseAnnouncement(http.MaxBytesReader(g.Writer, g.Request.Body, maxRefBytes))
	if err != nil {
		d.fail(g, err)
		return
	}
	if problems := a.normalise(); problems != nil {
		d.answerErrors(g, http.StatusBadRequest, problems...)
		return
	}
	key, err := door.IdempotencyKey(g)
	if err != nil {
		d.fail(g, err)
		return
	}
	f, err := d.Core.Promise(g.Request.Context(), core.Upload{
		Tenant: p.Tenant, Key: key, By: p.ID, Via: dialectName, Class: file.ClassAttachment, Limits: d.Limits(p.Tenant), Policy: policy,
		OriginalName: a.Filename, DeclaredType: a.MimeType,
		Attributes: map[string]string{attributeDisposition: a.Disposition, attributeType: string(a.Type)},
	})
	if err != nil {
		d.fail(g, err)
		return
	}
	url, params, err := d.form(g, f)
	if err != nil {
		d.fail(g, err)
		return
	}
	door.Show(g, f)
	g.JSON(http.StatusCreated, refAnswer{URL: url, Params: params, File: d.announced(f)})
}

// form makes the form for the bytes of a promise: to the blob store where that takes forms, else to us.
func (d *Dialect) form(g *gin.Context, f *file.File) (url string, params map[string]string, err error) {
	largest := d.Limits(f.Tenant).MaxFile
	if largest <= 0 {
		largest = math.MaxInt64
	}
	direct, ok, err := d.Core.PostForm(g.Request.Context(), f, largest)
	if ok || err != nil {
		return direct.URL, direct.Fields, err
	}
	post := sign.Post{
		Bucket: bucket, Key: uploadKey(f), ContentType: f.DeclaredType, MinSize: 1, MaxSize: largest,
		SuccessStatus: "201", Expires: f.Created.At.Add(core.PromiseLife),
	}
	return d.Base(g.Request) + uploadsPath, post.Sign(d.Keys.PostCredentials()[0], d.now()), nil
}
