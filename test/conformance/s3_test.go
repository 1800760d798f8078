package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/blob/blobtest"
	"github.com/inlethq/inlet/pkg/blob/s3"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/test/peers"
)

func s3Config(server peers.S3Server) s3.Config {
	return s3.Config{
		Endpoint: server.Endpoint, Region: server.Region, AccessKey: server.AccessKey, SecretKey: server.SecretKey,
		Bucket: "inlet", Insecure: true, PathStyle: true, PartSize: s3.MinPartSize,
	}
}

func openS3(t testing.TB, cfg s3.Config) *s3.Store {
	t.Helper()
	store, err := s3.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// s3Stores returns a function that opens stores on one server, each below a prefix of its own.
func s3Stores(t testing.TB) func(testing.TB) blob.Store {
	cfg := s3Config(peers.S3(t))
	var stores atomic.Int64
	return func(t testing.TB) blob.Store {
		own := cfg
		own.Prefix = fmt.Sprintf("store/%d", stores.Add(1))
		return openS3(t, own)
	}
}

func TestS3(t *testing.T) {
	edges := []int{s3.MinPartSize}
	if !testing.Short() {
		edges = append(edges, 2*s3.MinPartSize)
	}
	blobtest.Run(t, blobtest.Suite{
		Open:  s3Stores(t),
		Edges: edges,
		Down: func(t testing.TB) blob.Store {
			server := peers.S3(t)
			store := openS3(t, s3Config(server))
			server.Kill()
			return store
		},
	})
}

func BenchmarkS3(b *testing.B) { blobtest.Bench(b, s3Stores(b)) }

func TestS3WithoutPrefix(t *testing.T) {
	store := openS3(t, s3Config(peers.S3(t)))
	putS3(t, store, "a/b", 10)
	err := store.List(t.Context(), "a/a", func(i blob.Info) error {
		if i.Key != "a/b" || i.Size != 10 {
			t.Errorf("listed %+v", i)
		}
		return store.Delete(t.Context(), i.Key)
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := store.Stat(t.Context(), "a/b"); !file.Is(err, file.NotFound) {
		t.Errorf("it was not listed: stat %v", err)
	}
}

func TestS3OpenRefuses(t *testing.T) {
	good := s3Config(peers.S3(t))
	for name, c := range map[string]struct {
		change func(*s3.Config)
		kind   file.Kind
	}{
		"prefix":    {func(c *s3.Config) { c.Prefix = "../a" }, file.Invalid},
		"part size": {func(c *s3.Config) { c.PartSize = 1 << 20 }, file.Invalid},
		"endpoint":  {func(c *s3.Config) { c.Endpoint = "http://host/path" }, file.Invalid},
		"secret":    {func(c *s3.Config) { c.SecretKey = "wrong" }, file.Internal},
		"key":       {func(c *s3.Config) { c.AccessKey = "nobody" }, file.Internal},
		"no bucket": {func(c *s3.Config) { c.Existing = true }, file.Invalid},
		"bucket":    {func(c *s3.Config) { c.Bucket = "No_Bucket" }, file.Internal},
		"no server": {func(c *s3.Config) { c.Endpoint = peers.FreeAddr(t) }, file.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			c.change(&cfg)
			_, err := s3.Open(t.Context(), cfg)
			if !file.Is(err, c.kind) {
				t.Errorf("%v, want %s", err, c.kind)
			}
			if by := name == "secret" || name == "key"; by != errors.Is(err, s3.ErrCredentials) {
				t.Errorf("credentials are the reason: %t, %v", !by, err)
			}
			if err != nil && strings.Contains(err.Error(), good.SecretKey) {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

// A process that is killed leaves its multipart upload open.
func TestS3SweepAbortsUploads(t *testing.T) {
	server := peers.S3(t)
	cfg := s3Config(server)
	store := openS3(t, cfg)
	core := s3Client(t, server)
	for _, object := range []string{"killed/1", "killed/2"} {
		id, err := core.NewMultipartUpload(t.Context(), cfg.Bucket, object, minio.PutObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = core.PutObjectPart(t.Context(), cfg.Bucket, object, id, 1, bytes.NewReader(make([]byte, 100)), 100, minio.PutObjectPartOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n, err := store.SweepUnfinished(t.Context(), time.Now().Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("swept %d that are not old, %v", n, err)
	}
	if n, err := store.Unfinished(t.Context(), time.Now().Add(time.Hour)); n != 2 || err != nil {
		t.Errorf("%d are unfinished, %v, want 2", n, err)
	}
	if n, err := store.SweepUnfinished(t.Context(), time.Now().Add(time.Hour)); n != 2 || err != nil {
		t.Errorf("swept %d, %v, want 2", n, err)
	}
	left, err := core.ListMultipartUploads(t.Context(), cfg.Bucket, "", "", "", "", 10)
	if err != nil || len(left.Uploads) != 0 {
		t.Errorf("uploads left: %+v, %v", left.Uploads, err)
	}
}

// In a bucket with versions a plain delete only adds a marker.
func TestS3DeletesEveryVersion(t *testing.T) {
	server := peers.S3(t)
	cfg := s3Config(server)
	openS3(t, cfg)
	core := s3Client(t, server)
	if err := core.EnableVersioning(t.Context(), cfg.Bucket); err != nil {
		t.Fatal(err)
	}
	for range 2 { // an older version, as a life before this one may have left
		_, err := core.PutObject(t.Context(), cfg.Bucket, "a/b", strings.NewReader("bytes"), 5, "", "", minio.PutObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	store := openS3(t, cfg)
	putS3(t, store, "a/bc", 10)
	for range 2 {
		if err := store.Delete(t.Context(), "a/b"); err != nil {
			t.Fatal(err)
		}
	}
	var left []string
	for v := range core.ListObjectsIter(t.Context(), cfg.Bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		left = append(left, v.Key)
	}
	if len(left) != 1 || left[0] != "a/bc" {
		t.Errorf("versions left: %v", left)
	}
}

// An answer that breaks off is followed by a request for the rest. When nothing comes any more that is an error, and never a short blob.
func TestS3ReadsThroughABadLine(t *testing.T) {
	for name, c := range map[string]struct {
		breaks int
		after  int64 // bytes
		whole  bool
	}{
		"one break":    {1, 100 << 10, true},
		"many breaks":  {3, 50 << 10, true},
		"at its start": {2, 0, true},
		"for ever":     {always, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			line := newS3Line(t)
			store := openS3(t, line.config)
			data := putS3(t, store, "a", 300<<10)
			line.fail(c.breaks, isGet, func(w http.ResponseWriter, forward func() *httptest.ResponseRecorder) {
				res := forward()
				maps.Copy(w.Header(), res.Header())
				w.WriteHeader(res.Code)
				_, _ = io.CopyN(w, res.Body, c.after)
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			})
			r, err := store.Open(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got, err := io.ReadAll(r)
			if c.whole && (err != nil || !bytes.Equal(got, data)) {
				t.Errorf("read %d of %d bytes: %v", len(got), len(data), err)
			}
			if !c.whole && !file.Is(err, file.Unavailable) {
				t.Errorf("read %d of %d bytes: %v, want unavailable", len(got), len(data), err)
			}
			if n := line.failed.Load(); n < int64(min(c.breaks, 3)) {
				t.Errorf("the line broke %d times", n)
			}
		})
	}
}

// The request is carried out and its answer lost: the client repeats it and is told that the object exists, which is its own.
func TestS3SettlesALostAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		size int
		last func(*http.Request) bool
	}{
		"put":      {1000, isPut},
		"complete": {s3.MinPartSize + 1, isComplete},
	} {
		t.Run(name, func(t *testing.T) {
			line := newS3Line(t)
			store := openS3(t, line.config)
			line.fail(1, c.last, func(_ http.ResponseWriter, forward func() *httptest.ResponseRecorder) {
				forward()
				panic(http.ErrAbortHandler)
			})
			data := putS3(t, store, "a", c.size)
			if line.failed.Load() != 1 {
				t.Error("no answer was lost")
			}
			if i, err := store.Stat(t.Context(), "a"); err != nil || i.Size != int64(len(data)) {
				t.Errorf("stat %+v, %v", i, err)
			}
			wantNoUploads(t, store)
		})
	}
}

// The answer is lost, the repeated request is told that the object exists, and whose it is cannot be found out: that is no conflict.
func TestS3DoubtIsNoConflict(t *testing.T) {
	line := newS3Line(t)
	store := openS3(t, line.config)
	var lost atomic.Bool
	line.fail(always, func(r *http.Request) bool {
		return r.Method == http.MethodHead && lost.Load() || isPut(r) && !lost.Load()
	}, func(w http.ResponseWriter, forward func() *httptest.ResponseRecorder) {
		if lost.Load() {
			s3Error(http.StatusServiceUnavailable, "")(w, forward)
			return
		}
		forward()
		lost.Store(true)
		panic(http.ErrAbortHandler)
	})
	_, err := store.Put(t.Context(), "a", strings.NewReader("bytes"), blob.PutOptions{Size: -1})
	if !file.Is(err, file.Unavailable) {
		t.Errorf("put: %v, want unavailable", err)
	}
	line.fail(0, nil, nil)
	if err := statWhenBack(t, store, "a"); err != nil {
		t.Errorf("stat: %v", err)
	}
}

// Servers that are older than conditional writes say so.
func TestS3WithoutConditionalWrites(t *testing.T) {
	line := newS3Line(t)
	store := openS3(t, line.config)
	conditional := func(r *http.Request) bool { return r.Header.Get("If-None-Match") != "" }
	line.fail(always, conditional, s3Error(http.StatusNotImplemented, "NotImplemented"))
	putS3(t, store, "small", 1000)
	putS3(t, store, "large", s3.MinPartSize+1)
	if n := line.failed.Load(); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
	if _, err := store.Put(t.Context(), "small", strings.NewReader("x"), blob.PutOptions{Size: -1}); !file.Is(err, file.Conflict) {
		t.Errorf("second put: %v, want conflict", err)
	}
}

func TestS3ErrorKinds(t *testing.T) {
	line := newS3Line(t)
	store := openS3(t, line.config)
	const small, large = 1000, s3.MinPartSize + 1
	for _, c := range []struct {
		on     func(*http.Request) bool
		size   int64
		status int
		code   string
		kind   file.Kind
	}{
		{isPut, small, http.StatusServiceUnavailable, "SlowDown", file.Unavailable},
		{isPut, small, http.StatusBadGateway, "", file.Unavailable},
		{isPut, small, http.StatusNotFound, "NoSuchBucket", file.Unavailable}, // never NotFound: the blob may be there
		{isPut, small, http.StatusConflict, "ConditionalRequestConflict", file.Unavailable},
		{isPut, small, http.StatusInsufficientStorage, "XMinioStorageFull", file.NoSpace},
		{isPut, small, http.StatusForbidden, "QuotaExceeded", file.NoSpace},
		{isPut, small, http.StatusForbidden, "AccessDenied", file.Internal},
		{isPut, small, http.StatusBadRequest, "XAmzContentSHA256Mismatch", file.Internal},
		{isInitiate, large, http.StatusForbidden, "AccessDenied", file.Internal},
		{isPart, large, http.StatusForbidden, "QuotaExceeded", file.NoSpace},
		{isComplete, large, http.StatusOK, "InternalError", file.Unavailable}, // S3 says 200 before it knows
		{isComplete, large, http.StatusNotFound, "NoSuchUpload", file.Unavailable},
	} {
		t.Run(fmt.Sprint(c.status, c.code), func(t *testing.T) {
			line.fail(always, c.on, s3Error(c.status, c.code))
			_, err := store.Put(t.Context(), "a", blobtest.Generate(c.size), blob.PutOptions{Size: -1})
			if !file.Is(err, c.kind) {
				t.Errorf("put: %v, want %s", err, c.kind)
			}
			if line.failed.Load() == 0 {
				t.Error("nothing was refused")
			}
			line.fail(0, nil, nil)
			if err := statWhenBack(t, store, "a"); !file.Is(err, file.NotFound) {
				t.Errorf("stat: %v, want not found", err)
			}
			wantNoUploads(t, store)
		})
	}
}

// statWhenBack asks for a blob until a store that was out knows that the server is back.
func statWhenBack(t testing.TB, store *s3.Store, key string) error {
	t.Helper()
	limit := time.After(5 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := store.Stat(t.Context(), key)
		if !file.Is(err, file.Unavailable) {
			return err
		}
		select {
		case <-tick.C:
		case <-limit:
			return err
		}
	}
}

// A 404 that says nothing of the blob is no word that it is absent: its file would pass for lost.
func TestS3AbsentIsSaidByTheServer(t *testing.T) {
	line := newS3Line(t)
	store := openS3(t, line.config)
	putS3(t, store, "a", 1000)
	for name, answer := range map[string]s3Answer{
		"no such bucket": s3Error(http.StatusNotFound, "NoSuchBucket"),
		"a proxy's page": func(w http.ResponseWriter, _ func() *httptest.ResponseRecorder) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "<html><body>No such page</body></html>")
		},
	} {
		t.Run(name, func(t *testing.T) {
			line.fail(always, func(*http.Request) bool { return true }, answer)
			if _, err := store.Stat(t.Context(), "a"); !file.Is(err, file.Unavailable) {
				t.Errorf("stat: %v, want unavailable", err)
			}
			if _, err := store.Open(t.Context(), "a"); !file.Is(err, file.Unavailable) {
				t.Errorf("open: %v, want unavailable", err)
			}
			line.fail(0, nil, nil)
			if err := statWhenBack(t, store, "a"); err != nil {
				t.Errorf("stat of what is there: %v", err)
			}
		})
	}
}

// A server that is out is found out once, and not by every caller: refused and hung alike.
func TestS3OutFailsAtOnce(t *testing.T) {
	line := newS3Line(t)
	store := openS3(t, line.config)
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	line.fail(always, func(*http.Request) bool { return true }, func(http.ResponseWriter, func() *httptest.ResponseRecorder) {
		<-stop
		panic(http.ErrAbortHandler)
	})
	put := func() time.Duration {
		start := time.Now()
		if _, err := store.Put(t.Context(), "a", strings.NewReader("bytes"), blob.PutOptions{Size: -1}); !file.Is(err, file.Unavailable) {
			t.Fatalf("put: %v, want unavailable", err)
		}
		return time.Since(start)
	}
	const limit, atOnce = 2 * time.Second, 100 * time.Millisecond
	for range 2 {
		if took := put(); took > limit {
			t.Errorf("took %s to find out", took)
		}
	}
	fast := 0
	for range 10 {
		if put() < atOnce {
			fast++
		}
	}
	if fast < 9 { // one may be let through, as a trial
		t.Errorf("%d of 10 failed at once", fast)
	}
	line.fail(0, nil, nil)
	if err := statWhenBack(t, store, "a"); !file.Is(err, file.NotFound) {
		t.Errorf("back again: %v, want not found", err)
	}
}

// s3Line is the line to a real S3 server, on which single requests can be made to fail.
type s3Line struct {
	config s3.Config
	failed atomic.Int64 // requests, since fail was called

	mu     sync.Mutex
	left   int
	on     func(*http.Request) bool
	answer s3Answer
}

// s3Answer answers a request in place of the server, which does or does not see it.
type s3Answer func(w http.ResponseWriter, forward func() *httptest.ResponseRecorder)

const always = 1 << 30

func newS3Line(t testing.TB) *s3Line {
	t.Helper()
	server := peers.S3(t)
	line := &s3Line{config: s3Config(server)}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: server.Endpoint})
		r.Out.Host = r.In.Host // is signed
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := line.next(r)
		if answer == nil {
			proxy.ServeHTTP(w, r)
			return
		}
		defer func() { _, _ = io.Copy(io.Discard, r.Body) }()
		answer(w, func() *httptest.ResponseRecorder {
			rec := httptest.NewRecorder()
			proxy.ServeHTTP(rec, r)
			return rec
		})
	}))
	t.Cleanup(front.Close)
	line.config.Endpoint = front.Listener.Addr().String()
	return line
}

// fail makes the next requests that on picks be answered by answer.
func (l *s3Line) fail(times int, on func(*http.Request) bool, answer s3Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left, l.on, l.answer = times, on, answer
	l.failed.Store(0)
}

func (l *s3Line) next(r *http.Request) s3Answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left == 0 || !l.on(r) {
		return nil
	}
	l.left--
	l.failed.Add(1)
	return l.answer
}

// s3Error is the answer of a server that refuses.
func s3Error(status int, code string) s3Answer {
	return func(w http.ResponseWriter, _ func() *httptest.ResponseRecorder) {
		w.WriteHeader(status)
		if code != "" {
			_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>refused</Message></Error>`, code)
		}
	}
}

func isGet(r *http.Request) bool { return r.Method == http.MethodGet && r.URL.RawQuery == "" }
func isPut(r *http.Request) bool { return r.Method == http.MethodPut && !r.URL.Query().Has("uploadId") }
func isPart(r *http.Request) bool {
	return r.Method == http.MethodPut && r.URL.Query().Has("uploadId")
}
func isInitiate(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("uploads")
}
func isComplete(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
}

func putS3(t testing.TB, store *s3.Store, key string, size int) []byte {
	t.Helper()
	data := blobtest.Bytes(size)
	info, err := store.Put(t.Context(), key, blobtest.Generate(int64(size)), blob.PutOptions{Size: -1})
	if err != nil || info.Size != int64(size) {
		t.Fatalf("put %s: %+v, %v", key, info, err)
	}
	return data
}

func wantNoUploads(t testing.TB, store *s3.Store) {
	t.Helper()
	if n, err := store.SweepUnfinished(t.Context(), time.Now().Add(time.Hour)); n != 0 || err != nil {
		t.Errorf("uploads left: %d, %v", n, err)
	}
}

func s3Client(t testing.TB, server peers.S3Server) *minio.Core {
	t.Helper()
	core, err := minio.NewCore(server.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(server.AccessKey, server.SecretKey, ""), Region: server.Region, BucketLookup: minio.BucketLookupPath,
	})
	if err != nil {
		t.Fatal(err)
	}
	return core
}
