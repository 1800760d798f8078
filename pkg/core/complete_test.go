package core_test

import (
	"context"
	"crypto/md5" //nolint:gosec // the checksum that S3 shows
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// promised is a promise of a text, as a client announces it.
func promised() core.Upload {
	u := text("")
	u.Body, u.DeclaredType = nil, "text/plain"
	return u
}

// sent are bytes on their way to a promise.
func sent(body string) core.Upload {
	return core.Upload{Tenant: tenant, Body: strings.NewReader(body)}
}

func (b *bench) promise(u core.Upload) *file.File {
	b.t.Helper()
	f, err := b.Promise(b.t.Context(), u)
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

func (b *bench) receive(f *file.File, body string) *file.File {
	b.t.Helper()
	got, err := b.Receive(b.t.Context(), file.ByID(f.ID), sent(body))
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

// untouched fails unless a promise is as it was when it was made, and nothing else is there.
func (b *bench) untouched(f *file.File) {
	b.t.Helper()
	if got := b.get(f); got.State != file.Temp || got.BlobKey != "" || got.Size != 0 || got.SHA256 != "" {
		b.t.Errorf("the promise is now %+v", got)
	}
	if keys := b.blobKeys(); len(keys) != 0 || b.used() != 0 {
		b.t.Errorf("blobs %q, %d bytes are charged", keys, b.used())
	}
}

// wantCode fails unless err is of that kind and code.
func wantCode(t *testing.T, err error, kind file.Kind, code string) {
	t.Helper()
	if !file.Is(err, kind) || file.CodeOf(err) != code {
		t.Errorf("got %v, want %s %s", err, kind, code)
	}
}

func TestUploadInSteps(t *testing.T) {
	b := newBench(t)
	u := promised()
	u.Attributes = map[string]string{"disposition": "attachment"}
	f := b.promise(u)
	if f.State != file.Temp || f.Number == 0 || f.Size != 0 || f.DeclaredType != "text/plain" || f.Attributes["disposition"] != "attachment" {
		t.Errorf("promise %+v", f)
	}
	if _, err := b.Core.Get(t.Context(), tenant, file.ByID(f.ID)); !file.Is(err, file.NotFound) {
		t.Errorf("a promise can be read: %v", err)
	}
	b.untouched(f)

	b.clock.advance(time.Minute)
	data := sent("hello")
	data.MD5 = true
	got, err := b.Receive(t.Context(), file.ByNumber(f.Number), data)
	if err != nil {
		t.Fatal(err)
	}
	sum := md5.Sum([]byte("hello")) //nolint:gosec // as above
	if got.State != file.Temp || got.Size != 5 || got.SHA256 == "" || got.MD5 != hex.EncodeToString(sum[:]) || b.used() != 5 {
		t.Errorf("received %+v, %d bytes charged", got, b.used())
	}
	if _, err := b.Core.Get(t.Context(), tenant, file.ByID(f.ID)); !file.Is(err, file.NotFound) {
		t.Errorf("a promise with bytes can be read: %v", err)
	}
	if facts := b.bus.facts(f.ID); len(facts) != 0 {
		t.Errorf("subscribers were told %v", facts)
	}

	b.clock.advance(time.Minute)
	for range 2 { // the second changes nothing
		got, err = b.Finish(t.Context(), tenant, file.ByID(f.ID))
		if err != nil || got.State != file.Pending || !got.Updated.At.Equal(f.Created.At) {
			t.Errorf("finished %+v, %v", got, err)
		}
	}
	b.verify(f, content.Verdict{Type: "text/plain"})
	if got, err = b.Finish(t.Context(), tenant, file.ByID(f.ID)); err != nil || got.State != file.Ready || b.used() != 5 {
		t.Errorf("finished again %+v, %v", got, err)
	}
	b.waitFacts(f.ID, event.Stored, event.Verified)
}

func TestPromisesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*core.Upload)
		kind   file.Kind
		code   string
	}{
		"no name":            {func(u *core.Upload) { u.OriginalName = "" }, file.Invalid, ""},
		"a path":             {func(u *core.Upload) { u.OriginalName = "a/b.txt" }, file.Invalid, ""},
		"no media type":      {func(u *core.Upload) { u.DeclaredType = "text" }, file.Invalid, ""},
		"a program":          {func(u *core.Upload) { u.OriginalName, u.Policy = "a.exe", content.Generic }, file.TypeRefused, content.CodeUnsupported},
		"another type":       {func(u *core.Upload) { u.DeclaredType = "image/png" }, file.TypeRefused, content.CodeMismatch},
		"announced as large": {func(u *core.Upload) { u.Limits.MaxFile, u.Announced = 4, 5 }, file.TooLarge, "file_too_large"},
		"no room for it":     {func(u *core.Upload) { u.Limits.MaxStorage, u.Announced = 4, 5 }, file.OverQuota, "storage_limit_exceeded"},
		"a bad attribute":    {func(u *core.Upload) { u.Attributes = map[string]string{"a": strings.Repeat("x", 256)} }, file.Invalid, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			u := promised()
			c.change(&u)
			_, err := b.Promise(t.Context(), u)
			wantCode(t, err, c.kind, c.code)
			b.nothingLeft()
		})
	}
}

