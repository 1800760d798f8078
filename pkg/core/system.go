package core

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// statusLimit bounds Status: whoever asks how things are is answered soon, above all when they are not well.
const statusLimit = 1500 * time.Millisecond

// OperatorBus is what an operator sees of the bus.
type OperatorBus interface {
	bus.Inspector
	bus.DeadLetters
	Ping(ctx context.Context) error
}

// System is the operator's view of an installation, across all tenants. Whether somebody is an operator is decided before.
type System struct {
	core *Core
	bus  OperatorBus
}

// NewSystem makes the view of what c works on, and of its bus.
func NewSystem(c *Core, b OperatorBus) *System { return &System{core: c, bus: b} }

// The parts of a Status, as Unknown names them. A queue of work is named by its meta.Due.
const (
	PartQueues = "queues"
	PartOutbox = "outbox"
	PartDead   = "dead"
)

// dueParts are the queues of work whose age is told.
var dueParts = []meta.Due{meta.DueVerify, meta.DueThumbnail, meta.DueFetch, meta.DueErase, meta.DueExpiry}

// Status is how an installation is doing.
type Status struct {
	Bus         error // nil when it takes messages
	Queues      []bus.Backlog
	OutboxSince time.Time                  // since when the oldest event waits to be published; zero when none does
	Outbox      time.Duration              // that time until now
	Due         map[meta.Due]time.Duration // how long the oldest entry of each queue of work has been due; 0 when none is
	Dead        int                        // letters
	Unknown     []string                   // parts that could not be found out, sorted
}

// Status looks at everything at once, and takes no longer than two seconds. What it cannot find out it names.
func (s *System) Status(ctx context.Context) Status {
	ctx, cancel := context.WithTimeout(ctx, statusLimit)
	defer cancel()
	st := Status{Due: map[meta.Due]time.Duration{}}
	now := s.core.now()
	var (
		mu   sync.Mutex
		work sync.WaitGroup
	)
	look := func(part string, fn func() (keep func(), err error)) {
		work.Go(func() {
			keep, err := fn()
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				st.Unknown = append(st.Unknown, part)
				return
			}
			keep()
		})
	}
	work.Go(func() {
		err := s.bus.Ping(ctx)
		mu.Lock()
		defer mu.Unlock()
		st.Bus = err
	})
	look(PartQueues, func() (func(), error) {
		list, err := s.bus.Inspect(ctx)
		return func() { st.Queues = list }, err
	})
	look(PartDead, func() (func(), error) {
		n, err := s.bus.CountDeadLetters(ctx)
		return func() { st.Dead = n }, err
	})
	look(PartOutbox, func() (func(), error) {
		since, err := s.oldest(ctx, meta.DueOutbox, now)
		return func() { st.OutboxSince, st.Outbox = since, age(since, now) }, err
	})
	for _, q := range dueParts {
		look(string(q), func() (func(), error) {
			since, err := s.oldest(ctx, q, now)
			return func() { st.Due[q] = age(since, now) }, err
		})
	}
	work.Wait()
	slices.Sort(st.Unknown)
	return st
}

// oldest returns when the first entry of a queue became due; zero when none is.
func (s *System) oldest(ctx context.Context, q meta.Due, now time.Time) (time.Time, error) {
	due, err := s.core.meta.Due(ctx, q, now, 1)
	if err != nil || len(due) == 0 {
		return time.Time{}, err
	}
	switch f := due[0]; q {
	case meta.DueOutbox:
		return f.OutboxSince(), nil
	case meta.DueExpiry:
		return f.ExpiresAt, nil
	default:
		_, since := f.Owed()
		return since, nil
	}
}

func age(since, now time.Time) time.Duration {
	if since.IsZero() {
		return 0
	}
	return max(0, now.Sub(since))
}

// LetterPage is a page of letters.
type LetterPage struct {
	Letters []Letter
	More    bool // there are some behind these
	Total   int
}

// Letters returns up to limit letters with a greater sequence than after, the oldest first.
func (s *System) Letters(ctx context.Context, after uint64, limit int) (LetterPage, error) {
	var (
		p   LetterPage
		err error
	)
	if p.Total, err = s.bus.CountDeadLetters(ctx); err != nil {
		return p, err
	}
	err = s.bus.DeadLetters(ctx, after, func(l bus.DeadLetter) error {
		if len(p.Letters) == limit {
			p.More = true
			return errEnough
		}
		p.Letters = append(p.Letters, ReadLetter(l))
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return p, err
}

// Letter returns one letter; NotFound without it.
func (s *System) Letter(ctx context.Context, sequence uint64) (Letter, error) {
	l, err := s.bus.DeadLetter(ctx, sequence)
	return ReadLetter(l), err
}

// ReplayLetter begins the work again that a letter is about, and removes the letter. See ReplayLetters; a letter about no file is Invalid.
func (s *System) ReplayLetter(ctx context.Context, sequence uint64) (Replayed, error) {
	l, err := s.Letter(ctx, sequence)
	if err != nil {
		return Replayed{}, err
	}
	if l.File == "" {
		return Replayed{}, file.Errorf(file.Invalid, "system.replay", "The letter is about no file")
	}
	return s.core.ReplayLetters(ctx, s.bus, l.Tenant, l.File, sequence)
}

// DiscardLetter removes a letter and leaves its file as it is; NotFound without the letter.
func (s *System) DiscardLetter(ctx context.Context, sequence uint64) error {
	if _, err := s.bus.DeadLetter(ctx, sequence); err != nil {
		return err
	}
	return s.bus.DiscardDeadLetter(ctx, sequence)
}
