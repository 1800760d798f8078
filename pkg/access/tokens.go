package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"

	"github.com/inlethq/inlet/pkg/file"
)

const (
	minSecret = 32 // bytes: RFC 7518, 3.2, for HS256
	maxLeeway = 5 * time.Minute

	jwksTimeout  = 5 * time.Second
	jwksInterval = 10 * time.Minute
	jwksMinGap   = 30 * time.Second // between fetches that a token with an unknown key id causes
	maxJWKS      = 1 << 20          // bytes
)

// The algorithms, by where the key comes from. A key of one source is never used for the other's: a public key is no HMAC secret.
var (
	secretMethods = []string{"HS256"}
	jwksMethods   = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)

var (
	errCritical  = errors.New("a critical header that is not understood")
	errNoKeys    = errors.New("no keys have been fetched from the JWKS URL")
	errSubject   = errors.New("not a subject")
	errNoTenant  = errors.New("unknown tenant")
	errKind      = errors.New("unknown kind of principal")
	errNoTokens  = errors.New("tokens are not configured")
	errNoJWKSKey = errors.New("no such key in the JWKS")
)

// tokens verifies JWTs (RFC 7519), by the rules of RFC 8725.
type tokens struct {
	parser *jwt.Parser // nil when no token is taken
	secret []byte
	jwks   keyfunc.Keyfunc // nil without a URL
}

// claims are what a token says.
type claims struct {
	jwt.RegisteredClaims
	Tenant string            `json:"tenant"`
	Kind   Kind              `json:"kind"` // user when empty
	Name   string            `json:"name"`
	Roles  map[string]string `json:"roles"`
}

func newTokens(ctx context.Context, c Config) (*tokens, error) {
	const op = "access.config"
	if c.Leeway < 0 || c.Leeway > maxLeeway {
		return nil, file.Errorf(file.Invalid, op, "the leeway of tokens is 0 to %s", maxLeeway)
	}
	t := &tokens{secret: c.JWTSecret}
	var methods []string
	if len(c.JWTSecret) > 0 {
		if len(c.JWTSecret) < minSecret {
			return nil, file.Errorf(file.Invalid, op, "the JWT secret has %d bytes and needs %d", len(c.JWTSecret), minSecret)
		}
		methods = append(methods, secretMethods...)
	}
	if c.JWKSURL != "" {
		u, err := url.Parse(c.JWKSURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, file.Errorf(file.Invalid, op, "the JWKS URL must be an absolute http or https URL")
		}
		if t.jwks, err = fetchJWKS(ctx, c.JWKSURL, c.Log); err != nil {
			return nil, file.Wrap(file.Invalid, op, err)
		}
		methods = append(methods, jwksMethods...)
	}
	if len(methods) == 0 {
		return t, nil
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(methods), jwt.WithExpirationRequired(), jwt.WithLeeway(c.Leeway), jwt.WithTimeFunc(c.Now), jwt.WithStrictDecoding(),
	}
	if c.Audience != "" {
		options = append(options, jwt.WithAudience(c.Audience))
	}
	if c.Issuer != "" {
		options = append(options, jwt.WithIssuer(c.Issuer))
	}
	t.parser = jwt.NewParser(options...)
	return t, nil
}

// fetchJWKS keeps the keys of one URL current: now, at an interval, and when a token names a key that is not among them.
func fetchJWKS(ctx context.Context, jwksURL string, log *slog.Logger) (keyfunc.Keyfunc, error) {
	client := &http.Client{
		Transport: cappedTransport{http.DefaultTransport},
		// The keys come from this URL and from nowhere that it may point to.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return keyfunc.NewDefaultOverrideCtx(ctx, []string{jwksURL}, keyfunc.Override{
		Client:            client,
		HTTPTimeout:       jwksTimeout,
		RefreshInterval:   jwksInterval,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(jwksMinGap), 1),
		RateLimitWaitMax:  jwksTimeout, // of a token, for its turn and the fetch
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
			return func(ctx context.Context, err error) {
				log.WarnContext(ctx, "fetching the JWKS failed, the keys fetched before stay in force", slog.Any("error", err))
			}
		},
	})
}

