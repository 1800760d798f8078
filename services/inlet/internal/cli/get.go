package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inlethq/inlet/pkg/client"
)

// get is one inlet get.
type get struct {
	*session
	output string
	force  bool
	bars   *bars
}

func getCommand() *cobra.Command {
	var g get
	cmd := &cobra.Command{
		Use:     "get ID…",
		Aliases: []string{"download"},
		Short:   "Download files",
		Long: "Download files into this folder, each under its own name. The bytes are compared\n" +
			"with the SHA-256 that the server has; until they are all there the name ends in\n" +
			client.PartSuffix + ", and the same command goes on with such a part." + ids,
		Example: "  inlet get file_01JQ3KMN7XFGY4P6WBR2SZTA9V -o photo.jpg\n  inlet ls -q --tag holiday --all | xargs inlet get -o pictures/",
	}
	remote(cmd, groupFiles, cobra.MinimumNArgs(1), func(ctx context.Context, s *session, args []string) error {
		g.session = s
		return g.run(ctx, args)
	})
	cmd.Flags().StringVarP(&g.output, "output", "o", "", "where to: a file, a folder, or - for the standard output")
	cmd.Flags().BoolVarP(&g.force, "force", "f", false, "replace what is there")
	return cmd
}

func (g *get) run(ctx context.Context, args []string) error {
	if g.output == "-" {
		return each(ctx, g.session, args, func(id string) error { return g.stream(ctx, id) })
	}
	folder, name := ".", ""
	switch {
	case g.output == "":
	case strings.HasSuffix(g.output, string(filepath.Separator)) || isFolder(g.output):
		folder = g.output
	case len(args) > 1:
		return usagef("%s is not a folder, and there is more than one file to get", g.output)
	default:
		folder, name = filepath.Split(g.output)
	}
	if err := os.MkdirAll(filepath.Clean(folder), 0o777); err != nil { //nolint:gosec // the user's umask decides
		return err
	}
	g.bars = newBars(g.session)
	err := each(ctx, g.session, args, func(id string) error { return g.save(ctx, id, folder, name) })
	g.bars.wait()
	return err
}

// stream writes the bytes of a file to the standard output.
func (g *get) stream(ctx context.Context, id string) error {
	d, err := g.client.Download(ctx, id)
	if err != nil {
		return err
	}
	_, err = io.Copy(g.out, d)
	return errors.Join(err, d.Close())
}

// save downloads a file into a folder, under its own name when none is given.
func (g *get) save(ctx context.Context, id, folder, name string) error {
	f, err := g.client.Get(ctx, id)
	if err != nil {
		return err
	}
	if name == "" {
		name = localName(f)
	}
	path := filepath.Join(folder, name)
	if exists(path) && !g.force {
		return Exit{Code: CodeError, Err: fmt.Errorf("%s is there already; --force replaces it", clean(path))}
	}
	bar := g.bars.add(name, f.Size, exists(path+client.PartSuffix))
	f, err = g.client.DownloadFile(ctx, f.ID, path, bar.set)
	bar.end()
	switch {
	case err != nil && ctx.Err() != nil:
		g.warn("%s is not complete; the same command goes on with it", clean(path)+client.PartSuffix)
		return ctx.Err()
	case err != nil:
		return err
	case g.json:
		return g.object(struct {
			client.File
			Local string `json:"local_path"`
		}{f, path})
	}
	return g.fields(f.ID, path)
}

// localName is the name of a file as it may stand in a folder of ours: one that names no other folder, and is not hidden.
func localName(f client.File) string {
	name := f.OriginalName
	if name == "" {
		name = f.Name
	}
	name = clean(strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r == filepath.Separator {
			return '_'
		}
		return r
	}, name))
	if name = strings.TrimLeft(name, ". "); name == "" {
		return f.ID
	}
	return name
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
