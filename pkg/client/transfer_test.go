package client

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// content serves bytes as Inlet does, and cuts each answer off after so many, when that is above zero.
func content(data []byte, tag string, cutAfter int, ranges *[]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/download") {
			_, _ = io.WriteString(w, `{"data":{"id":"a","state":"ready","size":`+strconv.Itoa(len(data))+`,"sha256":"`+tag+`"}}`)
			return
		}
		*ranges = append(*ranges, r.Header.Get("Range"))
		w.Header().Set("ETag", `"`+tag+`"`)
		w.Header().Set("Content-Disposition", `attachment; filename="a.bin"`)
		if cutAfter <= 0 {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
			return
		}
		recorded := httptest.NewRecorder()
		recorded.Header().Set("ETag", `"`+tag+`"`)
		http.ServeContent(recorded, r, "", time.Time{}, bytes.NewReader(data))
		for name, values := range recorded.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(recorded.Code)
		rest := recorded.Body.Bytes()
		_, _ = w.Write(rest[:min(cutAfter, len(rest))])
		_ = http.NewResponseController(w).Flush()
		if len(rest) > cutAfter {
			cut()
		}
	}
}

func TestDownloadGoesOnAfterACut(t *testing.T) {
	data := random(t, 100<<10)
	var ranges []string
	c := serve(t, content(data, hexSum(data), 40<<10, &ranges))
	d, err := c.Download(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Name != "a.bin" || d.Size != int64(len(data)) || d.SHA256 != hexSum(data) {
		t.Errorf("it is described as %q, %d bytes, %s", d.Name, d.Size, d.SHA256)
	}
	got, err := io.ReadAll(d)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if strings.Join(ranges, " ") != " bytes=40960- bytes=81920-" {
		t.Errorf("asked for %q", ranges)
	}
}

func TestDownloadIsCompared(t *testing.T) {
	data := random(t, 1000)
	var ranges []string
	c := serve(t, content(data, hexSum([]byte("other")), 0, &ranges))
	d, err := c.Download(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := io.ReadAll(d); !errors.Is(err, ErrDigest) {
		t.Errorf("got %v", err)
	}
}

func TestDownloadFile(t *testing.T) {
	data := random(t, 10_000)
	for name, x := range map[string]struct {
		part   []byte
		ranges string
	}{
		"from nothing":          {nil, ""},
		"from a part":           {data[:4000], "bytes=4000-"},
		"from all of it":        {data, "none"},
		"from a wrong part":     {bytes.Repeat([]byte("x"), 4000), "bytes=4000- "},
		"from a part too large": {bytes.Repeat([]byte("x"), 20_000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var ranges []string
			c := serve(t, content(data, hexSum(data), 0, &ranges))
			path := filepath.Join(t.TempDir(), "a.bin")
			if x.part != nil {
				if err := os.WriteFile(path+PartSuffix, x.part, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var have int64
			if _, err := c.DownloadFile(t.Context(), "a", path, func(n, _ int64) { have = n }); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if want := x.ranges; strings.Join(ranges, " ") != want && !(want == "none" && ranges == nil) {
				t.Errorf("asked for %q, want %q", ranges, want)
			}
			if want := int64(len(data)); have != want && x.ranges != "none" {
				t.Errorf("the last report is of %d bytes", have)
			}
			if left, err := filepath.Glob(path + "*"); err != nil || len(left) != 1 {
				t.Errorf("there are %v, %v", left, err)
			}
		})
	}
}

func random(t *testing.T, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}

// tus is as much of a tus server as a client can see, with faults.
type tus struct {
	t       *testing.T
	mu      sync.Mutex
	got     []byte
	length  int
	meta    string
	made    int
	fault   func(n int, w http.ResponseWriter, body []byte) (taken int, answered bool) // of the n-th PATCH, from 1
	patches int
	forgot  bool
}

func (s *tus) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(r.URL.Path, "/v1/files/") {
		_, _ = io.WriteString(w, `{"data":{"id":"file_1","state":"ready"}}`)
		return
	}
	if r.Header.Get(headerResume) != tusVersion {
		s.t.Errorf("%s without the version", r.Method)
	}
	switch r.Method {
	case http.MethodPost:
		s.made++
		s.got, s.meta, s.forgot = nil, r.Header.Get(headerMetadata), false
		s.length, _ = strconv.Atoi(r.Header.Get(headerLength))
		w.Header().Set("Location", "http://public.test/v1/uploads/u"+strconv.Itoa(s.made))
		w.WriteHeader(http.StatusCreated)
	case http.MethodHead:
		if s.forgot {
			w.WriteHeader(http.StatusGone)
			return
		}
		s.report(w)
		w.WriteHeader(http.StatusOK)
	case http.MethodPatch:
		s.patch(w, r)
	}
}

func (s *tus) patch(w http.ResponseWriter, r *http.Request) {
	s.patches++
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Errorf("the chunk: %v", err)
	}
	sum := sha256.Sum256(body)
	if at := strconv.Itoa(len(s.got)); r.Header.Get(headerOffset) != at {
		w.WriteHeader(http.StatusConflict)
		return
	}
	if r.Header.Get(headerChecksum) != "sha256 "+base64.StdEncoding.EncodeToString(sum[:]) || r.Header.Get("Content-Type") != tusType {
		w.WriteHeader(tusMismatch)
		return
	}
	if s.fault != nil {
		taken, answered := s.fault(s.patches, w, body)
		s.got = append(s.got, body[:taken]...)
		if answered {
			return
		}
	} else {
		s.got = append(s.got, body...)
	}
	s.report(w)
	w.WriteHeader(http.StatusNoContent)
}

func (s *tus) report(w http.ResponseWriter) {
	w.Header().Set(headerOffset, strconv.Itoa(len(s.got)))
	w.Header().Set(headerLength, strconv.Itoa(s.length))
	if len(s.got) == s.length {
		w.Header().Set(fileIDHeader, "1")
	}
}

func TestUploadResumable(t *testing.T) {
	data := random(t, 10_000)
	for name, fault := range map[string]func(int, http.ResponseWriter, []byte) (int, bool){
		"nothing": nil,
		"half a chunk arrives": func(n int, w http.ResponseWriter, body []byte) (int, bool) {
			if n == 2 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return len(body) / 2, true
			}
			return len(body), false
		},
		"a checksum does not hold": func(n int, w http.ResponseWriter, body []byte) (int, bool) {
			if n == 1 {
				w.WriteHeader(tusMismatch)
				return 0, true
			}
			return len(body), false
		},
		"every answer is lost": func(_ int, w http.ResponseWriter, body []byte) (int, bool) {
			w.WriteHeader(http.StatusBadGateway)
			return len(body), true
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &tus{t: t, fault: fault}
			c := serve(t, s.ServeHTTP, WithRetries(1))
			var at string
			var sent int64
			f, err := c.UploadResumable(t.Context(), bytes.NewReader(data), ResumableOptions{
				UploadOptions: UploadOptions{Filename: "a.bin", Tag: "x", Progress: func(n, _ int64) { sent = n }}, Chunk: 3000,
				OnURL: func(u string) error { at = u; return nil },
			})
			if err != nil || f.ID != "file_1" || !bytes.Equal(s.got, data) {
				t.Fatalf("%+v, %v, %d bytes arrived", f, err, len(s.got))
			}
			if at != c.URL()+"/v1/uploads/u1" || sent != int64(len(data)) || s.meta != "filename YS5iaW4=,tag eA==" {
				t.Errorf("it is at %s, %d bytes sent, metadata %q", at, sent, s.meta)
			}
		})
	}
}

