package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// hurried is a patience for tests: what stands still is found out soon, and what moves has time.
var hurried = patience{ask: 100 * time.Millisecond, work: 200 * time.Millisecond, finish: 300 * time.Millisecond, body: 100 * time.Millisecond}

func newTransport(t *testing.T, h http.HandlerFunc) (*transport, string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	next := &http.Transport{}
	t.Cleanup(next.CloseIdleConnections)
	return &transport{next: next, circuit: newCircuit(time.Now), patience: hurried}, server.URL
}

func request(t *testing.T, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// standStill answers nothing until the client has gone.
func standStill(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func TestTransportEndsWhatStandsStill(t *testing.T) {
	way, url := newTransport(t, standStill)
	for _, c := range []struct {
		method, query string
		body          io.Reader
	}{
		{http.MethodHead, "", nil},
		{http.MethodGet, "", nil},
		{http.MethodGet, "?list-type=2", nil},
		{http.MethodPut, "", bytes.NewReader(make([]byte, 100))},
		{http.MethodPost, "?uploadId=1", bytes.NewReader(make([]byte, 100))},
	} {
		resp, err := way.RoundTrip(request(t, c.method, url+"/b/o"+c.query, c.body))
		if err == nil {
			_ = resp.Body.Close()
		}
		if !errors.Is(err, errSilent) {
			t.Errorf("%s %s: %v", c.method, c.query, err)
		}
	}
	if way.circuit.failures != 5 {
		t.Errorf("%d failures were noted", way.circuit.failures)
	}
}

// A request that moves may take as long as it needs.
func TestTransportWaitsForWhatMoves(t *testing.T) {
	way, url := newTransport(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		if n != 10 {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	resp, err := way.RoundTrip(request(t, http.MethodPut, url, &dripping{left: 10, every: hurried.work / 4}))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
}

// dripping gives a byte at a time.
type dripping struct {
	left  int
	every time.Duration
}

func (d *dripping) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, io.EOF
	}
	d.left--
	<-time.After(d.every)
	p[0] = 'x'
	return 1, nil
}

// Only the server has to hurry: who reads an answer may be slow.
func TestTransportReadsAnswers(t *testing.T) {
	hang := false
	way, url := newTransport(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "20")
		_, _ = io.WriteString(w, "first half")
		_ = http.NewResponseController(w).Flush()
		if hang {
			standStill(w, r)
		}
		_, _ = io.WriteString(w, "the second")
	})
	for _, hang = range []bool{false, true} {
		resp, err := way.RoundTrip(request(t, http.MethodGet, url, nil))
		if err != nil {
			t.Fatal(err)
		}
		half := make([]byte, 10)
		if _, err := io.ReadFull(resp.Body, half); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * hurried.body)
		rest, err := io.ReadAll(resp.Body)
		switch {
		case hang && !errors.Is(err, errSilent):
			t.Errorf("a body that stands still: %q, %v", rest, err)
		case !hang && (err != nil || string(rest) != "the second"):
			t.Errorf("a slow reader: %q, %v", rest, err)
		}
		_ = resp.Body.Close()
	}
}

func TestTransportTellsTheCircuit(t *testing.T) {
	for _, c := range []struct {
		status int
		kind   string // of the body
		failed bool
	}{
		{http.StatusOK, "", false},
		{http.StatusNotFound, "application/xml", false},
		{http.StatusNotFound, "text/html", true},
		{http.StatusForbidden, "application/xml", false},
		{http.StatusNotImplemented, "application/xml", false},
		{http.StatusInsufficientStorage, "application/xml", false},
		{http.StatusInternalServerError, "application/xml", true},
		{http.StatusServiceUnavailable, "application/xml", true},
		{http.StatusBadGateway, "text/html", true},
		{http.StatusTooManyRequests, "", true},
	} {
		way, url := newTransport(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			w.WriteHeader(c.status)
		})
		resp, err := way.RoundTrip(request(t, http.MethodGet, url, nil))
		if err == nil {
			_ = resp.Body.Close()
		}
		if (way.circuit.failures == 1) != c.failed {
			t.Errorf("%d %s: %d failures", c.status, c.kind, way.circuit.failures)
		}
	}
}

// A caller that gives up says nothing of the server.
func TestTransportCancelled(t *testing.T) {
	way, url := newTransport(t, standStill)
	ctx, cancel := context.WithTimeout(t.Context(), hurried.ask/4)
	defer cancel()
	resp, err := way.RoundTrip(request(t, http.MethodGet, url, nil).WithContext(ctx))
	if err == nil {
		_ = resp.Body.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) || way.circuit.failures != 0 {
		t.Errorf("%v, %d failures", err, way.circuit.failures)
	}
}

// The bytes of a request that has failed are the caller's again, whatever the connection still does.
func TestTransportGivesTheBodyBack(t *testing.T) {
	b := &sentBody{ReadCloser: io.NopCloser(bytes.NewReader([]byte("bytes"))), watch: newWatch(time.Minute, func(error) {})}
	b.sever()
	if n, err := b.Read(make([]byte, 5)); n != 0 || !errors.Is(err, errSevered) {
		t.Errorf("read %d, %v", n, err)
	}
	way, url := newTransport(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable) // before the body is read
	})
	data := bytes.NewReader(make([]byte, 8<<20))
	for range 3 { // under -race: the same reader is sent again
		if _, err := data.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		r := request(t, http.MethodPut, url, io.NopCloser(data))
		r.ContentLength = int64(data.Len())
		if resp, err := way.RoundTrip(r); err == nil {
			_ = resp.Body.Close()
		}
	}
}
