package dialects

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/test/samples"
)

func enzymeDownloadRoutes(t *testing.T, e *env) {
	h := enzymeUser(e, "member")
	id := enzymeFile(t, e, h, "general")
	for _, base := range []string{"", "/api"} {
		path := base + "/files/" + id + "/download"
		if r := e.Get(t, path, h).Want(t, http.StatusOK); r.FileID(t) != id {
			t.Errorf("the answer is about %s", r.FileID(t))
		}
		if r := e.Do(t, http.MethodHead, path, h, nil).Want(t, http.StatusOK); len(r.Body) != 0 || r.Header.Get("Content-Length") != "500" {
			t.Errorf("HEAD has %d bytes, Content-Length %s", len(r.Body), r.Header.Get("Content-Length"))
		}
		if r := e.Do(t, http.MethodDelete, path, h, nil).Want(t, http.StatusMethodNotAllowed); r.Header.Get("Allow") == "" {
			t.Error("no Allow header")
		}
		for _, id := range []string{enzymeUnknown, "x", "1", id + "x", "file_" + id, "..%2F..%2Fetc"} {
			e.Get(t, base+"/files/"+id+"/download", h).Want(t, http.StatusNotFound).WantBody(t, enzymeError("NOT_FOUND", "File not found"))
		}
	}
}

// enzymeRefused asks with a query that must not do, and checks that it says why.
func enzymeRefused(t testing.TB, e *env, id string, q url.Values, status int, body string) {
	t.Helper()
	for _, base := range []string{"", "/api"} {
		e.Get(t, base+"/files/"+id+"/download?"+q.Encode(), nil).Want(t, status).WantBody(t, body)
	}
}

var (
	enzymeExpired = enzymeError("PERMISSION_DENIED", "Signed URL has expired")
	enzymeBadSig  = enzymeError("PERMISSION_DENIED", "Invalid signature")
)

func enzymeExpires(t *testing.T, e *env) {
	h := enzymeUser(e, "member")
	id := enzymeFile(t, e, h, "general")
	good := enzymeSign(t, e, h, id)
	expires, err := strconv.ParseInt(good.query(t).Get("expires"), 10, 64)
	if at, timeErr := time.Parse(time.RFC3339, good.ExpiresAt); err != nil || timeErr != nil || at.Unix() != expires {
		t.Errorf("expires=%d, expires_at=%s", expires, good.ExpiresAt)
	}
	for name, x := range map[string]struct {
		value, body string
	}{
		"past":           {"1700000000", enzymeExpired}, // judged before the signature, which is wrong as well
		"now":            {strconv.FormatInt(time.Now().Unix(), 10), enzymeExpired},
		"later":          {strconv.FormatInt(expires+1, 10), enzymeBadSig},
		"sooner":         {strconv.FormatInt(expires-1, 10), enzymeBadSig},
		"far":            {"9223372036854775807", enzymeBadSig},
		"beyond numbers": {"9223372036854775808", enzymeBadSig},
		"leading zero":   {"0" + strconv.FormatInt(expires, 10), enzymeBadSig},
		"plus":           {"+" + strconv.FormatInt(expires, 10), enzymeBadSig},
		"space":          {" " + strconv.FormatInt(expires, 10), enzymeBadSig},
		"negative":       {"-1", enzymeBadSig},
		"no number":      {"tomorrow", enzymeBadSig},
		"empty":          {"", enzymeBadSig},
		"floating point": {strconv.FormatInt(expires, 10) + ".0", enzymeBadSig},
	} {
		t.Run(name, func(t *testing.T) {
			q := good.query(t)
			q.Set("expires", x.value)
			enzymeRefused(t, e, id, q, http.StatusForbidden, x.body)
		})
	}
}

func enzymeUID(t *testing.T, e *env) {
	h := enzymeUser(e, "insider")
	id := enzymeFile(t, e, h, "ops")
	good := enzymeSign(t, e, h, id)
	if uid := good.query(t).Get("uid"); uid != "insider" {
		t.Errorf("uid=%s", uid)
	}
	for _, uid := range []string{"root", "outsider", "INSIDER", ""} {
		q := good.query(t)
		q.Set("uid", uid)
		enzymeRefused(t, e, id, q, http.StatusForbidden, enzymeBadSig)
	}
	// A user whom the directory knows must have the right when the URL is used, whatever the token said that it was signed with.
	lent := auth(e.Token(claims{Sub: "outsider", Roles: map[string]string{"channel/ops": "member"}}))
	q := enzymeSign(t, e, lent, id).query(t)
	enzymeRefused(t, e, id, q, http.StatusForbidden, enzymeError("NOT_A_MEMBER", "Not a member of this channel"))
	// One whom only tokens know is trusted.
	stranger := auth(e.Token(claims{Sub: unique(), Kind: "guest", Roles: map[string]string{"channel/ops": "member"}}))
	e.Get(t, enzymeSign(t, e, stranger, id).URL, nil).Want(t, http.StatusOK)
	// A URL that a key has signed rests on the key.
	signed := enzymeSign(t, e, auth(e.Key("root")), id)
	if uid := signed.query(t).Get("uid"); uid != "key:root" {
		t.Errorf("uid=%s", uid)
	}
	e.Get(t, signed.URL, nil).Want(t, http.StatusOK)
}

