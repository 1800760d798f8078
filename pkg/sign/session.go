package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// Session says who has signed in, and until when that holds.
type Session struct {
	Tenant  file.Tenant
	Subject string    // the user's id, or what stands for an API key
	Expires time.Time // whole seconds; a fraction is cut off
}

// Stamp is a digest of the credential that somebody has signed in with. A token is signed with it and does not hold it: when the password
// or the key is another, the token is worth nothing.
type Stamp [sha256.Size]byte

// maxToken bounds what is read of a session's token: the longest that SignSession makes of a tenant and a subject of the directory is half of it.
const maxToken = 1 << 10

var (
	errTokenForm    = errors.New("not the form of a session's token")
	errTokenExpired = errors.New("the session has ended")
	errTokenWrong   = errors.New("no key of the ring has signed the session, or its credential has changed")
)

// text is the part of a token that can be read: it is no secret.
func (s Session) text() string {
	return strings.Join([]string{"v1", string(s.Tenant), s.Subject, strconv.FormatInt(s.Expires.Unix(), 10)}, "\n")
}

// SignSession returns the token of a session, of the characters of a cookie's value (RFC 6265, 4.1.1). A session with an empty field, or
// with a line end in one, is signed and never accepted.
func (r *Ring) SignSession(s Session, stamp Stamp) string {
	text := s.text()
	return base64.RawURLEncoding.EncodeToString([]byte(text)) + "." + base64.RawURLEncoding.EncodeToString(sessionMAC(r.keys[0].session, text, stamp))
}

// VerifySession returns what a token says, if a key of the ring has signed it with the stamp that stampOf has for its session and it holds at now.
// stampOf is asked before the signature is known to be good, and reports false for a session whose subject has no credential.
//
// Every error is file.Unauthorized, with one text whatever was wrong. One clock decides, without skew.
func (r *Ring) VerifySession(token string, now time.Time, stampOf func(Session) (Stamp, bool)) (Session, error) {
	s, text, mac, ok := parseToken(token)
	if !ok {
		return Session{}, noSession(errTokenForm)
	}
	stamp, known := stampOf(s)
	found := false
	for _, k := range r.keys { // every key, as with URLs; and for the unknown too, so that the time taken does not tell who is known
		if hmac.Equal(sessionMAC(k.session, text, stamp), mac) {
			found = true
		}
	}
	switch {
	case !found || !known:
		return Session{}, noSession(errTokenWrong)
	case !now.Before(s.Expires):
		return Session{}, noSession(errTokenExpired)
	}
	return s, nil
}

// sessionMAC covers a token's text and the stamp. The stamp has a fixed length, and so needs nothing between.
func sessionMAC(key []byte, text string, stamp Stamp) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(stamp[:])
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// parseToken reads a token that may be anybody's. What it accepts has one form only: the token of another form is another session's or none's.
func parseToken(token string) (s Session, text string, mac []byte, ok bool) {
	if len(token) > maxToken || strings.ContainsAny(token, "\r\n") { // which the decoder would skip
		return Session{}, "", nil, false
	}
	encoded, sum, _ := strings.Cut(token, ".")
	decoded, errText := base64.RawURLEncoding.Strict().DecodeString(encoded)
	mac, errSum := base64.RawURLEncoding.Strict().DecodeString(sum)
	fields := strings.Split(string(decoded), "\n")
	if errText != nil || errSum != nil || len(mac) != sha256.Size || len(fields) != 4 || fields[0] != "v1" || fields[1] == "" || fields[2] == "" {
		return Session{}, "", nil, false
	}
	expires, ok := parseExpires(fields[3])
	if !ok {
		return Session{}, "", nil, false
	}
	return Session{Tenant: file.Tenant(fields[1]), Subject: fields[2], Expires: time.Unix(expires, 0).UTC()}, string(decoded), mac, true
}

func noSession(cause error) error {
	return &file.Error{Kind: file.Unauthorized, Op: "sign.session", Public: "authentication required", Err: cause}
}
