package core_test

import (
	"context"
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta/sqlite"
)

// folder is a data folder that programs open one after the other, and that is damaged by hand in between.
type folder struct {
	t     *testing.T
	dir   string
	bus   *recorder
	clock *clock
}

func newFolder(t *testing.T) *folder {
	t.Helper()
	return &folder{t: t, dir: t.TempDir(), bus: newRecorder(), clock: &clock{t: time.Now()}} // blobs carry the real time
}

// program is what a process has open.
type program struct {
	*bench
	records *sqlite.Store
}

// open runs fn as a process of its own.
func (d *folder) open(fn func(*program)) {
	d.t.Helper()
	store, err := disk.Open(disk.Config{Dir: d.dir + "/blobs", Durability: disk.Process})
	if err != nil {
		d.t.Fatal(err)
	}
	repo, err := sqlite.Open(d.t.Context(), sqlite.Config{Path: d.dir + "/meta.db", Synchronous: sqlite.Off})
	if err != nil {
		d.t.Fatal(err)
	}
	c := core.New(core.Config{Blobs: store, Meta: repo, Bus: d.bus, Now: d.clock.now, Name: "test"})
	fn(&program{records: repo, bench: &bench{Core: c, t: d.t, blobs: store, repo: faultyRepo{Repo: repo, faults: &faults{}}, bus: d.bus, clock: d.clock}})
	c.Close(context.Background())
	if err := repo.Close(); err != nil {
		d.t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		d.t.Fatal(err)
	}
}

// fsck checks the folder and returns what was found.
func (d *folder) fsck(o core.Fsck) []core.Finding {
	d.t.Helper()
	var found []core.Finding
	o.Report = func(x core.Finding) { found = append(found, x) }
	d.open(func(p *program) {
		n, err := p.Fsck(d.t.Context(), o)
		if err != nil || n.Found != len(found) {
			d.t.Fatalf("%+v, %v", n, err)
		}
	})
	return found
}

// path is where a blob is on the disk.
func (d *folder) path(key string) string { return filepath.Join(d.dir, "blobs", "blobs", key) }

// sql changes the database behind everybody's back.
func (d *folder) sql(query string, args ...any) {
	d.t.Helper()
	db, err := sql.Open("sqlite", d.dir+"/meta.db")
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(d.t.Context(), query, args...); err != nil {
		d.t.Fatal(err)
	}
}

// ready uploads a text and has it verified.
func (p *program) ready(body string) *file.File {
	p.t.Helper()
	f := p.upload(text(body))
	p.verify(f, content.Verdict{Type: "text/plain"})
	return p.get(f)
}

// picture uploads one, and gives it its thumbnail.
func (p *program) picture() *file.File {
	p.t.Helper()
	f := p.upload(text("no picture, but nobody looks"))
	p.verify(f, content.Verdict{Type: "image/png", Image: &file.Image{Width: 1, Height: 1, Frames: 1}})
	p.thumbnail(f)
	return p.get(f)
}

