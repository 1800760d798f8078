package native

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// defaultSigned is how long a signed URL lasts when the request does not say. sign.MaxLife is the most.
const defaultSigned = time.Hour

// maxSignBytes bounds the body of a request for a signed URL.
const maxSignBytes = 1 << 10

// signedKey marks a request that came with a signed URL in place of a credential.
const signedKey = "native.signed"

type signedBody struct {
	ID        string `json:"id"`
	URL       string `json:"url"`
	ExpiresAt string `json:"expires_at"`
}

// sign gives out the URL by which anybody may download a file for a while. Its thumbnail, and its renderings, go by the same parameters.
func (d *Dialect) sign(g *gin.Context) {
	f, err := d.find(g, access.Principal.CheckRead)
	if err != nil {
		d.fail(g, err)
		return
	}
	life, err := readLife(http.MaxBytesReader(g.Writer, g.Request.Body, maxSignBytes))
	if err != nil {
		d.fail(g, err)
		return
	}
	expires := d.Core.Now().Add(life)
	q := d.Keys.Sign(sign.Grant{Tenant: f.Tenant, File: f.ID, UID: door.Principal(g).Signer(), Expires: expires})
	id := publicID(f.ID)
	g.PureJSON(http.StatusOK, dataBody{Success: true, Data: signedBody{
		ID: id, URL: d.Base(g.Request) + "/v1/files/" + id + "/download?" + q.Encode(), ExpiresAt: timeText(expires),
	}})
}

// readLife reads the body of a request for a signed URL: {"expires_in": seconds}, or nothing.
func readLife(r io.Reader) (time.Duration, error) {
	var body struct {
		ExpiresIn *int64 `json:"expires_in"`
	}
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields() // nobody shall think that a scope was narrowed
	err := decoder.Decode(&body)
	if errors.Is(err, io.EOF) {
		return defaultSigned, nil
	}
	if err == nil && decoder.More() {
		err = errors.New("more than one JSON value")
	}
	if err != nil {
		return 0, &file.Error{Kind: file.Invalid, Op: "native.sign", Public: "The body must be a JSON object with expires_in, or empty", Err: err}
	}
	const most = int64(sign.MaxLife / time.Second)
	switch n := body.ExpiresIn; {
	case n == nil:
		return defaultSigned, nil
	case *n < 1 || *n > most:
		return 0, file.Errorf(file.Invalid, "native.sign", "expires_in must be a whole number of seconds between 1 and %d", most)
	default:
		return time.Duration(*n) * time.Second, nil
	}
}

// hasSignedURL reports whether a request comes by a signed URL. That is good for the bytes of a file and of its renderings, and for nothing else.
func hasSignedURL(g *gin.Context) bool {
	route := g.FullPath()
	return (strings.HasSuffix(route, "/:id/download") || strings.HasSuffix(route, "/:id/thumbnail")) && sign.Signed(g.Request.URL.Query())
}

// authenticateURL tells whom a signed URL acts for, on the one file of the path: the user, or the key, that signed it, with the rights of now. One
// whom only tokens know is trusted until the URL ends.
func (d *Dialect) authenticateURL(g *gin.Context) (access.Principal, error) {
	ref, _ := file.ParseRef(g.Param("id")) // nothing was ever signed for the empty id, which all but ids become
	grant, err := d.Keys.Verify(ref.ID, g.Request.URL.Query(), d.Core.Now())
	if err != nil {
		return access.Principal{}, err
	}
	g.Set(signedKey, true)
	if p, ok := d.Directory.Principal(grant.Tenant, grant.UID); ok {
		return p, nil
	}
	return access.Principal{
		Tenant: grant.Tenant, ID: grant.UID, Kind: access.KindGuest, Expires: grant.Expires,
		Roles: map[string]access.Role{"tenant/" + string(grant.Tenant): access.RoleMember},
	}, nil
}

// rateKey is what a request is counted under. Signed URLs have a count of their own, so that whoever holds one uses up nothing of its signer's.
func rateKey(g *gin.Context) string {
	p := door.Principal(g)
	switch {
	case g.GetBool(signedKey):
		return string(p.Tenant) + "/signed/" + p.ID
	case g.GetBool(sessionKey):
		return string(p.Tenant) + "/session/" + p.ID
	}
	return p.RateKey()
}
