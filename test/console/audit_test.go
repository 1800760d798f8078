package console

import (
	_ "embed"
	"encoding/json"
	"slices"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
)

//go:embed audit.js
var auditScript string

// operable are the roles of what a user operates (https://www.w3.org/TR/wai-aria-1.2/#widget_roles). Each needs a name (WCAG 2.2, 4.1.2).
var operable = []string{
	"button", "checkbox", "combobox", "DisclosureTriangle", "link", "listbox", "menuitem", "radio", "searchbox", "slider", "spinbutton", "switch",
	"tab", "textbox",
}

// look fails the test for what somebody could not read, or could not tell what it is for, and takes a picture of what is seen.
func (p *tab) look(name string) {
	p.t.Helper()
	p.settle()
	for _, fault := range eval[[]string](p, auditScript) {
		p.t.Errorf("%s: %s", name, fault)
	}
	tree, err := chromedp.Call(p.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, node := range tree.Nodes {
		if role := text(node.Role); !node.Ignored && slices.Contains(operable, role) && text(node.Name) == "" {
			p.t.Errorf("%s: a %s has no name", name, role)
		}
	}
	p.settle() // again: a page may have shown first what it had kept
	p.shoot(name)
}

// text is a value of the accessibility tree that is a text; "" for another.
func text(v *accessibility.Value) string {
	var s string
	if v == nil || json.Unmarshal(v.Value, &s) != nil {
		return ""
	}
	return s
}
