package cli

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/inlethq/inlet/pkg/client"
	"github.com/inlethq/inlet/pkg/file"
)

func listCommand() *cobra.Command {
	var o client.ListOptions
	var states []string
	var all, quiet bool
	limit := 0
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List files, the newest first",
		Long: "List files, the newest first: those that are ready and those that are on their\n" +
			"way, unless --state says otherwise. In a pipe a line has the fields id, state,\n" +
			"type, size in bytes, time and name, split by tabs.",
		Example: "  inlet ls --type 'image/*' --tag holiday\n  inlet ls -q --state rejected --all | xargs inlet rm",
	}
	remote(cmd, groupFiles, cobra.NoArgs, func(ctx context.Context, s *session, _ []string) error {
		if limit < 1 {
			return usagef("--limit must be 1 or more")
		}
		if o.NewestFirst = true; all {
			limit = 0
		}
		o.PageSize = limit
		for _, state := range states {
			o.States = append(o.States, file.State(state))
		}
		return s.list(ctx, o, limit, quiet)
	})
	f := cmd.Flags()
	f.BoolVarP(&quiet, "quiet", "q", false, "print ids alone")
	f.StringSliceVar(&states, "state", nil, "of these states: pending, ready, rejected, failed")
	f.StringVar(&o.Type, "type", "", "of this media type, as image/png or image/*")
	f.StringVar(&o.Tag, "tag", "", "of this tag")
	f.StringVar(&o.Query, "search", "", "with this in the name, two characters at least")
	f.IntVar(&limit, "limit", 30, "how many at most")
	f.BoolVar(&all, "all", false, "without a limit")
	complete(cmd, "state", oneOf("pending", "ready", "rejected", "failed"))
	return cmd
}

// list prints up to limit files, all when that is 0. A table is printed a page at a time, so that a long list begins at once.
func (s *session) list(ctx context.Context, o client.ListOptions, limit int, quiet bool) error {
	rows := s.table(!quiet, "ID\tSTATE\tTYPE\tSIZE\tCREATED\tNAME")
	n := 0
	for f, err := range s.client.List(ctx, o) {
		if err != nil {
			return err
		}
		if err := rows.file(f, quiet); err != nil {
			return err
		}
		if n++; n == limit {
			break
		}
	}
	return rows.flush()
}

// table prints rows: aligned under a head on a terminal, else as fields.
type table struct {
	s    *session
	w    *tabwriter.Writer // nil when nobody looks
	rows int
}

func (s *session) table(head bool, titles string) *table {
	t := &table{s: s}
	if !s.json && head && isTerminal(s.out) {
		t.w = tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t.w, titles)
	}
	return t
}

// pageOfRows is how many rows of a table are aligned with each other.
const pageOfRows = 100

func (t *table) row(values ...string) error {
	if t.w == nil {
		return t.s.fields(values...)
	}
	for i, v := range values {
		if i > 0 {
			fmt.Fprint(t.w, "\t")
		}
		fmt.Fprint(t.w, clean(v))
	}
	fmt.Fprintln(t.w)
	if t.rows++; t.rows%pageOfRows == 0 {
		return t.w.Flush()
	}
	return nil
}

func (t *table) flush() error {
	if t.w == nil {
		return nil
	}
	return t.w.Flush()
}

func (t *table) file(f client.File, quiet bool) error {
	switch {
	case t.s.json:
		return t.s.object(f)
	case quiet:
		return t.s.fields(f.ID)
	case t.w != nil:
		return t.row(f.ID, stateOf(f), f.Type, size(f.Size), ago(f.CreatedAt, time.Now()), f.Name)
	}
	return t.row(f.ID, stateOf(f), f.Type, strconv.FormatInt(f.Size, 10), stamp(f.CreatedAt), f.Name)
}

// stateOf is the state of a file with what led to it.
func stateOf(f client.File) string {
	if f.Reason != "" {
		return string(f.State) + ":" + f.Reason
	}
	return string(f.State)
}

func infoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "info ID…",
		Short: "Show what is known of a file, and what happened to it",
		Long:  "Show what is known of a file, and what happened to it and when." + ids,
	}
	return remote(cmd, groupFiles, cobra.MinimumNArgs(1), func(ctx context.Context, s *session, args []string) error {
		return each(ctx, s, args, func(id string) error { return s.info(ctx, id) })
	})
}

