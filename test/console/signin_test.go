package console

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

// stops bounds how often Tab is pressed on the way to one thing.
const stops = 60

// TestConsoleKeyboard signs in with an e-mail address, opens a file, copies a URL of it, deletes it and signs out, with Tab and Enter alone.
func TestConsoleKeyboard(t *testing.T) {
	_, c, _, p := arrive(t, 1<<30)
	sample := samples.JPEG(300, 200, 1)
	f, err := c.Upload(t.Context(), api.Upload{Name: sample.Name, Data: sample.Data})
	if err != nil {
		t.Fatal(err)
	}

	p.until(patience, `document.activeElement.name === "api_key"`)
	p.tabTo(`[role=radio][aria-checked=false]`)
	p.press(kb.Enter)
	p.until(patience, `document.querySelector("input[name=email]") !== null`)
	p.tabTo(`input[name=email]`)
	p.press("ada@example.com")
	p.tabTo(`input[name=password]`)
	p.refused(t, "not it")
	p.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	p.press(password + kb.Enter)
	p.until(patience, `document.querySelector(".card") !== null`)

	p.tabTo(`.card-link`)
	p.press(kb.Enter)
	p.until(patience, `document.querySelector(".file-page") !== null`)
	p.tabTo(`[data-test=sign]`)
	p.press(kb.Enter)
	p.until(patience, `document.querySelector("[data-test=signed-url]") !== null`)
	p.tabTo(`.signed button`)
	p.press(kb.Enter)
	p.until(patience, `document.querySelector(".signed [aria-label=Copied]") !== null`)
	fetched(t, p.clipboard(), sample.Data)

	p.tabTo(`[data-test=delete]`)
	p.press(kb.Enter)
	p.until(patience, `document.querySelector("dialog[open]")?.contains(document.activeElement)`)
	p.tabTo(`[data-test=confirm]`)
	p.press(kb.Enter)
	p.until(patience, `document.querySelector(".empty") !== null`)
	if _, err := c.Get(t.Context(), f.ID); api.Status(err) != http.StatusNotFound {
		t.Errorf("the file that was deleted: %v", err)
	}

	p.tabTo(`[data-test=sign-out]`)
	p.press(kb.Enter)
	p.until(patience, `document.querySelector(".sign-in") !== null`)
}

// refused gives a wrong password, and sees it turned down: in words, and with no error but that of the request.
func (p *tab) refused(t *testing.T, wrong string) {
	t.Helper()
	p.outage(true)
	p.press(wrong + kb.Enter)
	p.until(patience, `document.querySelector("[role=alert]") !== null`)
	p.outage(false)
	if text := eval[string](p, `document.querySelector("[role=alert] .error-text").textContent`); text != "The e-mail address or the password is wrong." {
		t.Errorf("a wrong password is refused with %q", text)
	}
	if n := p.faults.failures(); n != 1 {
		t.Errorf("%d requests failed for one wrong password", n)
	}
	p.look("sign-in-refused")
}

// tabTo presses Tab until something has the focus. Each stop on the way can be seen (WCAG 2.2, 2.4.7).
func (p *tab) tabTo(selector string) {
	p.t.Helper()
	for range stops {
		if eval[bool](p, fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) {
			return
		}
		p.press(kb.Tab)
		if fault := eval[string](p, `(() => {
			const e = document.activeElement;
			const { outlineStyle, outlineWidth } = getComputedStyle(e);
			const seen = e === document.body || (e.matches(":focus-visible") && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2);
			return seen ? "" : e.outerHTML.slice(0, 200);
		})()`); fault != "" {
			p.t.Errorf("the focus cannot be seen on %s", fault)
		}
	}
	p.shoot("failed")
	p.t.Fatalf("Tab does not lead to %s", selector)
}
