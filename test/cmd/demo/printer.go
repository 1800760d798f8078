package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/inlethq/inlet/pkg/event"
)

// printer writes to the terminal. Events come from another goroutine than the rest.
type printer struct {
	mu sync.Mutex
}

func (p *printer) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Printf(format+"\n", args...)
}

// event tells one event in a line.
func (p *printer) event(e event.Event) {
	f := e.Data.File
	line := fmt.Sprintf("  %s  %-20s %s", e.Time.Format("15:04:05.000"), e.Fact(), f.Name)
	switch e.Fact() {
	case event.Stored:
		line += fmt.Sprintf("  %d bytes, sha256 %.12s…", f.Size, f.SHA256)
	case event.Verified:
		line += "  " + f.DetectedType
	case event.Rejected, event.Failed:
		line += "  " + f.Reason
	case event.VariantCreated:
		if v := e.Data.Variant; v != nil {
			line += fmt.Sprintf("  %s, %dx%d, %d bytes", v.Name, v.Width, v.Height, v.Size)
		}
	}
	p.line("%s", line)
}

// table writes rows in columns, the first row as the head.
func (p *printer) table(rows [][]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for i, row := range rows {
		fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
		if i == 0 {
			rule := make([]string, len(row))
			for j, cell := range row {
				rule[j] = strings.Repeat("-", len(cell))
			}
			fmt.Fprintln(w, "  "+strings.Join(rule, "\t"))
		}
	}
	_ = w.Flush() // to the terminal
}
