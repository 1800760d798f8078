package console

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/inlethq/inlet/test/harness"
)

// shotsVariable names a folder that takes a picture of each page.
const shotsVariable = "INLET_CONSOLE_SHOTS"

// tab is a page of the browser. What must not happen in it fails the test: an error in its console, a breach of its content security policy, a
// request to another server, a layout that shifts.
type tab struct {
	t      *testing.T
	ctx    context.Context
	origin string
	faults *faults
}

// faults gathers what must not happen.
type faults struct {
	origin string

	mu     sync.Mutex
	outage bool // requests may fail
	failed int  // requests that were allowed to
	found  []string

	shifts shifts
}

// browse starts a browser with one tab.
func browse(t *testing.T, origin string) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium; .ci/install-peers installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WindowSize(1280, 800),
		chromedp.Flag("lang", "en"), chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("hide-scrollbars", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	p := newTab(allocator, t, origin)
	for _, permission := range []string{"clipboard-read", "clipboard-write"} {
		if _, err := chromedp.CallBrowser(p.ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: permission}, Setting: browser.PermissionSettingGranted, Origin: origin,
		}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// second opens another tab of the same browser, with the same cookies.
func (p *tab) second() *tab { return newTab(p.ctx, p.t, p.origin) }

func newTab(parent context.Context, t *testing.T, origin string) *tab {
	t.Helper()
	f := &faults{origin: origin, shifts: shifts{pages: map[string]*shifting{}}}
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithListener(f.take))
	t.Cleanup(cancel)
	p := &tab{t: t, ctx: ctx, origin: origin, faults: f}
	if err := chromedp.Do(ctx, watchShifts); err != nil { // the life of the browser is that of the context it is started with
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.shifts.judge(t)
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, fault := range f.found {
			t.Error(fault)
		}
	})
	return p
}

// clipboard is the text that was copied last.
func (p *tab) clipboard() string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	copied, err := chromedp.Run(ctx, chromedp.Evaluate[string](`navigator.clipboard.readText()`, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatal(err)
	}
	return copied
}

// in is the tab in a subtest, which it fails in place of the whole test.
func (p *tab) in(t *testing.T) *tab { return &tab{t, p.ctx, p.origin, p.faults} }

// take looks at what the browser tells of a tab.
func (f *faults) take(ev any) {
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		f.add(fmt.Sprintf("uncaught: %s %v", ev.ExceptionDetails.Text, description(ev.ExceptionDetails.Exception)))
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError {
			text := "console.error:"
			for _, arg := range ev.Args {
				text += " " + description(arg)
			}
			f.add(text)
		}
	case *log.EventEntryAdded:
		if ev.Entry.Level == log.EntryLevelError && !(ev.Entry.Source == log.EntrySourceNetwork && f.tolerated()) {
			f.add(fmt.Sprintf("%s: %s", ev.Entry.Source, ev.Entry.Text))
		}
	case *runtime.EventBindingCalled:
		if err := f.shifts.take(ev.Payload); err != nil {
			f.add("a shift that cannot be read: " + err.Error())
		}
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(ev.Request.URL)
		if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Scheme+"://"+u.Host != f.origin {
			f.add("a request to another server: " + ev.Request.URL)
		}
	}
}

func (f *faults) add(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.found = append(f.found, text)
}

// tolerated counts a request that has failed, and reports whether it may.
func (f *faults) tolerated() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.outage {
		f.failed++
	}
	return f.outage
}

// failures is how many requests have failed that might.
func (f *faults) failures() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// outage says whether requests may fail.
func (p *tab) outage(on bool) {
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	p.faults.outage = on
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.shoot("failed")
		p.t.Fatal(err)
	}
}

// open goes to a place in the console.
func (p *tab) open(place string) { p.t.Helper(); p.do(chromedp.Navigate(p.origin + "/" + place)) }

// settle waits for what glides to its place: it is hard to hit, and to look at.
func (p *tab) settle() {
	p.t.Helper()
	p.until(patience, `document.querySelector("[style*=translate]") === null`)
}

func (p *tab) click(selector string) {
	p.t.Helper()
	p.settle()
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

func (p *tab) fill(selector, text string) {
	p.t.Helper()
	p.do(chromedp.WaitVisible(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), text))
}

func (p *tab) press(keys string) { p.t.Helper(); p.do(chromedp.KeyEvent(keys)) }

// shortcut presses a key that stands for a character. The browser's own event would type it as well: what was made up cannot be prevented.
func (p *tab) shortcut(key string) {
	p.t.Helper()
	eval[bool](p, fmt.Sprintf(`document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: %q, bubbles: true, cancelable: true })) || true`, key))
}

// eval returns the value of an expression, and what a promise comes to.
func eval[T any](p *tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits until an expression is true, over reloads of the page too.
func (p *tab) until(limit time.Duration, expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	err := harness.Retry(ctx, func() error {
		v, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		if err == nil && !v {
			err = fmt.Errorf("not true: %s", expression)
		}
		return err
	})
	if err != nil {
		p.shoot("failed")
		p.t.Fatal(err)
	}
}

// shoot takes a picture of what is seen, where somebody wants one.
func (p *tab) shoot(name string) {
	p.t.Helper()
	dir := os.Getenv(shotsVariable)
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600) //nolint:gosec // whoever runs the test names the folder
	}
	if err != nil {
		p.t.Errorf("picture %s: %v", name, err)
	}
}

func description(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	if o.Description != "" {
		return o.Description
	}
	return string(o.Value)
}
