package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/inlethq/inlet/pkg/client"
	"github.com/inlethq/inlet/services/inlet/internal/cli/journal"
)

// put is one inlet put, or the uploads of one inlet watch.
type put struct {
	*session
	upload   client.UploadOptions // what all files have in common
	expires  life
	parallel int
	wait     bool
	again    bool
	hidden   bool

	ended func(item, error) // told of each file, one at a time; may be nil

	state  string // the folder of journals
	bars   *bars
	out    results
	mu     sync.Mutex
	failed failures
	sent   int
	known  int // that were there already
}

func putCommand() *cobra.Command {
	var p put
	cmd := &cobra.Command{
		Use:     "put FILE|FOLDER|-…",
		Aliases: []string{"upload"},
		Short:   "Upload files, whole folders, or the standard input",
		Long: "Upload files, all files of folders, or the standard input (-, with --name).\n" +
			"Prints the id of each.\n\n" +
			"Interrupted? Give the same command again. Of a folder, what was uploaded before\n" +
			"and has not changed since is passed over; --again sends it, too. Files of " + fmt.Sprint(resumable>>20) + "\n" +
			"MiB and more go in pieces: when the connection, the server or this command fails\n" +
			"they go on where they were.\n\n" +
			"What has a name that begins with a dot is left out; --hidden takes it, too.\n\n" +
			"A file is stored when this ends; whether it is what it claims to be is found out\n" +
			"afterwards. With --wait it waits for that, and exits with " + fmt.Sprint(CodeRejected) + " when a file was\n" +
			"rejected.",
		Example: "  inlet put photo.jpg --tag holiday --wait\n  inlet put ~/pictures --parallel 8\n  pg_dump shop | inlet put - --name shop.sql --expires-in 7d",
	}
	remote(cmd, groupFiles, cobra.MinimumNArgs(1), func(ctx context.Context, s *session, args []string) error {
		p.session = s
		return p.run(ctx, args)
	})
	p.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&p.upload.Name, "name", "", "what to call the file; required for -")
	f.StringVar(&p.upload.Description, "description", "", "what to say about the files")
	f.BoolVar(&p.wait, "wait", false, "wait for the verdict of each file")
	f.BoolVar(&p.again, "again", false, "upload what was uploaded before, too")
	return cmd
}

// flags are those that put and watch share.
func (p *put) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&p.upload.Tag, "tag", "", "what the files belong to")
	f.Var(&p.expires, "expires-in", "how long the files live, as 90s, 1h or 7d; for ever when it is not given")
	f.IntVar(&p.parallel, "parallel", 4, "how many at once")
	f.BoolVar(&p.hidden, "hidden", false, "take files and folders whose names begin with a dot, too")
}

// maxParallel bounds --parallel: a server lets no more in.
const maxParallel = 64

// begin looks at the flags, and where journals are.
func (p *put) begin(ctx context.Context) error {
	if p.parallel < 1 || p.parallel > maxParallel {
		return usagef("--parallel must be between 1 and %d", maxParallel)
	}
	p.upload.ExpiresIn = time.Duration(p.expires)
	p.upload.Async = true
	var err error
	if p.state, err = journal.Folder(); err != nil {
		return err
	}
	if p.profile.Tenant == "" { // of a key in the environment
		me, err := p.client.Me(ctx)
		if err != nil {
			return err
		}
		p.profile.Tenant = me.Tenant
	}
	return nil
}

func (p *put) run(ctx context.Context, args []string) error {
	items, err := p.collect(args)
	if err != nil {
		return err
	}
	if err := p.begin(ctx); err != nil {
		return err
	}
	roots, err := p.open(items)
	defer roots.close(p.session)
	if err != nil {
		return err
	}
	p.bars = newBars(p.session)
	p.bars.expect(ctx, len(items), bytesOf(items))
	p.out = results{s: p.session, hold: p.bars.screen != nil && isTerminal(p.session.out)}
	p.all(ctx, items)
	p.bars.wait()
	if err := p.out.flush(); err != nil {
		return err
	}
	return p.report(ctx, len(items))
}

