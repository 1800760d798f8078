package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// BenchmarkAuthenticate measures what each request pays.
func BenchmarkAuthenticate(b *testing.B) {
	c := newClock()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	r := rsaKey(b)
	server := newJWKS(b, jwk(b, "r", &r.PublicKey), jwk(b, "e", &ec.PublicKey))
	a := authenticator(b, directory(b, sample), Config{JWTSecret: jwtSecret, JWKSURL: server.URL, Now: c.now})
	roles := with(c, jwt.MapClaims{"roles": map[string]string{"project/p": "admin", "channel/c": "member"}})
	for _, bm := range []struct {
		name    string
		request Request
	}{
		{"key", authorization("Bearer " + acmeKey)},
		{"HS256", authorization("Bearer " + hs256(b, with(c, nil)))},
		{"HS256 with roles", authorization("Bearer " + hs256(b, roles))},
		{"RS256", authorization("Bearer " + sign(b, jwt.SigningMethodRS256, r, map[string]any{"kid": "r"}, with(c, nil)))},
		{"ES256", authorization("Bearer " + sign(b, jwt.SigningMethodES256, ec, map[string]any{"kid": "e"}, with(c, nil)))},
		{"Basic remembered", basic("demo@acme.test", "demo")},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Authenticate(b.Context(), bm.request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("password hash", func(b *testing.B) {
		h := decoy()
		for b.Loop() {
			h.matches(secret)
		}
	})
}

func BenchmarkLimiter(b *testing.B) {
	l := NewLimiter(nil)
	r := Rate{PerMinute: 1 << 40, PerHour: 1 << 40, PerDay: 1 << 40}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Allow("acme/key/ci", r)
		}
	})
}
