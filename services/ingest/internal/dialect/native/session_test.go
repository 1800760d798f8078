package native

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

const annSignsIn = `{"email": "ann@acme.test", "password": "one"}`

// signIn signs in and returns the cookie as a browser sends it back.
func (b *bench) signIn(body string) string {
	b.t.Helper()
	w := b.do(http.MethodPost, "/v1/session", body)
	cookies := w.Result().Cookies()
	if w.Code != http.StatusCreated || len(cookies) != 1 {
		b.t.Fatalf("%d %s with cookies %v", w.Code, w.Body, cookies)
	}
	return cookies[0].Name + "=" + cookies[0].Value
}

func TestSignIn(t *testing.T) {
	b := newBench(t, door.Config{})
	for name, c := range map[string]struct {
		body, text string
		status     int
	}{
		"password":       {annSignsIn, `"id":"ann","kind":"user","name":"ann@acme.test","email":"ann@acme.test","tenant":"acme","plan":"pro","scopes":[],"operator":true,"limits":{"max_file_size":100000000,"max_storage":1000000000},"expires_at":"`, http.StatusCreated},
		"key":            {`{"api_key": "` + rwKey + `"}`, `"id":"ann","kind":"key","name":"rw","tenant":"acme","plan":"pro","scopes":["files:read","files:write"],"operator":false,`, http.StatusCreated},
		"no limits":      {`{"api_key": "` + bobKey + `"}`, `"plan":"","scopes":["files:read","files:write"],"operator":false,"limits":{"max_file_size":0,"max_storage":0}`, http.StatusCreated},
		"wrong key":      {`{"api_key": "` + rwKey + `x"}`, `"unauthorized"`, http.StatusUnauthorized},
		"wrong password": {`{"email": "ann@acme.test", "password": "two"}`, `"unauthorized"`, http.StatusUnauthorized},
		"unknown user":   {`{"email": "cat@acme.test", "password": "one"}`, `"unauthorized"`, http.StatusUnauthorized},
		"no password":    {`{"email": "ann@acme.test"}`, `"invalid_request"`, http.StatusBadRequest},
		"both":           {`{"email": "ann@acme.test", "password": "one", "api_key": "` + rwKey + `"}`, `"invalid_request"`, http.StatusBadRequest},
		"nothing":        {"{}", `"invalid_request"`, http.StatusBadRequest},
		"empty":          {"", `"invalid_request"`, http.StatusBadRequest},
		"another member": {`{"api_key": "` + rwKey + `", "tenant": "acme"}`, `"invalid_request"`, http.StatusBadRequest},
		"two values":     {annSignsIn + annSignsIn, `"invalid_request"`, http.StatusBadRequest},
		"large":          {`{"api_key": "` + strings.Repeat("x", maxSignInBytes) + `"}`, `"invalid_request"`, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			w := b.do(http.MethodPost, "/v1/session", c.body)
			b.want(w, c.status, c.text)
			cookie := w.Header().Get("Set-Cookie")
			if (cookie != "") != (c.status == http.StatusCreated) {
				t.Errorf("cookie %q", cookie)
			}
			if c.status == http.StatusCreated && (!strings.HasPrefix(cookie, "inlet_session=") || !strings.HasSuffix(cookie, "; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict")) {
				t.Errorf("cookie %q", cookie)
			}
		})
	}
}

// TestCookieOfHTTPS: it is of this host alone, and nothing else is taken there.
func TestCookieOfHTTPS(t *testing.T) {
	for name, c := range map[string]struct {
		public, target, proto string
		secure                bool
	}{
		"http":             {"", "http://files.acme.test", "", false},
		"TLS":              {"", "https://files.acme.test", "", true},
		"public URL":       {"https://files.acme.test", "http://files.acme.test", "", true},
		"proxy":            {"", "http://files.acme.test", "https", true},
		"proxy over http":  {"", "http://files.acme.test", "http", false},
		"http public URL":  {"http://files.acme.test", "http://files.acme.test", "", false},
		"lie of no use":    {"", "https://files.acme.test", "http", true},
		"two public names": {"https://other.acme.test", "http://files.acme.test", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, door.Config{PublicURL: c.public})
			headers := []string{"X-Forwarded-Proto", c.proto}
			cookie := b.do(http.MethodPost, c.target+"/v1/session", annSignsIn, headers...).Header().Get("Set-Cookie")
			if strings.HasPrefix(cookie, "__Host-inlet_session=") != c.secure || strings.Contains(cookie, "; Secure") != c.secure {
				t.Errorf("cookie %q", cookie)
			}
			value, _, _ := strings.Cut(cookie, ";")
			b.want(b.do(http.MethodGet, c.target+"/v1/me", "", append(headers, "Cookie", value)...), http.StatusOK, `"id":"ann"`)
			if c.secure {
				planted := strings.TrimPrefix(value, "__Host-")
				b.want(b.do(http.MethodGet, c.target+"/v1/me", "", append(headers, "Cookie", planted)...), http.StatusUnauthorized, "")
			}
		})
	}
}