// report says how it ended, where there is more to say than the ids.
func (p *put) report(ctx context.Context, files int) error {
	done := p.sent + p.known
	if done+p.failed.count < files && ctx.Err() != nil {
		p.warn("interrupted: %d of %s done. The same command goes on from here.", done, plural(files, "file"))
		return Exit{Code: CodeInterrupted}
	}
	if files > 1 {
		text := fmt.Sprintf("%d uploaded", p.sent)
		if p.known > 0 {
			text += fmt.Sprintf(", %d there already", p.known)
		}
		if p.failed.count > 0 {
			text += fmt.Sprintf(", %d failed", p.failed.count)
		}
		p.warn("%s", text)
	}
	return p.failed.exit()
}

// bytesOf is the size of all files together, as far as it is known.
func bytesOf(items []item) int64 {
	n := int64(0)
	for _, it := range items {
		if it.info != nil {
			n += it.info.Size()
		}
	}
	return n
}

// item is one file to upload.
type item struct {
	path string // as the user said it; - for the standard input
	abs  string
	info os.FileInfo // nil for the standard input
	root string      // the folder that it was found in, absolute; empty for one that was named itself
	log  *journal.Journal
}

// entry is how a journal knows the file.
func (it item) entry() journal.Entry {
	return journal.Entry{Path: it.abs, Size: it.info.Size(), ModTime: it.info.ModTime()}
}

// collect finds the files that the arguments mean.
func (p *put) collect(args []string) ([]item, error) {
	var items []item
	for _, arg := range args {
		if arg == "-" {
			if p.upload.Name == "" {
				return nil, usagef("say with --name what to call the standard input: its extension tells what it is")
			}
			items = append(items, item{path: arg})
			continue
		}
		info, err := os.Stat(arg)
		if err != nil {
			return nil, Exit{Code: CodeUsage, Err: err}
		}
		abs, err := filepath.Abs(arg)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			items = append(items, item{path: arg, abs: abs, info: info})
			continue
		}
		found, err := p.walk(arg, abs)
		if err != nil {
			return nil, err
		}
		items = append(items, found...)
	}
	if p.upload.Name != "" && len(items) > 1 {
		return nil, usagef("--name is for one file; here are %d", len(items))
	}
	return items, nil
}

// walk finds the regular files of a folder and of those below it. Links are not followed.
func (p *put) walk(root, abs string) ([]item, error) {
	var items []item
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if os.IsNotExist(err) && path != root { // gone meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		if path != root && !p.hidden && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || strings.HasSuffix(path, client.PartSuffix) {
			return nil
		}
		info, err := d.Info()
		if os.IsNotExist(err) { // gone meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		below, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		items = append(items, item{path: path, abs: filepath.Join(abs, below), info: info, root: abs})
		return nil
	})
	return items, err
}

// roots are the journals of folders.
type roots map[string]*journal.Journal

// open opens a journal for each folder.
func (p *put) open(items []item) (roots, error) {
	opened := roots{}
	for i, it := range items {
		if it.root == "" {
			continue
		}
		j := opened[it.root]
		if j == nil {
			var err error
			if j, err = journal.Open(p.state, p.scope(it.root)...); err != nil {
				return opened, fmt.Errorf("%s: %w", it.root, err)
			}
			opened[it.root] = j
		}
		items[i].log = j
	}
	return opened, nil
}

func (r roots) close(s *session) {
	for root, j := range r {
		if err := j.Close(); err != nil {
			s.warn("%s: what was uploaded may not be remembered: %v", clean(root), err)
		}
	}
}

// scope is what makes the upload of a folder, or of a file, another one.
func (p *put) scope(path string) []string {
	return []string{p.client.URL(), p.profile.Tenant, p.upload.Tag, path}
}

// grace is how long uploads that are under way may go on after an interruption: most end within it.
const grace = 5 * time.Second

// all uploads the files, several at once, until ctx ends.
func (p *put) all(ctx context.Context, items []item) {
	patient, stop := graceful(ctx, grace)
	defer stop()
	queue := make(chan item)
	var workers sync.WaitGroup
	for range min(p.parallel, len(items)) {
		workers.Go(func() {
			for it := range queue {
				p.one(ctx, patient, it)
			}
		})
	}
	for _, it := range items {
		select {
		case queue <- it:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(queue)
	workers.Wait()
}

// graceful is a context that ends a while after ctx.
func graceful(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	patient, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(d, cancel)
		context.AfterFunc(patient, func() { timer.Stop() })
	})
	return patient, func() {
		stop()
		cancel()
	}
}
