package core_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

func TestPictureGetsVerdictAndThumbnail(t *testing.T) {
	b := newBench(t)
	u := text("")
	u.OriginalName, u.Body = "p.gif", strings.NewReader("GIF89a\x01\x00\x01\x00\x00\x00\x00;")
	f := b.upload(u)
	b.verify(f, content.Verdict{Type: "image/gif", Image: &file.Image{Width: 1, Height: 1, Frames: 1}})
	if got := b.get(f); got.State != file.Ready || got.Thumbnail != file.ThumbnailOwed || core.Settled(got) {
		t.Fatalf("after the verdict: %+v", got)
	}
	renders := 0
	render := func(context.Context, io.ReadSeeker, *file.File) (core.Rendering, error) {
		renders++
		return core.Rendering{Data: []byte("tiny"), Type: "image/gif", Width: 1, Height: 1}, nil
	}
	for range 3 { // doubled events change nothing
		if err := b.MakeThumbnail(t.Context(), hint(f), render); err != nil {
			t.Fatal(err)
		}
		b.verify(f, content.Verdict{Reason: content.ReasonCorrupt})
	}
	got := b.get(f)
	if len(got.Variants) != 1 || renders != 1 || !core.Settled(got) || len(b.blobKeys()) != 2 {
		t.Errorf("%d variants, %d renders, blobs %q", len(got.Variants), renders, b.blobKeys())
	}
	c, err := b.Open(t.Context(), got, file.ThumbnailName)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if data, _ := io.ReadAll(c); string(data) != "tiny" || c.Type != "image/gif" {
		t.Errorf("thumbnail %q of %s", data, c.Type)
	}
	b.waitFacts(f.ID, event.Stored, event.Verified, event.VariantCreated)
}

func TestRejectedFileLosesItsBytes(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	b.verify(f, content.Verdict{Type: "text/plain", Reason: content.ReasonInfected, Note: "found"})
	got := b.get(f)
	if got.State != file.Rejected || got.Reason != content.ReasonInfected || got.BlobKey != "" || len(b.blobKeys()) != 0 || b.used() != 0 {
		t.Errorf("record %+v, blobs %q, %d bytes", got, b.blobKeys(), b.used())
	}
	if _, err := b.Open(t.Context(), got, ""); !file.Is(err, file.NotFound) {
		t.Errorf("opening it gave %v", err)
	}
	b.waitFacts(f.ID, event.Stored, event.Rejected)
}

func TestFailedAttemptsEndInFailed(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	broken := errors.New("boom")
	fail := func(context.Context, io.ReadSeeker, *file.File) (content.Verdict, error) {
		return content.Verdict{}, broken
	}
	for i := range core.MaxAttempts {
		if err := b.Verify(t.Context(), hint(f), fail); !errors.Is(err, broken) {
			t.Fatalf("attempt %d gave %v", i+1, err)
		}
	}
	if err := b.Verify(t.Context(), hint(f), fail); err != nil {
		t.Fatal(err)
	}
	if got := b.get(f); got.State != file.Failed || got.Reason != "too_many_attempts" {
		t.Errorf("record %+v", got)
	}
	b.waitFacts(f.ID, event.Stored, event.Failed)
}

// dieAt lets n workers, one after the other, claim the file and not come back before their lease has ended, and then calls last.
func (b *bench) dieAt(f *file.File, n int, last func()) {
	b.t.Helper()
	if n == 0 {
		last()
		return
	}
	err := b.Verify(b.t.Context(), hint(f), func(context.Context, io.ReadSeeker, *file.File) (content.Verdict, error) {
		b.clock.advance(core.DefaultLease + time.Second)
		b.dieAt(f, n-1, last)
		return content.Verdict{Reason: content.ReasonCorrupt}, nil // too late
	})
	if err != nil {
		b.t.Error(err)
	}
}

