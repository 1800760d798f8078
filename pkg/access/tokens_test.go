package access

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/inlethq/inlet/pkg/file"
)

var jwtSecret = []byte("0123456789abcdef0123456789abcdef")

// with returns the claims of a good token for the sample's u1 at the clock's time, with some of them set or, by nil, taken away.
func with(c *clock, changes jwt.MapClaims) jwt.MapClaims {
	m := jwt.MapClaims{"sub": "u1", "tenant": "acme", "exp": c.now().Add(time.Minute).Unix()}
	maps.Copy(m, changes)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	return m
}

func sign(t testing.TB, method jwt.SigningMethod, key any, header map[string]any, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	maps.Copy(token.Header, header)
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func hs256(t testing.TB, c jwt.MapClaims) string {
	return sign(t, jwt.SigningMethodHS256, jwtSecret, nil, c)
}

func TestToken(t *testing.T) {
	c := newClock()
	a := authenticator(t, directory(t, sample), Config{JWTSecret: jwtSecret, Now: c.now})
	const project = "project/5ebd890292befe0019054973"
	for name, tc := range map[string]struct {
		claims jwt.MapClaims
		want   Principal
	}{
		"known user": {nil, Principal{ID: "u1", Kind: KindUser, Name: "admin@acme.test",
			Roles: map[string]Role{project: RoleAdmin, "workspace/w1": RoleOwner, "channel/ops": RoleMember}}},
		"token's roles win": {jwt.MapClaims{"roles": map[string]string{project: "guest", "channel/new": "agent"}, "name": "Ann"}, Principal{ID: "u1", Kind: KindUser, Name: "Ann",
			Roles: map[string]Role{project: RoleGuest, "workspace/w1": RoleOwner, "channel/ops": RoleMember, "channel/new": RoleAgent}}},
		"unknown user": {jwt.MapClaims{"sub": "auth0|99", "kind": "user", "roles": map[string]string{"tag/t": "user"}},
			Principal{ID: "auth0|99", Kind: KindUser, Roles: map[string]Role{"tag/t": RoleMember}}},
		"unknown roles give nothing": {jwt.MapClaims{"sub": "x", "roles": map[string]string{"channel/c": "emperor", "planet/p": "owner", "channel/": "owner", "channel": "owner", "system": "owner"}},
			Principal{ID: "x", Kind: KindUser, Roles: map[string]Role{}}},
		"bot of a user's id":   {jwt.MapClaims{"kind": "bot"}, Principal{ID: "u1", Kind: KindBot, Roles: map[string]Role{}}},
		"guest of a user's id": {jwt.MapClaims{"kind": "guest"}, Principal{ID: "u1", Kind: KindGuest, Roles: map[string]Role{}}},
		"subscription":         {jwt.MapClaims{"kind": "subscription"}, Principal{ID: "u1", Kind: KindSubscription, Roles: map[string]Role{}}},
		"same id elsewhere":    {jwt.MapClaims{"tenant": "other"}, Principal{Tenant: "other", ID: "u1", Kind: KindUser, Roles: map[string]Role{"tenant/other": RoleMember}}},
		"nbf now":              {jwt.MapClaims{"nbf": c.now().Unix()}, Principal{ID: "u1", Kind: KindUser, Name: "admin@acme.test", Roles: directoryRoles(t, a)}},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.want.Tenant == "" {
				tc.want.Tenant = "acme"
			}
			tc.want.directory = a.directory.current.Load()
			raw := hs256(t, with(c, tc.claims))
			for _, scheme := range []string{"Bearer ", "JWT ", "jwt "} {
				got, err := a.Authenticate(t.Context(), authorization(scheme+raw))
				if err != nil {
					t.Fatal(err)
				}
				if want := c.now().Add(time.Minute); !got.Expires.Equal(want) {
					t.Errorf("expires %v, want %v", got.Expires, want)
				}
				got.Expires = time.Time{}
				if !reflect.DeepEqual(got, tc.want) {
					t.Errorf("got %+v\nwant %+v", got, tc.want)
				}
			}
		})
	}
	if r := directoryRoles(t, a)[project]; r != RoleAdmin {
		t.Errorf("a token changed the directory: %v", r)
	}
}

func directoryRoles(t *testing.T, a *Authenticator) map[string]Role {
	t.Helper()
	u, ok := a.directory.User("acme", "u1")
	if !ok {
		t.Fatal("no u1")
	}
	return u.Roles
}

