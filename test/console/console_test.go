// Package console tests the web console from outside, in a browser, on the program that is shipped.
package console

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

const (
	pictures = 14 // of the files that are dropped
	dropped  = 20

	// patience bounds what the browser and the server do together; this machine may be busy.
	patience = time.Minute
)

const directory = `tenants:
  - {id: main, plan: unlimited, limits: {max_storage: 2GiB}}
users:
  - {id: ada, tenant: main, email: ada@example.com, password: "` + password + `", roles: {tenant/main: owner, system: owner}}
api_keys:
  - {name: console, tenant: main, key: ` + key + `, user: ada, scopes: [files:read, files:write, webhooks:write, system:operate]}
`

const (
	key      = "tagd_test_console_00000000000000000000"
	password = "correct horse battery"
)

// start runs a server and a browser that is signed in with the key.
func start(t *testing.T, rate int64) (*harness.System, *api.Client, *proxy, *tab) {
	t.Helper()
	s, c, network, p := arrive(t, rate)
	p.look("sign-in")
	p.fill("input[name=api_key]", key)
	p.press(kb.Enter)
	p.until(patience, `document.querySelector(".console") !== null`)
	return s, c, network, p
}

// arrive runs a server and a browser that shows the page to sign in. Between them is a network of rate bytes a second.
func arrive(t *testing.T, rate int64) (*harness.System, *api.Client, *proxy, *tab) {
	t.Helper()
	s := harness.Single(t, harness.Options{Directory: directory, Settings: map[string]string{"INLET_WEBHOOK_ALLOW": "127.0.0.1/32"}})
	network := newProxy(t, strings.TrimPrefix(s.Base(), "http://"), rate)
	p := browse(t, network.url())
	p.open("")
	p.until(patience, `document.querySelector(".sign-in") !== null`)
	return s, s.As(key), network, p
}

func TestConsole(t *testing.T) {
	_, c, _, p := start(t, 1<<30)
	p.until(patience, `document.querySelector(".live-dot.live") !== null && document.querySelector(".empty") !== null`)
	p.look("files-empty")
	if n := eval[int](p, `document.querySelectorAll("script:not([src]), style").length`); n != 0 {
		t.Errorf("%d scripts or styles are in the page itself", n)
	}
	other := p.second()
	other.open("#/activity")
	other.until(patience, `document.querySelector(".page") !== null`)

	t.Run("drop", func(t *testing.T) { drop(t, p.in(t)) })
	t.Run("second tab", func(t *testing.T) {
		other := other.in(t)
		other.until(patience, fmt.Sprintf(`document.querySelectorAll("[data-test=feed] li[data-fact=verified]").length >= %d`, dropped))
		other.look("activity")
	})
	t.Run("search", func(t *testing.T) { search(t, p.in(t)) })
	t.Run("keyboard", func(t *testing.T) { keyboard(p.in(t)) })
	t.Run("share", func(t *testing.T) { share(t, p.in(t)) })
	t.Run("edit", func(t *testing.T) { edit(t, p.in(t), c) })
	t.Run("elsewhere", func(t *testing.T) { elsewhere(t, p.in(t), c) })
	t.Run("delete", func(t *testing.T) { remove(t, p.in(t), c) })
	t.Run("webhooks", func(t *testing.T) { hooks(t, p.in(t)) })
	t.Run("system", func(t *testing.T) {
		p := p.in(t)
		p.open("#/system")
		p.until(patience, `document.querySelectorAll(".tile").length >= 3 && document.querySelector("tbody tr") !== null`)
		p.look("system")
		p.open("#/storage")
		p.until(patience, `document.querySelector(".big-number") !== null`)
		p.look("storage")
	})
	t.Run("looks", func(t *testing.T) { looks(t, p.in(t)) })
	t.Run("steady", func(t *testing.T) { steady(t, p.in(t), c) })
	t.Run("silence", func(t *testing.T) { silence(t, p.in(t), other.in(t), c) })
	t.Run("sign out", func(t *testing.T) {
		p := p.in(t)
		p.click("[data-test=sign-out]")
		p.until(patience, `document.querySelector(".sign-in") !== null`)
		p.do(chromedp.Reload())
		p.until(patience, `document.querySelector(".sign-in") !== null`)
	})
}

