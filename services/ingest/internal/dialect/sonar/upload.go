package sonar

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/form"
)

const (
	// maxFiles is how many files one form may hold.
	maxFiles = 10
	// maxSkip bounds what is read of a file that was refused, to come to the next one.
	maxSkip = 64 << 20
	// undoLimit bounds the removal of what a failed request had stored.
	undoLimit = 10 * time.Second
)

// outcome is what became of one file of a form.
type outcome struct {
	name     string     // as sent
	file     *file.File // nil when it was not stored
	err      error      // why not
	replayed bool       // an earlier request had stored it
}

// upload takes in the files of a form, each for itself: one that is refused says so in the answer, and the others are stored. A form that
// cannot be read to its end leaves none.
func (d *Dialect) upload(g *gin.Context) {
	p := door.Principal(g)
	if err := p.CheckUpload(p.Tenant, file.Parent{}); err != nil {
		d.fail(g, err)
		return
	}
	leave, err := d.Enter(g.Request.Context(), p.Tenant)
	if err != nil {
		d.fail(g, err)
		return
	}
	defer leave()
	body, err := form.Open(g.Writer, g.Request)
	if err != nil {
		d.fail(g, err)
		return
	}
	outcomes, err := d.receive(g, p, body)
	if err != nil {
		d.undo(g, p, outcomes)
		d.fail(g, err)
		return
	}
	d.await(g.Request.Context(), outcomes)
	answerUpload(g, outcomes)
}

// receive stores the files of a form in the order in which they come. An error is one of the request as a whole; the outcomes up to there are
// returned with it.
func (d *Dialect) receive(g *gin.Context, p access.Principal, body *form.Form) ([]*outcome, error) {
	var all []*outcome
	for {
		f, err := body.NextFile()
		switch {
		case err != nil:
			return all, err
		case f == nil && len(all) == 0:
			return all, &file.Error{Kind: file.Invalid, Op: "sonar.upload", Code: door.CodeFileMissing, Public: "The form needs a file in the field files[]"}
		case f == nil:
			return all, nil
		case !isFiles(f.Field):
			return all, &file.Error{Kind: file.Invalid, Op: "sonar.upload", Code: door.CodeUnexpectedField, Public: "The form needs its files in the field files[]"}
		case len(all) == maxFiles:
			return all, &file.Error{Kind: file.Invalid, Op: "sonar.upload", Code: "too_many_files", Public: "The form has more than " + strconv.Itoa(maxFiles) + " files"}
		}
		o, err := d.store(g, p, f, len(all))
		if err != nil {
			return all, err
		}
		all = append(all, o)
		if o.err != nil && !skip(f) { // the answer ends with a file that goes on for too long
			return all, nil
		}
	}
}

// isFiles reports whether a field is the vendor's array of files: PHP takes files[] and files[0] for the same.
func isFiles(field string) bool {
	return field == "files" || strings.HasPrefix(field, "files[") && strings.HasSuffix(field, "]")
}

// store takes one file in. Why it alone is refused is in the outcome; an error is one of the whole request.
func (d *Dialect) store(g *gin.Context, p access.Principal, f *form.File, index int) (*outcome, error) {
	key, err := door.IdempotencyKey(g, dialectName, strconv.Itoa(index))
	if err != nil {
		return nil, err
	}
	s, err := d.Core.Upload(g.Request.Context(), core.Upload{
		Tenant: p.Tenant, By: p.ID, Via: dialectName, Class: file.ClassAttachment,
		Limits: d.Limits(p.Tenant), Policy: content.TagdAI,
		OriginalName: f.Name, DeclaredType: f.Type, Key: key, Body: f,
	})
	switch file.KindOf(err) {
	case "", file.Invalid, file.TypeRefused, file.TooLarge, file.OverQuota, file.NoSpace:
		return &outcome{name: f.Name, file: s.File, replayed: s.Replayed, err: err}, nil
	}
	return nil, err
}

// skip reads what is left of a file, and reports whether that ended within maxSkip. Why a body cannot be read is for NextFile to say.
func skip(f *form.File) bool {
	n, _ := io.CopyN(io.Discard, f, maxSkip)
	return n < maxSkip
}

// undo removes what a request that failed has stored.
func (d *Dialect) undo(g *gin.Context, p access.Principal, outcomes []*outcome) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(g.Request.Context()), undoLimit) // the client may have gone
	defer cancel()
	for _, o := range outcomes {
		if o.file == nil || o.replayed {
			continue
		}
		if _, err := d.Core.Delete(ctx, p.Tenant, file.ByID(o.file.ID), p.ID); err != nil {
			d.log.WarnContext(ctx, "a file of a failed upload stays", "file", o.file.ID, "err", err)
		}
	}
}

// await waits for the verdicts, all at the same time. A file without one by then is stored, and a rejected one is not.
func (d *Dialect) await(ctx context.Context, outcomes []*outcome) {
	var wg sync.WaitGroup
	for _, o := range outcomes {
		if o.file == nil {
			continue
		}
		wg.Go(func() {
			f, err := d.Core.Await(ctx, o.file, d.Wait, core.Judged)
			switch {
			case err != nil: // stored all the same
				d.log.WarnContext(ctx, "the verdict could not be awaited", "file", o.file.ID, "err", err)
			case f.State == file.Rejected:
				o.file, o.err = nil, door.Rejection(f)
			}
		})
	}
	wg.Wait()
}

func answerUpload(g *gin.Context, outcomes []*outcome) {
	body := uploadBody{Files: make([]fileBody, len(outcomes))}
	for i, o := range outcomes {
		if o.file == nil {
			body.Files[i] = refusedBody(o.name, o.err)
			continue
		}
		body.Files[i] = storedBody(o.file)
		if o.replayed {
			g.Header("Idempotent-Replayed", "true")
		}
		if len(outcomes) == 1 {
			door.Show(g, o.file)
		}
	}
	g.JSON(http.StatusOK, body)
}
