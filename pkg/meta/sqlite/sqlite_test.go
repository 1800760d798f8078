package sqlite

import (
	"path/filepath"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/metatest"
)

func open(t testing.TB, c Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func temp(t testing.TB) string { return filepath.Join(t.TempDir(), "inlet.db") }

// suite opens stores with full durability: that is what is promised, and a commit takes a fraction of a millisecond.
var suite = metatest.Suite{
	Open: func(t testing.TB) meta.Repo { return open(t, Config{Path: temp(t)}) },
	Drift: func(_ testing.TB, r meta.Repo, tenant file.Tenant, bytes int64) {
		r.(*Store).ledger.settle(tenant, "", bytes)
	},
}

func TestConformance(t *testing.T) { metatest.Run(t, suite) }

func BenchmarkStore(b *testing.B) { metatest.Bench(b, suite) }