// files writes the files that are dropped, and returns their paths.
func files(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	all := []samples.Sample{
		samples.Photo(), samples.PNG(640, 400, 3), samples.GIF(200, 150, 4, 4), samples.WebP(),
		samples.PDF("Quarterly report"), samples.Docx("Minutes of the meeting"), samples.Xlsx(), samples.Zip(), samples.CSV(200, 5), samples.JSON(40, 6),
	}
	all[0].Name = "photo.jpg"
	for i := len(all); i < dropped; i++ {
		s := samples.JPEG(900-i*10, 600, uint64(i))
		s.Name = fmt.Sprintf("field-%02d.jpg", i)
		all = append(all, s)
	}
	paths := make([]string, len(all))
	for i, s := range all {
		paths[i] = filepath.Join(dir, s.Name)
		if err := os.WriteFile(paths[i], s.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// drop sends files, and sees each become ready with its picture, without a reload.
func drop(t *testing.T, p *tab) {
	p.click("[data-test=upload]")
	p.do(chromedp.SetUploadFiles(chromedp.CSS("[data-test=file-input]"), files(t)))
	p.until(patience, fmt.Sprintf(`document.querySelectorAll(".upload[data-phase=stored][data-state=ready]").length === %d`, dropped))
	p.look("uploads")
	p.until(patience, fmt.Sprintf(`document.querySelectorAll(".card[data-state=ready]").length === %d`, dropped))
	p.until(patience, fmt.Sprintf(`document.querySelectorAll(".card[data-thumbnail=made] img").length === %d`, pictures))
	p.press(kb.Escape)
	p.until(patience, `getComputedStyle(document.querySelector(".drawer")).visibility === "hidden"`)
	p.until(patience, `[...document.querySelectorAll(".card img")].slice(0, 5).every((i) => i.complete && i.naturalWidth > 0)`) // the rest loads when it comes near
	p.look("files")

	// A drop onto the window itself.
	eval[bool](p, `(() => {
		const transfer = new DataTransfer();
		transfer.items.add(new File(["dropped by hand\n"], "dropped.txt", { type: "text/plain" }));
		document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
		return true;
	})()`)
	p.until(patience, `document.querySelector('.card[data-name="dropped.txt"][data-state=ready]') !== null`)
	p.press(kb.Escape)
}

// search finds by name and by state, and keeps what it was asked in the place.
func search(t *testing.T, p *tab) {
	p.shortcut("/")
	p.until(patience, `document.activeElement.id === "search"`)
	p.fill("#search", "FIELD-1")
	p.until(patience, `document.querySelectorAll(".card").length === 10 && location.hash.includes("q=FIELD-1")`)
	p.press(kb.Escape)
	p.open("#/?type=application%2Fpdf")
	p.until(patience, `document.querySelectorAll(".card").length === 1`)
	p.open("#/?state=rejected%2Cfailed")
	p.until(patience, `document.querySelector(".empty") !== null`)
	p.open("#/")
	p.until(patience, fmt.Sprintf(`document.querySelectorAll(".card").length === %d`, dropped+1))
	if t.Failed() {
		return
	}
	p.shortcut("g")
	p.until(patience, `document.querySelectorAll(".files-table tbody tr").length > 0`)
	p.look("files-table")
	p.shortcut("g")
	p.until(patience, `document.querySelectorAll(".card").length > 0`)
}

// keyboard moves, selects, and opens, without a mouse.
func keyboard(p *tab) {
	p.shortcut("?")
	p.until(patience, `document.querySelector("dialog[open] kbd") !== null`)
	p.look("keys")
	p.press(kb.Escape)
	p.until(patience, `document.querySelector("dialog[open]") === null`)
	p.press(kb.ArrowRight)
	p.press(kb.ArrowRight)
	p.shortcut(" ")
	p.until(patience, `document.querySelectorAll(".card.selected").length === 1 && document.activeElement.closest(".card.selected") !== null`)
	p.look("selection")
	p.press(kb.Escape)
	p.until(patience, `document.querySelectorAll(".card.selected").length === 0`)
	p.press(kb.Enter)
	p.until(patience, `document.querySelector(".file-page") !== null`)
	p.open("#/")
}

// share makes a signed URL, and takes the bytes by it without a credential.
func share(t *testing.T, p *tab) {
	p.open("#/?q=photo")
	p.until(patience, `document.querySelectorAll(".card").length === 1`)
	p.click(".card a")
	p.until(patience, `document.querySelectorAll("[data-test=timeline] li").length >= 3 && document.querySelector(".preview img")?.naturalWidth > 0`)
	p.click("[data-test=sign]")
	p.until(patience, `document.querySelector("[data-test=signed-url]") !== null`)
	p.look("file")
	p.click(".signed [aria-label='Copy the URL']")
	p.until(patience, `document.querySelector(".signed [aria-label=Copied]") !== null`)
	signed := p.clipboard()
	if shown := eval[string](p, `document.querySelector("[data-test=signed-url]").value`); signed != shown {
		t.Errorf("copied was %q, and shown %q", signed, shown)
	}
	fetched(t, signed, samples.Photo().Data)
}

// fetched takes a file by a URL alone, and compares it.
func fetched(t *testing.T, from string, want []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(harness.Context(t), http.MethodGet, from, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !bytes.Equal(got, want) {
		t.Errorf("%s answers %s with %d bytes, %v", from, resp.Status, len(got), err)
	}
}

// edit changes a name in the page, and then sees somebody else change it.
func edit(t *testing.T, p *tab, c *api.Client) {
	id := opened(p)
	eval[bool](p, `document.querySelector("input[name=name]").select() || true`) // what is typed takes the place of all
	p.fill("input[name=name]", "Renamed here")
	p.press(kb.Enter)
	harness.Eventually(t, patience, func() error {
		f, err := c.Get(t.Context(), id)
		if err == nil && f.Name != "Renamed here" {
			err = fmt.Errorf("the file is called %q", f.Name)
		}
		return err
	})
	if _, err := c.Patch(t.Context(), id, `{"name":"Renamed elsewhere"}`); err != nil {
		t.Fatal(err)
	}
	p.until(patience, `document.querySelector("h1").textContent === "Renamed elsewhere"`)
}

// opened is the id of the file whose page is open.
func opened(p *tab) string {
	return eval[string](p, `decodeURIComponent(location.hash.split("/").pop())`)
}

// elsewhere sees the uploads of others arrive, and how a refusal looks.
func elsewhere(t *testing.T, p *tab, c *api.Client) {
	p.open("#/")
	p.until(patience, `document.querySelectorAll(".card").length > 0`)
	liar := samples.FalseDocx()
	f, err := c.Upload(t.Context(), api.Upload{Name: "elsewhere.txt", Data: []byte("sent by curl\n")})
	if err != nil {
		t.Fatal(err)
	}
	p.until(patience, `document.querySelector('.card[data-name="elsewhere.txt"][data-state=ready]') !== null`)
	if err := c.Delete(t.Context(), f.ID); err != nil {
		t.Fatal(err)
	}
	p.until(patience, `document.querySelector('.card[data-name="elsewhere.txt"]') === null`)
	if _, err := c.Upload(t.Context(), api.Upload{Name: liar.Name, Data: liar.Data}); err == nil {
		t.Fatal("a file that is not what it claims was accepted")
	}
	refused := fmt.Sprintf(`.card[data-name=%q][data-state=rejected]`, liar.Name)
	p.until(patience, fmt.Sprintf(`document.querySelector(%q) !== null`, refused))
	p.click(refused + " a")
	p.until(patience, `document.querySelector(".verdict") !== null && document.querySelector(".timeline .bad") !== null`)
	p.look("file-rejected")
}

// remove deletes one file by the keyboard and two with the mouse.
func remove(t *testing.T, p *tab, c *api.Client) {
	p.open("#/?q=field-1")
	p.until(patience, `document.querySelectorAll(".card").length === 10`)
	p.press(kb.ArrowRight)
	p.press(kb.Delete)
	p.until(patience, `document.querySelector("dialog[open] [data-test=confirm]") !== null`)
	p.look("delete")
	p.click("[data-test=confirm]")
	p.until(patience, `document.querySelectorAll(".card").length === 9 && document.querySelector("dialog") === null`)
	p.click(".card:nth-child(1) .tick")
	p.click(".card:nth-child(2) .tick")
	p.click("[data-test=delete-selected]")
	p.click("[data-test=confirm]")
	p.until(patience, `document.querySelectorAll(".card").length === 7`)
	page, err := c.List(t.Context(), "", map[string][]string{"q": {"field-1"}})
	if err != nil || len(page.Files) != 7 {
		t.Errorf("the server has %d of them, %v", len(page.Files), err)
	}
}

// hooks makes a webhook and has a test event delivered.
func hooks(t *testing.T, p *tab) {
	receiver := receive(t)
	p.open("#/webhooks")
	p.click("[data-test=new-webhook]")
	p.fill("dialog input[name=url]", receiver.url)
	p.look("webhook-new")
	p.press(kb.Enter)
	p.until(patience, `document.querySelector("[data-test=secret]")?.textContent.startsWith("whsec_")`)
	p.look("webhook-secret")
	p.click("[data-test=kept]")
	p.click("[data-test=test-webhook]")
	select {
	case <-receiver.got:
	case <-time.After(patience):
		t.Fatal("nothing was delivered")
	}
	p.until(patience, `document.querySelector("[data-test=deliveries] tr[data-state=delivered]") !== null`)
	p.look("webhook")
	p.open("#/webhooks")
	p.until(patience, `document.querySelectorAll(".rows li").length === 1`)
	p.look("webhooks")
}

// places are the pages that are looked at in the dark and on a phone.
var places = map[string]string{"files": "#/", "activity": "#/activity", "storage": "#/storage", "webhooks": "#/webhooks", "system": "#/system"}

// steady loads each page anew, and has files come, change and go while it is seen. The tab judges how far it moves.
func steady(t *testing.T, p *tab, c *api.Client) {
	page, err := c.List(t.Context(), "", map[string][]string{"type": {"image/*"}})
	if err != nil || len(page.Files) == 0 {
		t.Fatalf("there is no picture: %v", err)
	}
	id := page.Files[0].ID
	all := maps.Clone(places)
	all["file"] = "#/files/" + id
	size := 0
	for name, place := range all {
		size += 300 << 10 // each file of another size, so that what is stored differs from before whatever is given back meanwhile
		p.do(chromedp.Navigate("about:blank"))
		p.open(place)
		p.until(patience, `document.querySelector("h1") !== null && document.querySelector("[aria-busy=true]") === null && document.querySelector(".storage-line span") !== null`)
		eval[bool](p, `(window.stored = document.querySelector(".storage-line").textContent) !== ""`)
		f, err := c.Upload(t.Context(), api.Upload{Name: "steady-" + name + ".txt", Data: samples.Text(size, 1).Data})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Patch(t.Context(), id, fmt.Sprintf(`{"description":%q}`, "Seen beside "+f.ID)); err != nil {
			t.Fatal(err)
		}
		p.until(patience, `document.querySelector(".storage-line").textContent !== window.stored`)
		if err := c.Delete(t.Context(), f.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// silence lets somebody who does not answer have the lock that tells which tab holds the stream of events. Both tabs hear of events all the same.
func silence(t *testing.T, p, other *tab, c *api.Client) {
	silent := p.second()
	silent.open("docs/")
	eval[bool](silent, `navigator.locks.query().then(({ held, pending }) => new Promise((taken) => {
		navigator.locks.request([...held, ...pending][0].name, { steal: true }, () => (taken(true), new Promise(() => {})));
	}))`)
	for _, p := range []*tab{p, other} {
		p.do(chromedp.Navigate("about:blank"))
	}
	for _, p := range []*tab{p, other} {
		p.open("#/activity")
		p.until(patience, `document.querySelector(".live-dot.live") !== null`)
	}
	f, err := c.Upload(t.Context(), api.Upload{Name: "silence.txt", Data: samples.Text(100, 1).Data})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*tab{p, other} {
		p.until(patience, fmt.Sprintf(`[...document.querySelectorAll("[data-test=feed] a")].some((a) => a.href.endsWith(%q))`, f.ID))
	}
}

// looks sees the pages in the dark and on a phone. None is wider than its window.
func looks(t *testing.T, p *tab) {
	p.open("#/")
	light := eval[string](p, `getComputedStyle(document.body).backgroundColor`)
	p.click("[data-test=theme]")
	p.until(patience, `document.documentElement.dataset.theme === "dark"`)
	if dark := eval[string](p, `getComputedStyle(document.body).backgroundColor`); dark == light {
		t.Errorf("the ground is %s in light and dark", dark)
	}
	p.open("#/?q=field")
	p.until(patience, `document.querySelectorAll(".card").length === document.querySelectorAll(".card[data-name^=field][data-thumbnail=made]").length`)
	p.click(".card a")
	p.until(patience, `document.querySelector(".preview img")?.naturalWidth > 0`)
	file := "#/files/" + opened(p)
	p.look("dark-file")
	for name, place := range places {
		p.open(place)
		p.until(patience, `document.querySelector("h1") !== null && document.querySelector("[aria-busy=true]") === null`)
		p.look("dark-" + name)
	}
	p.click("[data-test=theme]")
	p.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateScale(2)))
	for name, place := range places {
		p.open(place)
		p.narrow(name)
	}
	p.open(file)
	p.until(patience, `document.querySelector(".preview img")?.naturalWidth > 0`)
	p.narrow("file")
	p.click("[data-test=upload]")
	p.until(patience, `getComputedStyle(document.querySelector(".drawer")).transform === "none"`)
	p.narrow("uploads")
	p.press(kb.Escape)
	p.do(chromedp.EmulateReset())
	p.prefer("prefers-reduced-motion", "reduce")
	if d := eval[string](p, `getComputedStyle(document.querySelector(".drawer")).transitionDuration`); !strings.HasPrefix(d, "1e-05s") {
		t.Errorf("with reduced motion the drawer moves for %s", d)
	}
	p.prefer("prefers-reduced-motion", "no-preference")
}

// prefer sets what the user of the browser prefers.
func (p *tab) prefer(feature, value string) {
	p.t.Helper()
	p.do(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		return cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
		})
	})
}

// narrow looks at a page on a phone.
func (p *tab) narrow(name string) {
	p.t.Helper()
	p.until(patience, `document.querySelector("h1") !== null && document.querySelector("[aria-busy=true]") === null`)
	if w := eval[int](p, `document.documentElement.scrollWidth`); w > 390 {
		p.t.Errorf("%s is %d pixels wide on a phone of 390", name, w)
	}
	p.look("phone-" + name)
}
