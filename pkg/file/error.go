package file

import (
	"errors"
	"fmt"
)

// Kind is why something failed, from a closed set. Callers act on kinds; the edge turns them into status codes.
type Kind string

// The kinds. Only Unavailable is worth a retry without a change.
const (
	Invalid      Kind = "invalid"      // the request is malformed or contradicts itself
	Unauthorized Kind = "unauthorized" // no credential, or one that is not accepted
	Forbidden    Kind = "forbidden"    // a known principal without the right
	NotFound     Kind = "not_found"    // absent, deleted, expired, or another tenant's
	Conflict     Kind = "conflict"     // the record has moved on, or a unique value is taken
	TooLarge     Kind = "too_large"    // over the size of one file
	OverQuota    Kind = "over_quota"   // over the tenant's storage
	TypeRefused  Kind = "type_refused" // a type that the policy does not allow, or bytes that are not what they claim
	NotReady     Kind = "not_ready"    // exists, but has no verdict yet
	RateLimited  Kind = "rate_limited" // too many requests
	Mismatch     Kind = "mismatch"     // an Idempotency-Key used again for another request
	Precondition Kind = "precondition" // If-Match does not hold
	NoSpace      Kind = "no_space"     // the store is full
	Cancelled    Kind = "cancelled"    // the caller went away
	Unavailable  Kind = "unavailable"  // a dependency is out or a bound is reached: try again
	Damaged      Kind = "damaged"      // stored bytes are not what the record says
	Internal     Kind = "internal"     // a fault of ours
)

// Kinds lists every kind.
var Kinds = []Kind{
	Invalid, Unauthorized, Forbidden, NotFound, Conflict, TooLarge, OverQuota, TypeRefused, NotReady, RateLimited,
	Mismatch, Precondition, NoSpace, Cancelled, Unavailable, Damaged, Internal,
}

// Error is what every package of Inlet returns for a failure that a caller may act on.
type Error struct {
	Kind   Kind
	Op     string // what was being done, as in "upload.store"; for logs
	Public string // a sentence for the client; no path, host, query or secret
	Code   string // a finer code for the client (the reason of a rejection); may be empty
	Err    error  // the cause; for logs
}

func (e *Error) Error() string {
	s := e.Op + ": " + string(e.Kind)
	if e.Public != "" {
		s += ": " + e.Public
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error whose public text is the formatted one.
func Errorf(kind Kind, op, format string, args ...any) *Error {
	return &Error{Kind: kind, Op: op, Public: fmt.Sprintf(format, args...)}
}

// Wrap makes an Error around a cause, with no public text of its own. A nil cause gives nil.
func Wrap(kind Kind, op string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Op: op, Err: err}
}

// KindOf returns the kind of the outermost Error in err's chain: Internal when there is none, "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is of the given kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// PublicText returns what a client may read of err, or fallback when nothing in the chain has such a text.
func PublicText(err error, fallback string) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			break
		}
		if e.Public != "" {
			return e.Public
		}
		err = e.Err
	}
	return fallback
}

// CodeOf returns the first finer code in err's chain.
func CodeOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			break
		}
		if e.Code != "" {
			return e.Code
		}
		err = e.Err
	}
	return ""
}
