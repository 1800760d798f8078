package desk

import (
	"encoding/base64"
	"net/url"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/serve"
)

// proxyLife is how long a proxyKey is good, as a signed URL is by default.
const proxyLife = time.Hour

const (
	paramProxyKey = "proxyKey"
	paramFile     = "file" // beside those of sign.Ring
)

// proxyKey is a capability to read one file: the parameters of a signed URL, folded into one.
func (d *Dialect) proxyKey(p access.Principal, f *file.File) string {
	v := d.Keys.Sign(sign.Grant{Tenant: f.Tenant, File: f.ID, UID: p.Signer(), Expires: d.now().Add(proxyLife)})
	v.Set(paramFile, string(f.ID))
	return base64.RawURLEncoding.EncodeToString([]byte(v.Encode()))
}

func downloadURL(base string, f *file.File, proxyKey string) string {
	return base + apiPath + "/files/" + strconv.FormatInt(f.Number, 10) + "/download?" + paramProxyKey + "=" + proxyKey
}

// verifyProxyKey returns what a proxyKey allows. Every error but that of an expired one is the same.
func (d *Dialect) verifyProxyKey(text string) (sign.Grant, error) {
	plain, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return sign.Grant{}, errProxyKey(err)
	}
	v, err := url.ParseQuery(string(plain))
	if err != nil {
		return sign.Grant{}, errProxyKey(err)
	}
	grant, err := d.Keys.Verify(file.ID(v.Get(paramFile)), v, d.now())
	switch {
	case file.CodeOf(err) == sign.CodeExpired:
		return sign.Grant{}, &file.Error{Kind: file.Forbidden, Op: "desk.proxy_key", Code: sign.CodeExpired, Public: "The proxyKey has expired", Err: err}
	case err != nil:
		return sign.Grant{}, errProxyKey(err)
	}
	return grant, nil
}

func errProxyKey(cause error) error {
	return &file.Error{Kind: file.Forbidden, Op: "desk.proxy_key", Code: "invalid_proxy_key", Public: "The proxyKey is not valid for this file", Err: cause}
}

// download answers with the bytes of a file, for a proxyKey or a credential.
func (d *Dialect) download(g *gin.Context) {
	var o serve.Options
	find := d.findForCaller
	if keys, given := g.GetQueryArray(paramProxyKey); given {
		o.Cache = "private, no-store"
		find = func(g *gin.Context) (*file.File, error) { return d.findForKey(g, keys) }
	}
	f, err := find(g)
	if err != nil {
		d.fail(g, err)
		return
	}
	door.Show(g, f)
	o.Attachment = f.Attributes[attributeDisposition] != dispositionInline
	if err := d.Download(g, f, o); err != nil {
		d.fail(g, err)
	}
}

// findForCaller reads the file of the path for who has sent a credential.
func (d *Dialect) findForCaller(g *gin.Context) (*file.File, error) {
	p, err := d.Authenticate(g.Request)
	if err != nil {
		return nil, err
	}
	ref, err := fileRef(g)
	if err != nil {
		return nil, err
	}
	f, err := d.Core.Get(g.Request.Context(), p.Tenant, ref)
	if err != nil {
		return nil, err
	}
	return f, p.CheckRead(f)
}

// findForKey reads the file of the path for who has a proxyKey. The right of who was given the key is judged again, if the directory knows who
// that was; one known from a token alone is trusted until the key ends.
func (d *Dialect) findForKey(g *gin.Context, keys []string) (*file.File, error) {
	if len(keys) != 1 {
		return nil, errProxyKey(nil)
	}
	grant, err := d.verifyProxyKey(keys[0])
	if err != nil {
		return nil, err
	}
	f, err := d.Core.Get(g.Request.Context(), grant.Tenant, file.ByID(grant.File))
	if err != nil {
		return nil, err
	}
	if ref, err := fileRef(g); err != nil || ref != file.ByID(f.ID) && ref != file.ByNumber(f.Number) {
		return nil, errProxyKey(err)
	}
	if p, known := d.Directory.Principal(grant.Tenant, grant.UID); known {
		return f, p.CheckRead(f)
	}
	return f, nil
}
