package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

func testDownloads(t *testing.T, s *harness.System) {
	sample := samples.Text(8<<10, 6)
	f := mustUpload(t, s, s.Client, upload(newTag(t), sample))
	path := "/v1/files/" + f.ID + "/download"
	etag := `"` + f.SHA256 + `"`
	whole := sample.Data
	const total = "/8192"
	for _, x := range []struct {
		name   string
		header []string
		status int
		body   []byte
		ranged string // Content-Range
	}{
		{"whole", nil, http.StatusOK, whole, ""},
		{"first bytes", []string{"Range", "bytes=0-99"}, http.StatusPartialContent, whole[:100], "bytes 0-99" + total},
		{"middle", []string{"Range", "bytes=1000-1999"}, http.StatusPartialContent, whole[1000:2000], "bytes 1000-1999" + total},
		{"to the end", []string{"Range", "bytes=8000-"}, http.StatusPartialContent, whole[8000:], "bytes 8000-8191" + total},
		{"last bytes", []string{"Range", "bytes=-10"}, http.StatusPartialContent, whole[len(whole)-10:], "bytes 8182-8191" + total},
		{"beyond the end", []string{"Range", "bytes=9000-"}, http.StatusRequestedRangeNotSatisfiable, nil, "bytes *" + total},
		{"another unit", []string{"Range", "lines=1-2"}, http.StatusOK, whole, ""},
		{"too many ranges", []string{"Range", "bytes=0-1,2-3,4-5,6-7,8-9,10-11"}, http.StatusOK, whole, ""},
		{"If-Range that holds", []string{"Range", "bytes=0-9", "If-Range", etag}, http.StatusPartialContent, whole[:10], "bytes 0-9" + total},
		{"If-Range that does not", []string{"Range", "bytes=0-9", "If-Range", `"other"`}, http.StatusOK, whole, ""},
		{"If-None-Match that matches", []string{"If-None-Match", `"other", ` + etag}, http.StatusNotModified, []byte{}, ""},
		{"If-None-Match of any", []string{"If-None-Match", "*"}, http.StatusNotModified, []byte{}, ""},
		{"If-None-Match of another", []string{"If-None-Match", `"other"`}, http.StatusOK, whole, ""},
		{"If-Match that matches", []string{"If-Match", etag}, http.StatusOK, whole, ""},
		{"If-Match of another", []string{"If-Match", `"other"`}, http.StatusPreconditionFailed, nil, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			resp := do(t, s.Client, get(path, x.header...))
			if resp.Status != x.status || resp.Header.Get("Content-Range") != x.ranged {
				t.Errorf("%d with Content-Range %q, want %d with %q", resp.Status, resp.Header.Get("Content-Range"), x.status, x.ranged)
			}
			if x.body == nil {
				return
			}
			if !bytes.Equal(resp.Body, x.body) {
				t.Errorf("%d bytes that are not the %d asked for", len(resp.Body), len(x.body))
			}
			if resp.Header.Get("ETag") != etag {
				t.Errorf("ETag is %s, want %s", resp.Header.Get("ETag"), etag)
			}
		})
	}
	t.Run("several ranges", func(t *testing.T) {
		resp := do(t, s.Client, get(path, "Range", "bytes=0-9,100-119"))
		checkParts(t, resp, whole[:10], whole[100:120])
	})
	t.Run("HEAD", func(t *testing.T) {
		resp := do(t, s.Client, api.Request{Method: http.MethodHead, Path: path})
		if resp.Status != http.StatusOK || resp.Header.Get("Content-Length") != "8192" || resp.Header.Get("ETag") != etag || len(resp.Body) != 0 {
			t.Errorf("%d, %s bytes announced, ETag %s", resp.Status, resp.Header.Get("Content-Length"), resp.Header.Get("ETag"))
		}
	})
	t.Run("headers", func(t *testing.T) {
		h := do(t, s.Client, get(path)).Header
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin", "Accept-Ranges": "bytes",
			"Content-Type": "text/plain; charset=utf-8", "Repr-Digest": digest(whole),
		} {
			if h.Get(name) != want {
				t.Errorf("%s is %q, want %q", name, h.Get(name), want)
			}
		}
		if policy := h.Get("Content-Security-Policy"); !strings.Contains(policy, "sandbox") || !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("Content-Security-Policy is %q", policy)
		}
	})
	t.Run("count", func(t *testing.T) {
		counted := mustUpload(t, s, s.Client, upload(newTag(t), samples.Text(100, 6)))
		for _, header := range [][]string{nil, nil, {"Range", "bytes=0-1"}} { // a part is not a download
			do(t, s.Client, get("/v1/files/"+counted.ID+"/download", header...))
		}
		harness.Eventually(t, harness.Limit, func() error {
			got, err := s.Get(t.Context(), counted.ID)
			if err == nil && got.DownloadCount != 2 {
				err = fmt.Errorf("%d downloads are counted, want 2", got.DownloadCount)
			}
			return err
		})
	})
}

// checkParts checks the parts of an answer to several ranges (RFC 9110, 14.6).
func checkParts(t *testing.T, resp api.Response, want ...[]byte) {
	t.Helper()
	mediaType, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || resp.Status != http.StatusPartialContent || mediaType != "multipart/byteranges" {
		t.Fatalf("%d of %s: %v", resp.Status, mediaType, err)
	}
	r := multipart.NewReader(bytes.NewReader(resp.Body), params["boundary"])
	for i, w := range want {
		part, err := r.NextPart()
		if err != nil {
			t.Fatalf("part %d: %v", i, err)
		}
		got, err := io.ReadAll(part)
		if err != nil || !bytes.Equal(got, w) {
			t.Errorf("part %d is not what was asked for: %v", i, err)
		}
	}
	if _, err := r.NextPart(); !errors.Is(err, io.EOF) {
		t.Errorf("there is another part: %v", err)
	}
}

// testNames checks that a name comes back in Content-Disposition as it was sent, whatever is in it.
func testNames(t *testing.T, s *harness.System) {
	tag := newTag(t)
	for _, name := range []string{
		"plain.txt", "two words.txt", "Grüße aus Köln.txt", "отчёт за год.txt", "報告書.txt", "a 'quoted' \"name\".txt",
		"100%;filename=evil.html.txt", "-dash.txt", "e\u0301.txt", "\U0001F600.txt", "CON.txt",
	} {
		t.Run(name, func(t *testing.T) {
			u := upload(tag, samples.Text(100, 1))
			u.Name = name
			f := mustUpload(t, s, s.Client, u)
			want := strings.ReplaceAll(name, "e\u0301", "\u00e9") // names are kept in NFC
			if f.OriginalName != want {
				t.Errorf("kept as %q", f.OriginalName)
			}
			values := do(t, s.Client, get("/v1/files/"+f.ID+"/download")).Header.Values("Content-Disposition")
			if len(values) != 1 {
				t.Fatalf("%d Content-Disposition headers", len(values))
			}
			kind, params, err := mime.ParseMediaType(values[0])
			if err != nil || kind != "attachment" || params["filename"] != want {
				t.Errorf("%s gives %s, %q: %v", values[0], kind, params["filename"], err)
			}
		})
	}
}
