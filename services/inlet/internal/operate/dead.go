package operate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/program"
)

// Dead is the command that shows and replays work that was given up. The records are the truth: they say which files have failed, or miss their
// thumbnail. The letters that the workers have left on the bus, where it can be read, say more of why.
type Dead struct {
	Command
}

// grave is what is known of one file whose work was given up.
type grave struct {
	ID       file.ID     `json:"file"`
	Tenant   file.Tenant `json:"tenant"`
	Name     string      `json:"name,omitempty"`
	State    file.State  `json:"state"`
	Work     file.Work   `json:"work,omitempty"` // empty when a letter is all that is left
	Reason   string      `json:"reason,omitempty"`
	At       time.Time   `json:"at,omitzero"`
	Erased   time.Time   `json:"erased_at,omitzero"` // when it was found that no byte is left
	Timeline []step      `json:"timeline,omitempty"`
	Letters  []letter    `json:"letters,omitempty"`
}

// step is a line of a file's timeline.
type step struct {
	At      time.Time `json:"at"`
	What    string    `json:"what"`
	Attempt int       `json:"attempt,omitempty"`
	Note    string    `json:"note,omitempty"`
}

func (x step) String() string {
	text := x.What
	if x.Attempt > 0 {
		text += fmt.Sprintf(", attempt %d", x.Attempt)
	}
	if x.Note != "" {
		text += ": " + x.Note
	}
	return text
}

// letter is what a worker has left about a file.
type letter struct {
	Sequence uint64    `json:"sequence"`
	Worker   string    `json:"worker"`
	Reason   string    `json:"reason"`
	Attempts int       `json:"attempts"`
	At       time.Time `json:"at"`
}

// List prints every file whose work was given up, and every letter about another.
func (d Dead) List(ctx context.Context) error {
	return d.with(ctx, program.Look, func(s *session) error { return s.list(ctx) })
}

// Show prints all that is known of one file.
func (d Dead) Show(ctx context.Context, id string) error {
	return d.with(ctx, program.Look, func(s *session) error { return s.show(ctx, id) })
}

// Replay begins the work on a file again, or on all when id is empty, and removes the letters about it. It reports whether all went well.
func (d Dead) Replay(ctx context.Context, id string) (ok bool, err error) {
	err = d.with(ctx, program.Change, func(s *session) error {
		ok, err = s.replayAll(ctx, id)
		return err
	})
	return ok && err == nil, err
}

func (s *session) list(ctx context.Context) error {
	all, err := s.graves(ctx)
	if err != nil {
		return err
	}
	if s.JSON {
		for _, g := range all {
			if err := s.object(g); err != nil {
				return err
			}
		}
		return nil
	}
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FILE\tTENANT\tSTATE\tWORK\tREASON\tSINCE\tLETTERS\tNAME")
	for _, g := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%q\n", g.ID, g.Tenant, g.State, orDash(string(g.Work)), orDash(g.Reason), when(g.At), len(g.Letters), g.Name)
	}
	return t.Flush()
}

func (s *session) show(ctx context.Context, id string) error {
	f, err := s.locate(ctx, id)
	if err != nil {
		return err
	}
	letters, err := s.readLetters(ctx)
	if err != nil {
		return err
	}
	g := graveOf(f)
	g.Letters = letters.about(f.ID)
	for _, x := range f.Timeline {
		g.Timeline = append(g.Timeline, step{x.At, x.What, x.Attempt, x.Note})
	}
	if s.JSON {
		return s.object(g)
	}
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "file\t%s\ntenant\t%s\nname\t%q\nstate\t%s\nwork\t%s\nreason\t%s\n", g.ID, g.Tenant, g.Name, g.State, orDash(string(g.Work)), orDash(g.Reason))
	for _, x := range g.Timeline {
		fmt.Fprintf(t, "%s\t%s\n", when(x.At), x)
	}
	if !g.Erased.IsZero() {
		fmt.Fprintf(t, "%s\terased: no byte is left\n", when(g.Erased))
	}
	for _, l := range g.Letters {
		fmt.Fprintf(t, "%s\tletter %d of %s after %d attempts: %q\n", when(l.At), l.Sequence, l.Worker, l.Attempts, l.Reason)
	}
	return t.Flush()
}

// outcome is what became of one replay, as JSON.
type outcome struct {
	ID      file.ID   `json:"file"`
	Work    file.Work `json:"work,omitempty"` // begun again; empty when there was none
	Letters int       `json:"letters_removed"`
	Note    string    `json:"note,omitempty"`
	failed  bool
}

func (s *session) replayAll(ctx context.Context, id string) (ok bool, err error) {
	var targets []grave
	if id == "" {
		targets, err = s.graves(ctx)
	} else {
		targets, err = s.target(ctx, id)
	}
	if err != nil {
		return false, err
	}
	ok = true
	for _, g := range targets {
		o, err := s.replay(ctx, g)
		if err != nil {
			return false, err
		}
		if err := s.outcome(o); err != nil {
			return false, err
		}
		ok = ok && !o.failed
	}
	return ok, nil
}

