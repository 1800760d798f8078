package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"strings"
	"time"
)

// maxCredential bounds what is read of a credential header, scheme included.
const maxCredential = 8 << 10

// Request is what Authenticate looks at.
type Request struct {
	Authorization []string // every Authorization header, as it came
	APIKey        []string // every X-API-Key header
	// RemoteAddr is the client's address, with or without a port, to count wrong passwords by. Behind a proxy it is what a
	// trusted proxy says, or else all clients share one count.
	RemoteAddr string
}

// Config says which tokens an Authenticator takes. With neither a secret nor a URL it takes none.
type Config struct {
	JWTSecret []byte        // for HS256; 32 bytes or more (RFC 7518, 3.2)
	JWKSURL   string        // http or https; for RS, PS and ES with 256, 384 and 512, and EdDSA
	Audience  string        // demanded in aud, when set
	Issuer    string        // demanded as iss, when set
	Leeway    time.Duration // by which exp and nbf may be off

	Log *slog.Logger     // told when the JWKS cannot be fetched; nil for silence
	Now func() time.Time // nil for the system's clock
}

// Authenticator tells who a request comes from. It is safe for concurrent use.
type Authenticator struct {
	directory *Directory
	now       func() time.Time
	tokens    *tokens
	passwords *passwords
}

// NewAuthenticator returns an Authenticator over a directory. With a JWKSURL it fetches the keys, now (it waits for it, but goes on
// without when the server is out) and from time to time until ctx ends. A bad Config is Invalid.
func NewAuthenticator(ctx context.Context, d *Directory, c Config) (*Authenticator, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	t, err := newTokens(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Authenticator{directory: d, now: c.Now, tokens: t, passwords: newPasswords()}, nil
}

// Authenticate takes "Authorization: Bearer <JWT or API key>", "JWT <JWT>" or "Basic <e-mail:password>", or an API key in X-API-Key.
//
// Errors are Unauthorized, with one text whatever was wrong (the cause is ErrNoCredentials where there was no credential at all);
// RateLimited, with a RetryAfter, for a password after too many wrong ones; Unavailable when passwords queue or the issuer's keys
// were never fetched; and Cancelled for who leaves that queue.
func (a *Authenticator) Authenticate(ctx context.Context, r Request) (Principal, error) {
	scheme, credential, err := readCredential(r)
	if err != nil {
		return Principal{}, unauthorized(err)
	}
	s := a.directory.current.Load()
	switch scheme {
	case schemeBasic:
		return a.passwords.authenticate(ctx, s, credential, r.RemoteAddr, a.now)
	case schemeKey:
		return s.authenticateKey(credential)
	case schemeJWT:
		return a.tokens.authenticate(ctx, s, credential)
	}
	// Bearer is for both. A JWT has dots, and a key has none.
	if strings.Contains(credential, ".") {
		return a.tokens.authenticate(ctx, s, credential)
	}
	return s.authenticateKey(credential)
}

// scheme is how a credential is to be read.
type scheme string

const (
	schemeBearer scheme = "bearer"
	schemeJWT    scheme = "jwt"
	schemeBasic  scheme = "basic"
	schemeKey    scheme = "key" // X-API-Key
)

var (
	errTooLong   = errors.New("credential too long")
	errAmbiguous = errors.New("two credentials")
	errScheme    = errors.New("unknown authentication scheme")
	errKey       = errors.New("unknown API key")
)

// readCredential finds the one credential of a request. The same key in both headers is one; anything else twice is none, since who
// looks at the request next, or before, may go by the other.
func readCredential(r Request) (scheme, string, error) {
	authorization, err := only(r.Authorization)
	if err != nil {
		return "", "", err
	}
	key, err := only(r.APIKey)
	if err != nil {
		return "", "", err
	}
	if authorization == "" {
		if key == "" {
			return "", "", ErrNoCredentials
		}
		return schemeKey, key, nil
	}
	s, credential, err := parseAuthorization(authorization)
	if err == nil && key != "" && (s != schemeBearer || credential != key) {
		err = errAmbiguous
	}
	return s, credential, err
}

// only returns the single value of a header, or "" if it has none.
func only(values []string) (string, error) {
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		if len(values[0]) > maxCredential {
			return "", errTooLong
		}
		return values[0], nil
	}
	return "", errAmbiguous
}

// parseAuthorization splits an Authorization header (RFC 9110, 11.4). The case of the scheme does not matter.
func parseAuthorization(header string) (scheme, string, error) {
	name, credential, _ := strings.Cut(header, " ")
	credential = strings.Trim(credential, " ")
	s := scheme(strings.ToLower(name))
	switch s {
	case schemeBearer, schemeJWT, schemeBasic:
		if credential == "" || strings.ContainsAny(credential, " \t\r\n") {
			return "", "", errScheme
		}
		return s, credential, nil
	}
	return "", "", errScheme
}

// keyDigest is all that is kept of an API key. Keys are random, so a plain SHA-256 is not to be reversed; and looking one up tells
// by its time at most something of a digest, which is no help in finding its key.
type keyDigest [sha256.Size]byte

func digestKey(key string) keyDigest { return sha256.Sum256([]byte(key)) }

// authenticateKey makes a Principal of an API key.
func (s *snapshot) authenticateKey(key string) (Principal, error) {
	k, ok := s.keys[digestKey(key)]
	if !ok {
		return Principal{}, unauthorized(errKey)
	}
	return s.keyPrincipal(k), nil
}
