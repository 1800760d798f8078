package sign_test

import (
	"maps"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/sign"
)

const (
	fileID  = file.ID("01JQ3KMN7XFGY4P6WBR2SZTA9V")
	otherID = file.ID("01JQ3KMN7XFGY4P6WBR2SZTA9W")
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 800_000_000, time.UTC)

func grant() sign.Grant {
	return sign.Grant{Tenant: "acme", File: fileID, UID: "u1", Expires: now.Truncate(time.Second).Add(time.Hour)}
}

// The signature was computed apart from this package.
func TestSign(t *testing.T) {
	q := ring(t, entry("k1", 0)).Sign(grant())
	const want = "expires=1772604367&sig=67096b20f30356159107a449024f1240049da15421b739e72261334fb4938795&tenant=acme&uid=u1"
	if got := q.Encode(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestVerify(t *testing.T) {
	r := sign.NewRing()
	for name, g := range map[string]sign.Grant{
		"usual":         grant(),
		"odd user":      {Tenant: "acme", File: fileID, UID: "auth0|99 &=%+\x00\\\n\xff", Expires: grant().Expires},
		"longest life":  {Tenant: "acme", File: fileID, UID: "u1", Expires: now.Truncate(time.Second).Add(sign.MaxLife)},
		"shortest life": {Tenant: "acme", File: fileID, UID: "u1", Expires: now.Truncate(time.Second).Add(time.Second)},
	} {
		q, err := url.ParseQuery(r.Sign(g).Encode() + "&download=1&download=2&width=")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Verify(g.File, q, now); err != nil || got != g {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	r := sign.NewRing()
	unixIn := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	set := func(name string, values ...string) func(url.Values) {
		return func(q url.Values) { q[name] = values }
	}
	for name, change := range map[string]func(url.Values){
		"later expires":         set("expires", unixIn(2*time.Hour)),
		"earlier expires":       set("expires", unixIn(time.Minute)),
		"plus":                  func(q url.Values) { q.Set("expires", "+"+q.Get("expires")) },
		"leading zero":          func(q url.Values) { q.Set("expires", "0"+q.Get("expires")) },
		"space":                 func(q url.Values) { q.Set("expires", q.Get("expires")+" ") },
		"fraction":              func(q url.Values) { q.Set("expires", q.Get("expires")+".0") },
		"exponent":              set("expires", "1e10"),
		"negative":              set("expires", "-1"),
		"zero":                  set("expires", "0"),
		"no number":             set("expires", "never"),
		"empty expires":         set("expires", ""),
		"too large a number":    set("expires", "9223372036854775808"),
		"largest number":        set("expires", "9223372036854775807"),
		"expires twice":         func(q url.Values) { q.Add("expires", q.Get("expires")) },
		"changed uid":           set("uid", "u2"),
		"empty uid":             set("uid", ""),
		"uid twice":             func(q url.Values) { q.Add("uid", "u1") },
		"another uid in front":  set("uid", "u2", "u1"),
		"changed tenant":        set("tenant", "globex"),
		"empty tenant":          set("tenant", ""),
		"no tenant":             func(q url.Values) { q.Del("tenant") },
		"tenant twice":          func(q url.Values) { q.Add("tenant", "acme") },
		"upper-case sig":        func(q url.Values) { q.Set("sig", strings.ToUpper(q.Get("sig"))) },
		"truncated sig":         func(q url.Values) { q.Set("sig", q.Get("sig")[:62]) },
		"half a byte of sig":    func(q url.Values) { q.Set("sig", q.Get("sig")[:63]) },
		"longer sig":            func(q url.Values) { q.Add("sig", q.Get("sig")+"00") },
		"sig and some":          func(q url.Values) { q.Set("sig", q.Get("sig")+"00") },
		"empty sig":             set("sig", ""),
		"zeros for a sig":       set("sig", strings.Repeat("0", 64)),
		"no hex":                set("sig", strings.Repeat("z", 64)),
		"sig twice":             func(q url.Values) { q.Add("sig", q.Get("sig")) },
		"a wrong sig first":     func(q url.Values) { q["sig"] = []string{strings.Repeat("0", 64), q.Get("sig")} },
		"signed by another":     func(q url.Values) { maps.Copy(q, sign.NewRing().Sign(grant())) },
		"signed for another id": func(q url.Values) { g := grant(); g.File = otherID; maps.Copy(q, r.Sign(g)) },
		"signed for too long": func(q url.Values) {
			g := grant()
			g.Expires = now.Truncate(time.Second).Add(sign.MaxLife + time.Second)
			maps.Copy(q, r.Sign(g))
		},
		"signed for nobody":    func(q url.Values) { g := grant(); g.UID = ""; maps.Copy(q, r.Sign(g)) },
		"signed for no tenant": func(q url.Values) { g := grant(); g.Tenant = ""; maps.Copy(q, r.Sign(g)) },
	} {
		t.Run(name, func(t *testing.T) {
			q := r.Sign(grant())
			change(q)
			_, err := r.Verify(fileID, q, now)
			if !file.Is(err, file.Forbidden) || file.PublicText(err, "") != "Invalid signature" || file.CodeOf(err) != "" || !sign.Signed(q) {
				t.Errorf("%s: %v", q.Encode(), err)
			}
		})
	}
	if _, err := r.Verify(otherID, r.Sign(grant()), now); !file.Is(err, file.Forbidden) {
		t.Errorf("for another file: %v", err)
	}
	if _, err := r.Verify("", r.Sign(grant()), now); !file.Is(err, file.Forbidden) {
		t.Errorf("for no file: %v", err)
	}
}

func TestVerifyNotSigned(t *testing.T) {
	r := sign.NewRing()
	for _, s := range []struct {
		without []string
		signed  bool
	}{
		{[]string{"expires", "uid", "sig", "tenant"}, false},
		{[]string{"expires", "uid", "sig"}, false}, // a tenant may be meant for others
		{[]string{"expires", "uid"}, true},
		{[]string{"expires", "sig"}, true},
		{[]string{"uid", "sig"}, true},
		{[]string{"expires"}, true},
		{[]string{"uid"}, true},
		{[]string{"sig"}, true},
	} {
		q := r.Sign(grant())
		for _, name := range s.without {
			q.Del(name)
		}
		if _, err := r.Verify(fileID, q, now); !file.Is(err, file.Unauthorized) || sign.Signed(q) != s.signed {
			t.Errorf("without %v: %v, Signed is %v", s.without, err, sign.Signed(q))
		}
	}
}

func TestExpiryIsToTheSecondAndComesFirst(t *testing.T) {
	r := sign.NewRing()
	end := grant().Expires
	expired := func(err error) bool {
		return file.Is(err, file.Forbidden) && file.CodeOf(err) == sign.CodeExpired && file.PublicText(err, "") == "Signed URL has expired"
	}
	if _, err := r.Verify(fileID, r.Sign(grant()), end.Add(-1)); err != nil {
		t.Errorf("a nanosecond before: %v", err)
	}
	if _, err := r.Verify(fileID, r.Sign(grant()), end); !expired(err) {
		t.Errorf("at its end: %v", err)
	}
	for _, sig := range []string{"", "x", strings.Repeat("0", 64)} {
		q := r.Sign(grant())
		q.Set("sig", sig)
		if _, err := r.Verify(fileID, q, end.Add(time.Hour)); !expired(err) {
			t.Errorf("expired with sig %q: %v", sig, err)
		}
	}
}

func TestRotation(t *testing.T) {
	before, during, after := ring(t, entry("k1", 0)), ring(t, entry("k2", 1)+","+entry("k1", 0)), ring(t, entry("k2", 1))
	old, young := before.Sign(grant()), during.Sign(grant())
	if young.Encode() != after.Sign(grant()).Encode() {
		t.Error("the newest key does not sign")
	}
	for name, s := range map[string]struct {
		ring *sign.Ring
		q    url.Values
		ok   bool
	}{
		"old key while it is kept":   {during, old, true},
		"new key beside the old one": {during, young, true},
		"dropped key":                {after, old, false},
		"new key, old ring":          {before, young, false},
	} {
		if _, err := s.ring.Verify(fileID, s.q, now); (err == nil) != s.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Two grants whose fields, one after another, are the same text.
func TestFieldsDoNotRunTogether(t *testing.T) {
	r := sign.NewRing()
	end := grant().Expires
	seen := map[string]sign.Grant{}
	for _, g := range []sign.Grant{
		{Tenant: "a\nb", File: "c", UID: "d", Expires: end},
		{Tenant: "a", File: "b\nc", UID: "d", Expires: end},
		{Tenant: "a", File: "b", UID: "c\nd", Expires: end},
		{Tenant: `a\nb`, File: "c", UID: "d", Expires: end},
		{Tenant: `a\`, File: "nb", UID: "c\nd", Expires: end},
		{Tenant: "a\\\nb", File: "c", UID: "d", Expires: end},
		{Tenant: "ab", File: "c", UID: "d", Expires: end},
	} {
		sig := r.Sign(g).Get("sig")
		if other, twice := seen[sig]; twice {
			t.Errorf("%+v and %+v share a signature", g, other)
		}
		seen[sig] = g
	}
}