func TestTokenRefused(t *testing.T) {
	c := newClock()
	a := authenticator(t, directory(t, sample), Config{JWTSecret: jwtSecret, Audience: "inlet", Issuer: "host", Now: c.now})
	good := func(changes jwt.MapClaims) jwt.MapClaims {
		m := with(c, jwt.MapClaims{"aud": []string{"else", "inlet"}, "iss": "host"})
		maps.Copy(m, changes)
		maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
		return m
	}
	if _, err := a.Authenticate(t.Context(), authorization("Bearer "+hs256(t, good(nil)))); err != nil {
		t.Fatalf("the token that the others differ from is refused: %v", err)
	}
	signed := hs256(t, good(nil))
	part := strings.Split(signed, ".")
	encode := base64.RawURLEncoding.EncodeToString
	for name, raw := range map[string]string{
		"expired":             hs256(t, good(jwt.MapClaims{"exp": c.now().Unix()})),
		"no exp":              hs256(t, good(jwt.MapClaims{"exp": nil})),
		"exp as text":         hs256(t, good(jwt.MapClaims{"exp": "never"})),
		"not yet":             hs256(t, good(jwt.MapClaims{"nbf": c.now().Add(time.Second).Unix()})),
		"no aud":              hs256(t, good(jwt.MapClaims{"aud": nil})),
		"wrong aud":           hs256(t, good(jwt.MapClaims{"aud": "else"})),
		"no iss":              hs256(t, good(jwt.MapClaims{"iss": nil})),
		"wrong iss":           hs256(t, good(jwt.MapClaims{"iss": "hosts"})),
		"no sub":              hs256(t, good(jwt.MapClaims{"sub": nil})),
		"sub as a path":       hs256(t, good(jwt.MapClaims{"sub": "../u1"})),
		"dots for a sub":      hs256(t, good(jwt.MapClaims{"sub": ".."})),
		"sub of an API key":   hs256(t, good(jwt.MapClaims{"sub": "key:reader"})),
		"long sub":            hs256(t, good(jwt.MapClaims{"sub": strings.Repeat("a", 129)})),
		"no tenant":           hs256(t, good(jwt.MapClaims{"tenant": nil})),
		"unknown tenant":      hs256(t, good(jwt.MapClaims{"tenant": "nobody"})),
		"kind key":            hs256(t, good(jwt.MapClaims{"kind": "key"})),
		"unknown kind":        hs256(t, good(jwt.MapClaims{"kind": "root"})),
		"roles as a list":     hs256(t, good(jwt.MapClaims{"roles": []string{"admin"}})),
		"role as a number":    hs256(t, good(jwt.MapClaims{"roles": map[string]any{"tenant/acme": 7}})),
		"critical header":     sign(t, jwt.SigningMethodHS256, jwtSecret, map[string]any{"crit": []string{"b64"}, "b64": false}, good(nil)),
		"other secret":        sign(t, jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), nil, good(nil)),
		"HS512":               sign(t, jwt.SigningMethodHS512, jwtSecret, nil, good(nil)),
		"none":                sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, good(nil)),
		"None":                encode([]byte(`{"alg":"None"}`)) + "." + part[1] + ".",
		"no alg":              encode([]byte(`{"typ":"JWT"}`)) + "." + part[1] + "." + part[2],
		"alg as a list":       encode([]byte(`{"alg":["HS256"]}`)) + "." + part[1] + "." + part[2],
		"no signature":        part[0] + "." + part[1] + ".",
		"two parts":           part[0] + "." + part[1],
		"four parts":          signed + ".x",
		"padded":              signed + "=",
		"cut":                 signed[:len(signed)-1],
		"other claims":        part[0] + "." + encode([]byte(`{"sub":"u2","tenant":"acme","exp":9999999999}`)) + "." + part[2],
		"longer than allowed": hs256(t, good(jwt.MapClaims{"pad": strings.Repeat("a", maxCredential)})),
		"RS256 without JWKS":  sign(t, jwt.SigningMethodRS256, rsaKey(t), nil, good(nil)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := a.Authenticate(t.Context(), authorization("Bearer "+raw))
			refused(t, err)
		})
	}
}

func TestTokenLeeway(t *testing.T) {
	c := newClock()
	a := authenticator(t, directory(t, sample), Config{JWTSecret: jwtSecret, Leeway: 10 * time.Second, Now: c.now})
	raw := hs256(t, with(c, nil)) // one minute
	for _, s := range []struct {
		after time.Duration
		ok    bool
	}{{69 * time.Second, true}, {2 * time.Second, false}} {
		c.add(s.after)
		if _, err := a.Authenticate(t.Context(), authorization("JWT "+raw)); (err == nil) != s.ok {
			t.Errorf("after another %v: %v", s.after, err)
		}
	}
}

