package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/inlethq/inlet/services/inlet/internal/cli/journal"
)

// Times of a watch.
const (
	lookEvery  = time.Second
	retryAfter = 30 * time.Second // a file that the server could not take
)

// watch is one inlet watch. It looks at the folder again and again: that works on every file system, shared ones included, and misses nothing that happened while
// nobody watched.
type watch struct {
	put
	settle time.Duration
	seen   map[string]sighting // by absolute path
	now    func() time.Time
}

// sighting is how a file was when it was last looked at.
type sighting struct {
	journal.Entry
	due     time.Time // when it has been the same for long enough, or when to try again
	settled bool      // uploaded, or refused for good
}

func watchCommand() *cobra.Command {
	var w watch
	cmd := &cobra.Command{
		Use:   "watch FOLDER",
		Short: "Upload what is in a folder, and what comes into it",
		Long: "Upload what is in a folder and in those below it, and then every file that\n" +
			"appears or changes, until you interrupt it. A file is taken when it has not\n" +
			"changed for --settle. What was uploaded is remembered: after a restart it goes\n" +
			"on, and takes what came meanwhile. A file that changes becomes a new file of the\n" +
			"server; one that is removed stays there.",
		Example: "  inlet watch ~/scans --tag scans",
	}
	remote(cmd, groupFiles, cobra.ExactArgs(1), func(ctx context.Context, s *session, args []string) error {
		w.session, w.now = s, time.Now
		return w.run(ctx, args[0])
	})
	w.flags(cmd)
	cmd.Flags().DurationVar(&w.settle, "settle", 2*time.Second, "how long a file must have been the same")
	return cmd
}

func (w *watch) run(ctx context.Context, folder string) error {
	if !isFolder(folder) {
		return usagef("%s is not a folder", folder)
	}
	root, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	if err := w.begin(ctx); err != nil {
		return err
	}
	j, err := journal.Open(w.state, w.scope(root)...)
	if err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	defer roots{root: j}.close(w.session)
	w.bars, w.out = &bars{s: w.session}, results{s: w.session}
	w.seen, w.ended = map[string]sighting{}, w.settleOne
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		items, err := w.walk(folder, root)
		if err != nil {
			return err
		}
		due := w.look(items)
		for i := range due {
			due[i].log = j
		}
		w.all(ctx, due)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// look returns the files that are to be uploaded now, and remembers the others.
func (w *watch) look(items []item) []item {
	now := w.now()
	var due []item
	seen := make(map[string]sighting, len(items))
	for _, it := range items {
		x, known := w.seen[it.abs]
		if !known || !x.Same(it.entry()) {
			x = sighting{Entry: it.entry(), due: now.Add(w.settle)}
		}
		if !x.settled && !now.Before(x.due) {
			due = append(due, it)
		}
		seen[it.abs] = x
	}
	w.seen = seen
	return due
}

// settleOne remembers how the upload of a file has ended.
func (w *watch) settleOne(it item, err error) {
	x := w.seen[it.abs]
	if x.settled = err == nil || codeOf(err) != CodeUnavailable; !x.settled {
		x.due = w.now().Add(retryAfter)
	}
	w.seen[it.abs] = x
}
