package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"text/tabwriter"
)

// page is a vendor's checklist.
type page struct {
	title string
	rows  []string // the names of their tests: vendor/id
}

var (
	title   = regexp.MustCompile(`(?m)^# (.+)$`)
	rowTest = regexp.MustCompile("(?m)^\\| [A-Z]{2}-[0-9]{2} \\|.*\\| `([a-z]+/[A-Z]{2}-[0-9]{2})` \\|")
)

// readPages reads the checklists of a folder. A page without rows is none.
func readPages(root fs.FS, dir string) ([]page, error) {
	names, err := fs.Glob(root, path.Join(dir, "*.md"))
	if err != nil {
		return nil, err
	}
	var pages []page
	for _, name := range names {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return nil, err
		}
		var p page
		for _, m := range rowTest.FindAllSubmatch(text, -1) {
			p.rows = append(p.rows, string(m[1]))
		}
		if m := title.FindSubmatch(text); m != nil && p.rows != nil {
			p.title = string(m[1])
			pages = append(pages, p)
		}
	}
	if pages == nil {
		return nil, errors.New("no checklist in " + dir)
	}
	return pages, nil
}

// results are how tests ended.
type results struct {
	passed map[string]bool // Test/vendor/id
	failed []string        // all tests, and the package as ""
}

// event is one of the lines that `go doc test2json` describes.
type event struct {
	Action string
	Test   string
	Output string
}

// readResults reads a stream of events. What a test that fails has said goes to out.
func readResults(in io.Reader, out io.Writer) (results, error) {
	r := results{passed: map[string]bool{}}
	said := map[string]string{}
	for d := json.NewDecoder(in); ; {
		var e event
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return r, nil
		} else if err != nil {
			return r, fmt.Errorf("what go test says: %w", err)
		}
		switch e.Action {
		case "output", "build-output":
			said[e.Test] += e.Output
		case "pass", "skip":
			for _, name := range split(e.Test) {
				r.passed[name] = e.Action == "pass"
			}
			delete(said, e.Test)
		case "fail":
			r.failed = append(r.failed, e.Test)
			fmt.Fprint(out, said[e.Test])
		}
	}
}

// split names each row of a test that shows several.
func split(test string) []string {
	at := strings.LastIndexByte(test, '/') + 1
	var names []string
	for id := range strings.SplitSeq(test[at:], "+") {
		names = append(names, test[:at]+id)
	}
	return names
}

// table prints the counts. Its error says what is missing.
func table(out io.Writer, pages []page, r results) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "dialect\trows\tsingle\tprocesses\t\n")
	var total, single, processes int
	for _, p := range pages {
		s, c := r.count("TestSingle/", p), r.count("TestCluster/", p)
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t\n", p.title, len(p.rows), s, c)
		total, single, processes = total+len(p.rows), single+s, processes+c
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%d\t\n", total, single, processes)
	if err := w.Flush(); err != nil {
		return err
	}
	if single != total || processes != total || len(r.failed) > 0 {
		return fmt.Errorf("%d rows do not hold on one process, %d not on one process for each service; %d tests have failed", total-single, total-processes, len(r.failed))
	}
	return nil
}

// count is how many rows of a page have passed in a mode.
func (r results) count(mode string, p page) (n int) {
	for _, row := range p.rows {
		if r.passed[mode+row] {
			n++
		}
	}
	return n
}
