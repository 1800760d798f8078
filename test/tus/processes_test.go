package tus

import (
	"io"
	"net/http"
	"os"
	"strconv"
	"testing"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
)

// TestTwoProcesses sends the requests of one upload to two ingest processes in turn. Each is killed once in the middle of one, and the other goes on.
func TestTwoProcesses(t *testing.T) {
	slow(t)
	const piece, pieces = 300_000, 10
	path, digest := writeText(t, piece*pieces)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := harness.Processes(t, harness.Options{Ingests: 2})
	names := []string{"ingest", "ingest-2"}
	doors := []system{{s, t}, {s.At(t, names[1]), t}}
	at := doors[0].create("words.txt", "Upload-Length", strconv.Itoa(len(text)))
	var id string
	for n := range pieces {
		begin, end := n*piece, (n+1)*piece
		door, other := doors[n%2], doors[1-n%2]
		killed := n == 4 || n == 7
		if killed {
			cut(door, names[n%2], at, begin, text[begin:end-piece/3])
			door = other
		}
		got, err := strconv.Atoi(door.offset(at))
		if err != nil || got < begin || got >= end || !killed && got != begin {
			t.Fatalf("before piece %d the upload is at %d, %v", n, got, err)
		}
		resp := door.patch(at, got, string(text[got:end]))
		if resp.Status != http.StatusNoContent || resp.Header.Get("Upload-Offset") != strconv.Itoa(end) {
			t.Fatalf("piece %d: %d, and the upload is at %s: %v", n, resp.Status, resp.Header.Get("Upload-Offset"), resp.Err())
		}
		if killed {
			s.Start(t, names[n%2])
		}
		if resp := other.patch(at, begin, "again"); resp.Status != http.StatusConflict && n < pieces-1 {
			t.Errorf("the other process took piece %d once more: %d", n, resp.Status)
		}
		id = resp.Header.Get("Inlet-File-Id")
	}
	if f := s.WaitState(t, s.Client, id, "ready"); f.SHA256 != digest {
		t.Errorf("stored %+v, want %s", f, digest)
	}
	for _, door := range doors {
		if got, err := door.Download(t.Context(), id, nil); err != nil || string(got.Body) != string(text) {
			t.Errorf("%d bytes came back: %v", len(got.Body), err)
		}
	}
	if _, err := s.Events.Wait(harness.Context(t), id, event.Stored, event.Verified); err != nil {
		t.Error(err)
	}
}

// cut kills a process that has taken part of a request of an upload.
func cut(s system, name, at string, offset int, part []byte) {
	s.t.Helper()
	body, more := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := s.Do(s.t.Context(), api.Request{Method: http.MethodPatch, Path: at, Body: body, Header: http.Header{
			"Tus-Resumable": {"1.0.0"}, "Content-Type": {"application/offset+octet-stream"}, "Upload-Offset": {strconv.Itoa(offset)},
		}})
		ended <- err
	}()
	for _, half := range [][]byte{part[:len(part)/2], part[len(part)/2:]} { // the second is taken when the first has been sent
		if _, err := more.Write(half); err != nil {
			s.t.Fatal(err)
		}
	}
	s.Kill9(s.t, name)
	_ = more.CloseWithError(io.ErrUnexpectedEOF) // of a pipe: never fails
	if err := <-ended; err == nil {
		s.t.Error("a request outlived its process")
	}
}