func TestCookieIsACredential(t *testing.T) {
	b := newBench(t, door.Config{})
	ann, bob := b.signIn(annSignsIn), b.signIn(`{"api_key": "`+bobKey+`"}`)
	for name, c := range map[string]struct {
		headers []string
		status  int
		text    string
	}{
		"cookie":            {[]string{"Cookie", ann}, http.StatusOK, `"tenant":"acme"`},
		"among others":      {[]string{"Cookie", "a=b; " + ann + "; c=d"}, http.StatusOK, `"tenant":"acme"`},
		"another tenant's":  {[]string{"Cookie", bob}, http.StatusOK, `"tenant":"globex"`},
		"a header wins":     {[]string{"Cookie", ann, "X-Api-Key", bobKey}, http.StatusOK, `"tenant":"globex"`},
		"also a wrong one":  {[]string{"Cookie", ann, "X-Api-Key", "wrong"}, http.StatusUnauthorized, `"unauthorized"`},
		"two cookies":       {[]string{"Cookie", ann + "; " + bob}, http.StatusUnauthorized, `"unauthorized"`},
		"two headers":       {[]string{"Cookie", ann, "Cookie", ann}, http.StatusUnauthorized, `"unauthorized"`},
		"changed":           {[]string{"Cookie", ann[:len(ann)-2]}, http.StatusUnauthorized, `"unauthorized"`},
		"empty":             {[]string{"Cookie", "inlet_session="}, http.StatusUnauthorized, `"unauthorized"`},
		"none":              {nil, http.StatusUnauthorized, `"unauthorized"`},
		"a key is no token": {[]string{"Cookie", "inlet_session=" + rwKey}, http.StatusUnauthorized, `"unauthorized"`},
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			b.want(b.do(http.MethodGet, "/v1/me", "", c.headers...), c.status, c.text)
		})
	}
	if w := b.do(http.MethodGet, "/v1/me", "", "Cookie", ann); w.Header().Get("X-Ratelimit-Limit") != "1200" {
		t.Error("a session has no rate of its own")
	}
}

func TestSessionEnds(t *testing.T) {
	for name, c := range map[string]struct {
		signIn string
		then   func(*bench)
		status int
	}{
		"an instant before": {annSignsIn, func(b *bench) { b.ahead.Store(int64(door.SessionLife - 5*time.Second)) }, http.StatusOK},
		"in time":           {annSignsIn, func(b *bench) { b.ahead.Store(int64(door.SessionLife)) }, http.StatusUnauthorized},
		"user gone":         {annSignsIn, func(b *bench) { b.change("id: ann", "id: eve", "user: ann", "user: eve") }, http.StatusUnauthorized},
		"another password":  {annSignsIn, func(b *bench) { b.change(one, three) }, http.StatusUnauthorized},
		"no password":       {annSignsIn, func(b *bench) { b.change(`, password: "`+one+`"`, "") }, http.StatusUnauthorized},
		"key gone":          {`{"api_key": "` + rwKey + `"}`, func(b *bench) { b.change("name: rw", "name: rx") }, http.StatusUnauthorized},
		"another key":       {`{"api_key": "` + rwKey + `"}`, func(b *bench) { b.change(rwKey, rwKey[:40]) }, http.StatusUnauthorized},
		"key elsewhere":     {`{"api_key": "` + rwKey + `"}`, func(b *bench) { b.change("name: rw, tenant: acme", "name: rw, tenant: globex") }, http.StatusUnauthorized},
		"another role":      {annSignsIn, func(b *bench) { b.change("tenant/acme: owner", "tenant/acme: guest") }, http.StatusOK},
		"another's change":  {annSignsIn, func(b *bench) { b.change(two, three) }, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, door.Config{})
			if name == "key elsewhere" {
				b.change("user: ann, ", "") // a key of another tenant has no user of this one
			}
			cookie := b.signIn(c.signIn)
			c.then(b)
			b.want(b.do(http.MethodGet, "/v1/me", "", "Cookie", cookie), c.status, "")
		})
	}
}

// TestRightsOfASession are those of the moment.
func TestRightsOfASession(t *testing.T) {
	b := newBench(t, door.Config{})
	cookie := b.signIn(annSignsIn)
	b.want(b.do(http.MethodGet, "/v1/storage", "", "Cookie", cookie), http.StatusOK, `{"used":0,"held":0,"max_file_size":100000000,"max_storage":1000000000}`)
	b.want(b.do(http.MethodGet, "/v1/me", "", "Cookie", cookie), http.StatusOK, `"operator":true`)
	b.change("tenant/acme: owner, system: owner", "tenant/acme: guest")
	b.want(b.do(http.MethodGet, "/v1/storage", "", "Cookie", cookie), http.StatusForbidden, `"forbidden"`)
	b.want(b.do(http.MethodGet, "/v1/me", "", "Cookie", cookie), http.StatusOK, `"operator":false`)
	guest := b.signIn(`{"email": "guest@acme.test", "password": "two"}`)
	b.want(b.do(http.MethodGet, "/v1/storage", "", "Cookie", guest), http.StatusForbidden, `"forbidden"`)
}

