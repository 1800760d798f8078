package disk

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/inlethq/inlet/pkg/blob"
)

const opList = "disk.list"

// List implements blob.Store. It holds the names of one folder at each level in memory, not more.
// What is not a regular file, or whose path is no key, is passed over.
func (s *Store) List(ctx context.Context, after string, fn func(blob.Info) error) error {
	if err := blob.Cancelled(ctx, opList); err != nil {
		return err
	}
	entries, err := fs.ReadDir(s.root.FS(), blobsDir)
	if err != nil {
		return fault(opList, err)
	}
	w := walk{ctx: ctx, fsys: s.root.FS(), after: after, fn: fn}
	return w.entries("", entries)
}

// walk is one List.
type walk struct {
	ctx   context.Context // lives as long as the call
	fsys  fs.FS
	after string
	fn    func(blob.Info) error
}

// entries visits what a folder holds; prefix is the folder's key and a "/", or empty.
func (w *walk) entries(prefix string, entries []fs.DirEntry) error {
	// In the order of keys a folder stands where its name with the "/" stands: "a-b" comes before "a/b".
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	for _, e := range entries {
		if err := blob.Cancelled(w.ctx, opList); err != nil {
			return err
		}
		visit := w.file
		if e.IsDir() {
			visit = w.folder
		}
		if err := visit(prefix+e.Name(), e); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) folder(key string, _ fs.DirEntry) error {
	prefix := key + "/"
	if blob.ValidKey(key) != nil || prefix < w.after && !strings.HasPrefix(w.after, prefix) {
		return nil
	}
	entries, err := fs.ReadDir(w.fsys, path.Join(blobsDir, key))
	if err != nil {
		if absent(err) {
			return nil
		}
		return fault(opList, err)
	}
	return w.entries(prefix, entries)
}

func (w *walk) file(key string, e fs.DirEntry) error {
	if !e.Type().IsRegular() || key <= w.after || blob.ValidKey(key) != nil {
		return nil
	}
	fi, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault(opList, err)
	}
	return w.fn(blob.Info{Key: key, Size: fi.Size(), Modified: fi.ModTime()})
}

func sortName(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}
