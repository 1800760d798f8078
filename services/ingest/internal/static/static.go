// Package static serves files that are built into the binary, plain or with gzip. They are packed when first asked for so, and then kept.
//
// It knows no folder, no user and no route: whoever has files adds them under their paths.
package static

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Set is files by their path. All are added before the first request; then it may be used by many at once.
type Set struct {
	policy string
	files  map[string]file
}

// File is what is added to a Set.
type File struct {
	Name      string // its ending tells the media type; one that ends in .gz holds gzip of what the rest names
	Content   []byte // not to be changed any more
	Immutable bool   // its path is made of its content, so that whoever has it need never ask again
}

// file is a File that can be sent.
type file struct {
	mediaType string
	cache     string
	plain     func() (encoding, error)
	packed    func() (encoding, error) // with gzip; nil where that saves nothing
}

// encoding is one of the representations of a file.
type encoding struct {
	bytes []byte
	etag  string
}

// minPacked is the length of the shortest file that is packed, in bytes: a shorter one fits into a packet as it is.
const minPacked = 1 << 10

// New makes an empty Set. Its pages run their own scripts and styles, none that stand in a page, and speak to nobody but the server that they came
// from; their pictures come from what images says, in the words of a policy's img-src (Content Security Policy Level 3, 6.1).
func New(images string) *Set {
	return &Set{
		policy: "default-src 'self'; img-src " + images + "; style-src 'self'; script-src 'self'; connect-src 'self'; " +
			"frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
		files: map[string]file{},
	}
}

// Add serves a file at a path. It is an error if its name tells no type.
func (s *Set) Add(at string, f File) error {
	name, isPacked := strings.CutSuffix(f.Name, ".gz")
	added := file{mediaType: mediaTypes[path.Ext(name)], cache: "no-cache", plain: made(f.Content, asIs, "")}
	if added.mediaType == "" {
		return fmt.Errorf("%s: its type is not known", f.Name)
	}
	if f.Immutable {
		added.cache = "public, max-age=31536000, immutable"
	}
	switch {
	case isPacked:
		added.plain, added.packed = made(f.Content, unpack, ""), made(f.Content, asIs, "-gzip")
	case len(f.Content) >= minPacked:
		added.packed = made(f.Content, pack, "-gzip")
	}
	s.files[at] = added
	return nil
}

// made makes an encoding once, when it is first asked for, and names it by its content. Two encodings of one content are two representations
// (RFC 9110, 8.8.3.3), which the suffix tells apart.
func made(content []byte, by func([]byte) ([]byte, error), suffix string) func() (encoding, error) {
	return sync.OnceValues(func() (encoding, error) {
		out, err := by(content)
		if err != nil {
			return encoding{}, err
		}
		sum := sha256.Sum256(out)
		return encoding{bytes: out, etag: strconv.Quote(base64.RawURLEncoding.EncodeToString(sum[:12]) + suffix)}, nil
	})
}

func asIs(content []byte) ([]byte, error) { return content, nil }

// mediaTypes are by the ending. What the system says of one differs from machine to machine.
var mediaTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".yaml": "application/yaml", // RFC 9512
	".md":   "text/plain; charset=utf-8",
	".txt":  "text/plain; charset=utf-8",
	"":      "text/plain; charset=utf-8", // LICENSE and its like
}

// Has reports whether a request is a GET or HEAD of one of the files.
func (s *Set) Has(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	_, ok := s.files[r.URL.Path]
	return ok
}

// ServeHTTP implements http.Handler. A path that is not there is a 404; a packed file that cannot be unpacked is a 500.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := s.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	content, coding := f.plain, ""
	if f.packed != nil && prefersGzip(r.Header.Values("Accept-Encoding")) {
		content, coding = f.packed, "gzip"
	}
	e, err := content()
	if err != nil {
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Security-Policy", s.policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", f.cache)
	header.Set("Content-Type", f.mediaType)
	header.Set("ETag", e.etag)
	if f.packed != nil {
		header.Add("Vary", "Accept-Encoding")
	}
	if coding != "" {
		header.Set("Content-Encoding", coding)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(e.bytes))
}
