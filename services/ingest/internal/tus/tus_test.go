package tus

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta/sqlite"
)

// filling is a store whose disk may be full.
type filling struct {
	blob.Store
	full atomic.Bool
}

func (s *filling) Put(ctx context.Context, key string, r io.Reader, o blob.PutOptions) (blob.Info, error) {
	if s.full.Load() {
		_, err := io.Copy(io.Discard, r)
		return blob.Info{}, errors.Join(file.Wrap(file.NoSpace, "test", errors.New("the disk is full")), err)
	}
	return s.Store.Put(ctx, key, r, o)
}

// silentBus is a bus that takes every event and tells nobody.
type silentBus struct{}

func (silentBus) Publish(context.Context, bus.Message) error { return nil }

// bench is a Handler over a real disk and a real database, whose time is set by hand.
type bench struct {
	t     *testing.T
	h     *Handler
	store *filling
	now   time.Time
}

const collection = "/v1/uploads"

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	store, err := disk.Open(disk.Config{Dir: filepath.Join(dir, "blobs"), Durability: disk.Process})
	if err != nil {
		t.Fatal(err)
	}
	repo, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "meta.db"), Synchronous: sqlite.Off})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, store: &filling{Store: store}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	c := core.New(core.Config{Blobs: b.store, Meta: repo, Bus: silentBus{}, Now: func() time.Time { return b.now }})
	b.h = New(Config{Core: c, Path: collection, Life: time.Hour})
	t.Cleanup(func() {
		c.Close(context.Background())
		if err := errors.Join(repo.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// ask has a request answered, and returns the error that the dialect would word.
func (b *bench) ask(method, at, body string, headers ...string) (http.Header, error) {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, "/", strings.NewReader(body))
	r.Header.Set("Tus-Resumable", Version)
	if method == http.MethodPatch {
		r.Header.Set("Content-Type", ContentType)
	}
	for i := 1; i < len(headers); i += 2 {
		r.Header.Set(headers[i-1], headers[i])
	}
	w := httptest.NewRecorder()
	id := ""
	if at != "" {
		id = path.Base(at)
	}
	err := b.h.Serve(w, r, Call{Tenant: "acme", By: "ann", Upload: id, Base: "http://files.test", Check: func(*file.File) error { return nil },
		Begin: func(metadata map[string]string, _ bool) (core.Upload, error) {
			return core.Upload{Tenant: "acme", By: "ann", OriginalName: metadata["filename"]}, nil
		},
	})
	return w.Header(), err
}

func (b *bench) create(headers ...string) string {
	b.t.Helper()
	h, err := b.ask(http.MethodPost, "", "", append([]string{"Upload-Metadata", "filename bm90ZS50eHQ="}, headers...)...) // note.txt
	if err != nil {
		b.t.Fatal(err)
	}
	return h.Get("Location")
}

func (b *bench) patch(at string, offset int, body string) error {
	b.t.Helper()
	_, err := b.ask(http.MethodPatch, at, body, "Upload-Offset", strconv.Itoa(offset))
	return err
}

// offset is where an upload stands.
func (b *bench) offset(at string) string {
	b.t.Helper()
	h, err := b.ask(http.MethodHead, at, "")
	if err != nil {
		b.t.Error(err)
	}
	return h.Get("Upload-Offset")
}

// A disk that is full is said to be, costs nothing of what was there, and lets the client go on when it has room again.
func TestFullDisk(t *testing.T) {
	b := newBench(t)
	at := b.create("Upload-Length", "11")
	if err := b.patch(at, 0, "hello"); err != nil {
		t.Fatal(err)
	}
	b.store.full.Store(true)
	if err := b.patch(at, 5, " world"); !file.Is(err, file.NoSpace) {
		t.Errorf("a full disk gave %v", err)
	}
	if got := b.offset(at); got != "5" {
		t.Errorf("the upload is at %s", got)
	}
	b.store.full.Store(false)
	if err := b.patch(at, 5, " world"); err != nil || b.offset(at) != "11" {
		t.Errorf("then %v", err)
	}
}

// What has ended is not there for any request.
func TestExpiredUpload(t *testing.T) {
	b := newBench(t)
	at, part := b.create("Upload-Length", "11"), b.create("Upload-Length", "5", "Upload-Concat", "partial")
	for _, x := range []string{at, part} {
		if err := b.patch(x, 0, "hello"); err != nil {
			t.Fatal(err)
		}
	}
	b.now = b.now.Add(time.Hour)
	for name, err := range map[string]error{
		"PATCH": b.patch(at, 5, " world"),
		"HEAD":  func() error { _, err := b.ask(http.MethodHead, at, ""); return err }(),
		"a file of parts": func() error {
			_, err := b.ask(http.MethodPost, "", "", "Upload-Concat", "final;"+part, "Upload-Metadata", "filename bm90ZS50eHQ=")
			return err
		}(),
	} {
		if !file.Is(err, file.NotFound) {
			t.Errorf("%s gave %v", name, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	b := newBench(t)
	at, part := b.create("Upload-Length", "11"), b.create("Upload-Length", "5", "Upload-Concat", "partial")
	for name, x := range map[string]struct {
		status           int
		method, at, body string
		headers          []string
	}{
		"another version":          {http.StatusPreconditionFailed, http.MethodPatch, at, "x", []string{"Upload-Offset", "0", "Tus-Resumable", "0.2.2"}},
		"no such method":           {http.StatusMethodNotAllowed, http.MethodPut, at, "", nil},
		"another method":           {http.StatusMethodNotAllowed, http.MethodPost, at, "", []string{"X-HTTP-Method-Override", "PUT"}},
		"no offset":                {http.StatusBadRequest, http.MethodPatch, at, "x", nil},
		"another offset":           {http.StatusConflict, http.MethodPatch, at, "x", []string{"Upload-Offset", "1"}},
		"another type":             {http.StatusBadRequest, http.MethodPatch, at, "x", []string{"Upload-Offset", "0", "Content-Type", "text/plain"}},
		"another checksum":         {statusChecksumMismatch, http.MethodPatch, at, "x", []string{"Upload-Offset", "0", "Upload-Checksum", "md5 XUFAKrxLKna5cZ2REBfFkg=="}},
		"an unknown checksum":      {http.StatusBadRequest, http.MethodPatch, at, "x", []string{"Upload-Offset", "0", "Upload-Checksum", "crc32 AAAAAA=="}},
		"no length":                {http.StatusBadRequest, http.MethodPost, "", "", nil},
		"parts that are not whole": {http.StatusBadRequest, http.MethodPost, "", "", []string{"Upload-Concat", "final;" + part}},
		"no parts":                 {http.StatusBadRequest, http.MethodPost, "", "", []string{"Upload-Concat", "final;"}},
	} {
		_, err := b.ask(x.method, x.at, x.body, x.headers...)
		var e *Error
		if !errors.As(err, &e) || e.Status != x.status || e.Code == "" || e.Text == "" {
			t.Errorf("%s: %v, want status %d", name, err, x.status)
		}
	}
	if b.offset(at) != "0" || b.offset(part) != "0" {
		t.Error("an upload has moved")
	}
}