func (p *program) thumbnail(f *file.File) {
	p.t.Helper()
	err := p.MakeThumbnail(p.t.Context(), hint(f), func(context.Context, io.ReadSeeker, *file.File) (core.Rendering, error) {
		return core.Rendering{Data: []byte("thumbnail"), Type: "image/png", Width: 1, Height: 1}, nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// change rewrites a record as no use case would.
func (p *program) change(f *file.File, fn func(*file.File)) *file.File {
	p.t.Helper()
	f = p.get(f)
	fn(f)
	if err := p.records.Update(p.t.Context(), f); err != nil {
		p.t.Fatal(err)
	}
	return f
}

func mustDo(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFsck(t *testing.T) {
	for _, c := range damages {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newFolder(t)
			id := c.damage(d)
			for _, round := range []struct {
				what   string
				repair bool
				found  bool
			}{{"looking", false, c.code != ""}, {"looking again", false, c.code != ""}, {"repairing", true, c.code != ""}, {"after the repair", false, c.code != "" && !c.mended}} {
				found := d.fsck(core.Fsck{Deep: c.deep, Repair: round.repair})
				var want []core.FindingCode
				if round.found {
					want = []core.FindingCode{c.code}
				}
				if got := codes(found); !slices.Equal(got, want) {
					t.Fatalf("%s: found %+v, want %v", round.what, found, want)
				}
				for _, x := range found {
					if x.File != id || x.Mended != (round.repair && c.mended) || x.Note == "" {
						t.Errorf("%s: %+v of %s", round.what, x, id)
					}
				}
			}
			if c.after != nil {
				d.open(func(p *program) { c.after(p, id) })
			}
		})
	}
}

func codes(found []core.Finding) []core.FindingCode {
	var out []core.FindingCode
	for _, x := range found {
		out = append(out, x.Code)
	}
	return out
}

// TestFsckLooksWithoutWriting checks a folder read-only, beside its owner, with everything wrong that a look can find.
func TestFsckLooksWithoutWriting(t *testing.T) {
	d := newFolder(t)
	d.open(func(p *program) {
		f := p.ready("hello")
		mustDo(t, os.Remove(d.path(f.BlobKey)))
		p.ready("and another, which stays")
		repo, err := sqlite.Open(t.Context(), sqlite.Config{Path: d.dir + "/meta.db", ReadOnly: true})
		mustDo(t, err)
		defer repo.Close()
		c := core.New(core.Config{Blobs: p.blobs, Meta: repo, Bus: d.bus, Now: d.clock.now})
		defer c.Close(t.Context())
		n, err := c.Fsck(t.Context(), core.Fsck{Deep: true})
		if err != nil || n.Found != 1 || n.Mended != 0 || n.Records != 2 {
			t.Errorf("%+v, %v", n, err)
		}
		if _, err := c.Fsck(t.Context(), core.Fsck{Repair: true}); err == nil {
			t.Error("a repair of what is read-only succeeded")
		}
	})
}

// TestRepairDoubtsTheStores: a store that is not mounted must not make every file a lost one, nor a wrong database every blob an orphan.
func TestRepairDoubtsTheStores(t *testing.T) {
	for _, c := range []struct {
		missing string
		want    core.FindingCode
	}{{"blobs/blobs/acme", core.MissingBlob}, {"meta.db", core.OrphanBlob}} {
		d := newFolder(t)
		d.open(func(p *program) { p.ready("hello") })
		d.clock.advance(2 * time.Hour)
		aside := filepath.Join(t.TempDir(), "aside")
		mustDo(t, os.Rename(filepath.Join(d.dir, c.missing), aside))
		found := d.fsck(core.Fsck{Repair: true})
		if len(found) != 1 || found[0].Code != c.want || found[0].Mended || !strings.Contains(found[0].Note, "not mended") {
			t.Errorf("without %s: %+v", c.missing, found)
		}
		mustDo(t, os.Rename(aside, filepath.Join(d.dir, c.missing)))
		if found := d.fsck(core.Fsck{Deep: true}); len(found) != 0 {
			t.Errorf("with %s back: %+v", c.missing, found)
		}
	}
}

// TestFsckFindsUnfinished: what a write has left is found when it is old enough, and removed by a repair.
func TestFsckFindsUnfinished(t *testing.T) {
	d := newFolder(t)
	tmp := filepath.Join(d.dir, "blobs", "tmp", "cut-off")
	d.open(func(*program) {
		mustDo(t, os.WriteFile(tmp, []byte("x"), 0o600), os.Chtimes(tmp, time.Time{}, time.Now().Add(-25*time.Hour)))
	})
	if found := d.fsck(core.Fsck{Unfinished: 26 * time.Hour, Repair: true}); len(found) != 0 {
		t.Errorf("what may go on is %+v", found)
	}
	for _, o := range []core.Fsck{{}, {}, {Repair: true}} {
		found := d.fsck(o)
		if !slices.Equal(codes(found), []core.FindingCode{core.Unfinished}) || found[0].Mended != o.Repair {
			t.Errorf("repair %t: found %+v", o.Repair, found)
		}
	}
	if found := d.fsck(core.Fsck{}); len(found) != 0 {
		t.Errorf("after the repair: %+v", found)
	}
	if _, err := os.Stat(tmp); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}

// TestReplayNeedsTheBytes: a file that was lost is served again when its bytes are back, and not before.
func TestReplayNeedsTheBytes(t *testing.T) {
	d := newFolder(t)
	var f *file.File
	d.open(func(p *program) {
		f = p.picture()
		p.ready("and another, which stays")
	})
	aside := filepath.Join(t.TempDir(), "aside")
	mustDo(t, os.Rename(d.path(f.BlobKey), aside))
	d.fsck(core.Fsck{Repair: true})
	replay := func(kind file.Kind, work file.Work) {
		t.Helper()
		d.open(func(p *program) {
			got, err := p.Replay(t.Context(), tenant, f.ID)
			if file.KindOf(err) != kind || got != work {
				t.Errorf("Replay = %q, %v; want %q, %q", got, err, work, kind)
			}
		})
	}
	replay(file.Damaged, file.WorkNone)
	mustDo(t, os.WriteFile(d.path(f.BlobKey), []byte("NO PICTURE, BUT NOBODY LOOKS"), 0o600))
	replay(file.Damaged, file.WorkNone) // as many, but others
	mustDo(t, os.Rename(aside, d.path(f.BlobKey)))
	replay("", file.WorkVerify)
	replay("", file.WorkNone) // begun already
	d.open(func(p *program) {
		p.verify(f, content.Verdict{Type: "image/png", Image: &file.Image{Width: 1, Height: 1, Frames: 1}})
		p.thumbnail(f)
		got := p.get(f)
		if got.State != file.Ready || got.Reason != "" || len(got.Variants) != 1 {
			t.Errorf("%s %q, variants %v", got.State, got.Reason, got.Variants)
		}
	})
	if found := d.fsck(core.Fsck{Deep: true}); len(found) != 0 {
		t.Errorf("found %+v", found)
	}
}