func TestCrossOrigin(t *testing.T) {
	b := newBench(t, door.Config{PublicURL: "http://files.acme.test"})
	cookie := b.signIn(annSignsIn)
	for name, c := range map[string]struct {
		method  string
		headers []string
		refused bool
	}{
		"no browser":             {http.MethodPatch, nil, false},
		"same origin":            {http.MethodPatch, []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"}, false},
		"typed in":               {http.MethodDelete, []string{"Sec-Fetch-Site", "none"}, false},
		"public URL":             {http.MethodPatch, []string{"Sec-Fetch-Site", "cross-site", "Origin", "http://files.acme.test"}, false},
		"old browser, same host": {http.MethodPatch, []string{"Origin", "http://example.com"}, false},
		"cross site":             {http.MethodPatch, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"}, true},
		"same site":              {http.MethodDelete, []string{"Sec-Fetch-Site", "same-site", "Origin", "http://blog.acme.test"}, true},
		"old browser":            {http.MethodPatch, []string{"Origin", "https://evil.test"}, true},
		"sandboxed page":         {http.MethodPatch, []string{"Origin", "null"}, true},
		"other port":             {http.MethodPatch, []string{"Origin", "http://example.com:81"}, true},
		"only reads":             {http.MethodGet, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"}, false},
		"with a key of its own":  {http.MethodPatch, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test", "X-Api-Key", rwKey}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			w := b.do(c.method, "/v1/files/1", `{"name": "x"}`, append(c.headers, "Cookie", cookie)...)
			if c.refused {
				b.want(w, http.StatusForbidden, `"cross_origin"`)
			} else {
				b.want(w, http.StatusNotFound, `"not_found"`)
			}
		})
	}
	evil := []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test"}
	for _, method := range []string{http.MethodPost, http.MethodDelete} {
		if w := b.do(method, "/v1/session", annSignsIn, evil...); w.Code != http.StatusForbidden || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s of another origin's page: %d, cookie %q", method, w.Code, w.Header().Get("Set-Cookie"))
		}
	}
}

func TestSignOut(t *testing.T) {
	b := newBench(t, door.Config{})
	for _, cookie := range []string{b.signIn(annSignsIn), "inlet_session=x", ""} {
		w := b.do(http.MethodDelete, "/v1/session", "", "Cookie", cookie)
		if got := w.Header().Get("Set-Cookie"); w.Code != http.StatusNoContent || got != "inlet_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict" {
			t.Errorf("%d, %q", w.Code, got)
		}
	}
}

// TestGuessesAtTheDoor: after ten wrong ones from an address no more is read, of whatever kind.
func TestGuessesAtTheDoor(t *testing.T) {
	b := newBench(t, door.Config{})
	for i := range 10 {
		b.want(b.do(http.MethodPost, "/v1/session", fmt.Sprintf(`{"api_key": "tagd_live_guess%05d"}`, i)), http.StatusUnauthorized, "")
	}
	for _, body := range []string{annSignsIn, `{"api_key": "` + rwKey + `"}`} {
		w := b.do(http.MethodPost, "/v1/session", body)
		b.want(w, http.StatusTooManyRequests, `"rate_limit_exceeded"`)
		if w.Header().Get("Retry-After") == "" {
			t.Error("it does not say when")
		}
	}
	b.want(b.do(http.MethodGet, "/v1/me", "", "X-Api-Key", rwKey), http.StatusOK, "")
}

// TestSignedURLBesideACookie: the URL is asked for, and the cookie only comes along.
func TestSignedURLBesideACookie(t *testing.T) {
	b := newBench(t, door.Config{})
	bob := b.signIn(`{"email": "bob@globex.test", "password": "three"}`)
	f := &file.File{ID: "01JQ3KMN7XFGY4P6WBR2SZTA9V", Number: 1, Tenant: "acme", Path: "a", State: file.Pending}
	if err := b.repo.Create(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	url := "/v1/files/" + string(f.ID) + "/download"
	b.want(b.do(http.MethodGet, url, "", "Cookie", bob), http.StatusNotFound, "")
	w := b.do(http.MethodPost, "/v1/files/"+string(f.ID)+"/sign", "", "X-Api-Key", readKey)
	_, query, _ := strings.Cut(w.Body.String(), "/download")
	query, _, _ = strings.Cut(query, `"`)
	b.want(b.do(http.MethodGet, url+query, "", "Cookie", bob), http.StatusConflict, `"not_ready"`)
	b.want(b.do(http.MethodGet, url+"?sig=x&uid=y&expires=1", "", "Cookie", bob), http.StatusForbidden, "")
}
