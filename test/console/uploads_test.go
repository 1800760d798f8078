package console

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/inlethq/inlet/test/samples"
)

// TestConsoleInterruptedUpload sends a large file over a connection that breaks, to a server that is killed, from a page that is paused and reloaded.
func TestConsoleInterruptedUpload(t *testing.T) {
	const size = 200 << 20
	s, c, network, p := start(t, 90<<20)
	path := filepath.Join(t.TempDir(), "large.txt")
	content := samples.Text(size, 7).Data
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)

	p.click("[data-test=upload]")
	p.do(chromedp.SetUploadFiles(chromedp.CSS("[data-test=file-input]"), []string{path}))
	p.sent(size / 10)
	p.click("[data-test=pause]")
	p.until(patience, `document.querySelector(".upload").dataset.phase === "paused"`)
	at := p.sent(0)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for range 20 {
		<-ticker.C
		if now := p.sent(0); now > at {
			t.Fatalf("%d bytes were sent while it was paused", now-at)
		}
	}
	p.look("uploads-paused")
	p.click("[data-test=pause]")

	p.outage(true)
	p.sent(size * 3 / 10)
	network.cut()
	p.sent(size * 4 / 10)
	s.Kill9(t, "inlet")
	s.Start(t, "inlet")
	p.sent(size * 6 / 10)
	p.do(chromedp.Reload())
	p.until(patience, `document.querySelector(".upload") !== null`)
	p.outage(false)
	p.until(2*patience, `document.querySelector(".upload[data-phase=stored][data-state=ready]") !== null`)

	page, err := c.List(t.Context(), "", nil)
	if err != nil || len(page.Files) != 1 {
		t.Fatalf("the server has %d files, %v", len(page.Files), err)
	}
	if f := page.Files[0]; f.SHA256 != hex.EncodeToString(sum[:]) || f.Size != size {
		t.Errorf("what arrived is %+v", f)
	}
}

// sent waits until the first upload of the list has sent so many bytes, and returns how many it has.
func (p *tab) sent(least int) int {
	p.t.Helper()
	p.until(2*patience, `(() => {
		const u = document.querySelector(".upload");
		return u && (Number(u.dataset.sent) >= `+strconv.Itoa(least)+` || u.dataset.phase === "stored");
	})() === true`)
	return eval[int](p, `Number(document.querySelector(".upload").dataset.sent)`)
}

// TestConsoleStalledUpload sends a file into a network that swallows what it is given, and neither answers nor breaks.
func TestConsoleStalledUpload(t *testing.T) {
	_, c, network, p := start(t, 1<<30)
	// A minute of the console's patience is a second.
	if _, err := chromedp.Call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `{ const wait = window.setTimeout; window.setTimeout = (f, ms, ...rest) => wait(f, ms === 60_000 ? 1000 : ms, ...rest); }`,
	}); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.Reload())
	p.until(patience, `document.querySelector(".live-dot.live") !== null`)
	sample := samples.JPEG(300, 200, 1)
	path := filepath.Join(t.TempDir(), sample.Name)
	if err := os.WriteFile(path, sample.Data, 0o600); err != nil {
		t.Fatal(err)
	}

	network.swallow(true)
	p.do(chromedp.SetUploadFiles(chromedp.CSS("[data-test=file-input]"), []string{path}))
	select {
	case <-network.swallowed:
	case <-time.After(patience):
		t.Fatal("nothing was sent")
	}
	network.swallow(false)
	p.until(patience, `document.querySelector(".upload[data-phase=stored][data-state=ready]") !== null`)
	sum := sha256.Sum256(sample.Data)
	page, err := c.List(t.Context(), "", nil)
	if err != nil || len(page.Files) != 1 || page.Files[0].SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("the server has %+v, %v", page.Files, err)
	}
}