// cappedTransport cuts a response's body at maxJWKS.
type cappedTransport struct{ http.RoundTripper }

func (t cappedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxJWKS), resp.Body}
	return resp, nil
}

// authenticate verifies a token and makes a Principal of it.
func (t *tokens) authenticate(ctx context.Context, s *snapshot, raw string) (Principal, error) {
	if t.parser == nil {
		return Principal{}, unauthorized(errNoTokens)
	}
	var c claims
	_, err := t.parser.ParseWithClaims(raw, &c, func(token *jwt.Token) (any, error) { return t.key(ctx, token) })
	switch {
	case err == nil:
		return s.tokenPrincipal(&c)
	case errors.Is(err, errNoKeys):
		return Principal{}, file.Wrap(file.Unavailable, "access.authenticate", err)
	}
	return Principal{}, unauthorized(err)
}

// key returns the key for a token whose algorithm the parser has already found on the list. Of its header only alg and kid have a
// say: jku, jwk, x5u and x5c would let a token bring its own key.
func (t *tokens) key(ctx context.Context, token *jwt.Token) (any, error) {
	if _, ok := token.Header["crit"]; ok {
		return nil, errCritical // RFC 7515, 4.1.11
	}
	if _, ok := token.Method.(*jwt.SigningMethodHMAC); ok {
		return t.secret, nil
	}
	// A fetch goes on when the caller leaves (it ends after jwksTimeout): else one who sends unknown ids and leaves could stop every
	// fetch that jwksMinGap allows.
	ctx = context.WithoutCancel(ctx)
	key, err := t.jwks.KeyfuncCtx(ctx)(token)
	if set, ok := key.(jwt.VerificationKeySet); ok && len(set.Keys) == 0 {
		err = errNoJWKSKey
	}
	if err == nil {
		return key, nil
	}
	if all, readErr := t.jwks.Storage().KeyReadAll(ctx); readErr == nil && len(all) == 0 {
		return nil, fmt.Errorf("%w: %w", errNoKeys, err)
	}
	return nil, err
}

// tokenPrincipal is who a verified token speaks of.
func (s *snapshot) tokenPrincipal(c *claims) (Principal, error) {
	p := Principal{Tenant: file.Tenant(c.Tenant), ID: c.Subject, Kind: c.Kind, Name: c.Name, Expires: c.ExpiresAt.Time, directory: s}
	if !validID(p.ID) || strings.HasPrefix(p.ID, keyIDPrefix) {
		return Principal{}, unauthorized(errSubject)
	}
	if s.tenants[p.Tenant] == nil {
		return Principal{}, unauthorized(errNoTenant)
	}
	switch p.Kind {
	case "":
		p.Kind = KindUser
	case KindUser, KindBot, KindSubscription, KindGuest:
	default:
		return Principal{}, unauthorized(errKind)
	}
	p.Roles = parseRoles(c.Roles)
	if u := s.users[entity{p.Tenant, p.ID}]; u != nil && p.Kind == KindUser {
		p.Roles = mergeRoles(u.Roles, p.Roles)
		if p.Name == "" {
			p.Name = u.Email
		}
	}
	return p, nil
}

// parseRoles keeps those entries of a token that mean something here. A role or resource that is not known gives no right; nor does the
// system, which is the directory's to give: the product that signs tokens speaks of its tenants.
func parseRoles(names map[string]string) map[string]Role {
	roles := make(map[string]Role, len(names))
	for on, name := range names {
		_, _, errOn := parseResource(on)
		r, errRole := ParseRole(name)
		if errOn == nil && errRole == nil {
			roles[on] = r
		}
	}
	return roles
}

// mergeRoles adds a token's roles to the directory's. On a resource that both name the token's counts, even if it is the weaker.
func mergeRoles(directory, token map[string]Role) map[string]Role {
	if len(token) == 0 {
		return directory
	}
	merged := maps.Clone(directory)
	maps.Copy(merged, token)
	return merged
}
