package native

import (
	"encoding/base64"
	"encoding/hex"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/form"
)

// upload takes a file in: a form, or a raw body with its name in Content-Disposition.
func (d *Dialect) upload(g *gin.Context) {
	u, err := d.uploadTo(g)
	if err != nil {
		d.fail(g, err)
		return
	}
	leave, err := d.Enter(g.Request.Context(), u.Tenant)
	if err != nil {
		d.fail(g, err)
		return
	}
	defer leave()
	if strings.HasPrefix(g.ContentType(), "multipart/") {
		err = readForm(g, &u)
	} else {
		err = readRaw(g, &u)
	}
	if err != nil {
		d.fail(g, err)
		return
	}
	stored, err := d.Store(g, u)
	if err != nil {
		d.fail(g, err)
		return
	}
	d.answerUpload(g, stored)
}

// uploadTo begins an upload to what the path names, if the caller may do that. That is judged before the tag: a scope that is missing comes first.
func (d *Dialect) uploadTo(g *gin.Context) (core.Upload, error) {
	id, tagged := g.Params.Get("tag")
	return d.uploadBy(door.Principal(g), id, tagged)
}

// uploadBy is uploadTo for a tag from elsewhere.
func (d *Dialect) uploadBy(p access.Principal, tag string, tagged bool) (core.Upload, error) {
	u := core.Upload{
		Tenant: p.Tenant, By: p.ID, Via: dialectName, Class: file.ClassGeneric,
		Limits: d.Limits(p.Tenant), Policy: d.policy,
	}
	if tagged {
		u.Class, u.Parent = file.ClassTag, file.Parent{Kind: tagKind, ID: tag}
	}
	if err := p.CheckUpload(p.Tenant, u.Parent); err != nil {
		return u, err
	}
	if tagged && !validTag(tag) {
		return u, noTag()
	}
	return u, nil
}

// readForm takes the form's one file. What stands after the file is read when its bytes are stored.
func readForm(g *gin.Context, u *core.Upload) error {
	fields, err := door.Form(g, "file", u, func(fields map[string]string, u *core.Upload) (err error) {
		u.Name, u.Description = fields["name"], fields["description"]
		u.Life, err = life(fields["expires_in"])
		return err
	})
	if err != nil {
		return err
	}
	_, err = life(fields["expires_in"]) // one that came before the file is judged before the bytes are taken in
	return err
}

// readRaw takes the body as the file.
func readRaw(g *gin.Context, u *core.Upload) (err error) {
	_, params, err := mime.ParseMediaType(g.GetHeader("Content-Disposition"))
	if err != nil || params["filename"] == "" {
		return &file.Error{Kind: file.Invalid, Op: "native.raw", Code: "filename_missing",
			Public: `Send a multipart form, or a raw body with Content-Disposition: attachment; filename="…"`}
	}
	if g.GetHeader("Content-Encoding") != "" {
		return file.Errorf(file.TypeRefused, "native.raw", "Content-Encoding is not supported")
	}
	q := g.Request.URL.Query()
	u.OriginalName, u.DeclaredType = params["filename"], g.GetHeader("Content-Type")
	u.Name, u.Description = q.Get("name"), q.Get("description")
	if u.Life, err = life(q.Get("expires_in")); err != nil {
		return err
	}
	if u.SHA256, err = contentDigest(g.Request.Header); err != nil {
		return err
	}
	u.Announced = max(0, g.Request.ContentLength)
	u.Body = form.Raw(g.Writer, g.Request)
	return nil
}

// life reads expires_in: whole seconds, at least one.
func life(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || n == 0 || n > uint64(core.MaxLife/time.Second) {
		return 0, file.Errorf(file.Invalid, "native.expires_in", "expires_in must be a whole number of seconds between 1 and %d", int64(core.MaxLife/time.Second))
	}
	return time.Duration(n) * time.Second, nil
}

// contentDigest reads the SHA-256 of Content-Digest or Repr-Digest (RFC 9530), in hex. Other algorithms are ignored.
func contentDigest(h http.Header) (string, error) {
	for _, name := range []string{"Content-Digest", "Repr-Digest"} {
		for _, item := range strings.Split(strings.Join(h.Values(name), ","), ",") {
			value, ok := strings.CutPrefix(strings.TrimSpace(item), "sha-256=:")
			if !ok {
				continue
			}
			sum, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(value, ":"))
			if err != nil || len(sum) != 32 || !strings.HasSuffix(value, ":") {
				return "", file.Errorf(file.Invalid, "native.digest", "%s is malformed", name)
			}
			return hex.EncodeToString(sum), nil
		}
	}
	return "", nil
}

// answerUpload waits for the verdict as long as the client wants, and answers.
func (d *Dialect) answerUpload(g *gin.Context, s core.Stored) {
	prefer := parsePrefer(g.Request.Header, d.Wait)
	if prefer.applied != "" {
		g.Header("Preference-Applied", prefer.applied)
	}
	f, err := d.Verdict(g.Request.Context(), s.File, prefer.wait)
	if err != nil {
		d.fail(g, err)
		return
	}
	base := d.Base(g.Request)
	g.Header("Location", base+"/v1/files/"+publicID(f.ID))
	g.JSON(uploadStatus(f), dataBody{Success: true, Data: created(f, base)})
}
