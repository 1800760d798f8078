// Package doortest makes a Door for tests of a dialect: over a real disk store and a real database, and with a bus that nobody hears. There is
// no worker, so no file ever gets its verdict.
package doortest

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/pkg/meta/sqlite"
	"github.com/inlethq/inlet/pkg/sign"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// Options say what is particular to a test. The zero value is a good one.
type Options struct {
	Config door.Config               // what is set here stays; the rest is filled in
	Wrap   func(meta.Repo) meta.Repo // puts something in front of the database
}

// New makes a Door that knows whom the directory has. It is closed with the test.
func New(t testing.TB, directory *access.Directory, o Options) *door.Door {
	t.Helper()
	dir := t.TempDir()
	store, err := disk.Open(disk.Config{Dir: filepath.Join(dir, "blobs"), Durability: disk.Process})
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "meta.db"), Synchronous: sqlite.Off})
	if err != nil {
		t.Fatal(err)
	}
	var repo meta.Repo = db
	if o.Wrap != nil {
		repo = o.Wrap(db)
	}
	cfg := o.Config
	if cfg.Auth, err = access.NewAuthenticator(t.Context(), directory, access.Config{}); err != nil {
		t.Fatal(err)
	}
	cfg.Core = core.New(core.Config{Blobs: store, Meta: repo, Bus: silent{}})
	cfg.Directory, cfg.Limiter, cfg.Keys, cfg.Log = directory, access.NewLimiter(nil), sign.NewRing(), slog.New(slog.DiscardHandler)
	t.Cleanup(func() {
		cfg.Core.Close(context.Background())
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return door.New(cfg)
}

// Directory reads the text of a directory file.
func Directory(t testing.TB, text string) *access.Directory {
	t.Helper()
	d, err := access.ParseDirectory([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// silent is a bus that takes every event and tells nobody.
type silent struct{}

func (silent) Publish(context.Context, bus.Message) error { return nil }
