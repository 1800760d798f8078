// Package console serves the web console: what the build has made of web/, from the binary itself.
//
// It knows no file and no user. The console is a client of the native API like any other, and has no route of its own on the server.
package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed dist
var built embed.FS

const (
	index = "/index.html"
	// assets holds what is named by its content, and so never changes.
	assets = "/assets/"
)

// policy is what the pages may do: nothing but speak to the server that they came from. There is no inline script and no inline style.
const policy = "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"

// Handler serves the console at / and below /assets/. It may be used by many requests at once.
type Handler struct {
	files map[string]asset // by path
}

type asset struct {
	mediaType string
	cache     string
	plain     body
	packed    body // with gzip; empty where that saves nothing
}

// body is one encoding of an asset.
type body struct {
	bytes []byte
	etag  string
}

// New reads the console that is built in.
func New() (*Handler, error) {
	root, err := fs.Sub(built, "dist")
	if err != nil {
		return nil, err
	}
	return load(root)
}

// load reads every file of a folder.
func load(root fs.FS) (*Handler, error) {
	h := &Handler{files: map[string]asset{}}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		h.files["/"+name], err = newAsset("/"+name, content)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the console: %w", err)
	}
	if _, ok := h.files[index]; !ok {
		return nil, fmt.Errorf("the console has no %s", index)
	}
	return h, nil
}

// mediaTypes are those of the build's files. What the system says of them differs from machine to machine.
var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
}

func newAsset(name string, content []byte) (asset, error) {
	a := asset{mediaType: mediaTypes[path.Ext(name)], cache: "no-cache", plain: newBody(content, "")}
	if a.mediaType == "" {
		a.mediaType = mime.TypeByExtension(path.Ext(name))
	}
	if strings.HasPrefix(name, assets) {
		a.cache = "public, max-age=31536000, immutable"
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return asset{}, err
	}
	if _, err := z.Write(content); err != nil {
		return asset{}, err
	}
	if err := z.Close(); err != nil {
		return asset{}, err
	}
	if packed.Len() < len(content) {
		a.packed = newBody(packed.Bytes(), "-gzip")
	}
	return a, nil
}

// newBody names an encoding by its content. Two encodings of one content are two representations (RFC 9110, 8.8.3.3).
func newBody(content []byte, suffix string) body {
	sum := sha256.Sum256(content)
	return body{bytes: content, etag: strconv.Quote(base64.RawURLEncoding.EncodeToString(sum[:12]) + suffix)}
}

// Has reports whether a request is one for the console: a GET or HEAD of one of its files.
func (h *Handler) Has(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	_, ok := h.files[file(r)]
	return ok
}

// ServeHTTP implements http.Handler. A path that the console has not is a 404.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := h.files[file(r)]
	if !ok {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", a.cache)
	header.Set("Content-Type", a.mediaType)
	b := a.plain
	if a.packed.bytes != nil {
		header.Add("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			header.Set("Content-Encoding", "gzip")
			b = a.packed
		}
	}
	header.Set("ETag", b.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.bytes))
}

// file is the file that a request asks for.
func file(r *http.Request) string {
	if r.URL.Path == "/" {
		return index
	}
	return r.URL.Path
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3). A weight of zero refuses.
func acceptsGzip(r *http.Request) bool {
	for _, field := range r.Header.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(field, ",") {
			name, weight, _ := strings.Cut(strings.TrimSpace(coding), ";")
			if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
				continue
			}
			q, weighted := strings.CutPrefix(strings.TrimSpace(weight), "q=")
			v, err := strconv.ParseFloat(q, 64)
			return !weighted || err == nil && v > 0
		}
	}
	return false
}
