package enzyme

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// upload takes a file into a channel. The vendor takes every type; what is not what it says is refused all the same.
func (d *Dialect) upload(g *gin.Context) {
	p, channel := door.Principal(g), file.Parent{Kind: channelKind, ID: g.Param("id")}
	if err := d.checkUpload(p, channel); err != nil {
		d.fail(g, err)
		return
	}
	leave, err := d.Enter(g.Request.Context(), p.Tenant)
	if err != nil {
		d.fail(g, err)
		return
	}
	defer leave()
	u := core.Upload{
		Tenant: p.Tenant, By: p.ID, Via: dialectName, Class: file.ClassChannel, Parent: channel, Limits: d.Limits(p.Tenant),
	}
	if err := readForm(g, &u); err != nil {
		d.fail(g, err)
		return
	}
	stored, err := d.Store(g, u)
	if err != nil {
		d.fail(g, err)
		return
	}
	f, err := d.verdict(g.Request.Context(), stored.File)
	if err != nil {
		d.fail(g, err)
		return
	}
	g.JSON(http.StatusOK, uploadBody{File: describe(f)})
}

// verdict waits for what becomes of a stored file, and not for its thumbnail: the answer names none. The file is Pending when time was short,
// which the vendor has no word for: that is a success too.
func (d *Dialect) verdict(ctx context.Context, f *file.File) (*file.File, error) {
	got, err := d.Core.Await(ctx, f, d.Wait, core.Judged)
	if err != nil { // stored all the same
		d.log.WarnContext(ctx, "the verdict could not be awaited", "file", f.ID, "err", err)
		return f, nil
	}
	return d.Verdict(ctx, got, 0)
}

// readForm takes the form's one file, whatever the name of its field: so does the vendor.
func readForm(g *gin.Context, u *core.Upload) error {
	_, err := door.Form(g, "", u, nil)
	if file.CodeOf(err) == door.CodeFileMissing {
		return file.Errorf(file.Invalid, "enzyme.form", "No file provided")
	}
	if err != nil {
		return err
	}
	u.OriginalName, err = cleanName(u.OriginalName)
	return err
}

// cleanName makes of a name what the vendor would store: the last element of a path, cut to 255 bytes without its extension being lost.
func cleanName(raw string) (string, error) {
	base := raw[strings.LastIndexAny(raw, `/\`)+1:]
	name, err := content.CleanName(content.TruncateName(base, file.MaxNameBytes))
	if err != nil {
		return "", &file.Error{Kind: file.Invalid, Op: "enzyme.name", Public: "Invalid filename", Err: err}
	}
	return name, nil
}
