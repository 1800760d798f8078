// Package docs serves the documents of the APIs and of the events, and pages to read them on, from the binary itself: OpenAPI 3.1 for each API,
// AsyncAPI 3 for the events.
//
// It describes and decides nothing. That the server does what stands here is for test/contract to show. Everything works without a network.
package docs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed openapi/*.yaml asyncapi.yaml reader
var built embed.FS

// Names are the APIs that have a document, openapi/<name>.yaml.
var Names = []string{"native", "tiledesk", "enzyme", "desk", "sonar"}

// policy is that of the console: pages run their own scripts, and speak to nobody but the server that they came from.
const policy = "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"

// Root is where the start page is. Everything else is below it.
const Root = "/docs/"

// packed ends the name of a file that is kept with gzip.
const packed = ".gz"

// Handler serves everything below Root. It may be used by many requests at once.
type Handler struct {
	files map[string]asset // by path
}

type asset struct {
	mediaType string
	bytes     []byte
	packed    bool // with gzip
	etag      string
}

// New reads the documents that are built in.
func New() (*Handler, error) {
	h := &Handler{files: map[string]asset{}}
	if err := h.addDocuments(); err != nil {
		return nil, fmt.Errorf("docs: %w", err)
	}
	if err := h.addReader(); err != nil {
		return nil, fmt.Errorf("docs: %w", err)
	}
	return h, nil
}

// addDocuments adds the documents, under their own names, and the page of the events.
func (h *Handler) addDocuments() error {
	for _, name := range Names {
		if err := h.addFile("openapi/"+name+".yaml", "openapi/"+name+".yaml"); err != nil {
			return err
		}
	}
	if err := h.addFile("asyncapi.yaml", "asyncapi.yaml"); err != nil {
		return err
	}
	page, err := eventsPage(h.files[Root+"asyncapi.yaml"].bytes)
	if err != nil {
		return err
	}
	h.add("events", "events.html", page)
	return nil
}

// addReader adds the pages that people read the documents on: the start page, one for each API, and what they load.
func (h *Handler) addReader() error {
	if err := h.addFile("", "reader/index.html"); err != nil {
		return err
	}
	for _, name := range Names {
		if err := h.addFile(name, "reader/page.html"); err != nil {
			return err
		}
	}
	for _, folder := range []string{"reader", "reader/swagger-ui"} {
		entries, err := fs.ReadDir(built, folder)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.IsDir() || path.Ext(e.Name()) == ".html" {
				continue
			}
			if err := h.addFile("assets/"+e.Name(), folder+"/"+e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *Handler) addFile(at, from string) error {
	content, err := built.ReadFile(from)
	if err != nil {
		return err
	}
	h.add(at, from, content)
	return nil
}

// add serves content at a path below Root. The name that it comes from tells its type.
func (h *Handler) add(at, from string, content []byte) {
	sum := sha256.Sum256(content)
	from, isPacked := strings.CutSuffix(from, packed)
	h.files[Root+strings.TrimSuffix(at, packed)] = asset{
		mediaType: mediaType(from), bytes: content, packed: isPacked, etag: `"` + hex.EncodeToString(sum[:8]) + `"`,
	}
}

// mediaType is that of a file that is built in. What the system says of an extension differs from machine to machine.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".yaml":
		return "application/yaml" // RFC 9512
	}
	return "text/plain; charset=utf-8"
}

// Has reports whether a request is one for the documents: a GET or HEAD of one of them, or of one of their pages.
func (h *Handler) Has(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	_, ok := h.files[r.URL.Path]
	return ok || isBare(r)
}

// isBare reports whether a request is for Root without its slash.
func isBare(r *http.Request) bool { return r.URL.Path+"/" == Root }

// ServeHTTP implements http.Handler. A path that is not there is a 404.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isBare(r) {
		http.Redirect(w, r, Root, http.StatusPermanentRedirect)
		return
	}
	a, ok := h.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", "no-cache") // asked for anew each time, and seldom sent
	header.Set("Content-Type", a.mediaType)
	header.Set("ETag", a.etag)
	content := a.bytes
	if a.packed {
		header.Add("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			header.Set("Content-Encoding", "gzip")
		} else if content = unpack(content); content == nil {
			http.Error(w, "the file cannot be unpacked", http.StatusInternalServerError)
			return
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// unpack is for a client that takes no gzip, which no browser is. It returns nil for what is not gzip; the tests read every packed file.
func unpack(content []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		return nil
	}
	return plain
}
