package core_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/blob/fallback"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

var weekly = core.Scrub{Every: 7 * 24 * time.Hour, Rate: 1 << 40}

// scrub makes passes until one meets nothing, and returns what all have met.
func (p *program) scrub(s *core.Scrubber, limit int) core.Scrubbed {
	p.t.Helper()
	var sum core.Scrubbed
	for {
		n, err := s.Pass(p.t.Context(), limit)
		if err != nil {
			p.t.Fatal(err)
		}
		if n.Records == 0 {
			return sum
		}
		sum.Records += n.Records
		sum.Blobs += n.Blobs
		sum.Bytes += n.Bytes
		sum.Damaged += n.Damaged
		sum.Unreadable += n.Unreadable
	}
}

// TestScrubFindsDamage: what nobody reads is found to be damaged, and the record says so as a repair does.
func TestScrubFindsDamage(t *testing.T) {
	d := newFolder(t)
	d.open(func(p *program) {
		whole, flipped, cut, thumbnail, both, lost := p.ready("whole"), p.ready("hello"), p.ready("hello"), p.picture(), p.picture(), p.ready("hello")
		mustDo(t, flip(d, flipped))
		mustDo(t, os.Chmod(d.path(cut.BlobKey), 0o600), os.Truncate(d.path(cut.BlobKey), 0))
		mustDo(t, os.WriteFile(d.path(thumbnail.Variants[0].BlobKey)+"x", nil, 0o600)) // no key of ours
		for _, key := range []string{thumbnail.Variants[0].BlobKey, both.Variants[0].BlobKey, both.BlobKey} {
			d.overwrite(key)
		}
		mustDo(t, os.Remove(d.path(lost.BlobKey)))
		n := p.scrub(p.NewScrubber(weekly), 2)
		if n.Records != 6 || n.Damaged != 4 || n.Unreadable != 0 {
			t.Errorf("scrubbed %+v", n)
		}
		for _, f := range []*file.File{flipped, cut, both} {
			got := p.get(f)
			if got.State != file.Failed || got.Reason != core.ReasonDamaged || got.BlobKey == "" || core.GivenUp(got) != file.WorkVerify {
				t.Errorf("%s, reason %q, key %q", got.State, got.Reason, got.BlobKey)
			}
		}
		p.waitFacts(flipped.ID, event.Stored, event.Verified, event.Failed)
		if got := p.get(thumbnail); got.State != file.Ready || got.Thumbnail != file.ThumbnailOwed || len(got.Variants) != 0 {
			t.Errorf("%s, thumbnail %q", got.State, got.Thumbnail)
		}
		for _, f := range []*file.File{whole, lost} {
			if got := p.get(f); got.State != file.Ready {
				t.Errorf("%s is %s", f.ID, got.State)
			}
		}
	})
}

// overwrite changes the first byte of a blob.
func (d *folder) overwrite(key string) {
	d.t.Helper()
	mustDo(d.t, os.Chmod(d.path(key), 0o600))
	f, err := os.OpenFile(d.path(key), os.O_WRONLY, 0)
	mustDo(d.t, err)
	_, err = f.WriteAt([]byte{0}, 0) // nobody has stored that
	mustDo(d.t, err, f.Close())
}

