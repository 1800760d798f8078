package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// MaxLife is how far ahead a signature may reach: of a URL from now, of a POST policy from its x-amz-date (AWS gives a
// signing key the same seven days).
const MaxLife = 7 * 24 * time.Hour

// CodeExpired is the code of the error for a URL whose time is over.
const CodeExpired = "expired"

// The parameters of a signed URL.
const (
	paramExpires = "expires" // Unix seconds
	paramSig     = "sig"     // lower-case hex of HMAC-SHA256
	paramTenant  = "tenant"
	paramUID     = "uid"
)

var (
	errMissing   = errors.New("not all of expires, uid and sig are given")
	errNotOnce   = errors.New("a parameter of the signature is not there exactly once")
	errCanonical = errors.New("a parameter of the signature is not in its canonical form")
	errTooFar    = errors.New("it expires too far ahead")
	errWrong     = errors.New("no key of the ring made the signature")
)

// Grant is what a signed URL allows: whoever holds it may read one file as a user, until the second of Expires.
type Grant struct {
	Tenant  file.Tenant
	File    file.ID
	UID     string
	Expires time.Time // whole seconds; a fraction is cut off
}

// escape keeps the fields of the signed text apart: no field has a line end of its own. Fields of the usual characters stay as they are.
var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`)

// text is what is signed. The method is always GET, which stands for HEAD as well.
func (g Grant) text() string {
	return strings.Join([]string{
		"v1", "GET",
		escape.Replace(string(g.Tenant)), escape.Replace(string(g.File)), escape.Replace(g.UID),
		strconv.FormatInt(g.Expires.Unix(), 10),
	}, "\n")
}

func (g Grant) signature(key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(g.text()))
	return mac.Sum(nil)
}

// Sign returns the parameters expires, sig, tenant and uid, which turn the URL of g's file into one that needs no credential. A grant
// with an empty field, or of more than MaxLife, is signed and never accepted.
func (r *Ring) Sign(g Grant) url.Values {
	return url.Values{
		paramExpires: {strconv.FormatInt(g.Expires.Unix(), 10)},
		paramSig:     {hex.EncodeToString(g.signature(r.keys[0].url))},
		paramTenant:  {string(g.Tenant)},
		paramUID:     {g.UID},
	}
}

// Signed reports whether a request tries to use a signed URL: it has one of expires, uid and sig.
func Signed(q url.Values) bool { return q.Has(paramExpires) || q.Has(paramUID) || q.Has(paramSig) }

// Verify returns what the parameters of a request for the file allow at now. Parameters that are not of the signature are ignored.
//
// Errors: file.Unauthorized when one of expires, uid and sig is not given; file.Forbidden with CodeExpired when the time is over,
// which is judged before the signature; file.Forbidden for everything else. One clock decides, without skew.
func (r *Ring) Verify(id file.ID, q url.Values, now time.Time) (Grant, error) {
	if !q.Has(paramExpires) || !q.Has(paramUID) || !q.Has(paramSig) {
		return Grant{}, &file.Error{Kind: file.Unauthorized, Op: "sign.verify", Public: "authentication required", Err: errMissing}
	}
	for _, name := range []string{paramExpires, paramSig, paramTenant, paramUID} {
		if len(q[name]) > 1 {
			return Grant{}, invalid(errNotOnce)
		}
	}
	expires, ok := parseExpires(q.Get(paramExpires))
	switch {
	case !ok:
		return Grant{}, invalid(errCanonical)
	case expires <= now.Unix():
		return Grant{}, &file.Error{Kind: file.Forbidden, Op: "sign.verify", Code: CodeExpired, Public: "Signed URL has expired"}
	case expires > now.Add(MaxLife).Unix():
		return Grant{}, invalid(errTooFar)
	}
	g := Grant{Tenant: file.Tenant(q.Get(paramTenant)), File: id, UID: q.Get(paramUID), Expires: time.Unix(expires, 0).UTC()}
	sig, ok := parseSig(q.Get(paramSig))
	if !ok || g.Tenant == "" || g.UID == "" {
		return Grant{}, invalid(errCanonical)
	}
	if !r.signed(g, sig) {
		return Grant{}, invalid(errWrong)
	}
	return g, nil
}

// signed tries every key, whether or not one has matched, so that the time taken tells nothing about which it was.
func (r *Ring) signed(g Grant, sig []byte) bool {
	found := false
	for _, k := range r.keys {
		if hmac.Equal(g.signature(k.url), sig) {
			found = true
		}
	}
	return found
}

// parseExpires takes Unix seconds in plain decimal digits, without sign or leading zero.
func parseExpires(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatInt(n, 10) == s
}

func parseSig(s string) ([]byte, bool) {
	sig, err := hex.DecodeString(s)
	return sig, err == nil && len(sig) == sha256.Size && hex.EncodeToString(sig) == s
}

func invalid(cause error) error {
	return &file.Error{Kind: file.Forbidden, Op: "sign.verify", Public: "Invalid signature", Err: cause}
}
