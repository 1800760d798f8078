package core_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

const day = 24 * time.Hour

// inPieces is an upload of a text whose bytes come later.
func inPieces() core.Upload {
	u := text("")
	u.Body = nil
	return u
}

func (b *bench) begin(u core.Upload, length int64) *core.Resumable {
	b.t.Helper()
	return b.beginAs(u, core.Resume{Length: length, Wait: day})
}

func (b *bench) beginAs(u core.Upload, o core.Resume) *core.Resumable {
	b.t.Helper()
	s, err := b.BeginResumable(b.t.Context(), u, o)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.resume(s.File.ID)
}

// resume finds an upload anew, as every request does.
func (b *bench) resume(id file.ID) *core.Resumable {
	b.t.Helper()
	r, err := b.GetResumable(b.t.Context(), tenant, id)
	if err != nil {
		b.t.Fatal(err)
	}
	return &r
}

func (b *bench) send(r *core.Resumable, body io.Reader) (int64, error) {
	return b.Append(b.t.Context(), r, core.Piece{Body: body, Wait: day})
}

func (b *bench) mustSend(r *core.Resumable, body string) {
	b.t.Helper()
	if n, err := b.send(r, strings.NewReader(body)); err != nil || n != int64(len(body)) {
		b.t.Fatalf("%d of %d bytes were stored: %v", n, len(body), err)
	}
}

func (b *bench) finish(r *core.Resumable) error {
	return b.FinishResumable(b.t.Context(), r, core.Limits{}, content.Policy{})
}

func (b *bench) mustFinish(r *core.Resumable) *file.File {
	b.t.Helper()
	if err := b.finish(r); err != nil {
		b.t.Fatal(err)
	}
	return b.get(r.File)
}

func (b *bench) gone(id file.ID) {
	b.t.Helper()
	if r, err := b.GetResumable(b.t.Context(), tenant, id); !file.Is(err, file.NotFound) {
		b.t.Errorf("the upload is still there: %+v, %v", r, err)
	}
}

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func TestUploadInPieces(t *testing.T) {
	for name, pieces := range map[string][]string{"one": {"hello world"}, "two": {"hello", " world"}, "many": {"h", "ello", " ", "worl", "d"}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			u := inPieces()
			u.Life, u.SHA256 = time.Hour, sha("hello world")
			r := b.begin(u, 11)
			id, offset := r.File.ID, int64(0)
			for _, p := range pieces {
				if r = b.resume(id); r.Offset != offset || r.Whole() || !r.Open() || b.used() != 11 {
					t.Fatalf("before %q: %+v, %d bytes are charged", p, r, b.used())
				}
				if err := b.finish(r); core.CodeNotReceived != file.CodeOf(err) {
					t.Fatalf("finishing half of it gave %v", err)
				}
				b.clock.advance(time.Minute)
				b.mustSend(r, p)
				offset += int64(len(p))
			}
			if _, err := b.Core.Get(t.Context(), tenant, file.ByID(id)); !file.Is(err, file.NotFound) {
				t.Errorf("an open upload can be read: %v", err)
			}
			if len(b.bus.facts(id)) != 0 {
				t.Error("subscribers were told of an open upload")
			}
			r = b.resume(id) // by another process, which knows no digest
			for range 2 {    // the second changes nothing
				f := b.mustFinish(r)
				if f.State != file.Pending || f.Size != 11 || f.SHA256 != sha("hello world") || !f.ExpiresAt.Equal(b.clock.now().Add(time.Hour)) || f.Claim.Held(b.clock.now()) {
					t.Errorf("finished %+v", f)
				}
				r = b.resume(id)
			}
			if r.Open() || !r.Whole() || r.Offset != 11 || b.used() != 11 || len(b.blobKeys()) != 1 {
				t.Errorf("then %+v, %d bytes are charged, blobs %q", r, b.used(), b.blobKeys())
			}
			b.verify(r.File, content.Verdict{Type: "text/plain"})
			c, err := b.Open(t.Context(), b.get(r.File), "")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if got, err := io.ReadAll(c); string(got) != "hello world" || err != nil {
				t.Errorf("read %q, %v", got, err)
			}
			b.waitFacts(id, event.Stored, event.Verified)
			if _, err := b.Delete(t.Context(), tenant, file.ByID(id), "u1"); err != nil {
				t.Fatal(err)
			}
			b.gone(id)
			b.nothingLeft()
		})
	}
}

func TestUploadsInPiecesThatAreRefusedAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*core.Upload)
		length int64
		kind   file.Kind
		code   string
	}{
		"empty":     {func(*core.Upload) {}, 0, file.Invalid, core.CodeEmptyFile},
		"a program": {func(u *core.Upload) { u.OriginalName, u.Policy = "a.exe", content.Generic }, 5, file.TypeRefused, content.CodeUnsupported},
		"too large": {func(u *core.Upload) { u.Limits.MaxFile = 4 }, 5, file.TooLarge, "file_too_large"},
		"no room":   {func(u *core.Upload) { u.Limits.MaxStorage = 4 }, 5, file.OverQuota, "storage_limit_exceeded"},
		"a path":    {func(u *core.Upload) { u.OriginalName = "a/b" }, 5, file.Invalid, ""},
		"a life":    {func(u *core.Upload) { u.Life = -1 }, 5, file.Invalid, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			u := inPieces()
			c.change(&u)
			_, err := b.BeginResumable(t.Context(), u, core.Resume{Length: c.length, Wait: day})
			wantCode(t, err, c.kind, c.code)
			b.nothingLeft()
		})
	}
}

func TestUploadsInPiecesThatAreRefusedAtTheirEnd(t *testing.T) {
	picture := func(u *core.Upload) { u.OriginalName, u.DeclaredType = "a.jpg", "" }
	for name, c := range map[string]struct {
		change func(*core.Upload)
		pieces []string
		kind   file.Kind
		code   string
	}{
		"another digest":             {func(u *core.Upload) { u.SHA256 = sha("x") }, []string{"hello"}, file.Invalid, "digest_mismatch"},
		"another digest, two pieces": {func(u *core.Upload) { u.SHA256 = sha("x") }, []string{"hel", "lo"}, file.Invalid, "digest_mismatch"},
		"another type":               {picture, []string{"<html>", "<body>"}, file.TypeRefused, content.CodeMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			u := inPieces()
			c.change(&u)
			r := b.begin(u, int64(len(strings.Join(c.pieces, ""))))
			for _, p := range c.pieces {
				b.mustSend(r, p)
			}
			wantCode(t, b.finish(r), c.kind, c.code)
			b.gone(r.File.ID)
			b.nothingLeft()
			if facts := b.bus.facts(r.File.ID); len(facts) != 0 {
				t.Errorf("subscribers were told %v of what never was a file", facts)
			}
		})
	}
}

func TestAPlainLieIsRefusedInTheFirstPiece(t *testing.T) {
	b := newBench(t)
	u := inPieces()
	u.OriginalName, u.DeclaredType = "a.jpg", "image/jpeg"
	r := b.begin(u, 1<<30)
	n, err := b.send(r, strings.NewReader("<html><body>"+strings.Repeat(" ", content.HeadBytes)))
	wantCode(t, err, file.TypeRefused, content.CodeMismatch)
	if n != 0 {
		t.Errorf("%d bytes were stored", n)
	}
	b.gone(r.File.ID)
	b.nothingLeft()
}

func TestWhatArrivedOfAPieceStays(t *testing.T) {
	b := newBench(t)
	r := b.begin(inPieces(), 100)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the client has gone
	n, err := b.Append(ctx, r, core.Piece{Body: strings.NewReader("hello"), Wait: day})
	if n != 5 || err != nil || b.resume(r.File.ID).Offset != 5 {
		t.Errorf("%d bytes, %v; the upload is at %d", n, err, b.resume(r.File.ID).Offset)
	}
	no := errors.New("the checksum is another")
	_, err = b.Append(t.Context(), r, core.Piece{Body: strings.NewReader(" world"), Wait: day, Check: func() error { return no }})
	if !errors.Is(err, no) || b.resume(r.File.ID).Offset != 5 {
		t.Errorf("%v; the upload is at %d", err, b.resume(r.File.ID).Offset)
	}
}

