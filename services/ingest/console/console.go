// Package console serves the web console: what the build has made of web/, from the binary itself.
//
// It knows no file and no user. The console is a client of the native API like any other, and has no route of its own on the server.
package console

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/inlethq/inlet/services/ingest/internal/static"
)

//go:embed dist
var built embed.FS

const (
	index = "index.html" // is at /, too
	// assets holds what is named by its content.
	assets = "assets/"
)

// New reads the console that is built in: what is at / and below /assets/.
func New() (*static.Set, error) {
	root, err := fs.Sub(built, "dist")
	if err != nil {
		return nil, err
	}
	pages, err := load(root)
	if err != nil {
		return nil, fmt.Errorf("the console: %w", err)
	}
	return pages, nil
}

// load reads every file of a folder.
func load(root fs.FS) (*static.Set, error) {
	pages := static.New("'self' blob: data:")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		return pages.Add("/"+name, static.File{Name: name, Content: content, Immutable: strings.HasPrefix(name, assets)})
	})
	if err != nil {
		return nil, err
	}
	content, err := fs.ReadFile(root, index)
	if err != nil {
		return nil, err
	}
	return pages, pages.Add("/", static.File{Name: index, Content: content})
}
