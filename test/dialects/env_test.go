package dialects

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/contract"
	"github.com/inlethq/inlet/test/harness"
)

// env is a running system with the people and places of the fixture. Rows share it.
type env struct {
	*harness.System
	Blobs    string // folder of the primary blob store
	Fallback string // folder of the store that reads fall back to
	http     *http.Client
}

// start runs a system in one of its modes.
func start(t *testing.T, run func(testing.TB, harness.Options) *harness.System) *env {
	t.Helper()
	e := &env{Blobs: t.TempDir(), Fallback: t.TempDir()}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true // sends no header that the row did not set
	e.http = &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(transport.CloseIdleConnections)
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	e.System = run(t, harness.Options{Directory: directory(), Settings: map[string]string{
		"INLET_JWT_SECRET":     jwtSecret,
		"INLET_SIGNING_KEYS":   "test:" + base64.StdEncoding.EncodeToString(secret),
		"INLET_FETCH_ALLOW":    "127.0.0.1/32", // tests fetch from servers of their own
		"INLET_BLOBS":          "disk:" + e.Blobs,
		"INLET_BLOBS_FALLBACK": "disk:" + e.Fallback,
	}})
	e.http.Transport = contract.WrapFor(e.Base(), transport)
	return e
}

// Response is an answer that was read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   []byte

	request string // for messages
}

// Do sends a request. path may be a whole URL, such as one that the server gave out. No redirect is followed.
func (e *env) Do(t testing.TB, method, path string, h http.Header, body []byte) Response {
	t.Helper()
	target := path
	if strings.HasPrefix(path, "/") {
		target = e.Base() + path
	}
	req, err := http.NewRequestWithContext(harness.Context(t), method, target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range h {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	resp, err := e.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp, method+" "+path)
}

// Get reads path.
func (e *env) Get(t testing.TB, path string, h http.Header) Response {
	t.Helper()
	return e.Do(t, http.MethodGet, path, h, nil)
}

// Send posts a form.
func (e *env) Send(t testing.TB, path string, h http.Header, f *form) Response {
	t.Helper()
	h = h.Clone()
	h.Set("Content-Type", f.Type())
	return e.Do(t, http.MethodPost, path, h, f.Bytes())
}

// JSON posts a JSON body.
func (e *env) JSON(t testing.TB, path string, h http.Header, body string) Response {
	t.Helper()
	h = h.Clone()
	h.Set("Content-Type", "application/json")
	return e.Do(t, http.MethodPost, path, h, []byte(body))
}

// Raw sends bytes as they are over a connection of their own, and reads one answer. For what net/http would not send.
func (e *env) Raw(t testing.TB, request string) Response {
	t.Helper()
	ctx := harness.Context(t)
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", e.Host())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(request, "\r\n")
	return read(t, resp, line)
}

// Host is the server's host:port.
func (e *env) Host() string { return strings.TrimPrefix(e.Base(), "http://") }

func read(t testing.TB, resp *http.Response, request string) Response {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	return Response{Status: resp.StatusCode, Header: resp.Header, Body: body, request: request}
}

// Want ends the test unless the answer has the status, and returns the answer.
func (r Response) Want(t testing.TB, status int) Response {
	t.Helper()
	if r.Status != status {
		t.Fatalf("%s is %d, want %d\n%s", r.request, r.Status, status, r.excerpt())
	}
	return r
}

// WantBody checks a body, byte for byte.
func (r Response) WantBody(t testing.TB, body string) Response {
	t.Helper()
	if string(r.Body) != body {
		t.Errorf("%s (%d) says\n%s\nwant\n%s", r.request, r.Status, r.excerpt(), body)
	}
	return r
}

// Decode reads a JSON body into out.
func (r Response) Decode(t testing.TB, out any) {
	t.Helper()
	if err := json.Unmarshal(r.Body, out); err != nil {
		t.Fatalf("%s (%d): %v\n%s", r.request, r.Status, err, r.excerpt())
	}
}

// FileID is the ULID of the file that the answer is about: every dialect's answers carry it.
func (r Response) FileID(t testing.TB) string {
	t.Helper()
	id := r.Header.Get("Inlet-File-Id")
	if id == "" {
		t.Fatalf("%s (%d) has no Inlet-File-Id\n%s", r.request, r.Status, r.excerpt())
	}
	return id
}

// excerpt is the body as far as somebody wants to read it.
func (r Response) excerpt() string {
	const most = 2000
	if len(r.Body) > most {
		return fmt.Sprintf("%q… (%d bytes)", r.Body[:most], len(r.Body))
	}
	return string(r.Body)
}

// unique is a word that nobody else uses: of letters and digits, good for every vendor's ids.
func unique() string { return "u" + strings.ToLower(rand.Text()[:16]) }

// sorted walks a map in the order of its keys.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
