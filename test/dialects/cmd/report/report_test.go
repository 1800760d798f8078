package main

import (
	"strings"
	"testing"
	"testing/fstest"
)

var docs = fstest.MapFS{
	"d/README.md": {Data: []byte("# No checklist\n\n| a | b |\n")},
	"d/x.md":      {Data: []byte("# Vendor X\n\n| Row | What | Test | Note |\n| --- | --- | --- | --- |\n| XX-01 | one | `x/XX-01` | |\n| XX-02 | two | `x/XX-02` | ours |\n")},
}

// good is what go test says when all is well: one test shows both rows.
const good = `{"Action":"start"}
{"Action":"output","Test":"TestSingle/x/XX-01+XX-02","Output":"noise\n"}
{"Action":"pass","Test":"TestSingle/x/XX-01+XX-02"}
{"Action":"pass","Test":"TestSingle"}
{"Action":"pass","Test":"TestCluster/x/XX-01"}
{"Action":"pass","Test":"TestCluster/x/XX-02"}
{"Action":"pass"}
`

func TestReport(t *testing.T) {
	for _, x := range []struct {
		name, in string
		row      string // of the table
		fails    bool
		says     string
	}{
		{"good", good, "Vendor X     2       2          2", false, ""},
		{"nothing", "", "Vendor X     2       0          0", true, ""},
		{"a row is missing", strings.Replace(good, `TestCluster/x/XX-02`, "TestCluster/x/XX-03", 1), "Vendor X     2       2          1", true, ""},
		{"a row is skipped", strings.Replace(good, `pass","Test":"TestCluster/x/XX-02`, `skip","Test":"TestCluster/x/XX-02`, 1), "Vendor X     2       2          1", true, ""},
		{"a row fails", strings.Replace(good, `pass","Test":"TestSingle/x`, `fail","Test":"TestSingle/x`, 1), "Vendor X     2       0          2", true, "noise"},
		{"another test fails", good + `{"Action":"fail","Test":"TestPages"}`, "Vendor X     2       2          2", true, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			pages, err := readPages(docs, "d")
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			r, err := readResults(strings.NewReader(x.in), &out)
			if err != nil {
				t.Fatal(err)
			}
			err = table(&out, pages, r)
			if (err != nil) != x.fails {
				t.Errorf("error %v", err)
			}
			if !strings.Contains(out.String(), x.row) || !strings.Contains(out.String(), x.says) || x.says == "" && strings.Contains(out.String(), "noise") {
				t.Errorf("it prints\n%s", out.String())
			}
		})
	}
	if _, err := readResults(strings.NewReader("FAIL x [setup failed]"), &strings.Builder{}); err == nil {
		t.Error("what is no JSON is taken")
	}
}
