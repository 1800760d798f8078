package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/inlethq/inlet/pkg/client"
	"github.com/inlethq/inlet/pkg/event"
)

func eventsCommand() *cobra.Command {
	var f client.EventFilter
	var facts []string
	var since string
	var limit int
	cmd := &cobra.Command{
		Use:     "events",
		Aliases: []string{"tail"},
		Short:   "Show what happens to files, as it happens",
		Long: "Show what happens to files, as it happens, until you interrupt it; with --since,\n" +
			"first what has happened since then, as far as the server remembers (72 hours).\n" +
			"A lost connection is made again, and nothing is left out. With --json a line is\n" +
			"the event itself (docs/events.md).",
		Example: "  inlet events --since 1h --type rejected\n  inlet events --json --tag holiday | jq .data.file.name",
	}
	remote(cmd, groupEvents, cobra.NoArgs, func(ctx context.Context, s *session, _ []string) error {
		for _, name := range facts {
			fact := event.Fact(fullFact(name))
			if !slices.Contains(event.Facts, fact) {
				return usagef("--type: there is no %q; there are %s", name, strings.Join(factNames(), ", "))
			}
			f.Facts = append(f.Facts, fact)
		}
		var err error
		if f.Since, err = parseSince(since, time.Now()); err != nil {
			return err
		}
		f.OnGap = func(reason string) { s.warn("some events are missing: %s", clean(reason)) }
		return s.events(ctx, f, limit)
	})
	fl := cmd.Flags()
	fl.StringVar(&since, "since", "", "first show what has happened since: as 1h or 2d, or a time as 2026-01-15T10:30:00Z")
	fl.StringSliceVar(&facts, "type", nil, "only these: "+strings.Join(factNames(), ", "))
	fl.StringVar(&f.Tag, "tag", "", "only files of this tag")
	fl.StringVar(&f.File, "file", "", "only this file")
	fl.IntVarP(&limit, "limit", "n", 0, "end after so many events")
	complete(cmd, "type", oneOf(factNames()...))
	return cmd
}

func (s *session) events(ctx context.Context, f client.EventFilter, limit int) error {
	shown := 0
	for e, err := range s.client.Events(ctx, f) {
		if err != nil {
			return err
		}
		if err := s.event(e); err != nil {
			return err
		}
		if shown++; shown == limit {
			break
		}
	}
	return nil
}

// event prints one event: when, what, which file, its name, and what there is to say besides.
func (s *session) event(e event.Event) error {
	if s.json {
		return s.object(e)
	}
	at := stamp(e.Time)
	if isTerminal(s.out) {
		at = e.Time.Local().Format(time.TimeOnly)
	}
	file := e.Data.File
	about := file.Reason
	if v := e.Data.Variant; v != nil {
		about = fmt.Sprintf("%s %dx%d", v.Name, v.Width, v.Height)
	}
	return s.fields(at, string(e.Fact()), "file_"+string(file.ID), file.Name, about)
}

// factNames are the facts as people write them.
func factNames() []string {
	names := make([]string, len(event.Facts))
	for i, f := range event.Facts {
		names[i] = strings.TrimPrefix(string(f), "file.")
	}
	return names
}

// parseSince reads how long ago, or a time. It is the zero time for nothing.
func parseSince(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	d, err := parseLife(s)
	if err != nil {
		return time.Time{}, usagef("--since must be how long ago, as 1h or 2d, or a time as 2026-01-15T10:30:00Z, not %q", s)
	}
	return now.Add(-d), nil
}
