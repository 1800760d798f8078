package dialects

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/peers"
)

// checklistRow is a line of a page's table: the id and the test that shows it.
var checklistRow = regexp.MustCompile("(?m)^\\| ([A-Z]{2}-[0-9]{2}) \\|.*\\| `([a-z]+)/([A-Z]{2}-[0-9]{2})` \\|[^|\n]*\\|$")

// anyRow is a line that means to be one.
var anyRow = regexp.MustCompile(`(?m)^\| ([A-Z]{2}-[0-9]+)`)

// checklistRows is how many rows the five checklists have together.
const checklistRows = 153

// TestPages holds the checklists on docs/dialects and the rows that are tested to be the same.
func TestPages(t *testing.T) {
	total := 0
	for _, s := range suites {
		t.Run(s.page, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(peers.Root(), "docs", "dialects", s.page+".md"))
			if err != nil {
				t.Fatal(err)
			}
			page := pageIDs(t, s, string(text))
			tests := testIDs(t, s)
			for _, id := range slices.Sorted(maps.Keys(page)) {
				if !tests[id] {
					t.Errorf("%s has no test", id)
				}
			}
			for _, id := range slices.Sorted(maps.Keys(tests)) {
				if !page[id] {
					t.Errorf("%s is tested and stands on no page", id)
				}
			}
			if len(page) != s.count {
				t.Errorf("the page has %d rows, want %d", len(page), s.count)
			}
			total += len(page)
		})
	}
	if total != checklistRows {
		t.Errorf("%d rows on all pages, want %d", total, checklistRows)
	}
}

// pageIDs are the ids of a page's table.
func pageIDs(t *testing.T, s *suite, text string) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for _, m := range checklistRow.FindAllStringSubmatch(text, -1) {
		id, vendor, test := m[1], m[2], m[3]
		if ids[id] {
			t.Errorf("%s stands on the page twice", id)
		}
		if test != id || vendor != s.vendor || !strings.HasPrefix(id, s.prefix+"-") {
			t.Errorf("%s names the test %s/%s", id, vendor, test)
		}
		ids[id] = true
	}
	for _, m := range anyRow.FindAllStringSubmatch(text, -1) {
		if !ids[m[1]] {
			t.Errorf("the line of %s is not as the others: row, text, test, note", m[1])
		}
	}
	return ids
}

// testIDs are the ids of a suite's rows.
func testIDs(t *testing.T, s *suite) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for _, r := range s.rows {
		for id := range strings.FieldsSeq(r.ids) {
			if ids[id] {
				t.Errorf("%s is tested by two rows", id)
			}
			ids[id] = true
		}
	}
	return ids
}
