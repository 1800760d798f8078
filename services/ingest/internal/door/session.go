package door

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
)

// SessionLife is how long a browser stays signed in. It does not slide: whoever has taken a cookie has it for no longer.
const SessionLife = 12 * time.Hour

// The names of the cookie. Where it came by https its name has the prefix that browsers keep for cookies of the host itself (RFC 6265bis,
// 4.1.3.2), so that no other host of the same domain can put a session of its own in its place. Over http there is no such prefix.
const (
	sessionCookie       = "inlet_session"
	secureSessionCookie = "__Host-" + sessionCookie
)

// CodeCrossOrigin is the code of the error for a request that a page of another origin has made with the browser's cookie.
const CodeCrossOrigin = "cross_origin"

// OpenSession gives the browser a cookie that stands for p, who has just signed in with this credential, and returns p as the cookie will have it.
func (d *Door) OpenSession(w http.ResponseWriter, r *http.Request, p access.Principal, with access.Credential) access.Principal {
	p.Expires = d.Core.Now().Add(SessionLife).Truncate(time.Second)
	token := d.Keys.SignSession(sign.Session{Tenant: p.Tenant, Subject: p.Signer(), Expires: p.Expires}, sign.Stamp(with))
	d.setCookie(w, r, token, int(SessionLife/time.Second))
	return p
}

// CloseSession takes the browser's cookie away. What was copied from it before is good until it ends.
func (d *Door) CloseSession(w http.ResponseWriter, r *http.Request) { d.setCookie(w, r, "", -1) }

func (d *Door) setCookie(w http.ResponseWriter, r *http.Request, token string, maxAge int) {
	name, secure := d.cookieName(r)
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: token, Path: "/", MaxAge: maxAge, Secure: secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// Session tells who a request's session cookie stands for, with the rights of now. The directory is asked each time, so the session ends with
// the user, with the API key, and with the password.
//
// Errors are Unauthorized (the cause is access.ErrNoCredentials without a cookie), and Forbidden with CodeCrossOrigin for a request that
// changes something and comes from a page of another origin.
func (d *Door) Session(r *http.Request) (access.Principal, error) {
	name, _ := d.cookieName(r)
	cookies := r.CookiesNamed(name)
	switch len(cookies) {
	case 0:
		return access.Principal{}, noSession(access.ErrNoCredentials)
	case 1:
	default:
		return access.Principal{}, noSession(errTwoCookies)
	}
	var p access.Principal
	s, err := d.Keys.VerifySession(cookies[0].Value, d.Core.Now(), func(s sign.Session) (sign.Stamp, bool) {
		known, credential, ok := d.Directory.Session(s.Tenant, s.Subject)
		p = known
		return sign.Stamp(credential), ok
	})
	if err != nil {
		return access.Principal{}, err
	}
	if err := d.CheckOrigin(r); err != nil {
		return access.Principal{}, err
	}
	p.Expires = s.Expires
	return p, nil
}

// CheckOrigin refuses a request that changes something, with CodeCrossOrigin, where the browser says that a page of another origin made it.
// Whoever is no browser says nothing, and is let through.
func (d *Door) CheckOrigin(r *http.Request) error {
	if err := d.origins.Check(r); err != nil {
		return &file.Error{Kind: file.Forbidden, Op: "door.origin", Code: CodeCrossOrigin, Public: "A page of another origin cannot act for who is signed in here", Err: err}
	}
	return nil
}

// protection knows our own origin besides that of each request's Host, which a proxy may have changed.
func protection(publicURL string) *http.CrossOriginProtection {
	p := http.NewCrossOriginProtection()
	if scheme, rest, ok := strings.Cut(publicURL, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		_ = p.AddTrustedOrigin(scheme + "://" + host) // what is no origin adds none
	}
	return p
}

// cookieName is the name of the session's cookie, and whether it is one for https.
func (d *Door) cookieName(r *http.Request) (name string, secure bool) {
	if d.secure(r) {
		return secureSessionCookie, true
	}
	return sessionCookie, false
}

// secure reports whether the client has come by https: to us, to the address that it is to find us at, or to a proxy. Of a proxy's headers this
// one is believed, since whoever lies by it only keeps a cookie from himself.
func (d *Door) secure(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(d.PublicURL, "https://") || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// errTwoCookies is of a request to which somebody has added a session of his own.
var errTwoCookies = errors.New("two session cookies")

// noSession is refused with the text of every refused credential (access.Authenticate).
func noSession(cause error) error {
	return &file.Error{Kind: file.Unauthorized, Op: "door.session", Public: "authentication required", Err: cause}
}
