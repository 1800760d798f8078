package main

import (
	"slices"
	"testing"

	"github.com/inlethq/inlet/test/harness/overlay"
)

// TestBugsFit: every bug can still be sown into the tree, and is hunted by tests that there are.
func TestBugsFit(t *testing.T) {
	for _, b := range bugs {
		if err := overlay.Fits("../..", b.changes); err != nil {
			t.Errorf("%s: %v", b.name, err)
		}
		if len(b.by) == 0 {
			t.Errorf("%s: hunted by nothing", b.name)
		}
		for _, h := range b.by {
			if !slices.ContainsFunc(tests, func(x test) bool { return x.name == h.test }) {
				t.Errorf("%s: there is no test %q", b.name, h.test)
			}
		}
	}
}
