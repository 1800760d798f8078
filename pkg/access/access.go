// Package access says who is calling and what they may do: it turns credentials into a Principal, judges a principal's rights on a
// file, and counts requests against a plan's rates. What it knows of tenants, users and API keys comes from the directory file and
// from signed tokens.
//
// It is not a user management: it stores nothing, and all that it ever writes is the first directory file (Bootstrap). It knows no
// HTTP and no vendor: dialects add their own rules before these, and the edge turns kinds of errors into status codes. Signed URLs
// are package sign's.
package access

import (
	"errors"
	"slices"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// Kind is what sort of caller a principal is.
type Kind string

// The kinds. All but KindKey act by their roles; a key acts by its scopes.
const (
	KindUser         Kind = "user"
	KindBot          Kind = "bot"
	KindSubscription Kind = "subscription" // a product's hook into the tenant
	KindGuest        Kind = "guest"        // a visitor that the host product let in
	KindKey          Kind = "key"
)

// Scope is a permission of an API key. A key may do what its scopes say, on all of its tenant, and nothing else.
type Scope string

// The scopes. There is none for deleting files: who may write may delete, as tagd-ai has it.
const (
	FilesRead     Scope = "files:read"
	FilesWrite    Scope = "files:write"
	WebhooksWrite Scope = "webhooks:write" // to see the tenant's webhooks and to change them
	SystemOperate Scope = "system:operate" // to look after the installation, and so every tenant's
)

var scopes = []Scope{FilesRead, FilesWrite, WebhooksWrite, SystemOperate}

// Principal is an authenticated caller. The zero value is nobody and may do nothing.
// Its map and slice may be shared with other principals: read only.
//
// One that an Authenticator or a Directory has made also knows that version of the directory, which says how channels lie in
// workspaces and bots in projects. One made by hand does not, and its roles reach no further than the resources that they name.
type Principal struct {
	Tenant file.Tenant
	ID     string // the user's, bot's, subscription's or guest's id; for a key its user's, or "key:" and its name
	Kind   Kind
	Name   string // for people and logs; may be empty
	// Roles maps a resource in the form "kind/id", or "system" for the installation itself, to the role on it.
	Roles map[string]Role
	// Scopes are an API key's; nil for all other kinds.
	Scopes []Scope
	// Expires is when the credential ends; zero for one that does not.
	Expires time.Time
	// KeyID names the API key, uniquely in its tenant; empty for all other credentials.
	KeyID string

	directory *snapshot // nil for one made by hand
}

// RateKey is what a Limiter counts the principal's requests under: the API key, or else the caller.
func (p Principal) RateKey() string {
	if p.KeyID != "" {
		return string(p.Tenant) + "/key/" + p.KeyID
	}
	return string(p.Tenant) + "/" + string(p.Kind) + "/" + p.ID
}

func (p Principal) hasScope(s Scope) bool { return slices.Contains(p.Scopes, s) }

// Signer is whose right to a file what the principal signs rests on, in a form that Directory.Principal takes. For an API key it is the
// key itself and not its user, so that a signed URL ends with the key and has exactly its rights.
func (p Principal) Signer() string {
	if p.KeyID != "" {
		return keyIDPrefix + p.KeyID
	}
	return p.ID
}

// publicUnauthorized is the one text that every refused credential gets, so that nothing can be learnt from it.
const publicUnauthorized = "authentication required"

// ErrNoCredentials is the cause of the Unauthorized error for a request that carried none at all.
var ErrNoCredentials = errors.New("no credentials")

func unauthorized(cause error) error {
	return &file.Error{Kind: file.Unauthorized, Op: "access.authenticate", Public: publicUnauthorized, Err: cause}
}

// throttled is the cause of a RateLimited error.
type throttled struct{ after time.Duration }

func (t throttled) Error() string { return "retry after " + t.after.String() }

// RetryAfter returns how long a caller who got a RateLimited error of this package should wait; 0 when err does not say.
func RetryAfter(err error) time.Duration {
	var t throttled
	if errors.As(err, &t) {
		return t.after
	}
	return 0
}

func rateLimited(op, public string, after time.Duration) error {
	return &file.Error{Kind: file.RateLimited, Op: op, Public: public, Err: throttled{after}}
}