// Two processes take bytes for the same offset: a load balancer has sent a client's second attempt elsewhere, while the first still hangs.
func TestOneOfTwoGoesOnFromAnOffset(t *testing.T) {
	b := newBench(t)
	r := b.begin(inPieces(), 10)
	slow, fast := b.resume(r.File.ID), b.resume(r.File.ID)
	b.mustSend(fast, "hello")
	if _, err := b.send(slow, strings.NewReader("he")); !file.Is(err, file.Conflict) {
		t.Errorf("the slow one gave %v", err)
	}
	b.mustSend(fast, "world")
	if _, err := b.send(slow, strings.NewReader("hell")); !file.Is(err, file.Conflict) {
		t.Errorf("the slow one gave %v", err)
	}
	if f := b.mustFinish(b.resume(r.File.ID)); f.SHA256 != sha("helloworld") {
		t.Errorf("finished %+v", f)
	}
}

func TestOneOfManyFinishes(t *testing.T) {
	b := newBench(t)
	r := b.begin(inPieces(), 10)
	b.mustSend(r, "hello")
	b.mustSend(r, "world")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			r, err := b.GetResumable(t.Context(), tenant, r.File.ID)
			if err == nil {
				err = b.finish(&r)
			}
			if err != nil && !file.Is(err, file.Unavailable) { // one that has begun to read what another removes
				t.Error(err)
			}
		})
	}
	all.Wait()
	if f := b.mustFinish(b.resume(r.File.ID)); f.State != file.Pending || f.SHA256 != sha("helloworld") {
		t.Errorf("finished %+v", f)
	}
	if keys := b.blobKeys(); len(keys) != 1 || b.used() != 10 {
		t.Errorf("blobs %q, %d bytes are charged", keys, b.used())
	}
	b.waitFacts(r.File.ID, event.Stored)
}

// landing calls what is set as soon as a blob is there, and before its Put returns.
type landing struct {
	blob.Store
	then func()
}

func (s landing) Put(ctx context.Context, key string, r io.Reader, o blob.PutOptions) (blob.Info, error) {
	info, err := s.Store.Put(ctx, key, r, o)
	if err == nil {
		s.then()
	}
	return info, err
}

// Another process looks at an upload in the moment in which its last piece has been stored, and finishes it.
func TestFinishedBehindTheLastPiece(t *testing.T) {
	for name, pieces := range map[string][]string{"one piece": {"", "hello"}, "two pieces": {"hel", "lo"}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			id := b.begin(inPieces(), 5).File.ID
			if pieces[0] != "" {
				b.mustSend(b.resume(id), pieces[0])
			}
			slow := core.New(core.Config{Meta: b.repo, Bus: b.bus, Now: b.clock.now, Blobs: landing{b.blobs, func() { b.mustFinish(b.resume(id)) }}})
			defer slow.Close(context.Background())
			r := b.resume(id)
			n, err := slow.Append(t.Context(), r, core.Piece{Body: strings.NewReader(pieces[1]), Wait: day})
			if n != int64(len(pieces[1])) || err != nil || r.Open() || r.Offset != 5 {
				t.Errorf("%d bytes, %v; the upload is %+v", n, err, r)
			}
			b.verify(r.File, content.Verdict{Type: "text/plain"})
			c, err := b.Open(t.Context(), b.get(r.File), "")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if got, err := io.ReadAll(c); string(got) != "hello" || err != nil || len(b.blobKeys()) != 1 {
				t.Errorf("read %q, %v; blobs %q", got, err, b.blobKeys())
			}
		})
	}
}

