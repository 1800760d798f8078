package contract_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/launch"
	"github.com/inlethq/inlet/test/peers"
	"github.com/inlethq/inlet/test/samples"
)

// shellBlock is a block of a page that its reader pastes into a shell.
var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// The lines of docs/quickstart.md work as they stand there, on a server that has just been started for the first time.
func TestQuickstart(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a program")
	}
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("there is no %s on this machine", tool)
		}
	}
	page, err := os.ReadFile(filepath.Join(peers.Root(), "docs", "quickstart.md"))
	if err != nil {
		t.Fatal(err)
	}
	url, key := firstStart(t)
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	blocks := shellBlock.FindAllSubmatch(page, -1)
	for _, b := range blocks {
		script.Write(b[1])
		script.WriteString("echo\n")
	}
	text := strings.Replace(script.String(), "U=http://127.0.0.1:8080\n", "U="+url+"\n", 1)
	text = strings.Replace(text, "KEY=tagd_live_…\n", "KEY="+key+"\n", 1)
	if len(blocks) < 5 || strings.Contains(text, "8080") || strings.Contains(text, "…") {
		t.Fatalf("the page has %d blocks, and the script is\n%s", len(blocks), text)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "photo.jpg"), samples.JPEG(800, 600, 1).Data, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(harness.Context(t), "bash", "-c", text)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, &stderr)
	}
	for _, want := range []string{`"state":"ready"`, `"what":"verified"`, "event: file.stored", "event: file.verified",
		`"message":"File uploaded successfully"`, `"content_type":"image/jpeg"`, `"stored":true`, "<PostResponse>", `"state":"active"`, "File deleted successfully"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no line answers %s", want)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}

// firstStart starts `inlet serve` on an empty folder, and returns its URL and the key that it has made.
func firstStart(t *testing.T) (url, key string) {
	t.Helper()
	addrs, err := launch.FreeAddrs()
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	var log bytes.Buffer
	p, err := launch.Start(launch.Serve(harness.Binary(t, "inlet"), data, addrs, map[string]string{"INLET_LOG_LEVEL": "warn"}, &log))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the log is\n%s", &log)
		}
	})
	if err := p.Ready(harness.Context(t)); err != nil {
		t.Fatal(err)
	}
	if key, err = launch.FirstKey(data); err != nil {
		t.Fatal(err)
	}
	return addrs.URL(), key
}