func TestCrashesCountLessThanFailures(t *testing.T) {
	b := newBench(t)
	innocent := b.upload(text("innocent"))
	b.dieAt(innocent, core.MaxCrashes-1, func() { b.verify(innocent, content.Verdict{Type: "text/plain"}) })
	got := b.get(innocent)
	if last := got.Timeline[len(got.Timeline)-1]; got.State != file.Ready || got.Crashes != 0 || last.Attempt != core.MaxCrashes {
		t.Errorf("record %+v", got)
	}
	guilty := b.upload(text("guilty"))
	b.dieAt(guilty, core.MaxCrashes+1, func() { t.Error("it is worked on after that many crashes") })
	if got := b.get(guilty); got.State != file.Failed || got.Reason != "too_many_attempts" {
		t.Errorf("record %+v", got)
	}
}

func TestOutageDoesNotCountAgainstTheFile(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	out := func(context.Context, io.ReadSeeker, *file.File) (content.Verdict, error) {
		return content.Verdict{}, file.Errorf(file.Unavailable, "scan", "scanner is out")
	}
	for range core.MaxAttempts * 3 {
		if err := b.Verify(t.Context(), hint(f), out); !file.Is(err, file.Unavailable) {
			t.Fatal(err)
		}
	}
	b.verify(f, content.Verdict{Type: "text/plain"})
	if got := b.get(f); got.State != file.Ready {
		t.Errorf("state %s", got.State)
	}
}

