// Package cors lets pages of other origins call the API from a browser (https://fetch.spec.whatwg.org/#http-cors-protocol).
//
// It never allows credentials: a page of another origin brings a key or a token of its own, and the browser's cookie stays out of it. It is no
// protection of the API, which asks everybody who he is.
package cors

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Any stands for every origin. It goes alone.
const Any = "*"

// What a page may send and see. maxAge is how long a browser need not ask again, in seconds: two hours is the most that any takes.
const maxAge = "7200"

var (
	methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}
	// requestHeaders are what the APIs read: credentials, content, conditions, and tus 1.0.0.
	requestHeaders = []string{
		"Authorization", "X-API-Key", "Content-Type", "Content-Disposition", "Content-Digest", "Repr-Digest", "Idempotency-Key", "Prefer", "Last-Event-ID",
		"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range", "X-Request-Id",
		"Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Defer-Length", "Upload-Concat", "Upload-Checksum", "X-HTTP-Method-Override",
	}
	// answerHeaders are what a script may see besides those that every script may.
	answerHeaders = []string{
		"Location", "ETag", "Content-Disposition", "Content-Range", "Accept-Ranges", "Content-Digest", "Repr-Digest", "Retry-After", "Allow",
		"Preference-Applied", "Idempotent-Replayed", "Inlet-File-Id", "X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset",
		"Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm",
		"Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Defer-Length", "Upload-Concat", "Upload-Expires",
	}
)

var errOrigin = errors.New("an origin is a scheme and a host, as in https://app.example.com, or * alone for every one")

// Check returns an error unless every origin is written as browsers send it (RFC 6454, 6.2), or the only one is Any.
func Check(origins []string) error {
	for _, o := range origins {
		if o == Any && len(origins) == 1 {
			continue
		}
		u, err := url.Parse(o)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Contains(u.Host, Any) || o != u.Scheme+"://"+strings.ToLower(u.Host) {
			return errOrigin
		}
	}
	return nil
}

// Handler allows the origins to call next. Without one it is next itself. The origins have passed Check.
func Handler(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	anybody := slices.Contains(origins, Any)
	allowedMethods, allowedHeaders, exposed := strings.Join(methods, ", "), strings.Join(requestHeaders, ", "), strings.Join(answerHeaders, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, origin := w.Header(), r.Header.Get("Origin")
		if !anybody {
			h.Add("Vary", "Origin") // also where there is none: caches must not give that answer to a page
		}
		if origin == "" || !anybody && !slices.Contains(origins, origin) {
			next.ServeHTTP(w, r)
			return
		}
		if anybody {
			origin = Any
		}
		h.Set("Access-Control-Allow-Origin", origin)
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" { // a preflight, which is nobody's request
			h.Set("Access-Control-Allow-Methods", allowedMethods)
			h.Set("Access-Control-Allow-Headers", allowedHeaders)
			h.Set("Access-Control-Max-Age", maxAge)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h.Set("Access-Control-Expose-Headers", exposed)
		next.ServeHTTP(w, r)
	})
}