var testRSA *rsa.PrivateKey

func rsaKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	if testRSA == nil {
		var err error
		if testRSA, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			t.Fatal(err)
		}
	}
	return testRSA
}

// jwks is an issuer's key server. It counts how often it is asked.
type jwks struct {
	*httptest.Server
	keys   atomic.Value // of []map[string]string
	status atomic.Int64
	asked  atomic.Int64
}

func newJWKS(t testing.TB, keys ...map[string]string) *jwks {
	t.Helper()
	j := &jwks{}
	j.keys.Store(keys)
	j.status.Store(http.StatusOK)
	j.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		j.asked.Add(1)
		w.WriteHeader(int(j.status.Load()))
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": j.keys.Load()}) // the client sees what is missing
	}))
	t.Cleanup(j.Close)
	return j
}

// jwk is a public key as RFC 7517 and 8037 write it.
func jwk(t testing.TB, kid string, key crypto.PublicKey) map[string]string {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	switch k := key.(type) {
	case *rsa.PublicKey:
		return map[string]string{"kty": "RSA", "kid": kid, "use": "sig", "n": b64(k.N.Bytes()), "e": "AQAB"}
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{"kty": "EC", "kid": kid, "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}
	case ed25519.PublicKey:
		return map[string]string{"kty": "OKP", "kid": kid, "crv": "Ed25519", "x": b64(k)}
	}
	t.Fatalf("no JWK for %T", key)
	return nil
}

func TestJWKS(t *testing.T) {
	c := newClock()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := rsaKey(t)
	server := newJWKS(t, jwk(t, "r", &r.PublicKey), jwk(t, "e", &ec.PublicKey), jwk(t, "d", edPublic),
		map[string]string{"kty": "oct", "kid": "o", "k": base64.RawURLEncoding.EncodeToString(jwtSecret)})
	a := authenticator(t, directory(t, sample), Config{JWKSURL: server.URL, Now: c.now})

	// An evil issuer, to whom a token may point.
	evil, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	evilServer := newJWKS(t, jwk(t, "r", &evil.PublicKey))
	evilHeaders := map[string]any{"kid": "r", "jku": evilServer.URL, "x5u": evilServer.URL, "jwk": jwk(t, "r", &evil.PublicKey)}

	public, err := x509.MarshalPKIXPublicKey(&r.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	kid := func(id string) map[string]any { return map[string]any{"kid": id} }
	for name, s := range map[string]struct {
		raw string
		ok  bool
	}{
		"RS256":                       {sign(t, jwt.SigningMethodRS256, r, kid("r"), with(c, nil)), true},
		"PS384":                       {sign(t, jwt.SigningMethodPS384, r, kid("r"), with(c, nil)), true},
		"ES256":                       {sign(t, jwt.SigningMethodES256, ec, kid("e"), with(c, nil)), true},
		"EdDSA":                       {sign(t, jwt.SigningMethodEdDSA, ed, kid("d"), with(c, nil)), true},
		"no kid":                      {sign(t, jwt.SigningMethodES256, ec, nil, with(c, nil)), true},
		"key of another id":           {sign(t, jwt.SigningMethodRS256, r, kid("e"), with(c, nil)), false},
		"evil key, headers point":     {sign(t, jwt.SigningMethodRS256, evil, evilHeaders, with(c, nil)), false},
		"kid is a path":               {sign(t, jwt.SigningMethodRS256, evil, kid("../../dev/null"), with(c, nil)), false},
		"kid is a number":             {sign(t, jwt.SigningMethodRS256, r, map[string]any{"kid": 1}, with(c, nil)), false},
		"HS256 with the public key":   {sign(t, jwt.SigningMethodHS256, publicPEM, kid("r"), with(c, nil)), false},
		"HS256 with its DER":          {sign(t, jwt.SigningMethodHS256, public, kid("r"), with(c, nil)), false},
		"HS256 with the modulus":      {sign(t, jwt.SigningMethodHS256, r.N.Bytes(), kid("r"), with(c, nil)), false},
		"HS256 with the server's oct": {sign(t, jwt.SigningMethodHS256, jwtSecret, kid("o"), with(c, nil)), false},
		"none":                        {sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid("r"), with(c, nil)), false},
		"expired":                     {sign(t, jwt.SigningMethodRS256, r, kid("r"), with(c, jwt.MapClaims{"exp": 1})), false},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := a.Authenticate(t.Context(), authorization("Bearer "+s.raw))
			if !s.ok {
				refused(t, err)
			} else if err != nil || p.ID != "u1" {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
	if n := evilServer.asked.Load(); n > 0 {
		t.Errorf("the evil server was asked %d times", n)
	}
}

// TestSecretAndJWKS: where both sources are set, each takes only its own algorithms.
func TestSecretAndJWKS(t *testing.T) {
	c := newClock()
	r := rsaKey(t)
	server := newJWKS(t, jwk(t, "r", &r.PublicKey))
	a := authenticator(t, directory(t, sample), Config{JWTSecret: jwtSecret, JWKSURL: server.URL, Now: c.now})
	kid := map[string]any{"kid": "r"}
	for name, s := range map[string]struct {
		raw string
		ok  bool
	}{
		"HS256 with the secret":     {sign(t, jwt.SigningMethodHS256, jwtSecret, kid, with(c, nil)), true},
		"RS256":                     {sign(t, jwt.SigningMethodRS256, r, kid, with(c, nil)), true},
		"HS256 with the public key": {sign(t, jwt.SigningMethodHS256, x509.MarshalPKCS1PublicKey(&r.PublicKey), kid, with(c, nil)), false},
	} {
		if _, err := a.Authenticate(t.Context(), authorization("Bearer "+s.raw)); (err == nil) != s.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJWKSRotation(t *testing.T) {
	c := newClock()
	first := rsaKey(t)
	second, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	server := newJWKS(t, jwk(t, "1", &first.PublicKey))
	a := authenticator(t, directory(t, sample), Config{JWKSURL: server.URL, Now: c.now})
	login := func(ctx context.Context, key *rsa.PrivateKey, kid string) error {
		_, err := a.Authenticate(ctx, authorization("Bearer "+sign(t, jwt.SigningMethodRS256, key, map[string]any{"kid": kid}, with(c, nil))))
		return err
	}
	if err := login(t.Context(), first, "1"); err != nil {
		t.Fatal(err)
	}

	server.keys.Store([]map[string]string{jwk(t, "2", &second.PublicKey)})
	// The caller's leaving must not waste the one fetch.
	left, leave := context.WithCancel(t.Context())
	leave()
	if err := login(left, second, "2"); err != nil {
		t.Errorf("the new key: %v", err)
	}
	refused(t, login(t.Context(), first, "1")) // a withdrawn key
	for range 20 {
		refused(t, login(t.Context(), second, "unknown"))
	}
	if n := server.asked.Load(); n != 2 {
		t.Errorf("the server was asked %d times: once at the start and once for the new key is enough", n)
	}
}

func TestJWKSOut(t *testing.T) {
	c := newClock()
	r := rsaKey(t)
	server := newJWKS(t, jwk(t, "r", &r.PublicKey))
	server.status.Store(http.StatusServiceUnavailable)
	a := authenticator(t, directory(t, sample), Config{JWKSURL: server.URL, Now: c.now})
	for _, header := range []map[string]any{{"kid": "r"}, {}} {
		_, err := a.Authenticate(t.Context(), authorization("Bearer "+sign(t, jwt.SigningMethodRS256, r, header, with(c, nil))))
		if !file.Is(err, file.Unavailable) {
			t.Errorf("without any key a good token got %v", err)
		}
	}
	if _, err := a.Authenticate(t.Context(), authorization("Bearer "+acmeKey)); err != nil {
		t.Errorf("API keys go on working: %v", err)
	}
}

func TestJWKSIsNotFollowedAndIsBounded(t *testing.T) {
	c := newClock()
	r := rsaKey(t)
	target := newJWKS(t, jwk(t, "r", &r.PublicKey))
	redirect := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusFound))
	t.Cleanup(redirect.Close)
	many := newJWKS(t, map[string]string{"pad": strings.Repeat("x", maxJWKS)}, jwk(t, "r", &r.PublicKey))
	for name, url := range map[string]string{"redirect": redirect.URL, "too large": many.URL} {
		a := authenticator(t, directory(t, sample), Config{JWKSURL: url, Now: c.now})
		_, err := a.Authenticate(t.Context(), authorization("Bearer "+sign(t, jwt.SigningMethodRS256, r, map[string]any{"kid": "r"}, with(c, nil))))
		if !file.Is(err, file.Unavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := target.asked.Load(); n > 0 {
		t.Error("a redirect was followed")
	}
}
