// Package tus tests resumable uploads from outside, on what is shipped: with tus-js-client over a line that breaks and a server that is killed, and by
// hand where a client would not go.
package tus

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/peers"
	"github.com/inlethq/inlet/test/samples"
)

// slow marks a test that starts programs.
func slow(t *testing.T) {
	if testing.Short() {
		t.Skip("starts programs")
	}
	t.Parallel()
}

// system is a running Inlet, and a client that speaks the protocol.
type system struct {
	*harness.System
	t *testing.T
}

func (s system) ask(method, path string, body io.Reader, pairs ...string) api.Response {
	s.t.Helper()
	h := http.Header{"Tus-Resumable": {"1.0.0"}}
	if method == http.MethodPatch {
		h.Set("Content-Type", "application/offset+octet-stream")
	}
	for pair := range slices.Chunk(pairs, 2) {
		h.Set(pair[0], pair[1])
	}
	resp, err := s.Do(s.t.Context(), api.Request{Method: method, Path: path, Header: h, Body: body})
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp
}

// create begins an upload and returns its path.
func (s system) create(name string, pairs ...string) string {
	s.t.Helper()
	resp := s.ask(http.MethodPost, "/v1/uploads", nil, append([]string{"Upload-Metadata", "filename " + base64.StdEncoding.EncodeToString([]byte(name))}, pairs...)...)
	at, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Status != http.StatusCreated {
		s.t.Fatalf("%d %s: %v", resp.Status, resp.Body, err)
	}
	return at.Path
}

func (s system) patch(path string, offset int, body string, pairs ...string) api.Response {
	s.t.Helper()
	return s.ask(http.MethodPatch, path, strings.NewReader(body), append([]string{"Upload-Offset", strconv.Itoa(offset)}, pairs...)...)
}

func (s system) offset(path string) string {
	s.t.Helper()
	return s.ask(http.MethodHead, path, nil).Header.Get("Upload-Offset")
}

func TestSingle(t *testing.T) {
	slow(t)
	protocol(t, harness.Single(t, harness.Options{}))
}

func TestProcesses(t *testing.T) {
	slow(t)
	protocol(t, harness.Processes(t, harness.Options{}))
}

func TestS3(t *testing.T) {
	slow(t)
	server := peers.S3(t)
	protocol(t, harness.Single(t, harness.Options{Settings: map[string]string{
		"INLET_BLOBS":       fmt.Sprintf("s3://inlet/blobs?endpoint=http://%s&region=%s", server.Endpoint, server.Region),
		"AWS_ACCESS_KEY_ID": server.AccessKey, "AWS_SECRET_ACCESS_KEY": server.SecretKey,
	}}))
}

// protocol is what holds on every kind of store.
func protocol(t *testing.T, running *harness.System) {
	for name, run := range map[string]func(system){"a picture": picture, "termination": termination, "concatenation": concatenation, "checksum": checksum} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(system{running, t})
		})
	}
}

// picture ends as any other does.
func picture(s system) {
	photo := string(samples.JPEG(640, 480, 11).Data)
	half := len(photo) / 2
	at := s.create("photo.jpg", "Upload-Length", strconv.Itoa(len(photo)))
	if resp := s.patch(at, 0, photo[:half]); resp.Status != http.StatusNoContent {
		s.t.Fatal(resp.Err())
	}
	if resp := s.patch(at, 0, photo); resp.Status != http.StatusConflict && resp.Status != http.StatusRequestEntityTooLarge {
		s.t.Errorf("from the beginning again: %d", resp.Status)
	}
	resp := s.patch(at, half, photo[half:])
	id := resp.Header.Get("Inlet-File-Id")
	if resp.Status != http.StatusNoContent || !strings.HasSuffix(at, id) {
		s.t.Fatalf("%d with file %q: %v", resp.Status, id, resp.Err())
	}
	s.WaitState(s.t, s.Client, id, "ready")
	if _, err := s.Events.Wait(harness.Context(s.t), id, event.Stored, event.Verified, event.VariantCreated); err != nil {
		s.t.Error(err)
	}
	got, err := s.Download(s.t.Context(), id, nil)
	if err != nil || string(got.Body) != photo {
		s.t.Errorf("%d bytes came back: %v", len(got.Body), err)
	}
}

func termination(s system) {
	at := s.create("note.txt", "Upload-Length", "11")
	s.patch(at, 0, "hello")
	if resp := s.ask(http.MethodDelete, at, nil); resp.Status != http.StatusNoContent {
		s.t.Error(resp.Err())
	}
	if resp := s.patch(at, 5, " world"); resp.Status != http.StatusNotFound {
		s.t.Errorf("then %d", resp.Status)
	}
}

