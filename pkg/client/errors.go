package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// What an *Error may be, for errors.Is. More than one can hold.
var (
	ErrInvalid      = errors.New("the request is not valid")            // 400, 422
	ErrUnauthorized = errors.New("no credential that is accepted")      // 401
	ErrForbidden    = errors.New("not allowed")                         // 403
	ErrNotFound     = errors.New("not found")                           // 404, 410
	ErrNotReady     = errors.New("the file has no verdict yet")         // 409 not_ready
	ErrConflict     = errors.New("somebody else changed it")            // 409, 412
	ErrTooLarge     = errors.New("the file is too large")               // 413, file_too_large
	ErrRejected     = errors.New("the file was rejected")               // 415: its type, or what its bytes are
	ErrKeyReused    = errors.New("the Idempotency-Key was used before") // 422 idempotency_key_reused
	ErrRateLimited  = errors.New("too many requests")                   // 429
	ErrUnavailable  = errors.New("the server cannot do this now")       // 408, 502, 503, 504
	ErrStorageFull  = errors.New("no storage is left")                  // 507
)

// What goes wrong on the way rather than at the server.
var (
	// ErrIdle ends a request that stood still for longer than WithIdleTimeout.
	ErrIdle = errors.New("nothing was sent or received for too long")
	// ErrDigest is a download whose bytes are not those that the server has.
	ErrDigest = errors.New("the bytes do not have the SHA-256 that they should have")
)

// Codes of the API that the SDK acts on. docs/api.md has all.
const (
	codeNotReady     = "not_ready"
	codeTooLarge     = "file_too_large"
	codeKeyReused    = "idempotency_key_reused"
	codeManyVariants = "too_many_variants"
	codeTakenOver    = "upload_interrupted"
)

// Error is an answer that is not a success.
type Error struct {
	Status     int           // of HTTP
	Code       string        // not_found, file_too_large, …; of a rejected file the reason. Empty when the answer was none of Inlet's
	Message    string        // for people
	RequestID  string        // by which the server's log knows the request
	FileID     string        // of the file that the answer is about, where the server named one: a rejected upload has an id
	RetryAfter time.Duration // how long the server asks to wait; zero when it does not say
}

func (e *Error) Error() string {
	s := fmt.Sprintf("inlet: %d", e.Status)
	if e.Code != "" {
		s += " " + e.Code
	}
	s += ": " + e.Message
	if e.RequestID != "" {
		s += " (request " + e.RequestID + ")"
	}
	return s
}

// Is makes errors.Is work with the Err… values of this package.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrInvalid:
		return e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrNotFound:
		return e.Status == http.StatusNotFound || e.Status == http.StatusGone
	case ErrNotReady:
		return e.Code == codeNotReady
	case ErrConflict:
		return e.Status == http.StatusConflict && e.Code != codeNotReady || e.Status == http.StatusPreconditionFailed
	case ErrTooLarge:
		return e.Status == http.StatusRequestEntityTooLarge || e.Code == codeTooLarge
	case ErrRejected:
		return e.Status == http.StatusUnsupportedMediaType
	case ErrKeyReused:
		return e.Code == codeKeyReused
	case ErrRateLimited:
		return e.Status == http.StatusTooManyRequests
	case ErrUnavailable:
		switch e.Status {
		case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
	case ErrStorageFull:
		return e.Status == http.StatusInsufficientStorage
	}
	return false
}

// Temporary reports whether the same request may succeed later: the server is busy or out, or the connection failed.
func Temporary(err error) bool {
	var e *Error
	var certificate *tls.CertificateVerificationError
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, &certificate):
		return false
	case errors.As(err, &e):
		return errors.Is(e, ErrUnavailable) || errors.Is(e, ErrRateLimited) && e.Code != codeManyVariants
	}
	var t *transportError
	return errors.As(err, &t)
}

// transportError is a request that got no answer, or not all of it.
type transportError struct{ err error }

func (e *transportError) Error() string { return "inlet: " + e.err.Error() }

func (e *transportError) Unwrap() error { return e.err }

// maxErrorBytes bounds what is read of an answer that is not a success.
const maxErrorBytes = 64 << 10

// readError makes an Error of an answer, whoever it came from: a proxy between may know nothing of our JSON.
func readError(resp *http.Response) *Error {
	h := resp.Header
	e := &Error{
		Status: resp.StatusCode, Message: http.StatusText(resp.StatusCode), RequestID: h.Get("X-Request-Id"), FileID: h.Get(fileIDHeader),
		RetryAfter: retryAfter(h.Get("Retry-After"), time.Now()),
	}
	if to := h.Get("Location"); to != "" && e.Status < http.StatusBadRequest {
		e.Message = "the server is elsewhere: " + to
	}
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes))
	if err == nil && json.Unmarshal(text, &body) == nil && body.Error.Code != "" {
		e.Code, e.Message = body.Error.Code, body.Error.Message
	}
	return e
}

// retryAfter reads Retry-After (RFC 9110, 10.2.3): seconds, or a date. It is zero for what it cannot read.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}
