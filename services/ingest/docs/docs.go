// Package docs serves the documents of the APIs and of the events, and pages to read them on, from the binary itself: OpenAPI 3.1 for each API,
// AsyncAPI 3 for the events.
//
// It describes and decides nothing. That the server does what stands here is for test/contract to show. Everything works without a network.
package docs

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/inlethq/inlet/services/ingest/internal/static"
)

//go:embed openapi/*.yaml asyncapi.yaml reader
var built embed.FS

// Names are the APIs that have a document, openapi/<name>.yaml.
var Names = []string{"native", "tiledesk", "enzyme", "desk", "sonar"}

// Root is where the start page is. Everything else is below it.
const Root = "/docs/"

// Handler serves everything below Root. It may be used by many requests at once.
type Handler struct {
	files *static.Set
}

// New reads the documents that are built in.
func New() (*Handler, error) {
	h := &Handler{files: static.New("'self' data:")}
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
	document, err := built.ReadFile("asyncapi.yaml")
	if err != nil {
		return err
	}
	page, err := eventsPage(document)
	if err != nil {
		return err
	}
	return h.files.Add(Root+"events", static.File{Name: "events.html", Content: page})
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
			if err := h.addFile("assets/"+strings.TrimSuffix(e.Name(), ".gz"), folder+"/"+e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// addFile serves a file that is built in at a path below Root.
func (h *Handler) addFile(at, from string) error {
	content, err := built.ReadFile(from)
	if err != nil {
		return err
	}
	return h.files.Add(Root+at, static.File{Name: from, Content: content})
}

// Has reports whether a request is one for the documents: a GET or HEAD of one of them, or of one of their pages.
func (h *Handler) Has(r *http.Request) bool {
	isRead := r.Method == http.MethodGet || r.Method == http.MethodHead
	return h.files.Has(r) || isRead && isBare(r)
}

// isBare reports whether a request is for Root without its slash.
func isBare(r *http.Request) bool { return r.URL.Path+"/" == Root }

// ServeHTTP implements http.Handler. A path that is not there is a 404.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isBare(r) {
		http.Redirect(w, r, Root, http.StatusPermanentRedirect)
		return
	}
	h.files.ServeHTTP(w, r)
}