func TestPromiseUnderAnIdempotencyKey(t *testing.T) {
	b := newBench(t)
	u := promised()
	u.Key = "k1"
	first := b.promise(u)
	b.receive(first, "hello")
	if again := b.promise(u); again.ID != first.ID {
		t.Errorf("a second promise %s beside %s", again.ID, first.ID)
	}
	u.OriginalName = "other.txt"
	_, err := b.Promise(t.Context(), u)
	wantCode(t, err, file.Mismatch, "idempotency_key_reused")
}

func TestBytesThatArePromisedAndNotTaken(t *testing.T) {
	broken := errors.New("connection cut")
	for name, c := range map[string]struct {
		change func(*core.Upload)
		kind   file.Kind
		is     error
	}{
		"empty":               {change: func(u *core.Upload) { u.Body = strings.NewReader("") }, kind: file.Invalid},
		"not what they claim": {change: func(u *core.Upload) { u.Body = strings.NewReader("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR") }, kind: file.TypeRefused},
		"a program":           {change: func(u *core.Upload) { u.Body = strings.NewReader("#!/bin/sh\nrm") }, kind: file.TypeRefused},
		"too many":            {change: func(u *core.Upload) { u.Limits.MaxFile = 4 }, kind: file.TooLarge},
		"announced too many":  {change: func(u *core.Upload) { u.Limits.MaxFile, u.Announced, u.Body = 4, 5, nil }, kind: file.TooLarge},
		"over quota":          {change: func(u *core.Upload) { u.Limits.MaxStorage = 4 }, kind: file.OverQuota},
		"announced quota":     {change: func(u *core.Upload) { u.Limits.MaxStorage, u.Announced, u.Body = 4, 5, nil }, kind: file.OverQuota},
		"large over quota":    {change: func(u *core.Upload) { u.Limits.MaxStorage, u.Body = 20<<20, repeated(21<<20) }, kind: file.OverQuota},
		"cut off":             {change: func(u *core.Upload) { u.Body = &failingReader{repeated(9 << 20), broken} }, is: broken, kind: file.Internal},
		"refused at the end":  {change: func(u *core.Upload) { u.Complete = func(*core.Upload) error { return broken } }, is: broken, kind: file.Internal},
		"another digest":      {change: func(u *core.Upload) { u.SHA256 = strings.Repeat("0", 64) }, kind: file.Invalid},
		"another tenant":      {change: func(u *core.Upload) { u.Tenant = "other" }, kind: file.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			f := b.promise(promised())
			u := sent("hello")
			c.change(&u)
			if _, err := b.Receive(t.Context(), file.ByID(f.ID), u); !file.Is(err, c.kind) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v, want kind %s %v", err, c.kind, c.is)
			}
			b.untouched(f)
			_, err := b.Finish(t.Context(), tenant, file.ByID(f.ID))
			wantCode(t, err, file.Invalid, core.CodeNotReceived)

			b.receive(f, "hello") // the promise still stands
		})
	}
}

