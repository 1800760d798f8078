package core_test

import (
	"os"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// damages are the kinds of damage, each done by hand to a folder in which all is well. One that is mended leaves nothing to find.
var damages = []struct {
	name   string
	deep   bool
	code   core.FindingCode // empty: there is nothing to find
	mended bool
	damage func(d *folder) file.ID      // returns whose it is
	after  func(p *program, id file.ID) // looks at a repaired folder; may be nil
}{
	{name: "none", deep: true, damage: func(d *folder) file.ID {
		d.open(func(p *program) {
			p.picture()
			p.upload(text("pending"))
			p.verify(p.upload(text("bad")), content.Verdict{Reason: "corrupt"})
			gone := p.ready("gone")
			_, err := p.Delete(d.t.Context(), tenant, file.ByID(gone.ID), "u1")
			mustDo(d.t, err)
			_, err = p.Promise(d.t.Context(), core.Upload{Tenant: tenant, OriginalName: "a.txt"})
			mustDo(d.t, err)
			p.put("not-ours")
			mustDo(d.t, os.Chtimes(d.path("not-ours"), time.Time{}, time.Now().Add(-2*time.Hour)))
			p.put("acme/ZZ/01JQ3KMN7XFGY4P6WBR2SZTAZZ") // young: its record may be on its way
		})
		return ""
	}},
	{name: "bytes are gone", code: core.MissingBlob, mended: true, damage: withFile(func(d *folder, f *file.File) error {
		return os.Remove(d.path(f.BlobKey))
	}), after: wantSpoilt(core.ReasonLost)},
	{name: "bytes are cut off", code: core.SizeMismatch, mended: true, damage: withFile(func(d *folder, f *file.File) error {
		return errorsOf(os.Chmod(d.path(f.BlobKey), 0o600), os.Truncate(d.path(f.BlobKey), 2))
	}), after: wantSpoilt(core.ReasonDamaged)},
	{name: "a byte is flipped", deep: true, code: core.DigestMismatch, mended: true, damage: withFile(flip), after: wantSpoilt(core.ReasonDamaged)},
	{name: "a byte is flipped and nobody reads it", damage: withFile(flip)},
	{name: "a thumbnail is gone", code: core.MissingBlob, mended: true, damage: func(d *folder) (id file.ID) {
		d.open(func(p *program) {
			f := p.picture()
			id = f.ID
			mustDo(d.t, os.Remove(d.path(f.Variants[0].BlobKey)))
		})
		return id
	}, after: func(p *program, id file.ID) {
		f := p.get(&file.File{Tenant: tenant, ID: id})
		if f.State != file.Ready || f.Thumbnail != file.ThumbnailOwed || len(f.Variants) != 0 {
			p.t.Errorf("%s, thumbnail %q, variants %v", f.State, f.Thumbnail, f.Variants)
		}
		p.thumbnail(f)
	}},
	{name: "a promise has lost its bytes", code: core.MissingBlob, mended: true, damage: func(d *folder) (id file.ID) {
		d.open(func(p *program) {
			f, err := p.Promise(d.t.Context(), core.Upload{Tenant: tenant, OriginalName: "a.txt"})
			mustDo(d.t, err)
			f, err = p.Receive(d.t.Context(), file.ByID(f.ID), core.Upload{Tenant: tenant, Body: strings.NewReader("hello")})
			mustDo(d.t, err, os.Remove(d.path(f.BlobKey)))
			p.ready("and another, which stays")
			id = f.ID
		})
		return id
	}, after: func(p *program, id file.ID) {
		_, err := p.Receive(p.t.Context(), file.ByID(id), core.Upload{Tenant: tenant, Body: strings.NewReader("hello")})
		mustDo(p.t, err)
	}},
	{name: "bytes without a record", code: core.OrphanBlob, mended: true, damage: func(d *folder) file.ID {
		const id = "01JQ3KMN7XFGY4P6WBR2SZTAZZ"
		d.open(func(p *program) {
			p.put("acme/ZZ/" + id)
			gone := p.ready("hello")
			_, err := p.Delete(d.t.Context(), tenant, file.ByID(gone.ID), "u1")
			mustDo(d.t, err)
		})
		mustDo(d.t, os.Chtimes(d.path("acme/ZZ/"+id), time.Time{}, time.Now().Add(-2*time.Hour)))
		return id
	}, after: func(p *program, _ file.ID) {
		if keys := p.blobKeys(); len(keys) != 0 {
			p.t.Errorf("left %q", keys)
		}
	}},
	{name: "a claim of a dead worker", code: core.Stuck, damage: func(d *folder) (id file.ID) {
		d.open(func(p *program) {
			id = p.change(p.upload(text("hello")), func(f *file.File) {
				f.Claim = file.Claim{By: "dead", Until: d.clock.now().Add(core.DefaultLease), Token: 1}
			}).ID
		})
		d.clock.advance(3 * time.Minute)
		return id
	}},
	{name: "a claim that may be alive", damage: func(d *folder) file.ID {
		d.open(func(p *program) {
			p.change(p.upload(text("hello")), func(f *file.File) {
				f.Claim = file.Claim{By: "alive", Until: d.clock.now().Add(core.DefaultLease), Token: 1}
			})
		})
		d.clock.advance(core.DefaultLease + time.Minute)
		return ""
	}},
	{name: "a promise that nobody kept", code: core.Stuck, mended: true, damage: func(d *folder) (id file.ID) {
		d.open(func(p *program) {
			f, err := p.Promise(d.t.Context(), core.Upload{Tenant: tenant, OriginalName: "a.txt"})
			mustDo(d.t, err)
			id = f.ID
		})
		d.clock.advance(2 * time.Hour)
		return id
	}, after: wantState(file.Gone)},
	{name: "a delete that was cut off", code: core.Stuck, mended: true, damage: func(d *folder) (id file.ID) {
		d.open(func(p *program) {
			id = p.change(p.ready("hello"), func(f *file.File) { f.State, f.Deleted.At = file.Deleting, d.clock.now() }).ID
		})
		d.clock.advance(2 * time.Minute)
		return id
	}, after: wantState(file.Gone)},
	{name: "events that nobody published", code: core.StaleOutbox, damage: func(d *folder) (id file.ID) {
		d.bus.setOut(true)
		d.open(func(p *program) { id = p.ready("hello").ID })
		d.clock.advance(2 * time.Minute)
		return id
	}},
	{name: "a life that has ended", code: core.Expired, mended: true, damage: func(d *folder) (id file.ID) {
		d.open(func(p *program) {
			u := text("hello")
			u.Life = time.Hour
			id = p.upload(u).ID
		})
		d.clock.advance(2 * time.Hour)
		return id
	}, after: wantState(file.Gone)},
	{name: "two versions of a path", code: core.Superseded, mended: true, damage: func(d *folder) (id file.ID) {
		d.open(func(p *program) {
			first := p.avatar()
			p.verify(first, content.Verdict{Type: "text/plain"})
			p.change(p.avatar(), func(f *file.File) { f.State = file.Ready }) // its verifier died before it buried the first
			id = first.ID
		})
		return id
	}, after: wantState(file.Gone)},
	{name: "a record that is found by what it is not", code: core.Misindexed, mended: true, damage: withFile(func(d *folder, f *file.File) error {
		d.sql("UPDATE files SET path_index = '=elsewhere', work = 'verify', work_at = 1 WHERE id = ?", string(f.ID))
		return nil
	})},
	{name: "an account that is off", code: core.QuotaDrift, mended: true, damage: func(d *folder) file.ID {
		d.open(func(p *program) { p.ready("hello") })
		d.sql("UPDATE accounts SET charged = charged + 7")
		return ""
	}, after: wantUsed(5)},
	{name: "a reservation of a dead upload", code: core.StaleReservation, mended: true, damage: func(d *folder) file.ID {
		const id = "01JQ3KMN7XFGY4P6WBR2SZTAZZ"
		d.open(func(p *program) {
			r := meta.Reservation{Tenant: tenant, ID: id, Bytes: 100, Until: d.clock.now().Add(-time.Hour)}
			mustDo(d.t, p.records.Reserve(d.t.Context(), r, 1000))
		})
		return id
	}, after: wantUsed(0)},
}

// withFile damages a file that is ready.
func withFile(damage func(d *folder, f *file.File) error) func(*folder) file.ID {
	return func(d *folder) file.ID {
		var f *file.File
		d.open(func(p *program) {
			f = p.ready("hello")
			p.ready("and another, which stays")
		})
		mustDo(d.t, damage(d, f))
		return f.ID
	}
}

// flip changes one bit of a blob and leaves its size and time.
func flip(d *folder, f *file.File) error {
	path := d.path(f.BlobKey)
	fi, err := os.Stat(path)
	mustDo(d.t, err, os.Chmod(path, 0o600), os.WriteFile(path, []byte("hellp"), 0o600))
	return os.Chtimes(path, time.Time{}, fi.ModTime())
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// avatar uploads a version of the one path.
func (p *program) avatar() *file.File {
	p.t.Helper()
	u := text("avatar")
	u.Class, u.Path = file.ClassAvatar, "users/u1/avatar"
	return p.upload(u)
}

func wantState(want file.State) func(*program, file.ID) {
	return func(p *program, id file.ID) {
		if f := p.get(&file.File{Tenant: tenant, ID: id}); f.State != want {
			p.t.Errorf("it is %s, want %s", f.State, want)
		}
	}
}

// wantSpoilt wants a file that has failed, whose record still names the bytes, and of which subscribers hear.
func wantSpoilt(reason string) func(*program, file.ID) {
	return func(p *program, id file.ID) {
		f := p.get(&file.File{Tenant: tenant, ID: id})
		if f.State != file.Failed || f.Reason != reason || f.BlobKey == "" {
			p.t.Errorf("%s, reason %q, key %q", f.State, f.Reason, f.BlobKey)
		}
		if _, err := p.Open(p.t.Context(), f, ""); !file.Is(err, file.NotFound) {
			p.t.Errorf("its bytes are served: %v", err)
		}
		p.waitFacts(id, event.Stored, event.Verified, event.Failed)
	}
}

func wantUsed(want int64) func(*program, file.ID) {
	return func(p *program, _ file.ID) {
		if used := p.used(); used != want {
			p.t.Errorf("%d bytes are charged, want %d", used, want)
		}
	}
}
