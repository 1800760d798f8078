package contract

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/inlethq/inlet/test/peers"
)

// sources are the folders in which codes of errors are made.
var sources = []string{"pkg/core", "pkg/content", "pkg/imaging", "pkg/sign", "pkg/access", "services/ingest"}

// codePatterns are the ways in which source says a code.
var codePatterns = []*regexp.Regexp{
	regexp.MustCompile(`\bCode: +"(\w+)"`),
	regexp.MustCompile(`\b(?:[Cc]ode|Reason)[A-Z]\w* += "(\w+)"`),
	regexp.MustCompile(`\bhttp\.Status\w+, "(\w+)"`),
	regexp.MustCompile(`\b(?:newError|badRequest|forbidden)\("(\w+)"`),
	regexp.MustCompile(`\bfieldError\("\w+", "(\w+)"`),
	regexp.MustCompile(`\.fail\("[^"]*", \w+, "(\w+)"`),
	regexp.MustCompile(`(?m)^\t"[a-z_]+": +"([A-Z]\w+)",$`), // Desk's codes of S3
}

// noCodes look like codes that are answered and are none: a text, and what Sonar answers as already_associated.
var noCodes = []string{"Unauthorized", "already_linked"}

// sourceCodes are the codes that the source can answer.
func sourceCodes(t *testing.T) map[string]string {
	t.Helper()
	codes := map[string]string{} // with the file of each
	for _, folder := range sources {
		err := filepath.WalkDir(filepath.Join(peers.Root(), filepath.FromSlash(folder)), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path) //nolint:gosec // our own source
			for _, p := range codePatterns {
				for _, m := range p.FindAllSubmatch(text, -1) {
					codes[string(m[1])] = entry.Name()
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range noCodes {
		delete(codes, name)
	}
	return codes
}

// documentedCodes are those on the closed lists of the documents: of every schema that is called code or Code.
func documentedCodes(t *testing.T) map[string]bool {
	t.Helper()
	codes := map[string]bool{}
	add := func(s *openapi3.Schema) {
		for _, v := range s.Enum {
			codes[v.(string)] = true
		}
	}
	var walk func(*openapi3.SchemaRef)
	walk = func(ref *openapi3.SchemaRef) {
		for name, p := range ref.Value.Properties {
			if strings.EqualFold(name, "code") {
				add(p.Value)
			}
			walk(p)
		}
		if ref.Value.Items != nil {
			walk(ref.Value.Items)
		}
	}
	for _, doc := range documents(t).all {
		for _, s := range doc.Components.Schemas {
			walk(s)
		}
		for _, r := range doc.Components.Responses {
			for _, m := range r.Value.Content {
				walk(m.Schema)
			}
		}
	}
	return codes
}

var firstCell = regexp.MustCompile("(?m)^\\| (`[^|]*) \\|")

// pageCodes are those that docs/troubleshooting.md has a line for.
func pageCodes(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(peers.Root(), "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{}
	for _, m := range firstCell.FindAllSubmatch(text, -1) {
		for code := range strings.SplitSeq(string(m[1]), ", ") {
			code = strings.Trim(code, "`")
			if codes[code] {
				t.Errorf("%s stands on the page twice", code)
			}
			codes[code] = true
		}
	}
	return codes
}

// Every code that can be answered is in a document and on the page, and these have no others.
func TestTroubleshootingHasEveryCode(t *testing.T) {
	page, documented, source := pageCodes(t), documentedCodes(t), sourceCodes(t)
	for _, code := range slices.Sorted(maps.Keys(source)) {
		capitals := strings.ToUpper(code) // as Sonar writes them
		if !page[code] && !page[capitals] {
			t.Errorf("%s (%s) is not on the page", code, source[code])
		}
		if !documented[code] && !documented[capitals] {
			t.Errorf("%s (%s) is in no document", code, source[code])
		}
	}
	for _, code := range slices.Sorted(maps.Keys(documented)) {
		if !page[code] {
			t.Errorf("%s is documented and not on the page", code)
		}
	}
	for _, code := range slices.Sorted(maps.Keys(page)) {
		if !documented[code] {
			t.Errorf("%s is on the page and in no document", code)
		}
	}
	if len(source) < 60 {
		t.Errorf("only %d codes are found in the source", len(source))
	}
}
