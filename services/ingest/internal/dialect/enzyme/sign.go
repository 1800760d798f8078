package enzyme

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// signedLife is how long a signed URL lasts. The vendor's clients take one for stale five minutes before its end.
const signedLife = time.Hour

// Bounds of a request for many signed URLs.
const (
	maxSigned    = 100
	maxSignBytes = 64 << 10
)

func (d *Dialect) signOne(g *gin.Context) {
	f, err := d.find(g, d.checkSign)
	if err != nil {
		d.fail(g, err)
		return
	}
	g.PureJSON(http.StatusOK, d.signed(d.Base(g.Request), door.Principal(g), f.ID, d.Core.Now().Add(signedLife)))
}

// signMany signs for the files that the caller may read, in the order asked for. The others are left out, as the vendor has it: this route tells
// nobody what there is.
func (d *Dialect) signMany(g *gin.Context) {
	ids, err := readIDs(http.MaxBytesReader(g.Writer, g.Request.Body, maxSignBytes))
	if err != nil {
		d.fail(g, err)
		return
	}
	p := door.Principal(g)
	files, err := d.Core.GetMany(g.Request.Context(), p.Tenant, ids)
	if err != nil {
		d.fail(g, err)
		return
	}
	body := signedListBody{URLs: []signedBody{}}
	base, expires := d.Base(g.Request), d.Core.Now().Add(signedLife)
	for _, f := range files {
		if p.CanRead(f) {
			body.URLs = append(body.URLs, d.signed(base, p, f.ID, expires))
		}
	}
	g.PureJSON(http.StatusOK, body)
}

// readIDs reads the ids of a request for many signed URLs. Malformed ones, which nothing has, are left out.
func readIDs(r io.Reader) ([]file.ID, error) {
	var body struct {
		FileIDs []string `json:"file_ids"`
	}
	decoder := json.NewDecoder(r)
	err := decoder.Decode(&body)
	if err == nil {
		_, err = decoder.Token() // io.EOF, when there is no more
	}
	switch {
	case !errors.Is(err, io.EOF) || body.FileIDs == nil:
		return nil, &file.Error{Kind: file.Invalid, Op: "enzyme.sign", Err: err}
	case len(body.FileIDs) > maxSigned:
		return nil, file.Errorf(file.Invalid, "enzyme.sign", "Maximum %d file IDs per request", maxSigned)
	}
	ids := make([]file.ID, 0, len(body.FileIDs))
	for _, text := range body.FileIDs {
		if id, err := file.ParseID(text); err == nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// signed is the URL of a file until expires, as the vendor's server gives it out.
func (d *Dialect) signed(base string, p access.Principal, id file.ID, expires time.Time) signedBody {
	q := d.Keys.Sign(sign.Grant{Tenant: p.Tenant, File: id, UID: p.Signer(), Expires: expires})
	return signedBody{FileID: id, URL: base + "/api/files/" + string(id) + "/download?" + q.Encode(), ExpiresAt: timeText(expires)}
}
