// Package tus speaks the protocol for resumable uploads, tus 1.0.0 (https://tus.io/protocols/resumable-upload): creation, creation with upload,
// deferred length, expiration, checksum, termination and concatenation. The protocol's rules are tusd's; the uploads are the core's.
//
// It tells what a request means to an upload, and no more: who is calling and what they may do, the wording of errors and the room for uploads in
// flight are the dialect's.
package tus

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
	"golang.org/x/exp/slog"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
)

// Version is that of the protocol.
const Version = "1.0.0"

// ContentType is that of a body which brings bytes of an upload.
const ContentType = "application/offset+octet-stream"

const (
	// lockLimit is how long a request waits for another one of the same upload, which is asked to end, to have stored what it got.
	lockLimit = 20 * time.Second
	// graceLimit is how long a look at an upload may go on for a client that has gone. What has arrived is stored whatever that takes.
	graceLimit = time.Second
)

// Config is what a Handler works with. All is required.
type Config struct {
	Core *core.Core
	Path string        // of the uploads, as clients see it: /v1/uploads
	Life time.Duration // how long an upload waits for its next bytes
}

// Handler answers the requests of the protocol. Its methods may be called concurrently.
type Handler struct {
	Config
	routes *handler.UnroutedHandler
	drain  context.Context // ended by Drain
	end    context.CancelFunc
}

// New makes a Handler.
func New(cfg Config) *Handler {
	h := &Handler{Config: cfg}
	h.Path = strings.TrimSuffix(h.Path, "/") + "/"
	h.drain, h.end = context.WithCancel(context.Background())
	composer := handler.NewStoreComposer()
	s := store{h}
	composer.UseCore(s)
	composer.UseTerminater(s)
	composer.UseConcater(s)
	composer.UseLengthDeferrer(s)
	composer.UseLocker(locker{memorylocker.New()})
	// It fails for a malformed path and for want of a store: here are neither.
	h.routes, _ = handler.NewUnroutedHandler(handler.Config{
		StoreComposer: composer, BasePath: h.Path, Cors: &handler.CorsConfig{Disable: true}, Logger: slog.New(silent{}),
		AcquireLockTimeout: lockLimit, GracefulRequestCompletionTimeout: graceLimit,
	})
	return h
}

// Drain ends the requests that bring bytes: what has arrived is stored, and their clients go on elsewhere. It is for a process that ends.
func (h *Handler) Drain() { h.end() }

// Call is what the dialect knows of a request.
type Call struct {
	Tenant file.Tenant
	By     string
	Upload string // the id in the path; empty for the collection
	Base   string // the URL that clients reach us at, without the path
	Limits core.Limits
	Policy content.Policy
	// Begin makes the upload that a client begins, from what it says of it. partial is one that becomes a part of another, of which nothing need be
	// said.
	Begin func(metadata map[string]string, partial bool) (core.Upload, error)
	// Check returns nil if the caller may go on with the upload that a record is of.
	Check func(*file.File) error
}

// Error is a refusal by the protocol.
type Error struct {
	Status int
	Code   string
	Text   string
}

func (e *Error) Error() string { return "tus: " + strconv.Itoa(e.Status) + " " + e.Code }

// Method is what a request asks for: clients that can send POST alone name another method in a header.
func Method(r *http.Request) string {
	if method := r.Header.Get("X-HTTP-Method-Override"); method != "" && r.Method == http.MethodPost {
		return method
	}
	return r.Method
}

// Brings reports whether a request may bring bytes.
func Brings(r *http.Request) bool {
	m := Method(r)
	return m == http.MethodPatch || m == http.MethodPost && r.Header.Get("Content-Type") == ContentType
}

// Serve answers a request. After an error nothing has been sent but headers of the protocol: it is an *Error, or one of the core's or of the Call's.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, c Call) error {
	header := w.Header()
	header.Set("Tus-Resumable", Version)
	if Method(r) == http.MethodOptions {
		h.describe(header, c)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	q := &request{Call: c, header: header, metadata: r.Header.Get("Upload-Metadata")}
	if c.Upload != "" {
		id, err := file.ParseID(c.Upload)
		if err != nil {
			return file.Errorf(file.NotFound, "tus", "Upload not found")
		}
		f, err := h.Core.PeekResumable(r.Context(), c.Tenant, id) // before the lock: a stranger must not interrupt its holder
		if err != nil {
			return err
		}
		if err := c.Check(f); err != nil {
			return err
		}
		q.Upload = string(id)
	}
	if Brings(r) {
		var err error
		if q.sum, err = parseChecksum(r.Header.Get("Upload-Checksum")); err != nil {
			return err
		}
	}
	return h.serve(w, r, q)
}