// TestScrubGoesOn: over the end of its process, and of its lease; and once in a period.
func TestScrubGoesOn(t *testing.T) {
	d := newFolder(t)
	d.open(func(p *program) {
		for range 5 {
			p.ready("hello")
		}
		if n, err := p.NewScrubber(weekly).Pass(t.Context(), 2); err != nil || n.Blobs != 2 {
			t.Fatalf("%+v, %v", n, err)
		}
	})
	d.open(func(p *program) { // under the same name
		s := p.NewScrubber(weekly)
		if n := p.scrub(s, 2); n.Blobs != 3 || n.Bytes != 15 {
			t.Errorf("the rest of the round: %+v", n)
		}
		if n := p.scrub(s, 2); n.Records != 0 {
			t.Errorf("within the period: %+v", n)
		}
		d.clock.advance(weekly.Every)
		if n, err := s.Pass(t.Context(), 2); err != nil || n.Blobs != 2 {
			t.Errorf("the next round: %+v, %v", n, err)
		}
		other := core.New(core.Config{Blobs: p.blobs, Meta: p.repo, Bus: d.bus, Now: d.clock.now, Name: "another"})
		defer other.Close(t.Context())
		o := other.NewScrubber(weekly)
		if n, err := o.Pass(t.Context(), 2); err != nil || n.Records != 0 {
			t.Errorf("two at a time: %+v, %v", n, err)
		}
		mustDo(t, s.Rest(t.Context()))
		if n, err := o.Pass(t.Context(), 2); err != nil || n.Blobs != 2 {
			t.Errorf("after the first has stopped: %+v, %v", n, err)
		}
		d.clock.advance(2 * time.Minute) // it dies
		if n := p.scrub(s, 2); n.Blobs != 1 {
			t.Errorf("after the second has died: %+v", n)
		}
		w, err := p.repo.Walk(t.Context(), "scrub")
		if err != nil || w.Ended.IsZero() || w.Bytes != 25 || w.LastBytes != 25 {
			t.Errorf("%+v, %v", w, err)
		}
	})
}

// TestScrubKeepsItsRate reads 1 MiB at 4 MiB a second.
func TestScrubKeepsItsRate(t *testing.T) {
	d := newFolder(t)
	d.open(func(p *program) {
		u := text("")
		u.Body = repeated(1 << 20)
		p.verify(p.upload(u), content.Verdict{Type: "text/plain"})
		start := time.Now()
		n := p.scrub(p.NewScrubber(core.Scrub{Every: time.Hour, Rate: 4 << 20}), 10)
		if took := time.Since(start); n.Bytes != 1<<20 || took < 200*time.Millisecond {
			t.Errorf("%+v in %v", n, took)
		}
	})
}

// TestWholeReadsAreSettled: a Content that was read to its end is Proven for an hour, as long as its file stays as it is.
func TestWholeReadsAreSettled(t *testing.T) {
	d := newFolder(t)
	d.open(func(p *program) {
		f := p.ready("hello")
		read := func(wantProven bool, wantKind file.Kind) {
			t.Helper()
			c, err := p.Open(t.Context(), f, "")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			h := sha256.New()
			if _, err := io.Copy(h, c); err != nil || c.Proven != wantProven {
				t.Errorf("proven is %t, %v", c.Proven, err)
			}
			if err := c.Settle(t.Context(), hex.EncodeToString(h.Sum(nil))); file.KindOf(err) != wantKind {
				t.Errorf("settled with %v", err)
			}
		}
		read(false, "")
		read(true, "")
		d.clock.advance(time.Hour)
		read(false, "")
		later := time.Now().Add(time.Hour)
		mustDo(t, os.Chtimes(d.path(f.BlobKey), later, later))
		read(false, "")
		mustDo(t, flip(d, f))
		read(true, file.Damaged) // nobody hashes what is proven, but who does finds out
		if got := p.get(f); got.State != file.Failed || got.Reason != core.ReasonDamaged {
			t.Errorf("%s, reason %q", got.State, got.Reason)
		}
	})
}

// TestCutFileIsNotOpened: its size would be a lie.
func TestCutFileIsNotOpened(t *testing.T) {
	d := newFolder(t)
	d.open(func(p *program) {
		f := p.ready("hello")
		mustDo(t, os.Chmod(d.path(f.BlobKey), 0o600), os.Truncate(d.path(f.BlobKey), 2))
		if _, err := p.Open(t.Context(), f, ""); !file.Is(err, file.Damaged) {
			t.Errorf("opened with %v", err)
		}
		if got := p.get(f); got.State != file.Failed {
			t.Errorf("it is %s", got.State)
		}
	})
}

