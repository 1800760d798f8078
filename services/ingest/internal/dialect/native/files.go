package native

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/serve"
)

// Bounds of a page.
const (
	defaultLimit = 20
	maxLimit     = 100
	maxOffset    = 1_000_000
)

// maxPatchBytes bounds the body of a PATCH.
const maxPatchBytes = 32 << 10

func (d *Dialect) list(g *gin.Context) {
	parent, err := tag(g)
	if err != nil {
		d.fail(g, err)
		return
	}
	p := door.Principal(g)
	where := file.Parent{}
	if parent != nil {
		where = *parent
	}
	if !p.CanRead(&file.File{Tenant: p.Tenant, Parent: where}) {
		d.fail(g, file.Errorf(file.Forbidden, "native.list", "you do not have permission to do this"))
		return
	}
	l, err := parseList(g.Request.URL.Query())
	if err != nil {
		d.fail(g, err)
		return
	}
	l.Tenant, l.Parent = p.Tenant, parent
	page, err := d.Core.List(g.Request.Context(), l)
	if err != nil {
		d.fail(g, err)
		return
	}
	body := dataBody{Success: true, Pagination: &pagination{Total: page.Total, Limit: l.Limit, Offset: l.Offset, HasMore: page.More}}
	files := make([]fileBody, len(page.Files))
	for i, f := range page.Files {
		files[i] = listed(f)
	}
	body.Data = files
	if page.More {
		body.Pagination.Next = cursor(page.Files[len(page.Files)-1].Number)
	}
	g.JSON(http.StatusOK, body)
}

// parseList reads limit, offset, cursor, order and state.
func parseList(q url.Values) (core.List, error) {
	l := core.List{Limit: defaultLimit}
	var err error
	if l.Limit, err = number(q, "limit", defaultLimit, 1, maxLimit); err != nil {
		return l, err
	}
	if l.Offset, err = number(q, "offset", 0, 0, maxOffset); err != nil {
		return l, err
	}
	if text := q.Get("cursor"); text != "" {
		if l.After, err = parseCursor(text); err != nil {
			return l, err
		}
		if q.Has("offset") {
			return l, file.Errorf(file.Invalid, "native.list", "cursor and offset do not go together")
		}
	}
	switch q.Get("order") {
	case "", "asc":
	case "desc":
		l.Descending = true
	default:
		return l, file.Errorf(file.Invalid, "native.list", "order must be asc or desc")
	}
	if text := q.Get("state"); text != "" {
		for s := range strings.SplitSeq(text, ",") {
			switch state := file.State(s); state {
			case file.Pending, file.Ready, file.Rejected, file.Failed:
				l.States = append(l.States, state)
			default:
				return l, file.Errorf(file.Invalid, "native.list", "state must be pending, ready, rejected or failed")
			}
		}
	}
	return l, nil
}

func number(q url.Values, name string, fallback, low, high int) (int, error) {
	if !q.Has(name) {
		return fallback, nil
	}
	n, err := strconv.Atoi(q.Get(name))
	if err != nil || n < low || n > high {
		return 0, file.Errorf(file.Invalid, "native.list", "%s must be a whole number between %d and %d", name, low, high)
	}
	return n, nil
}

// cursor hides the number of the last file of a page: it is not for clients to build.
func cursor(n int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte("n" + strconv.FormatInt(n, 36)))
}

func parseCursor(s string) (int64, error) {
	text, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil && len(text) > 1 && text[0] == 'n' {
		if n, err := strconv.ParseInt(string(text[1:]), 36, 64); err == nil && n > 0 {
			return n, nil
		}
	}
	return 0, file.Errorf(file.Invalid, "native.list", "cursor is not one that this API gave out")
}

func (d *Dialect) get(g *gin.Context) {
	f, err := d.find(g, access.Principal.CheckRead)
	if err != nil {
		d.fail(g, err)
		return
	}
	g.JSON(http.StatusOK, dataBody{Success: true, Data: whole(f, d.Base(g.Request))})
}

func (d *Dialect) timeline(g *gin.Context) {
	f, err := d.find(g, access.Principal.CheckRead)
	if err != nil {
		d.fail(g, err)
		return
	}
	g.JSON(http.StatusOK, dataBody{Success: true, Data: timeline(f)})
}

func (d *Dialect) update(g *gin.Context) {
	f, err := d.find(g, access.Principal.CheckWrite)
	if err != nil {
		d.fail(g, err)
		return
	}
	var body struct {
		Name        *string `json:"name"`
		Description *string `json:"description"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(g.Writer, g.Request.Body, maxPatchBytes))
	decoder.DisallowUnknownFields() // nobody shall think that a size or an owner was changed
	err = decoder.Decode(&body)
	if err == nil && decoder.More() {
		err = errors.New("more than one JSON value")
	}
	if err != nil {
		d.fail(g, &file.Error{Kind: file.Invalid, Op: "native.update", Public: "The body must be a JSON object with name, description, or both", Err: err})
		return
	}
	p := door.Principal(g)
	f, err = d.Core.Update(g.Request.Context(), p.Tenant, file.ByID(f.ID), p.ID, core.Patch{Name: body.Name, Description: body.Description, IfMatch: ifMatch(g.Request)})
	if err != nil {
		d.fail(g, err)
		return
	}
	g.JSON(http.StatusOK, dataBody{Success: true, Data: whole(f, d.Base(g.Request))})
}

// ifMatch reads the condition of RFC 9110, 13.1.1; nil when there is none.
func ifMatch(r *http.Request) func(string) bool {
	values := r.Header.Values("If-Match")
	if len(values) == 0 {
		return nil
	}
	return func(sha256 string) bool {
		for tag := range strings.SplitSeq(strings.Join(values, ","), ",") {
			if tag = strings.TrimSpace(tag); tag == "*" || tag == serve.ETag(sha256) {
				return true
			}
		}
		return false
	}
}

func (d *Dialect) remove(g *gin.Context) {
	f, err := d.find(g, access.Principal.CheckDelete)
	if err != nil {
		d.fail(g, err)
		return
	}
	p := door.Principal(g)
	if _, err := d.Core.Delete(g.Request.Context(), p.Tenant, file.ByID(f.ID), p.ID); err != nil {
		d.fail(g, err)
		return
	}
	g.JSON(http.StatusOK, messageBody{Success: true, Message: "File deleted successfully"})
}
