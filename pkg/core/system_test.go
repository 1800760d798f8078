package core_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// letterbox is an operator's bus with letters and no queues, that may be out.
type letterbox struct {
	list []bus.DeadLetter
	out  error
}

func (l *letterbox) Ping(context.Context) error { return l.out }

func (l *letterbox) Inspect(context.Context, ...string) ([]bus.Backlog, error) { return nil, l.out }

func (l *letterbox) CountDeadLetters(context.Context) (int, error) { return len(l.list), l.out }

func (l *letterbox) DeadLetters(_ context.Context, after uint64, fn func(bus.DeadLetter) error) error {
	for _, x := range l.list {
		if x.Sequence > after {
			if err := fn(x); err != nil {
				return err
			}
		}
	}
	return l.out
}

func (l *letterbox) DeadLetter(_ context.Context, n uint64) (bus.DeadLetter, error) {
	i := slices.IndexFunc(l.list, func(x bus.DeadLetter) bool { return x.Sequence == n })
	if i < 0 {
		return bus.DeadLetter{}, file.Errorf(file.NotFound, "test", "none")
	}
	return l.list[i], l.out
}

func (l *letterbox) DiscardDeadLetter(_ context.Context, n uint64) error {
	l.list = slices.DeleteFunc(l.list, func(x bus.DeadLetter) bool { return x.Sequence == n })
	return l.out
}

// leave adds a letter about a file.
func (l *letterbox) leave(t *testing.T, n uint64, f *file.File) {
	t.Helper()
	data, err := event.New(file.OutboxEntry{ID: "e", Fact: string(event.Stored)}, f).Encode()
	if err != nil {
		t.Fatal(err)
	}
	l.list = append(l.list, bus.DeadLetter{Sequence: n, Message: bus.Message{Data: data}, Work: "verifier", Reason: "broken"})
}

func TestStatus(t *testing.T) {
	b := newBench(t)
	box := &letterbox{}
	s := core.NewSystem(b.Core, box)
	b.bus.setOut(true)
	u := text("hello")
	u.Life = time.Minute
	b.upload(u)
	b.clock.advance(time.Hour)
	st := s.Status(t.Context())
	want := map[meta.Due]time.Duration{meta.DueVerify: time.Hour, meta.DueThumbnail: 0, meta.DueFetch: 0, meta.DueErase: 0, meta.DueExpiry: 59 * time.Minute}
	for q, age := range want {
		if got, known := st.Due[q]; !known || got != age {
			t.Errorf("%s: %s, want %s", q, got, age)
		}
	}
	if st.Bus != nil || st.Outbox != time.Hour || !st.OutboxSince.Equal(b.clock.now().Add(-time.Hour)) || len(st.Unknown) > 0 {
		t.Errorf("%+v", st)
	}
	box.out = errors.New("out")
	if st := s.Status(t.Context()); st.Bus == nil || !slices.Equal(st.Unknown, []string{core.PartDead, core.PartQueues}) || st.Outbox == 0 {
		t.Errorf("without a bus: %+v", st)
	}
}

func TestLetters(t *testing.T) {
	b := newBench(t)
	failed, fine := b.upload(text("a")), b.upload(text("b"))
	b.giveUp(failed, file.WorkVerify)
	b.verify(fine, content.Verdict{Type: "text/plain"})
	box := &letterbox{list: []bus.DeadLetter{{Sequence: 2, Work: "other", Reason: "no event"}}}
	box.leave(t, 3, failed)
	box.leave(t, 5, fine)
	s := core.NewSystem(b.Core, box)

	page, err := s.Letters(t.Context(), 2, 1)
	if err != nil || len(page.Letters) != 1 || page.Letters[0].File != failed.ID || page.Letters[0].Fact != event.Stored || !page.More || page.Total != 3 {
		t.Errorf("%+v, %v", page, err)
	}
	if page, err = s.Letters(t.Context(), 3, 1); err != nil || len(page.Letters) != 1 || page.More {
		t.Errorf("%+v, %v", page, err)
	}
	if _, err := s.ReplayLetter(t.Context(), 2); !file.Is(err, file.Invalid) {
		t.Errorf("a letter about no file: %v", err)
	}
	if r, err := s.ReplayLetter(t.Context(), 3); err != nil || r != (core.Replayed{Work: file.WorkVerify, Letters: 1}) {
		t.Errorf("%+v, %v", r, err)
	}
	if got := b.get(failed); got.State != file.Pending {
		t.Errorf("the file is %s", got.State)
	}
	if r, err := s.ReplayLetter(t.Context(), 5); err != nil || r != (core.Replayed{Letters: 1}) {
		t.Errorf("%+v, %v", r, err)
	}
	if err := s.DiscardLetter(t.Context(), 2); err != nil || len(box.list) != 0 {
		t.Errorf("%v, left %+v", err, box.list)
	}
	for _, err := range []error{s.DiscardLetter(t.Context(), 2), func() error { _, err := s.ReplayLetter(t.Context(), 3); return err }()} {
		if !file.Is(err, file.NotFound) {
			t.Errorf("%v, want NotFound", err)
		}
	}
}
