package operate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/bus/nats"
	"github.com/inlethq/inlet/pkg/bus/nats/embedded"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta/sqlite"
)

const (
	tenant   file.Tenant = "acme"
	patience             = 20 * time.Second
)

// open makes a session on stores of its own, and on a bus whose letters can be read.
func open(t *testing.T) (*session, bus.Bus, *bytes.Buffer) {
	t.Helper()
	server, err := embedded.Start(embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	b, err := nats.Open(t.Context(), nats.Config{Server: server, User: embedded.User})
	if err != nil {
		t.Fatal(err)
	}
	repo, err := sqlite.Open(t.Context(), sqlite.Config{Path: t.TempDir() + "/meta.db", Synchronous: sqlite.Off})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := disk.Open(disk.Config{Dir: t.TempDir(), Durability: disk.Process})
	if err != nil {
		t.Fatal(err)
	}
	c := core.New(core.Config{Blobs: blobs, Meta: repo, Bus: b})
	out := new(bytes.Buffer)
	s := &session{Command: Command{Out: out, ErrOut: t.Output(), JSON: true}, core: c, letters: b,
		close: []func() error{blobs.Close, repo.Close, b.Close, func() error { c.Close(context.Background()); return nil }}}
	t.Cleanup(func() {
		if err := s.end(); err != nil {
			t.Error(err)
		}
	})
	return s, b, out
}

// upload stores a file.
func upload(t *testing.T, s *session) *file.File {
	t.Helper()
	stored, err := s.core.Upload(t.Context(), core.Upload{Tenant: tenant, By: "u1", OriginalName: "note.txt", Body: strings.NewReader("hello")})
	if err != nil {
		t.Fatal(err)
	}
	return stored.File
}

// refuse runs a verifier that gives every file up, until it has left n letters.
func refuse(t *testing.T, s *session, b bus.Bus, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan error, 1)
	running, stop := context.WithCancel(ctx)
	go func() {
		done <- s.core.Run(running, b, core.Worker{
			Name: "verifier", Fact: event.Stored, Work: file.WorkVerify, Log: slog.New(slog.DiscardHandler),
			Do: func(context.Context, core.Hint) error { return bus.Permanent(errors.New("out of order")) },
		})
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for count := 0; count < n; {
		count = 0
		err := s.letters.DeadLetters(ctx, 0, func(bus.DeadLetter) error { count++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		<-tick.C
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// read takes what was printed, one T a line.
func read[T any](t *testing.T, out *bytes.Buffer) []T {
	t.Helper()
	var all []T
	for d := json.NewDecoder(out); ; {
		var v T
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			out.Reset()
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
}

func TestDead(t *testing.T) {
	s, b, out := open(t)
	failed, fine, gone := upload(t, s), upload(t, s), upload(t, s)
	refuse(t, s, b, 3)
	// One of the three was mended since, and one deleted.
	if _, err := s.core.Replay(t.Context(), tenant, fine.ID); err != nil {
		t.Fatal(err)
	}
	err := s.core.Verify(t.Context(), core.Hint{Tenant: tenant, ID: fine.ID}, func(context.Context, io.ReadSeeker, *file.File) (content.Verdict, error) {
		return content.Verdict{Type: "text/plain"}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.core.Delete(t.Context(), tenant, file.ByID(gone.ID), "u1"); err != nil {
		t.Fatal(err)
	}

	if err := s.list(t.Context()); err != nil {
		t.Fatal(err)
	}
	listed := read[grave](t, out)
	want := []grave{{ID: failed.ID, State: file.Failed, Work: file.WorkVerify, Reason: "processing_failed"}, {ID: fine.ID, State: file.Ready}, {ID: gone.ID, State: file.Gone}}
	if len(listed) != len(want) {
		t.Fatalf("listed %+v", listed)
	}
	for i, g := range listed {
		w := want[i]
		if g.ID != w.ID || g.Tenant != tenant || g.State != w.State || g.Work != w.Work || g.Reason != w.Reason || g.At.IsZero() {
			t.Errorf("listed %+v, want %+v", g, w)
		}
		if len(g.Letters) != 1 || g.Letters[0].Worker != "verifier" || g.Letters[0].Reason != "file "+string(g.ID)+": out of order" {
			t.Errorf("letters of %s: %+v", g.ID, g.Letters)
		}
	}

	if err := s.show(t.Context(), "file_"+string(failed.ID)); err != nil {
		t.Fatal(err)
	}
	if shown := read[grave](t, out); len(shown) != 1 || shown[0].ID != failed.ID || len(shown[0].Timeline) != 2 || len(shown[0].Letters) != 1 {
		t.Errorf("shown %+v", shown)
	}

	if ok, err := s.replayAll(t.Context(), ""); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for i, o := range read[outcome](t, out) {
		if o.ID != want[i].ID || o.Work != want[i].Work || o.Letters != 1 || (o.Note == "") != (o.Work != file.WorkNone) {
			t.Errorf("replayed %+v", o)
		}
	}
	if err := s.list(t.Context()); err != nil || out.Len() != 0 {
		t.Errorf("afterwards there is %s (%v)", out, err)
	}
	if f, err := s.core.Record(t.Context(), tenant, file.ByID(failed.ID)); err != nil || f.State != file.Pending {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestDeadReplayOfALetterAlone: a file may be forgotten before the letter about it.
func TestDeadReplayOfALetterAlone(t *testing.T) {
	s, b, out := open(t)
	f := upload(t, s)
	refuse(t, s, b, 1)
	if _, err := s.core.Delete(t.Context(), tenant, file.ByID(f.ID), "u1"); err != nil {
		t.Fatal(err)
	}
	harvest := func() error { // the relay takes the events out of the tombstone first
		n, err := s.core.PurgeDue(t.Context(), -time.Hour, 10)
		if err == nil && n == 0 {
			err = errors.New("nothing purged")
		}
		return err
	}
	eventually(t, harvest)
	if ok, err := s.replayAll(t.Context(), string(f.ID)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if got := read[outcome](t, out); len(got) != 1 || got[0].Letters != 1 || got[0].Work != file.WorkNone {
		t.Errorf("replayed %+v", got)
	}
	if _, err := s.replayAll(t.Context(), string(f.ID)); !file.Is(err, file.NotFound) {
		t.Errorf("once more: %v", err)
	}
	if _, err := s.replayAll(t.Context(), "17"); !file.Is(err, file.Invalid) {
		t.Errorf("by a number: %v", err)
	}
}

// eventually asks until the answer is nil.
func eventually(t *testing.T, ask func() error) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal(err)
		}
	}
}

// TestDeadForPeople: without --json the same is said in words.
func TestDeadForPeople(t *testing.T) {
	s, b, out := open(t)
	s.JSON = false
	f := upload(t, s)
	refuse(t, s, b, 1)
	if err := errors.Join(s.list(t.Context()), s.show(t.Context(), string(f.ID))); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.replayAll(t.Context(), string(f.ID)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	for _, want := range []string{"FILE ", string(f.ID) + "  acme", `"note.txt"`, "verify failed", `of verifier after 1 attempts: "file ` + string(f.ID) + `: out of order"`, "waits for verify; 1 letters removed"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}