func TestUploadResumableEndsWithoutProgress(t *testing.T) {
	s := &tus{t: t, fault: func(_ int, w http.ResponseWriter, _ []byte) (int, bool) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return 0, true
	}}
	c := serve(t, s.ServeHTTP, WithRetries(2))
	_, err := c.UploadResumable(t.Context(), strings.NewReader("hello"), ResumableOptions{UploadOptions: UploadOptions{Filename: "a.txt"}})
	if !errors.Is(err, ErrUnavailable) || s.patches != 3 {
		t.Errorf("%d tries, %v", s.patches, err)
	}
}

func TestUploadResumableLater(t *testing.T) {
	data := random(t, 9000)
	for name, forgot := range map[string]bool{"known": false, "forgotten": true} {
		t.Run(name, func(t *testing.T) {
			s := &tus{t: t, got: data[:4000:4000], length: len(data), made: 1, forgot: forgot}
			c := serve(t, s.ServeHTTP)
			_, err := c.UploadResumable(t.Context(), bytes.NewReader(data), ResumableOptions{
				UploadOptions: UploadOptions{Filename: "a.bin"}, URL: c.URL() + "/v1/uploads/u1",
			})
			if err != nil || !bytes.Equal(s.got, data) || s.patches != 1 || (s.made == 2) != forgot {
				t.Errorf("%v: %d bytes arrived in %d requests, %d uploads", err, len(s.got), s.patches, s.made)
			}
		})
	}
}

func TestUploadResumableOfAFileThatChanged(t *testing.T) {
	s := &tus{t: t, got: []byte("hel"), length: 5, made: 1}
	c := serve(t, s.ServeHTTP)
	_, err := c.UploadResumable(t.Context(), strings.NewReader("longer than before"), ResumableOptions{
		UploadOptions: UploadOptions{Filename: "a.txt"}, URL: c.URL() + "/v1/uploads/u1",
	})
	if err == nil || s.patches != 0 {
		t.Errorf("%v after %d chunks", err, s.patches)
	}
}

func TestUploadPlaces(t *testing.T) {
	for location, want := range map[string]string{
		"http://elsewhere.test/v1/uploads/u1": "/v1/uploads/u1", "/v1/uploads/u%2F1": "/v1/uploads/u%2F1", "http://h/below/v1/uploads/u1": "/v1/uploads/u1",
		"": "", "/v1/files/1": "", "http://[": "",
	} {
		if got, err := uploadPath(location); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", location, got, err)
		}
	}
}