func TestBytesAreTakenOnce(t *testing.T) {
	b := newBench(t)
	f := b.promise(promised())
	b.receive(f, "hello")
	again := func(when string) {
		t.Helper()
		u := sent("")
		u.Body = unread{t}
		_, err := b.Receive(t.Context(), file.ByID(f.ID), u)
		if !file.Is(err, file.Conflict) || file.CodeOf(err) != core.CodeReceived {
			t.Errorf("%s: %v", when, err)
		}
	}
	again("received")
	if _, err := b.Finish(t.Context(), tenant, file.ByID(f.ID)); err != nil {
		t.Fatal(err)
	}
	again("finished")
	b.verify(f, content.Verdict{Type: "text/plain"})
	again("ready")
	if got := b.get(f); got.Size != 5 || len(b.blobKeys()) != 1 {
		t.Errorf("record %+v, blobs %q", got, b.blobKeys())
	}
	if _, err := b.Delete(t.Context(), tenant, file.ByID(f.ID), "u1"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Receive(t.Context(), file.ByID(f.ID), sent("hello")); !file.Is(err, file.NotFound) {
		t.Errorf("deleted: %v", err)
	}
	if _, err := b.Finish(t.Context(), tenant, file.ByID(f.ID)); !file.Is(err, file.NotFound) {
		t.Errorf("finishing what is deleted: %v", err)
	}
	b.nothingLeft()
}

// unread is a body that nobody must read.
type unread struct{ t *testing.T }

func (r unread) Read([]byte) (int, error) {
	r.t.Error("the body was read")
	return 0, io.EOF
}

// meeting is a body that comes to its end only when all that meet have begun to send theirs.
type meeting struct {
	io.Reader
	began func()
	all   <-chan struct{}
}

func (m *meeting) Read(p []byte) (int, error) {
	m.began()
	<-m.all
	return m.Reader.Read(p)
}

func TestOfManyWhoSendAtOnceOneWins(t *testing.T) {
	b := newBench(t)
	f := b.promise(promised())
	const rivals = 8
	var began sync.WaitGroup
	began.Add(rivals)
	all := make(chan struct{})
	go func() { began.Wait(); close(all) }()
	won := make(chan string, rivals)
	var sending sync.WaitGroup
	for i := range rivals {
		sending.Go(func() {
			body := strings.Repeat("x", 100+i)
			u := sent("")
			u.Body = &meeting{strings.NewReader(body), sync.OnceFunc(began.Done), all}
			_, err := b.Receive(context.Background(), file.ByID(f.ID), u)
			switch {
			case err == nil:
				won <- body
			case file.CodeOf(err) != core.CodeReceived:
				t.Error(err)
			}
		})
	}
	sending.Wait()
	close(won)
	if len(won) != 1 {
		t.Fatalf("%d were taken", len(won))
	}
	body, got := <-won, b.get(f)
	if got.Size != int64(len(body)) || b.used() != got.Size || !slices.Equal(b.blobKeys(), []string{got.BlobKey}) {
		t.Errorf("%d bytes won; record %+v, %d charged, blobs %q", len(body), got, b.used(), b.blobKeys())
	}
}

func TestQuotaOfPromises(t *testing.T) {
	b := newBench(t)
	const size, room, rivals = 100_000, 5, 16
	send := func(f *file.File, limit int64) error {
		u := sent("")
		u.Body, u.Limits.MaxStorage = repeated(size), limit
		_, err := b.Receive(context.Background(), file.ByID(f.ID), u)
		return err
	}
	var waiting []*file.File
	for range rivals {
		f := b.promise(promised())
		if err := send(f, size*room); file.Is(err, file.OverQuota) {
			waiting = append(waiting, f)
		} else if err != nil {
			t.Error(err)
		}
	}
	if len(waiting) != rivals-room || b.used() != size*room {
		t.Errorf("%d had to wait, %d bytes charged; want %d", len(waiting), b.used(), rivals-room)
	}
	var sending sync.WaitGroup // at once, too, no more are let in than fit
	for _, f := range waiting {
		sending.Go(func() { _ = send(f, 2*size*room) })
	}
	sending.Wait()
	if used := b.used(); used > 2*size*room || used <= size*room || len(b.blobKeys()) != int(used/size) {
		t.Errorf("%d bytes charged, %d blobs", used, len(b.blobKeys()))
	}
}

func TestAbandonedPromises(t *testing.T) {
	b := newBench(t)
	empty, full, kept := b.promise(promised()), b.promise(promised()), b.promise(promised())
	b.clock.advance(core.PromiseLife / 2)
	b.receive(full, "hello")
	b.receive(kept, "hello")
	if _, err := b.Finish(t.Context(), tenant, file.ByID(kept.ID)); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		later time.Duration
		gone  int
	}{
		{core.PromiseLife/2 - time.Second, 0},
		{time.Second, 1}, // an hour after the promise that has no bytes
		{core.PromiseLife/2 - time.Second, 0},
		{time.Second, 1},      // an hour after the bytes of the one that has
		{core.PromiseLife, 0}, // what is finished is no promise
	} {
		b.clock.advance(step.later)
		if n, err := b.AbandonDue(t.Context(), core.PromiseLife, 10); n != step.gone || err != nil {
			t.Errorf("%d were abandoned, want %d: %v", n, step.gone, err)
		}
	}
	for _, f := range []*file.File{empty, full} {
		if got, err := b.Record(t.Context(), tenant, file.ByID(f.ID)); err != nil || got.State != file.Gone {
			t.Errorf("record %+v, %v", got, err)
		}
		if _, err := b.Receive(t.Context(), file.ByID(f.ID), sent("hello")); !file.Is(err, file.NotFound) {
			t.Errorf("sending for it gave %v", err)
		}
		if _, err := b.Finish(t.Context(), tenant, file.ByID(f.ID)); !file.Is(err, file.NotFound) {
			t.Errorf("finishing it gave %v", err)
		}
	}
	if got := b.get(kept); got.State != file.Pending || b.used() != 5 || len(b.blobKeys()) != 1 {
		t.Errorf("the other one: %+v, %d bytes, blobs %q", got, b.used(), b.blobKeys())
	}
}