func TestFinishOutlivesALostAnswer(t *testing.T) {
	for name, pieces := range map[string][]string{"one piece": {"hello"}, "two pieces": {"hel", "lo"}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			r := b.begin(inPieces(), 5)
			for _, p := range pieces {
				b.mustSend(r, p)
			}
			b.repo.loseUpdate = 1
			if f := b.mustFinish(r); f.State != file.Pending || len(b.blobKeys()) != 1 {
				t.Errorf("finished %+v, blobs %q", f, b.blobKeys())
			}
		})
	}
}

func TestEndedUploads(t *testing.T) {
	b := newBench(t)
	r := b.begin(inPieces(), 10)
	b.mustSend(r, "hello")
	late := b.resume(r.File.ID)
	if err := b.EndResumable(t.Context(), tenant, r.File.ID, "u1"); err != nil {
		t.Fatal(err)
	}
	b.gone(r.File.ID)
	b.nothingLeft()
	if _, err := b.send(late, strings.NewReader("world")); !file.Is(err, file.NotFound) {
		t.Errorf("a piece that came too late gave %v", err)
	}
	b.nothingLeft()
	if err := b.EndResumable(t.Context(), tenant, r.File.ID, "u1"); !file.Is(err, file.NotFound) {
		t.Errorf("ending it twice gave %v", err)
	}
	if facts := b.bus.facts(r.File.ID); len(facts) != 0 {
		t.Errorf("subscribers were told %v", facts)
	}

	done := b.begin(inPieces(), 5)
	b.mustSend(done, "hello")
	b.mustFinish(done)
	if err := b.EndResumable(t.Context(), tenant, done.File.ID, "u1"); !file.Is(err, file.Forbidden) {
		t.Errorf("ending one that is a file gave %v", err)
	}
}

func TestUploadsExpireWithoutProgress(t *testing.T) {
	b := newBench(t)
	r := b.begin(inPieces(), 100)
	rev := r.File.Rev
	for range 10 { // one after another, none a day after the last
		b.clock.advance(day / 2)
		b.mustSend(b.resume(r.File.ID), "hello")
		if n, err := b.AbandonDue(t.Context(), time.Hour, 10); n != 0 || err != nil {
			t.Fatalf("%d live uploads were abandoned: %v", n, err)
		}
		if n, err := b.ExpireDue(t.Context(), 10); n != 0 || err != nil {
			t.Fatalf("%d live uploads expired: %v", n, err)
		}
	}
	b.mustSend(b.resume(r.File.ID), "hello")
	if f := b.get(r.File); f.Rev != rev+10 {
		t.Errorf("11 pieces have written the record %d times", f.Rev-rev)
	}
	b.clock.advance(day - time.Second)
	b.resume(r.File.ID)
	b.clock.advance(time.Second)
	b.gone(r.File.ID)
	if n, err := b.ExpireDue(t.Context(), 10); n != 1 || err != nil {
		t.Errorf("%d uploads expired: %v", n, err)
	}
	b.nothingLeft()
	if facts := b.bus.facts(r.File.ID); len(facts) != 0 {
		t.Errorf("subscribers were told %v", facts)
	}
}

// The pieces of an upload that waits are no orphans, however old; those that an upload leaves behind are.
func TestCareOfPieces(t *testing.T) {
	d := newFolder(t)
	var id file.ID
	d.open(func(p *program) {
		r := p.begin(inPieces(), 100)
		p.mustSend(r, "hello")
		p.mustSend(r, "world")
		id = r.File.ID
	})
	d.clock.advance(20 * time.Hour)
	if found := d.fsck(core.Fsck{Repair: true, Deep: true}); len(found) != 0 {
		t.Errorf("a live upload was found fault with: %+v", found)
	}
	d.open(func(p *program) {
		n, err := p.NewReconciler(time.Hour).Pass(t.Context(), 100)
		if err != nil || n.Orphans != 0 || n.Missing != 0 || n.Drift != 0 || p.resume(id).Offset != 10 {
			t.Errorf("reconciled %+v, %v; the upload is at %d", n, err, p.resume(id).Offset)
		}
		r := p.resume(id)
		mustDo(t, p.EndResumable(t.Context(), tenant, id, "u1"))
		p.put(fmt.Sprintf("%s/%s/%s.piece.%019d", tenant, id[24:], id, 10)) // of a process that was killed right after
		_ = r
	})
	d.clock.advance(2 * time.Hour)
	d.open(func(p *program) {
		if n, err := p.NewReconciler(time.Hour).Pass(t.Context(), 100); err != nil || n.Orphans != 1 {
			t.Errorf("reconciled %+v, %v", n, err)
		}
		p.nothingLeft()
	})
}