func enzymeSignature(t *testing.T, e *env) {
	h := enzymeUser(e, "member")
	id, other := enzymeFile(t, e, h, "general"), enzymeFile(t, e, h, "general")
	good := enzymeSign(t, e, h, id).query(t)
	sig := good.Get("sig")
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(sig) {
		t.Fatalf("sig=%s is no HMAC-SHA256 in hex", sig)
	}
	changed := []byte(sig)
	changed[10] ^= 1
	with := func(change func(url.Values)) url.Values {
		q := url.Values{}
		for k, v := range good {
			q[k] = slices.Clone(v)
		}
		change(q)
		return q
	}
	set := func(name, value string) url.Values { return with(func(q url.Values) { q.Set(name, value) }) }
	for name, q := range map[string]url.Values{
		"changed":            set("sig", string(changed)),
		"upper case":         set("sig", strings.ToUpper(sig)),
		"truncated":          set("sig", sig[:62]),
		"longer":             set("sig", sig+"00"),
		"empty":              set("sig", ""),
		"not hex":            set("sig", strings.Repeat("z", 64)),
		"zeros":              set("sig", strings.Repeat("0", 64)),
		"other tenant":       set("tenant", globex),
		"no tenant":          with(func(q url.Values) { q.Del("tenant") }),
		"sig twice":          with(func(q url.Values) { q.Add("sig", sig) }),
		"uid twice":          with(func(q url.Values) { q.Add("uid", "root") }),
		"expires twice":      with(func(q url.Values) { q.Add("expires", "9999999999") }),
		"tenant twice":       with(func(q url.Values) { q.Add("tenant", acme) }),
		"tenant in capitals": with(func(q url.Values) { q.Set("tenant", "ACME") }),
	} {
		t.Run(name, func(t *testing.T) { enzymeRefused(t, e, id, q, http.StatusForbidden, enzymeBadSig) })
	}
	t.Run("other file", func(t *testing.T) {
		for _, id := range []string{other, enzymeUnknown, "x"} {
			enzymeRefused(t, e, id, good, http.StatusForbidden, enzymeBadSig)
		}
	})
	t.Run("more parameters", func(t *testing.T) {
		e.Get(t, "/files/"+id+"/download?"+set("utm_source", "mail").Encode(), nil).Want(t, http.StatusOK)
	})
	t.Run("other methods", func(t *testing.T) {
		path := "/files/" + id + "/download?" + good.Encode()
		e.Do(t, http.MethodHead, path, nil, nil).Want(t, http.StatusOK)
		e.Do(t, http.MethodPost, path, nil, nil).Want(t, http.StatusMethodNotAllowed)
		for _, action := range []string{"delete", "sign-url"} {
			e.JSON(t, "/files/"+id+"/"+action+"?"+good.Encode(), auth(""), "").Want(t, http.StatusUnauthorized).WantBody(t, enzymeAnonymous)
		}
	})
}

func enzymeEitherWay(t *testing.T, e *env) {
	h := enzymeUser(e, "insider")
	id := enzymeFile(t, e, h, "ops")
	path := "/files/" + id + "/download"
	signed := path + "?" + enzymeSign(t, e, h, id).query(t).Encode()
	e.Get(t, path, nil).Want(t, http.StatusUnauthorized).WantBody(t, enzymeAnonymous)
	if r := e.Get(t, path, h).Want(t, http.StatusOK); r.Header.Get("Cache-Control") != "private, no-cache" {
		t.Errorf("with a token, Cache-Control is %q", r.Header.Get("Cache-Control"))
	}
	r := e.Get(t, signed, nil).Want(t, http.StatusOK)
	if r.Header.Get("Cache-Control") != "private, no-store" || r.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("with a signed URL, Cache-Control is %q, Referrer-Policy %q", r.Header.Get("Cache-Control"), r.Header.Get("Referrer-Policy"))
	}
	for name, x := range map[string]struct {
		path   string
		h      http.Header
		status int
	}{
		"a good token beside a bad URL":         {path + "?expires=1&uid=x&sig=y", h, 200},
		"a token without the right wins":        {signed, enzymeUser(e, "owner"), 403},
		"another tenant's token wins":           {signed, auth(e.Key("globex")), 404},
		"a bad token beside a good URL":         {signed, auth("Bearer nonsense"), 200},
		"an expired token beside a good URL":    {signed, auth(e.Token(claims{Sub: "member", Life: -time.Minute})), 200},
		"an API key in a header of its own":     {path, headers("X-Api-Key", strings.TrimPrefix(e.Key("read"), "Bearer ")), 200},
		"a bad token beside a part of a URL":    {path + "?uid=insider", auth("Bearer nonsense"), 401},
		"a password":                            {path, auth(e.Basic("insider")), 200},
		"the word that other vendors' APIs use": {path, auth(asJWT(e.Token(claims{Sub: "insider"}))), 200},
	} {
		t.Run(name, func(t *testing.T) { e.Get(t, x.path, x.h).Want(t, x.status) })
	}
}

