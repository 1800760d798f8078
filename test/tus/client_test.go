package tus

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
)

// sizeVariable sets the bytes of the file that goes over the bad line.
const sizeVariable = "INLET_TEST_TUS_SIZE"

const (
	defaultSize = 64 << 20
	cutEvery    = 5 << 20
	kills       = 2
)

// job is what client/upload.mjs is told.
type job struct {
	Endpoint string `json:"endpoint"`
	Key      string `json:"key"`
	Path     string `json:"path"`
	Name     string `json:"name"`
	Parallel int    `json:"parallel,omitempty"`
	Chunk    int    `json:"chunk,omitempty"` // bytes of a request, at most
}

// outcome is what it prints.
type outcome struct {
	URL     string `json:"url"`
	FileID  string `json:"file_id"`
	Retries int    `json:"retries"`
}

// installing is held by whoever installs the client: its tests run side by side, and have one folder.
var installing sync.Mutex

// installClient makes tus-js-client ready, as package-lock.json names it.
func installClient(t *testing.T) {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("there is no " + program)
		}
	}
	want, err := os.ReadFile("client/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	mark := "client/node_modules/.installed"
	if have, err := os.ReadFile(mark); err == nil && bytes.Equal(have, want) {
		return
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	cmd.Dir = "client"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	if err := os.WriteFile(mark, want, 0o600); err != nil { //nolint:gosec // in the test's folder
		t.Fatal(err)
	}
}

// run uploads a file with tus-js-client.
func (j job) run(ctx context.Context) (outcome, error) {
	text, err := json.Marshal(j)
	if err != nil {
		return outcome{}, err
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "node", "client/upload.mjs", string(text))
	cmd.Stderr = &said
	printed, err := cmd.Output()
	if err != nil {
		return outcome{}, fmt.Errorf("%w: %s", err, said.String())
	}
	var o outcome
	return o, json.Unmarshal(printed, &o)
}

// writeText makes a text of random words in a file, and returns its path and its SHA-256.
func writeText(t *testing.T, size int64) (path, digest string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "words.txt")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, h), 1<<20)
	rng := rand.New(rand.NewPCG(uint64(size), 1))
	for left := size; left > 0; {
		line := strconv.AppendUint(nil, rng.Uint64(), 36)
		line = append(line, '\n')
		line = line[:min(int64(len(line)), left)]
		left -= int64(len(line))
		if _, err := w.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return path, hex.EncodeToString(h.Sum(nil))
}

// TestBadLine uploads a file over a line that is cut all the time, to a server that is killed twice meanwhile.
func TestBadLine(t *testing.T) {
	slow(t)
	installClient(t)
	size := int64(defaultSize)
	if text := os.Getenv(sizeVariable); text != "" {
		var err error
		if size, err = strconv.ParseInt(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", sizeVariable, err)
		}
	}
	path, digest := writeText(t, size)
	s := harness.Single(t, harness.Options{})
	line := newProxy(t, strings.TrimPrefix(s.Base(), "http://"), cutEvery)
	start := time.Now()
	type result struct {
		outcome
		err error
	}
	done := make(chan result, 1)
	go func() {
		o, err := job{Endpoint: line.url() + "/v1/uploads", Key: s.Key(), Path: path, Name: "words.txt"}.run(t.Context())
		done <- result{o, err}
	}()
	for kill := range kills {
		at := size * int64(kill+1) / (kills + 1)
		harness.Eventually(t, 10*time.Minute, func() error {
			if n := line.brought.Load(); n < at {
				return fmt.Errorf("%d of %d bytes were brought", n, at)
			}
			return nil
		})
		s.Kill9(t, "inlet")
		s.Start(t, "inlet")
	}
	got := <-done
	if got.err != nil {
		t.Fatal(got.err)
	}
	t.Logf("%d bytes in %s: %d cuts, %d retries, %d bytes sent", size, time.Since(start).Round(time.Millisecond), line.cuts.Load(), got.Retries, line.brought.Load())
	f := s.WaitState(t, s.Client, got.FileID, "ready")
	if f.SHA256 != digest || f.Size != size || f.OriginalName != "words.txt" {
		t.Errorf("stored %+v, want %d bytes of %s", f, size, digest)
	}
	if cuts := line.cuts.Load(); cuts < size/cutEvery {
		t.Errorf("the line was cut %d times", cuts)
	}
	if _, err := s.Events.Wait(harness.Context(t), got.FileID, event.Stored, event.Verified); err != nil {
		t.Error(err)
	}
}

// TestParallelUpload has the client send a file in parts at the same time, which are joined at their end.
func TestParallelUpload(t *testing.T) {
	slow(t)
	installClient(t)
	path, digest := writeText(t, 3<<20)
	s := harness.Single(t, harness.Options{})
	got, err := job{Endpoint: s.Base() + "/v1/uploads", Key: s.Key(), Path: path, Name: "words.txt", Parallel: 3, Chunk: 300 << 10}.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f := s.WaitState(t, s.Client, got.FileID, "ready"); f.SHA256 != digest {
		t.Errorf("stored %+v, want %s", f, digest)
	}
}