// A promise that is buried while its bytes come takes none.
func TestPromiseIsAbandonedMeanwhile(t *testing.T) {
	b := newBench(t)
	f := b.promise(promised())
	u := sent("hello")
	u.Complete = func(*core.Upload) error {
		b.clock.advance(2 * core.PromiseLife)
		_, err := b.AbandonDue(context.Background(), core.PromiseLife, 10)
		return err
	}
	if _, err := b.Receive(t.Context(), file.ByID(f.ID), u); !file.Is(err, file.NotFound) {
		t.Errorf("got %v", err)
	}
	b.nothingLeft()
}

func TestLostAnswerOfReceive(t *testing.T) {
	b := newBench(t)
	f := b.promise(promised())
	b.repo.loseUpdate = 1
	got := b.receive(f, "hello") // the record says that it was written
	if got.BlobKey == "" || !slices.Equal(b.blobKeys(), []string{got.BlobKey}) || b.used() != 5 {
		t.Errorf("record %+v, blobs %q, %d bytes", got, b.blobKeys(), b.used())
	}
}

// A crash between the bytes and their record leaves bytes that no record names, and a promise that stands.
func TestCrashBeforeTheRecordHasTheBytes(t *testing.T) {
	b := newBench(t)
	f := b.promise(promised())
	b.put("acme/" + string(f.ID[24:]) + "/" + string(f.ID) + ".01JQ3KMN7XFGY4P6WBR2SZTAZZ")
	f = b.receive(f, "hello")
	r := b.NewReconciler(time.Hour)
	b.clock.advance(24 * 365 * time.Hour) // far past the real time that the files carry
	if found, err := r.Pass(t.Context(), 100); err != nil || found.Orphans != 1 || found.Missing != 0 {
		t.Errorf("found %+v, %v", found, err)
	}
	if keys := b.blobKeys(); !slices.Equal(keys, []string{f.BlobKey}) {
		t.Errorf("left %q", keys)
	}
}
