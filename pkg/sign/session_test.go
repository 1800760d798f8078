package sign_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
)

var stamp = sign.Stamp{1, 2, 3}

func session() sign.Session {
	return sign.Session{Tenant: "acme", Subject: "u1", Expires: now.Truncate(time.Second).Add(12 * time.Hour)}
}

// stamped is a directory in which everybody's credential has this stamp.
func stamped(s sign.Stamp) func(sign.Session) (sign.Stamp, bool) {
	return func(sign.Session) (sign.Stamp, bool) { return s, true }
}

// The token was computed apart from this package.
func TestSignSession(t *testing.T) {
	const want = "djEKYWNtZQp1MQoxNzcyNjQzOTY3.wIcsSkv3eYsNKucT8Po-_vnKgabJv6GrkSpVt1DI9mY"
	if got := ring(t, entry("k1", 0)).SignSession(session(), stamp); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestVerifySession(t *testing.T) {
	old, young := ring(t, entry("k1", 0)), ring(t, entry("k2", 1))
	rotated := ring(t, entry("k2", 1)+","+entry("k1", 0))
	for name, s := range map[string]sign.Session{
		"user":         session(),
		"key":          {Tenant: "acme", Subject: "key:Build server 1", Expires: session().Expires},
		"longest":      {Tenant: file.Tenant(strings.Repeat("t", 63)), Subject: strings.Repeat("u", 128), Expires: session().Expires},
		"last instant": {Tenant: "acme", Subject: "u1", Expires: now.Truncate(time.Second).Add(time.Second)},
	} {
		token := old.SignSession(s, stamp)
		for _, r := range []*sign.Ring{old, rotated} {
			if got, err := r.VerifySession(token, now, stamped(stamp)); err != nil || got != s {
				t.Errorf("%s: got %+v, %v", name, got, err)
			}
		}
		if got, err := young.VerifySession(token, now, stamped(stamp)); !file.Is(err, file.Unauthorized) || got != (sign.Session{}) {
			t.Errorf("%s: without the key that signed: %+v, %v", name, got, err)
		}
	}
}

func TestVerifySessionRefuses(t *testing.T) {
	r := ring(t, entry("k1", 0))
	good := r.SignSession(session(), stamp)
	text, mac, _ := strings.Cut(good, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	signed := func(tenant, subject string, expires time.Time) string {
		return r.SignSession(sign.Session{Tenant: file.Tenant(tenant), Subject: subject, Expires: expires}, stamp)
	}
	later := session().Expires
	for name, token := range map[string]string{
		"empty":           "",
		"no signature":    text,
		"empty signature": text + ".",
		"short signature": text + "." + mac[:40],
		"other signature": text + "." + mac[:42] + "A",
		"other user":      b64([]byte("v1\nacme\nu2\n1772647567")) + "." + mac,
		"later end":       b64([]byte("v1\nacme\nu1\n1872647567")) + "." + mac,
		"padded":          text + "=." + mac,
		"two signatures":  good + "." + mac,
		"line end":        good + "\n",
		"ended":           signed("acme", "u1", now.Add(-time.Second)),
		"ends now":        signed("acme", "u1", now.Truncate(time.Second)),
		"no tenant":       signed("", "u1", later),
		"no user":         signed("acme", "", later),
		"too many fields": signed("acme", "u1\n1", later),
		"before 1970":     signed("acme", "u1", time.Unix(-1, 0)),
		"too long":        signed("acme", strings.Repeat("u", 2000), later),
	} {
		if got, err := r.VerifySession(token, now, stamped(stamp)); !file.Is(err, file.Unauthorized) || file.PublicText(err, "") != "authentication required" || got != (sign.Session{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := r.VerifySession(good, now, stamped(sign.Stamp{3, 2, 1})); !file.Is(err, file.Unauthorized) {
		t.Errorf("another credential: %v", err)
	}
	unknown := func(sign.Session) (sign.Stamp, bool) { return stamp, false }
	if _, err := r.VerifySession(good, now, unknown); !file.Is(err, file.Unauthorized) {
		t.Errorf("somebody unknown: %v", err)
	}
}

// FuzzVerifySession: of all texts only the one token that was signed is accepted, and as what was signed.
func FuzzVerifySession(f *testing.F) {
	r := ring(f, entry("k2", 1)+","+entry("k1", 0))
	good := r.SignSession(session(), stamp)
	text, mac, _ := strings.Cut(good, ".")
	for _, s := range []string{"", ".", good, text, mac + "." + text, good + "=", strings.ToLower(good), good[:len(good)-1] + "A", "djEKCgow." + mac} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		s, err := r.VerifySession(token, now, stamped(stamp))
		switch {
		case err == nil && (token != good || s != session()):
			t.Errorf("%q is accepted as %+v", token, s)
		case err != nil && (s != sign.Session{} || !file.Is(err, file.Unauthorized)):
			t.Errorf("%q: %+v, %v", token, s, err)
		}
	})
}