func TestLengthThatIsDeclaredLater(t *testing.T) {
	b := newBench(t)
	l := core.Limits{MaxFile: 20, MaxStorage: 12}
	r := b.begin(inPieces(), file.DeferredLength)
	send := func(body string) error {
		_, err := b.Append(t.Context(), r, core.Piece{Body: strings.NewReader(body), Limits: l, Wait: day})
		return err
	}
	if err := send("hello"); err != nil || b.used() != 5 || r.Whole() {
		t.Fatalf("%v; %d bytes are charged", err, b.used())
	}
	wantCode(t, send("and more than fits"), file.TooLarge, "file_too_large")
	wantCode(t, send("what is more"), file.OverQuota, "storage_limit_exceeded")
	wantCode(t, b.DeclareLength(t.Context(), r, 13, l), file.OverQuota, "storage_limit_exceeded")
	wantCode(t, b.DeclareLength(t.Context(), r, 21, l), file.TooLarge, "file_too_large")
	wantCode(t, b.DeclareLength(t.Context(), r, 4, l), file.Invalid, "")
	if b.used() != 5 || b.resume(r.File.ID).Offset != 5 {
		t.Errorf("%d bytes are charged, the upload is at %d", b.used(), b.resume(r.File.ID).Offset)
	}
	if err := b.DeclareLength(t.Context(), r, 10, l); err != nil || b.used() != 10 {
		t.Fatalf("%v; %d bytes are charged", err, b.used())
	}
	if err := b.DeclareLength(t.Context(), r, 10, l); !file.Is(err, file.Invalid) {
		t.Errorf("declaring it twice gave %v", err)
	}
	if err := send("world"); err != nil {
		t.Fatal(err)
	}
	if f := b.mustFinish(b.resume(r.File.ID)); f.SHA256 != sha("helloworld") || b.used() != 10 {
		t.Errorf("finished %+v; %d bytes are charged", f, b.used())
	}
}

func (b *bench) part(body string) core.Resumable {
	b.t.Helper()
	u := inPieces()
	u.OriginalName = "part"
	r := b.beginAs(u, core.Resume{Length: int64(len(body)), Partial: true, Wait: day})
	b.mustSend(r, body)
	return *b.resume(r.File.ID)
}