func TestClaimKeepsOthersOffUntilTheLeaseEnds(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	inner := 0
	err := b.Verify(t.Context(), hint(f), func(context.Context, io.ReadSeeker, *file.File) (content.Verdict, error) {
		// Another worker is told of the same file while this one is at it: once with the lease running, once after it has ended.
		b.verify(f, content.Verdict{Type: "text/plain", Reason: content.ReasonCorrupt})
		if got := b.get(f); got.State != file.Pending {
			t.Errorf("the claim was not respected: %s", got.State)
		}
		b.clock.advance(core.DefaultLease + time.Second)
		inner++
		b.verify(f, content.Verdict{Type: "text/csv"})
		return content.Verdict{Type: "text/plain", Reason: content.ReasonCorrupt}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.get(f); got.State != file.Ready || got.DetectedType != "text/csv" || inner != 1 {
		t.Errorf("the late verdict won: %+v", got)
	}
	b.waitFacts(f.ID, event.Stored, event.Verified)
}

func TestLostThumbnailRaceLeavesNoBytes(t *testing.T) {
	b := newBench(t)
	u := text("")
	u.OriginalName, u.Body = "p.gif", strings.NewReader("GIF89a\x01\x00\x01\x00\x00\x00\x00;")
	f := b.upload(u)
	b.verify(f, content.Verdict{Type: "image/gif"})
	err := b.MakeThumbnail(t.Context(), hint(f), func(ctx context.Context, _ io.ReadSeeker, _ *file.File) (core.Rendering, error) {
		if _, err := b.Delete(ctx, tenant, file.ByID(f.ID), "u1"); err != nil {
			t.Error(err)
		}
		return core.Rendering{Data: []byte("tiny"), Type: "image/gif"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if keys := b.blobKeys(); len(keys) != 0 {
		t.Errorf("blobs are left: %q", keys)
	}
	b.erased(f)
}

func TestUnknownOutcomeOfVerdictIsHarmless(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	err := b.Verify(t.Context(), hint(f), func(context.Context, io.ReadSeeker, *file.File) (content.Verdict, error) {
		b.repo.mu.Lock()
		b.repo.loseUpdate = 1 // the next update, which is the verdict's
		b.repo.mu.Unlock()
		return content.Verdict{Type: "text/plain"}, nil
	})
	if !file.Is(err, file.Unavailable) {
		t.Fatalf("got %v", err)
	}
	b.verify(f, content.Verdict{Reason: content.ReasonCorrupt})
	if got := b.get(f); got.State != file.Ready || got.Attempts != 0 {
		t.Errorf("record %+v", got)
	}
	if _, err := b.RelayDue(t.Context(), -time.Minute, 10); err != nil {
		t.Fatal(err)
	}
	b.waitFacts(f.ID, event.Stored, event.Verified)
}

func TestAwaitIsWokenOrLooks(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	go func() { _ = b.Verify(context.Background(), hint(f), judge(content.Verdict{Type: "text/plain"})) }()
	got, err := b.Await(t.Context(), f, 10*time.Second, core.Judged)
	if err != nil || got.State != file.Ready {
		t.Errorf("awaited %v, %v", got, err)
	}
	other := b.upload(text("never judged"))
	if got, err := b.Await(t.Context(), other, 10*time.Millisecond, core.Judged); err != nil || got.State != file.Pending {
		t.Errorf("awaited %v, %v", got, err)
	}
}

// silence is a bus that brings nothing.
type silence struct{}

func (silence) Consume(ctx context.Context, _ bus.Work) error {
	<-ctx.Done()
	return nil
}

func TestWorkerFindsWorkThatNoEventBrought(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	b.clock.advance(time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error)
	go func() {
		stopped <- b.Run(ctx, silence{}, core.Worker{
			Name: "verifier", Fact: event.Stored, Work: file.WorkVerify, Log: slog.New(slog.DiscardHandler),
			Do: func(ctx context.Context, h core.Hint) error {
				return b.Verify(ctx, h, judge(content.Verdict{Type: "text/plain"}))
			},
		})
	}()
	b.waitFacts(f.ID, event.Stored, event.Verified)
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// call hands one delivery to a worker, as its last attempt, and then tells it that the message is given up.
type call struct{ data []byte }

func (c call) Consume(ctx context.Context, w bus.Work) error {
	d := bus.Delivery{Message: bus.Message{Data: c.data}, Attempt: 6, Last: true}
	if err := w.Handle(ctx, d); err != nil {
		if err := w.Dead(ctx, d, err); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

func TestDeadMessageFailsTheFileUnlessADependencyWasOut(t *testing.T) {
	for _, c := range []struct {
		cause error
		want  file.State
	}{
		{errors.New("boom"), file.Failed},
		{file.Errorf(file.Unavailable, "scan", "scanner is out"), file.Pending},
	} {
		b := newBench(t)
		f := b.upload(text("hello"))
		data, err := event.New(file.OutboxEntry{ID: "e1", Fact: string(event.Stored)}, f).Encode()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopped, tried := make(chan error), make(chan struct{})
		go func() {
			stopped <- b.Run(ctx, call{data}, core.Worker{
				Name: "verifier", Fact: event.Stored, Work: file.WorkVerify, Log: slog.New(slog.DiscardHandler),
				Do: func(ctx context.Context, h core.Hint) error {
					defer close(tried)
					return b.Verify(ctx, h, func(context.Context, io.ReadSeeker, *file.File) (content.Verdict, error) {
						return content.Verdict{}, c.cause
					})
				},
			})
		}()
		<-tried
		if c.want == file.Failed {
			b.waitFacts(f.ID, event.Stored, event.Failed)
		}
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
		if got := b.get(f); got.State != c.want {
			t.Errorf("%v: the file is %s, want %s", c.cause, got.State, c.want)
		}
	}
}

func TestWorkerWithoutItsLeaseCommitsNothing(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	slowIn, slowGo, slowOut := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		slowOut <- b.Verify(context.Background(), hint(f), func(context.Context, io.ReadSeeker, *file.File) (content.Verdict, error) {
			close(slowIn)
			<-slowGo
			return content.Verdict{Type: "text/plain", Reason: content.ReasonCorrupt}, nil
		})
	}()
	<-slowIn
	b.clock.advance(core.DefaultLease + time.Second)
	err := b.Verify(t.Context(), hint(f), func(context.Context, io.ReadSeeker, *file.File) (content.Verdict, error) {
		close(slowGo) // while this one is at it, the slow one comes back
		if err := <-slowOut; err != nil {
			t.Error(err)
		}
		if got := b.get(f); got.State != file.Pending {
			t.Errorf("the slow worker committed: %s", got.State)
		}
		return content.Verdict{Type: "text/csv"}, nil
	})
	if got := b.get(f); err != nil || got.State != file.Ready || got.DetectedType != "text/csv" {
		t.Errorf("%v, record %+v", err, got)
	}
}
