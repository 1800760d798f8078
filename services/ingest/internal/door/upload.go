package door

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/form"
)

// thumbnailWait is how much longer an upload waits for its thumbnail once it has its verdict.
const thumbnailWait = 2 * time.Second

// Codes of a form that is not as it should be.
const (
	CodeFileMissing     = "file_missing"     // it holds no file
	CodeUnexpectedField = "unexpected_field" // the file is in another field
)

// Enter lets a tenant's upload in: it is called before the body is read, and the caller leaves when it has ended. Unavailable when the records cannot be
// reached or too many uploads are in flight; RateLimited when too many of them are the tenant's.
func (d *Door) Enter(ctx context.Context, t file.Tenant) (leave func(), err error) {
	leave, err = d.places.take(t)
	if err != nil {
		return nil, err
	}
	if err := d.Core.Present(ctx); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// Form reads on to the one file of a multipart form, which must be in the given field (in any, when it is empty), and makes it the body of u. The fields
// before the file are in the result; those after it too, by the time that u.Complete runs, which this sets; complete, when not nil, runs then.
func Form(g *gin.Context, field string, u *core.Upload, complete func(fields map[string]string, u *core.Upload) error) (map[string]string, error) {
	body, err := form.Open(g.Writer, g.Request)
	if err != nil {
		return nil, err
	}
	f, err := body.NextFile()
	switch {
	case err != nil:
		return nil, err
	case f == nil:
		return nil, &file.Error{Kind: file.Invalid, Op: "door.form", Code: CodeFileMissing, Public: "The form needs a file in the field " + field}
	case field != "" && f.Field != field:
		return nil, &file.Error{Kind: file.Invalid, Op: "door.form", Code: CodeUnexpectedField, Public: "The form needs a file in the field " + field}
	}
	u.OriginalName, u.DeclaredType, u.Body = f.Name, f.Type, f
	if n := g.Request.ContentLength - form.Overhead; n > 0 {
		u.Announced = n
	}
	u.Complete = func(u *core.Upload) error {
		if err := body.Finish(); err != nil {
			return err
		}
		if complete == nil {
			return nil
		}
		return complete(body.Fields, u)
	}
	return body.Fields, nil
}

// Store uploads u, under the Idempotency-Key of the request. The caller has Entered.
func (d *Door) Store(g *gin.Context, u core.Upload) (core.Stored, error) {
	var err error
	if u.Key, err = IdempotencyKey(g); err != nil {
		return core.Stored{}, err
	}
	s, err := d.Core.Upload(g.Request.Context(), u)
	if err != nil {
		return core.Stored{}, err
	}
	if s.Replayed {
		g.Header("Idempotent-Replayed", "true")
	}
	Show(g, s.File)
	return s, nil
}

// Verdict waits for what becomes of a stored file, at most so long, and then a moment for the thumbnail that it may get. The file is returned
// as it then stands: Pending when time was short. A file that was rejected is a TypeRefused error with the reason as its Code;
// a type that is not what was declared has a *content.Mismatch as its cause.
func (d *Door) Verdict(ctx context.Context, f *file.File, wait time.Duration) (*file.File, error) {
	start := time.Now()
	got, err := d.Core.Await(ctx, f, wait, core.Judged)
	if err == nil && got.State == file.Ready {
		got, err = d.Core.Await(ctx, got, min(thumbnailWait, wait-time.Since(start)), core.Settled)
	}
	if err != nil || !got.Live(d.Core.Now()) { // stored all the same: the record is the caller's to look at
		d.Log.WarnContext(ctx, "the verdict could not be awaited", "file", f.ID, "err", err)
		return f, nil
	}
	if got.State == file.Rejected {
		return got, Rejection(got)
	}
	return got, nil
}

// Rejection is the error that a rejected file stands for.
func Rejection(f *file.File) error {
	e := &file.Error{Kind: file.TypeRefused, Op: "door.verdict", Code: f.Reason, Public: content.PublicReason(f.Reason)}
	if f.Reason == content.ReasonTypeMismatch {
		e.Err = &content.Mismatch{Declared: f.DeclaredType, Detected: f.DetectedType}
	}
	return e
}