func (s *session) info(ctx context.Context, id string) error {
	f, err := s.client.Get(ctx, id)
	if err != nil {
		return err
	}
	steps, err := s.client.Timeline(ctx, id)
	if err != nil {
		return err
	}
	if s.json {
		return s.object(struct {
			client.File
			Timeline []client.Step `json:"timeline"`
		}{f, steps})
	}
	t := s.table(false, "")
	if isTerminal(s.out) {
		t.w = tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	}
	for _, line := range describe(f) {
		if line[1] == "" {
			continue
		}
		if err := t.row(line[0], line[1]); err != nil {
			return err
		}
	}
	for _, x := range steps {
		if err := t.row(x.At.UTC().Format("2006-01-02T15:04:05.000Z"), stepText(x)); err != nil {
			return err
		}
	}
	return t.flush()
}

// describe is a file in names and values.
func describe(f client.File) [][2]string {
	lines := [][2]string{
		{"id", f.ID}, {"number", strconv.FormatInt(f.Number, 10)}, {"name", f.Name}, {"original name", f.OriginalName}, {"description", f.Description},
		{"state", stateOf(f)}, {"type", f.Type}, {"size", fmt.Sprintf("%d (%s)", f.Size, size(f.Size))}, {"sha256", f.SHA256},
		{"tag", f.TagID}, {"path", f.Path},
	}
	if f.Image != nil {
		lines = append(lines, [2]string{"picture", fmt.Sprintf("%dx%d", f.Image.Width, f.Image.Height)})
	}
	for _, l := range f.Links {
		lines = append(lines, [2]string{"linked to", l.Type + " " + l.ID})
	}
	return append(lines, [][2]string{
		{"created", stamp(f.CreatedAt)}, {"updated", stamp(f.UpdatedAt)}, {"expires", stamp(f.ExpiresAt)},
		{"downloads", strconv.FormatInt(f.DownloadCount, 10)}, {"url", f.URL}, {"thumbnail", f.ThumbnailURL},
	}...)
}

func stepText(x client.Step) string {
	text := x.What
	if x.TookMS > 0 {
		text += fmt.Sprintf(", took %.1f ms", x.TookMS)
	}
	if x.Attempt > 1 {
		text += fmt.Sprintf(", attempt %d", x.Attempt)
	}
	if x.Note != "" {
		text += ": " + x.Note
	}
	return text
}

func removeCommand() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "rm ID…",
		Aliases: []string{"delete"},
		Short:   "Delete files",
		Long:    "Delete files: nobody can read them any more. On a terminal it asks before." + ids,
	}
	remote(cmd, groupFiles, cobra.MinimumNArgs(1), func(ctx context.Context, s *session, args []string) error {
		if !force {
			question := "Delete " + plural(len(args), "file") + "?"
			if len(args) == 1 {
				question = "Delete " + clean(args[0]) + "?"
			}
			if yes, err := s.confirm(question); err != nil || !yes {
				return err
			}
		}
		return each(ctx, s, args, func(id string) error {
			if err := s.client.Delete(ctx, id); err != nil {
				return err
			}
			if s.json {
				return s.object(map[string]any{"id": id, "deleted": true})
			}
			return s.fields(id)
		})
	})
	cmd.Flags().BoolVarP(&force, "force", "f", false, "do not ask")
	return cmd
}

func signCommand() *cobra.Command {
	expires := life(time.Hour)
	cmd := &cobra.Command{
		Use:     "sign ID…",
		Aliases: []string{"link"},
		Short:   "Print a link by which anybody may download a file for a while",
		Long: "Print a link by which anybody may download a file until it ends: by its time,\n" +
			"with the file, or when you lose the right to read it. Whoever has the link can\n" +
			"use it." + ids,
		Example: "  inlet sign file_01JQ3KMN7XFGY4P6WBR2SZTA9V --expires 7d",
	}
	remote(cmd, groupFiles, cobra.MinimumNArgs(1), func(ctx context.Context, s *session, args []string) error {
		return each(ctx, s, args, func(id string) error {
			signed, err := s.client.Sign(ctx, id, time.Duration(expires))
			switch {
			case err != nil:
				return err
			case s.json:
				return s.object(signed)
			}
			return s.fields(signed.URL)
		})
	})
	cmd.Flags().Var(&expires, "expires", "how long the link is good for, 7d at most")
	return cmd
}

// exists reports whether something is at path.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
