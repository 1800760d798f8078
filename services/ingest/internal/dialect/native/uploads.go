package native

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/httpserver"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/tus"
)

// Resumable uploads are tus's. What is decided here is what a client may begin by its metadata, and who may go on with it.

const (
	uploadsPath = "/v1/uploads"
	// maxMetadata bounds Upload-Metadata: a description of the largest size, in Base64, and what else there is to say.
	maxMetadata = 8 << 10
)

func (d *Dialect) mountUploads(v1 gin.IRouter) {
	v1.OPTIONS("/uploads", d.resumable)
	v1.POST("/uploads", d.resumable)
	v1.OPTIONS("/uploads/:upload", d.resumable)
	v1.HEAD("/uploads/:upload", d.resumable)
	v1.PATCH("/uploads/:upload", d.resumable)
	v1.DELETE("/uploads/:upload", d.resumable)
	v1.POST("/uploads/:upload", d.resumable) // of clients that send no other method
}

// resumable answers the requests of tus. One that brings bytes counts as an upload in flight.
func (d *Dialect) resumable(g *gin.Context) {
	if err := d.serveResumable(g); err != nil {
		d.failResumable(g, err)
	}
}

func (d *Dialect) serveResumable(g *gin.Context) error {
	p := door.Principal(g)
	if tus.Method(g.Request) == http.MethodPost || tus.Brings(g.Request) {
		leave, err := d.Enter(g.Request.Context(), p.Tenant)
		if err != nil {
			return err
		}
		defer leave()
	}
	if tus.Brings(g.Request) {
		httpserver.SlowBody(g.Writer, g.Request)
	}
	return d.tus.Serve(g.Writer, g.Request, tus.Call{
		Tenant: p.Tenant, By: p.ID, Upload: g.Param("upload"), Base: d.Base(g.Request), Limits: d.Limits(p.Tenant), Policy: d.policy,
		Begin: func(metadata map[string]string, partial bool) (core.Upload, error) {
			return d.beginResumable(g, metadata, partial)
		},
		Check: func(f *file.File) error { return checkResumable(p, f) },
	})
}

// checkResumable lets go on with an upload who has begun it and may still upload there, and the admins of its tenant.
func checkResumable(p access.Principal, f *file.File) error {
	if err := p.CheckUpload(f.Tenant, f.Parent); err != nil {
		return err
	}
	if f.Created.ID != p.ID && !p.RoleOn(file.Parent{}).AtLeast(access.RoleAdmin) {
		return file.Errorf(file.Forbidden, "native.resumable", "The upload is somebody else's")
	}
	return nil
}

// beginResumable makes an upload of what its client says in Upload-Metadata. A part of another has no name and no type of its own, and is judged
// when that is made; and it has no key, as the same headers come with each part.
func (d *Dialect) beginResumable(g *gin.Context, metadata map[string]string, partial bool) (core.Upload, error) {
	if len(g.GetHeader("Upload-Metadata")) > maxMetadata {
		return core.Upload{}, file.Errorf(file.Invalid, "native.metadata", "Upload-Metadata is longer than %d bytes", maxMetadata)
	}
	tag, tagged := metadata["tag"]
	u, err := d.uploadBy(door.Principal(g), tag, tagged)
	if err != nil {
		return u, err
	}
	if partial {
		u.OriginalName, u.Policy = unnamed, content.Policy{}
		return u, nil
	}
	if u.OriginalName = metadata["filename"]; u.OriginalName == "" {
		return u, &file.Error{Kind: file.Invalid, Op: "native.metadata", Code: "filename_missing", Public: "Upload-Metadata needs a filename"}
	}
	u.DeclaredType, u.Name, u.Description = metadata["filetype"], metadata["name"], metadata["description"]
	if u.Life, err = life(metadata["expires_in"]); err != nil {
		return u, err
	}
	if u.SHA256, err = hexDigest(metadata["sha256"]); err != nil {
		return u, err
	}
	u.Key, err = door.IdempotencyKey(g)
	return u, err
}

// hexDigest reads a SHA-256 in hex, or nothing.
func hexDigest(text string) (string, error) {
	text = strings.ToLower(text)
	if sum, err := hex.DecodeString(text); err != nil || len(sum) != 32 && text != "" {
		return "", file.Errorf(file.Invalid, "native.metadata", "sha256 must be 64 hexadecimal digits")
	}
	return text, nil
}

// failResumable answers with an error: a refusal by the protocol has its status, and so has a file that is too large.
func (d *Dialect) failResumable(g *gin.Context, err error) {
	var refusal *tus.Error
	switch {
	case errors.As(err, &refusal):
		g.AbortWithStatusJSON(refusal.Status, errorBody{Error: errorInfo{Code: refusal.Code, Message: refusal.Text}})
	case file.Is(err, file.TooLarge):
		g.AbortWithStatusJSON(http.StatusRequestEntityTooLarge, errorBody{Error: errorInfo{
			Code: answers[file.TooLarge].code, Message: file.PublicText(err, answers[file.TooLarge].text),
		}})
	default:
		d.fail(g, err)
	}
}
