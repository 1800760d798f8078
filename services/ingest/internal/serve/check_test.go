package serve_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/serve"
)

const mib = 1 << 20

// random returns bytes in which each piece differs from all others.
func random(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}

func hexDigest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// object is what a store of objects opens: it can be read and moved, and is no file.
type object struct{ r *bytes.Reader }

func (o object) Read(p []byte) (int, error)             { return o.r.Read(p) }
func (o object) Seek(at int64, from int) (int64, error) { return o.r.Seek(at, from) }
func (object) Close() error                             { return nil }

// server serves content over a real connection. What Content refuses is a 500.
func server(t testing.TB, open func() (core.Content, error)) *httptest.Server {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/", func(g *gin.Context) {
		c, err := open()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if err := serve.Content(g, c, serve.Options{Name: "x"}); err != nil {
			if !file.Is(err, file.Damaged) {
				t.Errorf("refused with %v", err)
			}
			g.AbortWithStatus(http.StatusInternalServerError)
		}
	})
	s := httptest.NewServer(engine)
	t.Cleanup(s.Close)
	return s
}

// fetch returns what a client makes of an answer.
func fetch(t testing.TB, url, byteRange string) (status int, body []byte, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if byteRange != "" {
		r.Header.Set("Range", byteRange)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// TestDamageNeverEndsWell sends files of many sizes, whole and with one bit flipped, from a folder and from a store of objects.
func TestDamageNeverEndsWell(t *testing.T) {
	for _, size := range []int{1, 64<<10 - 1, mib - 1, mib, mib + 1, mib + 64<<10, 2*mib + 64<<10, 3*mib + 12345} {
		stored := random(size)
		for _, flipped := range []int{-1, 0, size / 2, size - 1} {
			held := bytes.Clone(stored)
			if flipped >= 0 {
				held[flipped] ^= 4
			}
			path := filepath.Join(t.TempDir(), "blob")
			if err := os.WriteFile(path, held, 0o600); err != nil {
				t.Fatal(err)
			}
			for kind, open := range map[string]func() (io.ReadSeekCloser, error){
				"file":   func() (io.ReadSeekCloser, error) { return os.Open(path) },
				"object": func() (io.ReadSeekCloser, error) { return object{bytes.NewReader(held)}, nil },
			} {
				t.Run(fmt.Sprintf("%s/%d/%d", kind, size, flipped), func(t *testing.T) {
					s := server(t, func() (core.Content, error) {
						r, err := open()
						return core.Content{ReadSeekCloser: r, Size: int64(size), Digest: hexDigest(stored)}, err
					})
					status, body, err := fetch(t, s.URL, "")
					switch {
					case flipped < 0 && (status != http.StatusOK || err != nil || !bytes.Equal(body, stored)):
						t.Errorf("a whole file: %d, %d bytes, %v", status, len(body), err)
					case flipped >= 0 && size <= mib && (status != http.StatusInternalServerError || err != nil || len(body) > 0):
						t.Errorf("a small damaged file: %d, %d bytes, %v", status, len(body), err)
					case flipped >= 0 && size > mib && (status == http.StatusOK && err == nil || len(body) >= size):
						t.Errorf("a large damaged file: %d, %d bytes, %v", status, len(body), err)
					}
					if status, _, err := fetch(t, s.URL, "bytes=0-0"); status != http.StatusPartialContent || err != nil {
						t.Errorf("a range: %d, %v", status, err)
					}
				})
			}
		}
	}
}

// TestFileThatShrinksNeverEndsWell: a file is cut while it is sent.
func TestFileThatShrinksNeverEndsWell(t *testing.T) {
	stored := random(8 * mib)
	path := filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(path, stored, 0o600); err != nil {
		t.Fatal(err)
	}
	s := server(t, func() (core.Content, error) {
		f, err := os.Open(path)
		return core.Content{ReadSeekCloser: cutWhenSeen{f, path}, Size: int64(len(stored)), Digest: hexDigest(stored)}, err
	})
	if status, body, err := fetch(t, s.URL, ""); err == nil && status == http.StatusOK {
		t.Errorf("%d bytes came to a good end", len(body))
	}
}

// cutWhenSeen is a file that is cut as soon as its middle is read.
type cutWhenSeen struct {
	*os.File
	path string
}

func (c cutWhenSeen) ReadAt(p []byte, at int64) (int, error) {
	if at >= 4*mib {
		if err := os.Truncate(c.path, 4*mib); err != nil {
			return 0, err
		}
	}
	return c.File.ReadAt(p, at)
}

// BenchmarkContent compares a file that is hashed on its way with one that is known to be whole.
func BenchmarkContent(b *testing.B) {
	for _, size := range []int64{100 << 10, 10 * mib, 1 << 30} {
		path := filepath.Join(b.TempDir(), "blob")
		f, err := os.Create(path)
		if err != nil {
			b.Fatal(err)
		}
		h := sha256.New()
		_, err = io.CopyN(io.MultiWriter(f, h), rand.NewChaCha8([32]byte{}), size)
		if err != nil || f.Close() != nil {
			b.Fatal(err)
		}
		for _, proven := range []bool{false, true} {
			b.Run(strconv.FormatInt(size>>10, 10)+"KiB/proven="+strconv.FormatBool(proven), func(b *testing.B) {
				s := server(b, func() (core.Content, error) {
					f, err := os.Open(path)
					return core.Content{ReadSeekCloser: f, Size: size, Digest: hex.EncodeToString(h.Sum(nil)), Proven: proven}, err
				})
				b.SetBytes(size)
				for b.Loop() {
					resp, err := http.Get(s.URL)
					if err != nil {
						b.Fatal(err)
					}
					n, err := io.Copy(io.Discard, resp.Body)
					if err != nil || n != size || resp.Body.Close() != nil {
						b.Fatalf("%d bytes, %v", n, err)
					}
				}
			})
		}
	}
}
