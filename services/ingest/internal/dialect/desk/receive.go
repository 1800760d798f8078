package desk

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/form"
)

// fileField is the field of a form that holds the bytes.
const fileField = "file"

// receive takes the second step: S3's POST Object, for the forms that we have signed. The signed policy is the only credential, and it is good
// once. https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
func (d *Dialect) receive(g *gin.Context) {
	body, err := form.Open(g.Writer, g.Request)
	if err != nil {
		d.failPost(g, err)
		return
	}
	part, err := body.NextFile()
	if err != nil {
		d.failPost(g, err)
		return
	}
	if part == nil || !strings.EqualFold(part.Field, fileField) {
		d.refusePost(g, http.StatusBadRequest, "IncorrectNumberOfFilesInPostRequest", "The form needs exactly one file, in the field file")
		return
	}
	accepted, err := sign.VerifyPost(fields(body), bucket, d.Keys.PostCredentials(), d.now())
	if err != nil {
		d.failPost(g, err)
		return
	}
	f, err := d.take(g, accepted, part, body)
	if err != nil {
		d.failPost(g, err)
		return
	}
	door.Show(g, f)
	d.answerPost(g, accepted, f)
}

// fields are those before the file, the only ones that count.
func fields(body *form.Form) []sign.Field {
	all := make([]sign.Field, 0, len(body.Fields))
	for name, value := range body.Fields {
		all = append(all, sign.Field{Name: name, Value: value})
	}
	return all
}

// take stores the bytes of the promise that an accepted form is for. Whose upload it is only the form has told. What stands behind the bytes in the form is
// ignored.
func (d *Dialect) take(g *gin.Context, accepted sign.Accepted, part *form.File, body *form.Form) (*file.File, error) {
	tenant, id, ok := parseUploadKey(accepted.Key)
	if _, known := d.Directory.Tenant(tenant); !ok || !known { // one that was there when the form was signed may have gone
		return nil, file.Errorf(file.NotFound, "desk.receive", "The upload is not open")
	}
	leave, err := d.Enter(g.Request.Context(), tenant)
	if err != nil {
		return nil, err
	}
	defer leave()
	return d.Core.Receive(g.Request.Context(), file.ByID(id), core.Upload{
		Tenant: tenant, Limits: door.Lower(d.Limits(tenant), accepted.MaxSize), Policy: policy, MD5: true,
		Announced: max(0, g.Request.ContentLength-form.Overhead), Body: part,
		Complete: func(*core.Upload) error { return body.Discard() },
	})
}

// uploadKey is the key by which a form names its promise.
func uploadKey(f *file.File) string { return string(f.Tenant) + "/" + string(f.ID) }

func parseUploadKey(key string) (t file.Tenant, id file.ID, ok bool) {
	tenant, rest, _ := strings.Cut(key, "/") // no tenant's id has a slash
	id, err := file.ParseID(rest)
	return file.Tenant(tenant), id, err == nil
}