func TestConcat(t *testing.T) {
	b := newBench(t)
	parts := []core.Resumable{b.part("hello"), b.part(" "), b.part("world")}
	if err := b.finish(&parts[0]); err != nil || b.get(parts[0].File).State != file.Temp {
		t.Errorf("a part was finished: %v", err)
	}
	u := inPieces()
	u.Limits, u.SHA256 = core.Limits{MaxStorage: 11}, sha("x")
	_, err := b.Concat(t.Context(), u, parts, "m")
	wantCode(t, err, file.Invalid, "digest_mismatch")
	if b.used() != 11 || len(b.blobKeys()) != 3 {
		t.Errorf("after a refusal %d bytes are charged, blobs %q", b.used(), b.blobKeys())
	}
	for name, bad := range map[string][]core.Resumable{
		"twice the same": {parts[0], parts[0]},
		"not whole":      {*b.beginAs(inPieces(), core.Resume{Length: 1, Partial: true, Wait: day})},
		"no part":        {*b.begin(inPieces(), 1)},
	} {
		_, err := b.Concat(t.Context(), inPieces(), bad, "")
		if !file.Is(err, file.Invalid) || file.CodeOf(err) != core.CodePartUnusable {
			t.Errorf("%s: %v", name, err)
		}
		for _, r := range bad {
			if r.File.ID != parts[0].File.ID {
				mustDo(t, b.EndResumable(t.Context(), tenant, r.File.ID, "u1"))
			}
		}
	}
	u.SHA256 = sha("hello world")
	s, err := b.Concat(t.Context(), u, parts, "m")
	if err != nil {
		t.Fatal(err)
	}
	f := b.get(s.File)
	if f.State != file.Pending || f.SHA256 != u.SHA256 || f.Resumable == nil || f.Resumable.Concat != file.ConcatFinal || f.Resumable.Length != 11 || b.used() != 11 || len(b.blobKeys()) != 1 {
		t.Errorf("made %+v; %d bytes are charged, blobs %q", f, b.used(), b.blobKeys())
	}
	for _, r := range parts {
		b.gone(r.File.ID)
	}
	b.waitFacts(f.ID, event.Stored)
	if _, err := b.Concat(t.Context(), u, parts, ""); !file.Is(err, file.NotFound) {
		t.Errorf("a second file of the same parts: %v", err)
	}
}

func TestBeginUnderAnIdempotencyKey(t *testing.T) {
	b := newBench(t)
	u := inPieces()
	u.Key, u.SHA256 = "k1", sha("hello")
	r := b.begin(u, 5)
	again := func(u core.Upload, length int64) (core.Stored, error) {
		return b.BeginResumable(t.Context(), u, core.Resume{Length: length, Wait: day})
	}
	b.mustSend(r, "hel")
	if s, err := again(u, 5); err != nil || !s.Replayed || s.File.ID != r.File.ID || b.used() != 5 {
		t.Errorf("again gave %+v, %v; %d bytes are charged", s, err, b.used())
	}
	_, err := again(u, 6)
	wantCode(t, err, file.Mismatch, "idempotency_key_reused")
	b.mustSend(r, "lo")
	b.mustFinish(r)
	if s, err := again(u, 5); err != nil || !s.Replayed || s.File.State != file.Pending {
		t.Errorf("after the end it gave %+v, %v", s, err)
	}
	u.Key = "k2"
	b.begin(u, 5)
	b.clock.advance(day)
	if _, err := again(u, 5); !file.Is(err, file.NotFound) {
		t.Errorf("an expired one gave %v", err)
	}
}

func TestPiecesAreBounded(t *testing.T) {
	d := newFolder(t)
	d.open(func(b *program) {
		r := b.begin(inPieces(), core.MaxPieces+10)
		b.mustSend(r, "x")
		key := d.path(b.blobKeys()[0])
		for n := 1; n < core.MaxPieces; n++ {
			mustDo(t, os.Link(key, fmt.Sprintf("%s%019d", key[:len(key)-19], n)))
		}
		r = b.resume(r.File.ID)
		_, err := b.send(r, strings.NewReader("x"))
		wantCode(t, err, file.Invalid, core.CodeTooManyPieces)
		if got := b.resume(r.File.ID).Offset; got != core.MaxPieces {
			t.Errorf("the upload is at %d", got)
		}
	})
}

// A long body is cut into pieces, so that the end of a process costs its client one of them at most.
func TestALongBodyIsCut(t *testing.T) {
	b := newBench(t)
	r := b.begin(inPieces(), 11)
	cut := core.Piece{Body: strings.NewReader("hello world"), Wait: day, Most: 4}
	if n, err := b.Append(t.Context(), r, cut); n != 11 || err != nil || len(b.blobKeys()) != 3 {
		t.Fatalf("%d bytes, %v, pieces %q", n, err, b.blobKeys())
	}
	if f := b.mustFinish(r); f.SHA256 != sha("hello world") || len(b.blobKeys()) != 1 {
		t.Errorf("finished %+v, blobs %q", f, b.blobKeys())
	}
}