// describe tells what the server can do: https://tus.io/protocols/resumable-upload#options
func (h *Handler) describe(header http.Header, c Call) {
	header.Set("Tus-Version", Version)
	header.Set("Tus-Extension", h.routes.SupportedExtensions()+",expiration,checksum")
	header.Set("Tus-Checksum-Algorithm", checksumAlgorithms)
	if c.Limits.MaxFile > 0 {
		header.Set("Tus-Max-Size", strconv.FormatInt(c.Limits.MaxFile, 10))
	}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, q *request) error {
	if strings.HasPrefix(r.Header.Get("Upload-Concat"), "final;") {
		if made, err := h.made(r.Context(), q); made || err != nil {
			if err == nil {
				h.replay(w, q)
			}
			return err
		}
	}
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, q))
	if Brings(r) {
		q.body = &body{ReadCloser: r.Body, control: http.NewResponseController(w)}
		r.Body = q.body
		defer context.AfterFunc(h.drain, func() { q.body.stop(errShutdown) })()
	}
	method := Method(r)
	r.URL = &url.URL{Path: q.Upload}
	out := &writer{ResponseWriter: w, base: q.Base + h.Path}
	h.routes.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case method == http.MethodPost && q.Upload == "":
			h.routes.PostFile(w, r)
		case method == http.MethodHead && q.Upload != "":
			h.routes.HeadFile(w, r)
		case method == http.MethodPatch && q.Upload != "":
			h.routes.PatchFile(w, r)
		case method == http.MethodDelete && q.Upload != "":
			h.routes.DelFile(w, r)
		default:
			q.err = &Error{http.StatusMethodNotAllowed, "method_not_allowed", "The endpoint has no such method"}
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	})).ServeHTTP(out, r)
	if errors.Is(q.err, errReplayed) {
		h.replay(w, q)
		return nil
	}
	err := q.err
	if err == nil {
		err = out.refusal()
	}
	if err != nil {
		q.header.Del("Upload-Expires") // the upload may have ended
	}
	return err
}

// made looks, before the parts of a file are looked for, whether it was made under the same key before: they are gone then.
func (h *Handler) made(ctx context.Context, q *request) (bool, error) {
	u, err := q.Begin(handler.ParseMetadataHeader(q.metadata), false)
	if err != nil || u.Key == "" {
		return false, err
	}
	f, err := h.Core.Concatenated(ctx, u)
	if file.Is(err, file.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	q.replayed = core.Resumable{File: f, Offset: f.Size}
	q.show(&q.replayed)
	return true, nil
}

// replay answers the creation of an upload that was created before, under the same key: its client goes on where it is.
func (h *Handler) replay(w http.ResponseWriter, q *request) {
	q.header.Set("Location", q.Base+h.Path+string(q.replayed.File.ID))
	q.header.Set("Upload-Offset", strconv.FormatInt(q.replayed.Offset, 10))
	q.header.Set("Idempotent-Replayed", "true")
	w.WriteHeader(http.StatusCreated)
}

// request is one request on its way through tusd, which hands its context to the store.
type request struct {
	Call
	header   http.Header // of the answer
	sum      *checksum   // of the body; nil when none was sent
	body     *body       // nil for a request that brings no bytes
	metadata string
	err      error // of the store, or of the Call
	replayed core.Resumable
}

type requestKey struct{}

func requestOf(ctx context.Context) *request { return ctx.Value(requestKey{}).(*request) }

// errReplayed ends a creation that has nothing to create.
var errReplayed = errors.New("the upload exists")

// fail keeps an error for the dialect, which knows how to say it, and returns what stops tusd; nil for nil.
func (q *request) fail(err error) error {
	if err == nil {
		return nil
	}
	if q.err == nil {
		q.err = err
	}
	return handler.NewError("ERR_STORE", "kept by the request", http.StatusInternalServerError)
}

// show puts into the answer where an upload stands.
func (q *request) show(r *core.Resumable) {
	q.header.Del("Upload-Expires")
	if r.Open() {
		q.header.Set("Upload-Expires", r.File.ExpiresAt.UTC().Format(http.TimeFormat))
		return
	}
	q.header.Set("Inlet-File-Id", string(r.File.ID))
}

// silent is a log that nobody reads: the router has a line for each request, and the dialect says what went wrong.
type silent struct{}

func (silent) Enabled(context.Context, slog.Level) bool  { return false }
func (silent) Handle(context.Context, slog.Record) error { return nil }
func (s silent) WithAttrs([]slog.Attr) slog.Handler      { return s }
func (s silent) WithGroup(string) slog.Handler           { return s }
