package access

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// authenticator returns one whose decoy is as cheap as the sample's hashes.
func authenticator(t testing.TB, d *Directory, c Config) *Authenticator {
	t.Helper()
	a, err := NewAuthenticator(t.Context(), d, c)
	if err != nil {
		t.Fatal(err)
	}
	a.passwords.decoy = cheapHash("the decoy's")
	return a
}

func authorization(value string) Request {
	return Request{Authorization: []string{value}, RemoteAddr: "192.0.2.1:5000"}
}

func basic(email, password string) Request {
	return authorization("Basic " + base64.StdEncoding.EncodeToString([]byte(email+":"+password)))
}

// refused checks that err tells a client nothing but that it was not let in.
func refused(t *testing.T, err error) {
	t.Helper()
	if !file.Is(err, file.Unauthorized) || file.PublicText(err, "") != "authentication required" || file.CodeOf(err) != "" {
		t.Errorf("got %v, want the one Unauthorized", err)
	}
}

func TestAPIKey(t *testing.T) {
	a := authenticator(t, directory(t, sample), Config{})
	for name, c := range map[string]struct {
		request Request
		id      string // "" when refused
		tenant  file.Tenant
	}{
		"X-API-Key":             {Request{APIKey: []string{acmeKey}}, "u1", "acme"},
		"Bearer":                {authorization("Bearer " + acmeKey), "u1", "acme"},
		"any case":              {authorization("bEARER   " + acmeKey), "u1", "acme"},
		"no user":               {authorization("Bearer " + readKey), "key:reader", "acme"},
		"other tenant":          {authorization("Bearer " + otherKey), "key:ci", "other"},
		"same in both":          {Request{Authorization: []string{"Bearer " + acmeKey}, APIKey: []string{acmeKey}}, "u1", "acme"},
		"two keys":              {Request{Authorization: []string{"Bearer " + acmeKey}, APIKey: []string{readKey}}, "", ""},
		"Basic and a key":       {Request{Authorization: basic("admin@acme.test", secret).Authorization, APIKey: []string{acmeKey}}, "", ""},
		"two Authorizations":    {Request{Authorization: []string{"Bearer " + acmeKey, "Bearer " + acmeKey}}, "", ""},
		"two X-API-Keys":        {Request{APIKey: []string{acmeKey, readKey}}, "", ""},
		"nonsense and a key":    {Request{Authorization: []string{"Nonsense"}, APIKey: []string{acmeKey}}, "", ""},
		"key as a JWT":          {authorization("JWT " + acmeKey), "", ""},
		"no scheme":             {authorization(acmeKey), "", ""},
		"unknown":               {authorization("Bearer " + acmeKey + "x"), "", ""},
		"prefix":                {authorization("Bearer " + acmeKey[:len(acmeKey)-1]), "", ""},
		"empty Bearer":          {authorization("Bearer "), "", ""},
		"spaces within":         {authorization("Bearer " + acmeKey + " x"), "", ""},
		"unknown scheme":        {authorization("Digest " + acmeKey), "", ""},
		"too long":              {authorization("Bearer " + strings.Repeat("a", maxCredential)), "", ""},
		"dots":                  {authorization("Bearer " + strings.Repeat(".", 4000)), "", ""},
		"token without sources": {authorization("Bearer a.b.c"), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := a.Authenticate(t.Context(), c.request)
			if c.id == "" {
				refused(t, err)
				return
			}
			if err != nil || p.ID != c.id || p.Tenant != c.tenant || p.Kind != KindKey || p.KeyID == "" || p.Scopes == nil {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
}

func TestNoCredentials(t *testing.T) {
	a := authenticator(t, directory(t, sample), Config{})
	for _, r := range []Request{{}, {Authorization: []string{""}, APIKey: []string{""}}} {
		_, err := a.Authenticate(t.Context(), r)
		refused(t, err)
		if !errors.Is(err, ErrNoCredentials) {
			t.Errorf("%v is not told from a bad credential", err)
		}
	}
	if _, err := a.Authenticate(t.Context(), authorization("Bearer x")); errors.Is(err, ErrNoCredentials) {
		t.Error("a bad credential is taken for none")
	}
}

func TestRateKey(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range []Principal{
		{Tenant: "a", ID: "u", Kind: KindUser},
		{Tenant: "a", ID: "u", Kind: KindBot},
		{Tenant: "b", ID: "u", Kind: KindUser},
		{Tenant: "a", ID: "u", Kind: KindKey, KeyID: "k"},
		{Tenant: "a", ID: "u", Kind: KindKey, KeyID: "l"},
	} {
		seen[p.RateKey()] = true
	}
	if len(seen) != 5 {
		t.Errorf("two of them share a count: %v", seen)
	}
}

func TestConfigErrors(t *testing.T) {
	for name, c := range map[string]Config{
		"short secret": {JWTSecret: make([]byte, 31)},
		"relative URL": {JWKSURL: "/keys"},
		"file URL":     {JWKSURL: "file:///etc/keys"},
		"no host":      {JWKSURL: "https:///keys"},
		"leeway":       {JWTSecret: make([]byte, 32), Leeway: time.Hour},
	} {
		if _, err := NewAuthenticator(t.Context(), directory(t, sample), c); !file.Is(err, file.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzAuthorization(f *testing.F) {
	for _, s := range []string{"", "Bearer ", "Bearer " + acmeKey, "JWT a.b.c", "Basic " + base64.StdEncoding.EncodeToString([]byte("a@b:c:d")), "Basic \x00", "bearer  x y", "Basic ====="} {
		f.Add(s)
	}
	d := directory(f, sample)
	a := authenticator(f, d, Config{JWTSecret: []byte(strings.Repeat("k", 32))})
	f.Fuzz(func(t *testing.T, header string) {
		p, err := a.Authenticate(t.Context(), Request{Authorization: []string{header}})
		switch file.KindOf(err) {
		case "":
			if _, ok := d.Tenant(p.Tenant); !ok || p.ID == "" {
				t.Errorf("%q is let in as %+v", header, p)
			}
		case file.Unauthorized, file.RateLimited:
			if p.Tenant != "" {
				t.Error("a refusal comes with a principal")
			}
		default:
			t.Errorf("%q: %v", header, err)
		}
		if s, credential, err := parseAuthorization(header); err == nil && (s == "" || credential == "" || !strings.Contains(header, credential)) {
			t.Errorf("%q is split into %q, %q", header, s, credential)
		}
	})
}