// TestDamagedThumbnailAccusesItsFile: a thumbnail is not made again from bytes that are damaged, too.
func TestDamagedThumbnailAccusesItsFile(t *testing.T) {
	d := newFolder(t)
	d.open(func(p *program) {
		f := p.picture()
		d.overwrite(f.BlobKey)
		d.overwrite(f.Variants[0].BlobKey)
		c, err := p.Open(t.Context(), f, file.ThumbnailName)
		mustDo(t, err)
		defer c.Close()
		if err := c.Settle(t.Context(), "another"); !file.Is(err, file.Damaged) {
			t.Errorf("settled with %v", err)
		}
		if got := p.get(f); got.State != file.Failed || got.Reason != core.ReasonDamaged {
			t.Errorf("%s, reason %q", got.State, got.Reason)
		}
	})
}

// TestDamageIsRestoredFromASecondStore: where another copy is whole, nothing happens to the file.
func TestDamageIsRestoredFromASecondStore(t *testing.T) {
	d := newFolder(t)
	d.open(func(p *program) {
		f := p.ready("hello")
		second, err := disk.Open(disk.Config{Dir: t.TempDir(), Durability: disk.Process})
		mustDo(t, err)
		_, err = second.Put(t.Context(), f.BlobKey, strings.NewReader("hello"), blob.PutOptions{Size: -1})
		mustDo(t, err, flip(d, f))
		c := core.New(core.Config{Blobs: fallback.New(p.blobs, second), Meta: p.records, Bus: d.bus, Now: d.clock.now})
		defer c.Close(t.Context())
		if n, err := c.NewScrubber(weekly).Pass(t.Context(), 10); err != nil || n.Damaged != 1 {
			t.Errorf("scrubbed %+v, %v", n, err)
		}
		if data, err := os.ReadFile(d.path(f.BlobKey)); string(data) != "hello" || p.get(f).State != file.Ready {
			t.Errorf("the file is %s, its bytes %q, %v", p.get(f).State, data, err)
		}
	})
}

// TestLapsedReservationsAreTakenBack: those of uploads that ended without a word, and no others.
func TestLapsedReservationsAreTakenBack(t *testing.T) {
	d := newFolder(t)
	d.open(func(p *program) {
		reserve := func(id file.ID, until time.Duration) {
			r := meta.Reservation{Tenant: tenant, ID: id, Bytes: 100, Until: d.clock.now().Add(until)}
			mustDo(t, p.repo.Reserve(t.Context(), r, 1000))
		}
		reserve("01JQ3KMN7XFGY4P6WBR2SZTAZZ", time.Minute)
		reserve("01JQ3KMN7XFGY4P6WBR2SZTAZX", time.Hour)
		p.upload(text("hello")) // a write of anybody saves them
		for _, step := range []struct {
			after time.Duration
			used  int64
		}{{time.Second, 205}, {2 * time.Minute, 105}, {time.Hour, 5}} {
			d.clock.advance(step.after)
			if _, err := p.ReleaseLapsed(t.Context()); err != nil || p.used() != step.used {
				t.Errorf("%d bytes are used, want %d; %v", p.used(), step.used, err)
			}
		}
	})
}

// TestSlowUploadKeepsItsRoom: an upload that goes on for longer than a lease, with a byte a minute, renews it.
func TestSlowUploadKeepsItsRoom(t *testing.T) {
	d := newFolder(t)
	d.open(func(p *program) {
		u := text("")
		u.Limits.MaxStorage = 1 << 30
		u.Body = io.MultiReader(repeated(9<<20), &slow{bytes: 20, before: func() {
			d.clock.advance(time.Minute)
			p.ready("others write") // which saves what is reserved
			if _, err := p.ReleaseLapsed(t.Context()); err != nil || p.used() < 8<<20 {
				t.Errorf("a living upload has lost its room: %d, %v", p.used(), err)
			}
		}})
		p.upload(u)
		if used := p.used(); used != 9<<20+20+21*int64(len("others write")) {
			t.Errorf("%d bytes are used", used)
		}
	})
}

// slow reads a byte at a time, and does something before each.
type slow struct {
	bytes  int
	before func()
}

func (s *slow) Read(p []byte) (int, error) {
	s.before()
	if s.bytes == 0 {
		return 0, io.EOF
	}
	s.bytes--
	p[0] = 'x'
	return 1, nil
}
