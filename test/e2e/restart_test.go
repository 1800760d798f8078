package e2e

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/harness/launch"
	"github.com/inlethq/inlet/test/samples"
)

// TestSingleRestart stops the process in good order and starts it again on the same folder.
func TestSingleRestart(t *testing.T) {
	slow(t)
	s := harness.Single(t, harness.Options{})
	tag := newTag(t)
	photo := samples.JPEG(640, 480, 1)
	var kept []api.File
	for _, x := range []samples.Sample{photo, samples.Text(100, 1)} {
		kept = append(kept, mustUpload(t, s, s.Client, upload(tag, x)))
	}
	gone := mustUpload(t, s, s.Client, upload(tag, samples.Text(100, 2)))
	if err := s.Delete(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	u := upload(tag, samples.Text(100, 3))
	u.Header = headers("Prefer", "respond-async")
	late, err := s.Upload(t.Context(), u) // its verdict may fall on either side
	if err != nil {
		t.Fatal(err)
	}

	if code := s.Term(t, "inlet"); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	s.Start(t, "inlet")

	s.WaitState(t, s.Client, late.ID, "ready")
	wantNoFile(t, s.Client, gone)
	resp, err := s.Download(t.Context(), kept[0].ID, nil)
	if err != nil || !bytes.Equal(resp.Body, photo.Data) {
		t.Errorf("the bytes are others: %d, %v", resp.Status, err)
	}
	thumbnail, err := s.Thumbnail(t.Context(), kept[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	checkThumbnail(t, thumbnail, samples.TypeJPEG, 1)
	page, err := s.List(t.Context(), tag, nil)
	if err != nil || len(page.Files) != 3 {
		t.Errorf("%d files are listed, want 3: %v", len(page.Files), err)
	}
	mustUpload(t, s, s.Client, upload(tag, samples.Text(100, 4)))
}

// TestSingleFirstStart starts the program as somebody who has just built it does: with an empty folder and nothing else.
func TestSingleFirstStart(t *testing.T) {
	slow(t)
	data := filepath.Join(t.TempDir(), "data")
	addrs, err := launch.FreeAddrs()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	var key string
	for run := range 2 {
		said.Reset()
		p, err := launch.Start(launch.Serve(harness.Binary(t, "inlet"), data, addrs, nil, &said))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		if err := p.Ready(harness.Context(t)); err != nil {
			t.Fatal(err)
		}
		found, err := launch.FirstKey(data)
		if err != nil || run > 0 && found != key {
			t.Fatalf("the key of start %d is %q, before it was %q: %v", run+1, found, key, err)
		}
		key = found
		if _, err := api.New(addrs.URL(), key).Upload(t.Context(), upload("", samples.Text(100, 1))); err != nil {
			t.Error(err)
		}
		if code, err := p.Term(harness.Context(t)); code != 0 || err != nil {
			t.Errorf("exit code %d: %v", code, err)
		}
		if shown := strings.Contains(said.String(), key); shown != (run == 0) {
			t.Errorf("start %d shows the key: %t", run+1, shown)
		}
	}
	info, err := os.Stat(filepath.Join(data, "directory.yaml"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the directory file has mode %v: %v", info.Mode(), err)
	}
}

// TestSingleDrains sends SIGTERM in the middle of an upload. The upload ends well, and so does the process.
func TestSingleDrains(t *testing.T) {
	slow(t)
	s := harness.Single(t, harness.Options{})
	text := samples.Text(1<<20, 1).Data
	body, more := io.Pipe()
	reading := make(chan struct{})
	ctx := httptrace.WithClientTrace(harness.Context(t), &httptrace.ClientTrace{Got100Continue: func() { close(reading) }})
	type outcome struct {
		resp api.Response
		err  error
	}
	answered := make(chan outcome, 1)
	go func() {
		resp, err := s.Do(ctx, api.Request{Method: http.MethodPost, Path: "/v1/files", Body: body, Length: int64(len(text)),
			Header: headers("Content-Disposition", `attachment; filename="notes.txt"`, "Expect", "100-continue")})
		answered <- outcome{resp, err}
	}()
	select {
	case <-reading:
	case <-ctx.Done():
		t.Fatal(ctx.Err())
	}
	if _, err := more.Write(text[:len(text)/2]); err != nil {
		t.Fatal(err)
	}
	s.Signal(t, "inlet")
	harness.Eventually(t, harness.Limit, func() error { return closed(strings.TrimPrefix(s.Base(), "http://")) })
	if _, err := more.Write(text[len(text)/2:]); err != nil {
		t.Fatal(err)
	}
	_ = more.Close() // of a pipe: never fails
	got := <-answered
	if got.err != nil || got.resp.Status != http.StatusCreated {
		t.Errorf("the upload that was under way ended with %d: %v", got.resp.Status, got.err)
	}
	if code := s.Wait(t, "inlet"); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	s.Start(t, "inlet")
	page, err := s.List(t.Context(), "", nil)
	if err != nil || len(page.Files) != 1 || page.Files[0].Size != int64(len(text)) {
		t.Errorf("after the restart there is %v: %v", page.Files, err)
	}
}

// closed is nil when nobody listens at an address.
func closed(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil //nolint:nilerr // refused is what we want
	}
	_ = conn.Close()
	return os.ErrExist
}
