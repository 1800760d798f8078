package metatest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// load has many clients upload, change, delete and read at the same time, and then compares the account with the records.
func load(t *testing.T, e env) {
	const clients = 16
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for done := 0; done < e.Writes/clients; done += 6 {
				if err := oneLife(t.Context(), e.Repo); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	var charged int64
	for after := int64(0); ; {
		page, err := e.Find(t.Context(), meta.Query{Tenant: acme, After: after, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, f := range page {
			charged += f.Charged()
		}
		after = page[len(page)-1].Number
	}
	if charged == 0 {
		t.Error("nothing was left to count")
	}
	wantUsage(t, e, charged, 0)
	mustRecount(t, e, start.Add(24*time.Hour), 0)
}

// oneLife makes two files in six writes, and deletes one.
func oneLife(ctx context.Context, r meta.Repo) error {
	for _, last := range []file.State{file.Deleting, file.Ready} {
		f := with(func(f *file.File) { f.State, f.Links = file.Pending, []file.Link{{Type: "ticket", ID: "1"}} })
		res := meta.Reservation{Tenant: f.Tenant, ID: f.ID, Bytes: 2 * f.Size, Until: start.Add(time.Hour)}
		if err := r.Reserve(ctx, res, 1<<60); err != nil {
			return err
		}
		if err := r.Create(ctx, f); err != nil {
			return err
		}
		if _, err := r.Find(ctx, meta.Query{Tenant: f.Tenant, Link: &f.Links[0], Descending: true, Limit: 5}); err != nil {
			return err
		}
		f.State = last
		if err := r.Update(ctx, f); err != nil {
			return err
		}
		if _, err := r.Get(ctx, f.Tenant, file.ByID(f.ID)); err != nil {
			return err
		}
	}
	return nil
}

// method calls a method of a repository for a tenant, and globalMethod one that is for none.
type (
	method       = func(ctx context.Context, r meta.Repo, t file.Tenant) error
	globalMethod = func(ctx context.Context, r meta.Repo) error
)

// methods calls every method of a repository for a tenant.
var methods = map[string]method{
	"Create": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		return r.Create(ctx, with(func(f *file.File) { f.Tenant = t }))
	},
	"Get": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		_, err := r.Get(ctx, t, file.ByNumber(1))
		return err
	},
	"GetMany": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		_, err := r.GetMany(ctx, t, []file.ID{newID()})
		return err
	},
	"GetIdempotent": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		_, err := r.GetIdempotent(ctx, t, "key")
		return err
	},
	"Update": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		return r.Update(ctx, with(func(f *file.File) { f.Tenant, f.Rev = t, 1 }))
	},
	"Find": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		_, err := r.Find(ctx, meta.Query{Tenant: t, Limit: 1})
		return err
	},
	"Count": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		_, err := r.Count(ctx, meta.Query{Tenant: t}, 1)
		return err
	},
	"Purge": func(ctx context.Context, r meta.Repo, t file.Tenant) error { return r.Purge(ctx, t, newID(), 1) },
	"Reserve": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		res := reservation(1)
		res.Tenant = t
		return r.Reserve(ctx, res, 10)
	},
	"Release": func(ctx context.Context, r meta.Repo, t file.Tenant) error { return r.Release(ctx, t, newID()) },
	"Account": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		_, err := r.Account(ctx, t)
		return err
	},
	"Recount": func(ctx context.Context, r meta.Repo, t file.Tenant) error {
		_, err := r.Recount(ctx, t, start)
		return err
	},
}

// global calls every method that is not for a tenant.
var global = map[string]globalMethod{
	"Due": func(ctx context.Context, r meta.Repo) error {
		_, err := r.Due(ctx, meta.DueExpiry, start, 1)
		return err
	},
	"Scan": func(ctx context.Context, r meta.Repo) error {
		_, err := r.Scan(ctx, "", 1)
		return err
	},
	"Walk": func(ctx context.Context, r meta.Repo) error {
		_, err := r.Walk(ctx, "scrub")
		return err
	},
	"SaveWalk": func(ctx context.Context, r meta.Repo) error { return r.SaveWalk(ctx, &meta.Walk{Name: "scrub"}) },
	"Ping":     func(ctx context.Context, r meta.Repo) error { return r.Ping(ctx) },
}

// wantEvery checks that every method fails with this kind.
func wantEvery(ctx context.Context, t *testing.T, e env, kind file.Kind) {
	t.Helper()
	for _, calls := range []map[string]method{methods, hookMethods} {
		for name, call := range calls {
			if err := call(ctx, e.Repo, acme); !file.Is(err, kind) {
				t.Errorf("%s: %v, want kind %s", name, err, kind)
			}
		}
	}
	for _, calls := range []map[string]globalMethod{global, hookGlobal} {
		for name, call := range calls {
			if err := call(ctx, e.Repo); !file.Is(err, kind) {
				t.Errorf("%s: %v, want kind %s", name, err, kind)
			}
		}
	}
}

func cancelled(t *testing.T, e env) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantEvery(ctx, t, e, file.Cancelled)
	late, cancel := context.WithDeadline(t.Context(), start.Add(-100*365*24*time.Hour))
	defer cancel()
	wantEvery(late, t, e, file.Cancelled)
	wantUsage(t, e, 0, 0)
	mustCreate(t, e, newFile()) // and nothing is the worse for it
}

func missingTenant(t *testing.T, e env) {
	for _, calls := range []map[string]method{methods, hookMethods} {
		for name, call := range calls {
			if err := call(t.Context(), e.Repo, ""); !file.Is(err, file.Invalid) {
				t.Errorf("%s: %v, want kind %s", name, err, file.Invalid)
			}
		}
	}
}

func closed(t *testing.T, e env) {
	mustCreate(t, e, newFile())
	for range 2 {
		if err := e.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		wantEvery(t.Context(), t, e, file.Unavailable)
	}
}
