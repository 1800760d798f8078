// Package observe tests from outside what Inlet tells its operators: traces that hold together, metrics that are there, and the board, the alerts and the
// page that name them.
package observe

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/harness/launch"
	"github.com/inlethq/inlet/test/samples"
)

// One server has all the tests of what is the same however many processes there are.
func TestSingle(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spans")
	s := serve(t, map[string]string{"INLET_TRACES": "file:" + path, "INLET_WEBHOOK_ALLOW": "127.0.0.1"})
	t.Run("ready", func(t *testing.T) { testReady(t, s) })
	t.Run("trace", func(t *testing.T) { testTrace(t, s.Client, path) })
	t.Run("metrics", func(t *testing.T) { testMetrics(t, s) })
}

func TestProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a database, a bus and every service")
	}
	path := filepath.Join(t.TempDir(), "spans")
	s := harness.Processes(t, harness.Options{Settings: map[string]string{"INLET_TRACES": "file:" + path}})
	testTrace(t, s.Client, path)
}

// server is a running `inlet serve`.
type server struct {
	*api.Client
	admin string // URL of the admin listener
}

func serve(t *testing.T, settings map[string]string) *server {
	t.Helper()
	addrs, err := launch.FreeAddrs()
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	s := &server{admin: "http://" + addrs.Admin}
	p, err := launch.Start(launch.Serve(harness.Binary(t, "inlet"), data, addrs, settings, nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if err := p.Ready(harness.Context(t)); err != nil {
		t.Fatal(err)
	}
	key, err := launch.FirstKey(data)
	if err != nil {
		t.Fatal(err)
	}
	s.Client = api.New(addrs.URL(), key)
	return s
}

// get reads a page of the admin listener.
func (s *server) get(t *testing.T, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func testReady(t *testing.T, s *server) {
	status, text := s.get(t, "/readyz")
	var body map[string]string
	if err := json.Unmarshal([]byte(text), &body); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s, %v", status, text, err)
	}
	for _, name := range []string{"records", "blobs", "bus"} {
		if body[name] != "ok" {
			t.Errorf("%s is %q", name, body[name])
		}
	}
}

// picture uploads a photo, and waits until nothing more is to come for it.
func picture(t *testing.T, c *api.Client, header http.Header) api.File {
	t.Helper()
	photo := samples.Photo()
	ctx := harness.Context(t)
	f, err := c.Upload(ctx, api.Upload{Name: photo.Name, Type: photo.Type, Data: photo.Data, Header: header})
	if err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, harness.Limit, func() error {
		if f, err = c.Get(ctx, f.ID); err != nil {
			return err
		}
		if f.State != "ready" || f.ThumbnailURL == "" {
			return fmt.Errorf("the file is %s, with its thumbnail at %q", f.State, f.ThumbnailURL)
		}
		return nil
	})
	return f
}