func enzymeContent(t *testing.T, e *env) {
	h := enzymeUser(e, "member")
	picture := named(samples.PNG(320, 240, 7), "Bild ä.png")
	id := enzymeSend(t, e, h, "general", picture).Want(t, http.StatusOK).FileID(t)
	path := "/files/" + id + "/download"
	r := e.Get(t, path, h).Want(t, http.StatusOK)
	r.WantBody(t, string(picture.Data))
	for name, want := range map[string]string{
		"Content-Type":           "image/png",
		"Content-Length":         strconv.Itoa(len(picture.Data)),
		"Content-Disposition":    `inline; filename="Bild _.png"; filename*=UTF-8''Bild%20%C3%A4.png`,
		"Accept-Ranges":          "bytes",
		"X-Content-Type-Options": "nosniff",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	e.Get(t, path, auth(h.Get("Authorization"), "Range", "bytes=10-19")).Want(t, http.StatusPartialContent).WantBody(t, string(picture.Data[10:20]))
	e.Get(t, path, auth(h.Get("Authorization"), "Range", "bytes=9999999-")).Want(t, http.StatusRequestedRangeNotSatisfiable)
	e.Get(t, path, auth(h.Get("Authorization"), "If-None-Match", r.Header.Get("ETag"))).Want(t, http.StatusNotModified)

	page := samples.Sample{Name: "page.html", Type: "text/html", Data: []byte("<!DOCTYPE html><title>x</title><script>alert(1)</script>")}
	id = enzymeSend(t, e, h, "general", page).Want(t, http.StatusOK).FileID(t)
	r = e.Get(t, "/files/"+id+"/download", h).Want(t, http.StatusOK)
	if got := r.Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment;") || !strings.Contains(r.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("a page is sent as %q, %q", got, r.Header.Get("Content-Security-Policy"))
	}
}

func enzymeDownloadErrors(t *testing.T, e *env) {
	insider := enzymeUser(e, "insider")
	secret, open := enzymeFile(t, e, insider, "ops"), enzymeFile(t, e, enzymeUser(e, "member"), "general")
	tagged := e.Send(t, "/v1/files", auth(e.Key("rw")), newForm().File("file", samples.Text(100, 1))).Want(t, http.StatusCreated).FileID(t)
	missing := enzymeError("NOT_FOUND", "File not found")
	for name, x := range map[string]struct {
		id     string
		h      http.Header
		status int
		body   string
	}{
		"nobody":                        {open, nil, 401, enzymeAnonymous},
		"nobody, an unknown file":       {enzymeUnknown, nil, 401, enzymeAnonymous},
		"not in the channel":            {secret, enzymeUser(e, "owner"), 403, enzymeError("NOT_A_MEMBER", "Not a member of this channel")},
		"not in the workspace":          {open, enzymeUser(e, "outsider"), 403, enzymeError("NOT_A_MEMBER", "Not a member of this workspace")},
		"a key that may not read":       {open, auth(e.Key("write")), 403, enzymeForbidden},
		"not a member of the tenant's":  {tagged, enzymeUser(e, "outsider"), 403, enzymeForbidden},
		"a file without a channel":      {tagged, enzymeUser(e, "staff"), 200, ""},
		"another tenant's owner":        {open, auth(e.Token(claims{Tenant: globex, Sub: "alien"})), 404, missing},
		"another tenant's key, private": {secret, auth(e.Key("globex")), 404, missing},
		"unknown":                       {enzymeUnknown, insider, 404, missing},
	} {
		t.Run(name, func(t *testing.T) {
			r := e.Get(t, "/files/"+x.id+"/download", x.h).Want(t, x.status)
			if x.body != "" {
				r.WantBody(t, x.body)
			}
		})
	}
	for _, query := range []string{"expires=9999999999", "sig=" + strings.Repeat("0", 64), "uid=member", "expires=1&uid=member", "expires=1&sig=x", "uid=x&sig=x", "tenant=acme"} {
		e.Get(t, "/files/"+open+"/download?"+query, nil).Want(t, http.StatusUnauthorized).WantBody(t, enzymeAnonymous)
	}
}