func concatenation(s system) {
	var parts []string
	for _, text := range []string{"hello", " ", "world"} {
		at := s.create("part", "Upload-Length", strconv.Itoa(len(text)), "Upload-Concat", "partial")
		s.patch(at, 0, text)
		parts = append(parts, at)
	}
	resp := s.ask(http.MethodPost, "/v1/uploads", nil, "Upload-Concat", "final;"+strings.Join(parts, " "), "Upload-Metadata", "filename bm90ZS50eHQ=")
	if resp.Status != http.StatusCreated {
		s.t.Fatal(resp.Err())
	}
	f := s.WaitState(s.t, s.Client, resp.Header.Get("Inlet-File-Id"), "ready")
	if got, err := s.Download(s.t.Context(), f.ID, nil); err != nil || string(got.Body) != "hello world" {
		s.t.Errorf("%q, %v", got.Body, err)
	}
}

func checksum(s system) {
	at := s.create("note.txt", "Upload-Length", "11")
	const sum = "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=" // of hello
	if resp := s.patch(at, 0, "hallo", "Upload-Checksum", sum); resp.Status != 460 || s.offset(at) != "0" {
		s.t.Errorf("%d", resp.Status)
	}
	if resp := s.patch(at, 0, "hello", "Upload-Checksum", sum); resp.Status != http.StatusNoContent || s.offset(at) != "5" {
		s.t.Error(resp.Err())
	}
}

// TestExpiry leaves an upload alone until it ends, and its bytes with it.
func TestExpiry(t *testing.T) {
	slow(t)
	const room = 1000
	s := system{harness.Single(t, harness.Options{
		Tenants: []harness.Tenant{{ID: "small", MaxStorage: room}}, Settings: map[string]string{"INLET_UPLOAD_LIFE": "2s"},
	}), t}
	s.Client = s.Tenant(t, "small")
	at := s.create("note.txt", "Upload-Length", strconv.Itoa(room))
	s.patch(at, 0, "hello")
	header := s.ask(http.MethodHead, at, nil).Header
	if _, err := http.ParseTime(header.Get("Upload-Expires")); err != nil {
		t.Errorf("%q: %v", header.Get("Upload-Expires"), err)
	}
	full := s.ask(http.MethodPost, "/v1/uploads", nil, "Upload-Length", "1", "Upload-Metadata", "filename bm90ZS50eHQ=")
	if full.Status != http.StatusInsufficientStorage {
		t.Errorf("beside it %d", full.Status)
	}
	harness.Eventually(t, harness.Limit, func() error {
		if resp := s.ask(http.MethodHead, at, nil); resp.Status != http.StatusNotFound {
			return fmt.Errorf("it is still there: %d", resp.Status)
		}
		_, err := s.Upload(t.Context(), api.Upload{Name: "all.txt", Type: "text/plain", Data: []byte(rand.Text() + strings.Repeat("x", room-26))})
		return err
	})
}

// TestDrain sends SIGTERM in the middle of a request. What it has brought is there after the restart.
func TestDrain(t *testing.T) {
	slow(t)
	s := system{harness.Single(t, harness.Options{}), t}
	const sent = 16 << 20 // more than the connection holds: the server has read of it when all was taken
	at := s.create("note.txt", "Upload-Length", strconv.Itoa(2*sent))
	body, more := io.Pipe()
	answered := make(chan int, 1)
	go func() {
		resp, err := s.Do(t.Context(), api.Request{Method: http.MethodPatch, Path: at, Body: body, Header: http.Header{
			"Tus-Resumable": {"1.0.0"}, "Content-Type": {"application/offset+octet-stream"}, "Upload-Offset": {"0"}, "Expect": {"100-continue"},
		}})
		if err != nil {
			t.Error(err)
		}
		answered <- resp.Status
	}()
	if _, err := more.Write(bytes.Repeat([]byte("a"), sent)); err != nil {
		t.Fatal(err)
	}
	if code := s.Term(t, "inlet"); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if status := <-answered; status != http.StatusServiceUnavailable {
		t.Errorf("the request was answered with %d", status)
	}
	_ = more.Close() // of a pipe: never fails
	s.Start(t, "inlet")
	if got, err := strconv.Atoi(s.offset(at)); err != nil || got == 0 || got > sent {
		t.Errorf("the upload is at %d of %d that were sent: %v", got, sent, err)
	}
}
