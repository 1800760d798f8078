// Package dialects is the acceptance suite of the five vendors' APIs, from outside: each row of the vendors' checklists (docs/dialects)
// is a test here, and runs on one process and on one process for each service.
//
// To add a row, put it into the vendor's list (tiledeskRows in tiledesk_test.go and so on):
//
//	{"TD-10 TD-11", func(t *testing.T, e *env) {
//		form := newForm().File("file", samples.PNG(320, 240, 1))
//		e.Send(t, "/v3/"+project1+"/files/assets", auth(e.Basic("admin")), form).Want(t, http.StatusCreated)
//	}},
//
// The rows run side by side on one system, so each keeps to resources of its own: fresh files, unused tags (unique), the tenant
// small-<vendor> for its limits. Who exists is said in fixture_test.go, and how to be one of them in credentials_test.go. Wrong
// passwords are counted by address, which all rows share: a row sends one at most. Whole exchanges, byte for byte, are golden files:
// golden_test.go tells how they are written. Run one vendor's rows, or one of them, with
//
//	go test -count=1 ./dialects -run TestSingle/tiledesk
//	go test -count=1 ./dialects -run TestSingle/tiledesk/TD-10
//
// Besides its rows, each vendor has a matrix of who may do what (matrix_test.go). doors_test.go sends one file through all five APIs, and
// foreign_test.go asks each for what belongs to somebody else. The package tests no other API and looks into no store.
package dialects

import (
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/harness"
)

// row is the test of one row of a vendor's checklist, or of several that one test shows. Each id stands in one row only.
type row struct {
	ids string // separated by spaces
	run func(*testing.T, *env)
}

// name is the row's as a subtest.
func (r row) name() string { return strings.ReplaceAll(r.ids, " ", "+") }

// suite is one vendor's checklist.
type suite struct {
	vendor string // also the dialect's folder in services/ingest/internal/dialect
	page   string // of docs/dialects, without its .md
	prefix string // of its ids
	count  int    // of its ids
	rows   []row
	matrix *matrix // of who may do what
}

var suites = []*suite{
	{"tiledesk", "tiledesk", "TD", 49, tiledeskRows, &tiledeskMatrix},
	{"enzyme", "enzyme", "EZ", 32, enzymeRows, &enzymeMatrix},
	{"desk", "desk", "TW", 26, deskRows, &deskMatrix},
	{"native", "tagd-ai", "TG", 35, nativeRows, &nativeMatrix},
	{"sonar", "sonar", "SO", 11, sonarRows, &sonarMatrix},
}

// TestSingle runs everything on one system.
func TestSingle(t *testing.T) {
	slow(t)
	e := start(t, harness.Single)
	for _, s := range suites {
		t.Run(s.vendor, func(t *testing.T) {
			t.Parallel()
			s.run(t, e)
			t.Run("matrix", func(t *testing.T) {
				t.Parallel()
				s.matrix.run(t, e)
			})
		})
	}
	runAcross(t, e)
}

// TestCluster runs all but the matrices: who may do what is judged by ingest alone, wherever the record is. Each vendor has a system of its own, one
// after the other, since MongoDB's wire peer looks at every record for every command: its time grows with the square of the files.
func TestCluster(t *testing.T) {
	slow(t)
	for _, s := range suites {
		t.Run(s.vendor, func(t *testing.T) { s.run(t, start(t, harness.Processes)) })
	}
	t.Run("across", func(t *testing.T) { runAcross(t, start(t, harness.Processes)) })
}

// slow marks a test that starts programs.
func slow(t *testing.T) {
	if testing.Short() {
		t.Skip("starts programs")
	}
	t.Parallel()
}

// run starts the vendor's rows and golden exchanges, side by side.
func (s *suite) run(t *testing.T, e *env) {
	for _, r := range s.rows {
		t.Run(r.name(), func(t *testing.T) {
			t.Parallel()
			r.run(t, e)
		})
	}
	t.Run("golden", func(t *testing.T) {
		t.Parallel()
		runGolden(t, e, s.vendor)
	})
	if commands, ok := curls[s.vendor]; ok {
		t.Run("curl", func(t *testing.T) {
			t.Parallel()
			commands(t, e)
		})
	}
}

// runAcross starts what goes from one vendor's API to the others.
func runAcross(t *testing.T, e *env) {
	t.Run("doors", func(t *testing.T) {
		t.Parallel()
		testDoors(t, e)
	})
	t.Run("foreign", func(t *testing.T) {
		t.Parallel()
		testForeign(t, e)
	})
}