// target is the one file that was named, with its letters. It need not have a record any more.
func (s *session) target(ctx context.Context, id string) ([]grave, error) {
	letters, err := s.readLetters(ctx)
	if err != nil {
		return nil, err
	}
	f, err := s.locate(ctx, id)
	if file.Is(err, file.NotFound) {
		ref, _ := file.ParseRef(id) // locate has read it
		if g := letters[ref.ID]; g != nil {
			return []grave{*g}, nil
		}
	}
	if err != nil {
		return nil, err
	}
	g := graveOf(f)
	g.Letters = letters.about(f.ID)
	return []grave{g}, nil
}

// replay begins one file's work again. What a person can mend is told in the outcome; an error ends the command.
func (s *session) replay(ctx context.Context, g grave) (outcome, error) {
	sequences := make([]uint64, len(g.Letters))
	for i, l := range g.Letters {
		sequences[i] = l.Sequence
	}
	done, err := s.core.ReplayLetters(ctx, s.letters, g.Tenant, g.ID, sequences...)
	o := outcome{ID: g.ID, Work: done.Work, Letters: done.Letters}
	switch {
	case file.Is(err, file.Damaged), file.Is(err, file.Conflict):
		o.failed = true
		o.Note = file.PublicText(err, string(file.KindOf(err)))
		return o, nil
	case err != nil:
		return o, err
	case done.Gone:
		o.Note = "the file is gone"
	case done.Work == file.WorkNone:
		o.Note = "nothing to replay: the file is " + string(g.State)
	}
	return o, nil
}

func (s *session) outcome(o outcome) error {
	if s.JSON {
		return s.object(o)
	}
	text := o.Note
	if o.Work != file.WorkNone {
		text = "replayed: it waits for " + string(o.Work)
	}
	if o.Letters > 0 {
		text += fmt.Sprintf("; %d letters removed", o.Letters)
	}
	_, err := fmt.Fprintf(s.Out, "%s  %s\n", o.ID, text)
	return err
}

// graves lists what was given up, in the order of ID, then the letters about files that lack nothing, or are gone.
func (s *session) graves(ctx context.Context) ([]grave, error) {
	letters, err := s.readLetters(ctx)
	if err != nil {
		return nil, err
	}
	var all []grave
	err = s.core.EachGivenUp(ctx, func(f *file.File) error {
		g := graveOf(f)
		g.Letters = letters.about(f.ID)
		delete(letters, f.ID)
		all = append(all, g)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(letters)) {
		g := *letters[id]
		f, err := s.core.Record(ctx, g.Tenant, file.ByID(g.ID))
		switch {
		case err == nil:
			g.State, g.Name = f.State, f.Name
		case file.Is(err, file.NotFound):
			g.State = file.Gone
		default:
			return nil, err
		}
		all = append(all, g)
	}
	return all, nil
}

// lettersByFile holds what the letters of the bus say of each file.
type lettersByFile map[file.ID]*grave

// readLetters reads the letters. Where the bus is inside another process there are none to be read, and where it does not answer
// that is worth a word, and no reason to stop: the records say what was given up.
func (s *session) readLetters(ctx context.Context) (lettersByFile, error) {
	all := lettersByFile{}
	if s.letters == nil {
		return all, nil
	}
	err := s.letters.DeadLetters(ctx, 0, func(l bus.DeadLetter) error {
		all.add(core.ReadLetter(l))
		return nil
	})
	if file.Is(err, file.Unavailable) {
		s.logger().Warn("the letters on the bus cannot be read", "err", err)
		return all, nil
	}
	return all, err
}

// add files a letter under its file. One that is about no file says nothing.
func (all lettersByFile) add(l core.Letter) {
	if l.File == "" {
		return
	}
	g := all[l.File]
	if g == nil {
		g = &grave{ID: l.File, Tenant: l.Tenant}
		all[l.File] = g
	}
	g.At = l.At
	g.Letters = append(g.Letters, letter{l.Sequence, l.Worker, l.Reason, l.Attempts, l.At})
}

// about returns the letters about a file.
func (all lettersByFile) about(id file.ID) []letter {
	if g := all[id]; g != nil {
		return g.Letters
	}
	return nil
}

// locate finds a record by its id in any of the forms that the API gives out, but for a number, which is a tenant's own.
func (s *session) locate(ctx context.Context, id string) (*file.File, error) {
	ref, err := file.ParseRef(id)
	if err != nil || ref.ID == "" {
		return nil, file.Errorf(file.Invalid, "dead", "%q is not the id of a file: 26 letters and digits, with or without file_", id)
	}
	return s.core.Locate(ctx, ref.ID)
}

// graveOf says what a record does.
func graveOf(f *file.File) grave {
	g := grave{ID: f.ID, Tenant: f.Tenant, Name: f.Name, State: f.State, Work: core.GivenUp(f), Reason: f.Reason, Erased: f.ErasedAt}
	if n := len(f.Timeline); n > 0 {
		last := f.Timeline[n-1]
		g.At = last.At
		if g.Reason == "" && g.Work != file.WorkNone {
			g.Reason = last.Note
		}
	}
	return g
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
