// Package serve sends the bytes of files over HTTP: ranges, conditions, and the headers that keep a file from being anything but a file.
//
// Whole files are compared with their digest on the way (see check.go). It opens nothing and judges no right.
package serve

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
)

// maxRanges is the most ranges that one request may ask for; with more it gets the whole file (RFC 9110, 14.2 allows that).
const maxRanges = 5

// Options say how the bytes are sent.
type Options struct {
	Name       string // to save the file under
	Attachment bool   // never shown in place
	Modified   time.Time
	Cache      string // Cache-Control; private and revalidated when empty
}

// Content answers a GET or HEAD with c. It does not close c.
//
// After an error nothing has been sent: the file is small, and Damaged. A larger one that turns out to be damaged while it is sent ends in a
// panic with http.ErrAbortHandler, which cuts the connection: no client takes the file for whole.
func Content(g *gin.Context, c core.Content, o Options) error {
	if !c.Proven && c.Size <= small && wantsWhole(g.Request) {
		if err := prove(g.Request.Context(), &c); err != nil {
			return err
		}
	}
	h := g.Writer.Header()
	h.Set("Content-Type", mediaType(c.Type))
	h.Set("Content-Disposition", Disposition(o.Name, o.Attachment || !content.Inline(c.Type)))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	if o.Cache == "" {
		o.Cache = "private, no-cache"
	}
	h.Set("Cache-Control", o.Cache)
	h.Set("ETag", ETag(c.Digest))
	if sum, err := hex.DecodeString(c.Digest); err == nil {
		h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum)+":") // RFC 9530
	}
	sanitizeRange(g.Request)
	w := &writer{ResponseWriter: g.Writer, ctx: g.Request.Context(), content: c}
	http.ServeContent(w, g.Request, "", o.Modified, c.ReadSeekCloser) // the store's own value: an *os.File is sent by the kernel
	return nil
}

// ETag is the strong validator of a file: its digest.
func ETag(sha256 string) string { return `"` + sha256 + `"` }

// mediaType adds the charset that text is served with: a browser must not guess it.
func mediaType(t string) string {
	switch {
	case t == "":
		return content.OctetStream
	case strings.HasPrefix(t, "text/"):
		return t + "; charset=utf-8"
	}
	return t
}

// sanitizeRange drops a Range header of another unit, which RFC 9110 has us ignore and http.ServeContent refuses, and one with too many ranges.
func sanitizeRange(r *http.Request) {
	ranges := r.Header.Get("Range")
	if ranges == "" {
		return
	}
	unit, list, _ := strings.Cut(ranges, "=")
	if !strings.EqualFold(unit, "bytes") || strings.Count(list, ",") >= maxRanges {
		r.Header.Del("Range")
		return
	}
	r.Header.Set("Range", "bytes="+list) // ServeContent knows the unit in lower case only
}

// Disposition writes the header of RFC 6266: the name in ASCII for old readers, and whole in UTF-8 besides when it has more.
func Disposition(name string, attachment bool) string {
	kind := "inline"
	if attachment {
		kind = "attachment"
	}
	if name == "" {
		return kind
	}
	ascii := strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f || r == utf8.RuneError || r == '"' || r == '\\' || r == '%' || r == '/' {
			return '_'
		}
		return r
	}, name)
	out := kind + `; filename="` + ascii + `"`
	if ascii != name {
		out += "; filename*=UTF-8''" + extValue(name)
	}
	return out
}

// extValue encodes a text as RFC 8187, 3.2 has it: attr-char as they are, all other bytes as %XX.
func extValue(s string) string {
	const attr = "!#$&+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(attr, s[i]) >= 0 {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}

// writer lets the kernel send a file: gin's writer hides the connection's ReadFrom. The header still goes through gin, which keeps the status.
type writer struct {
	gin.ResponseWriter
	ctx     context.Context // of the request
	content core.Content
}

func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	w.WriteHeaderNow()
	kernel := w.kernel()
	if w.Status() == http.StatusOK && !w.content.Proven {
		s := checked{ctx: w.ctx, content: w.content, to: w.ResponseWriter, kernel: kernel}
		n, err := s.send()
		if err != nil {
			panic(http.ErrAbortHandler) // whoever has found damage has told the log; a client that is gone is no news
		}
		return n, nil
	}
	if kernel != nil {
		return kernel.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{w.ResponseWriter}, r)
}

// kernel returns what has the kernel send a file; nil when there is no such thing.
func (w *writer) kernel() io.ReaderFrom {
	if u, ok := w.ResponseWriter.(interface{ Unwrap() http.ResponseWriter }); ok {
		if rf, ok := u.Unwrap().(io.ReaderFrom); ok {
			return rf
		}
	}
	return nil
}
