package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/sign"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

// fetching are the settings of a System that may fetch files from servers of its test.
var fetching = harness.Options{Settings: map[string]string{"INLET_FETCH_ALLOW": "127.0.0.1/32", "INLET_SIGNING_KEYS": sign.NewKey()}}

// TestSingleFetchCrash stops the whole process while it fetches a file whose request was answered before.
func TestSingleFetchCrash(t *testing.T) {
	slow(t)
	testFetchCrash(t, harness.Single(t, fetching), "inlet")
}

// TestProcessesFetchCrash does so with the one service that fetches.
func TestProcessesFetchCrash(t *testing.T) {
	slow(t)
	testFetchCrash(t, harness.Processes(t, fetching), "ingest")
}

// testFetchCrash has a file announced from a server that stalls half-way, stops the victim there, by a signal that lets it end and by one that does
// not, and starts it again. Each file is fetched all the same, once.
func testFetchCrash(t *testing.T, s *harness.System, victim string) {
	tag := newTag(t)
	pdf := samples.PDF("A page that comes slowly.")
	stops := []func(){
		func() {
			if code := s.Term(t, victim); code != 0 {
				t.Errorf("%s ended with %d", victim, code)
			}
		},
		func() { s.Kill9(t, victim) },
	}
	for i, stop := range stops {
		remote, stalled := stallOnce(t, pdf.Data)
		f := announce(t, s, tag, fmt.Sprintf("%s/%d.pdf", remote, i))
		select {
		case <-stalled:
		case <-time.After(harness.Limit):
			t.Fatal("nobody has asked for the file")
		}
		begun := time.Now()
		stop()
		s.Start(t, victim)
		harness.Eventually(t, settleLimit, func() error {
			got, err := s.Get(t.Context(), f.ID)
			if err == nil && got.State != "ready" {
				err = fmt.Errorf("the file is %s (%s)", got.State, got.Reason)
			}
			return err
		})
		t.Logf("ready %s after the stop", time.Since(begun).Round(100*time.Millisecond))
		got, err := s.Download(t.Context(), f.ID, nil)
		if err != nil || !bytes.Equal(got.Body, pdf.Data) {
			t.Errorf("%d of %d bytes came: %v", len(got.Body), len(pdf.Data), err)
		}
	}
	if page, err := s.List(t.Context(), tag, nil); err != nil || page.Pagination.Total != int64(len(stops)) {
		t.Errorf("%d files are listed, want %d: %v", page.Pagination.Total, len(stops), err)
	}
}

// stallOnce is a server that gives data at every path, and stalls half-way through its first answer until that is given up. stalled is
// closed when it does.
func stallOnce(t *testing.T, data []byte) (base string, stalled <-chan struct{}) {
	t.Helper()
	reached := make(chan struct{})
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > 1 {
			_, _ = w.Write(data)
			return
		}
		_, _ = w.Write(data[:len(data)/2])
		_ = http.NewResponseController(w).Flush()
		close(reached)
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	return server.URL, reached
}

// announce has a file fetched after the answer, which it returns.
func announce(t *testing.T, s *harness.System, tag, rawURL string) api.File {
	t.Helper()
	resp, err := s.Do(t.Context(), api.Request{
		Method: http.MethodPost, Path: "/v1/tags/" + tag + "/files/from-url", Header: headers("Content-Type", "application/json", "Prefer", "respond-async"),
		Body: strings.NewReader(`{"url":"` + rawURL + `"}`),
	})
	if err == nil {
		err = resp.Err()
	}
	var f api.File
	if err == nil {
		err = api.Decode(resp, &f)
	}
	if err != nil || resp.Status != http.StatusAccepted || f.State != "pending" {
		t.Fatalf("announced with %d: %+v, %v", resp.Status, f, err)
	}
	return f
}
