package tus

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/harness"
)

// python is the system's: it has the packages of the system.
const python = "/usr/bin/python3"

// pythonJob is what client/upload.py is told.
type pythonJob struct {
	Endpoint string `json:"endpoint"`
	Key      string `json:"key"`
	Path     string `json:"path"`
	Name     string `json:"name"`
	Chunk    int    `json:"chunk"` // bytes of a request, at most
	Checksum bool   `json:"checksum"`
	URL      string `json:"url,omitempty"`  // where to go on
	Stop     int64  `json:"stop,omitempty"` // bytes after which to leave off
}

// run uploads with tuspy, the Python client of the protocol (Debian's python3-tuspy), and returns the URL.
func (j pythonJob) run(ctx context.Context) (string, error) {
	text, err := json.Marshal(j)
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, python, "client/upload.py", string(text)).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// TestTuspy uploads a file with another client than the protocol's own: over a line that is cut all the time, and with checksums, in two runs.
func TestTuspy(t *testing.T) {
	slow(t)
	if err := exec.Command(python, "-c", "import tusclient").Run(); err != nil {
		t.Skipf("there is no tuspy: %v", err)
	}
	const size = 8 << 20
	s := harness.Single(t, harness.Options{})
	for name, upload := range map[string]func(t *testing.T, j pythonJob) string{
		"over a bad line": func(t *testing.T, j pythonJob) string {
			line := newProxy(t, strings.TrimPrefix(s.Base(), "http://"), 1<<20)
			j.Endpoint, j.Chunk = line.url()+"/v1/uploads", 4<<20
			at, err := j.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if cuts := line.cuts.Load(); cuts < size>>20-1 {
				t.Errorf("the line was cut %d times", cuts)
			}
			return at
		},
		"in two runs": func(t *testing.T, j pythonJob) string {
			j.Chunk, j.Checksum, j.Stop = 1<<20, true, 3<<20
			at, err := j.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := (system{s, t}).offset("/v1/uploads/" + path.Base(at)); got != fmt.Sprint(j.Stop) {
				t.Errorf("the first run came to %s", got)
			}
			j.URL, j.Stop = at, 0
			if again, err := j.run(t.Context()); err != nil || again != at {
				t.Fatalf("the second run: %q, %v", again, err)
			}
			return at
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, digest := writeText(t, size)
			at := upload(t, pythonJob{Endpoint: s.Base() + "/v1/uploads", Key: s.Key(), Path: file, Name: "words.txt"})
			if f := s.WaitState(t, s.Client, path.Base(at), "ready"); f.SHA256 != digest || f.Size != size || f.OriginalName != "words.txt" {
				t.Errorf("stored %+v, want %d bytes of %s", f, size, digest)
			}
		})
	}
}
