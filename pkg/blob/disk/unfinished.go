package disk

import (
	"context"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
)

var _ blob.PrefixLister = (*Store)(nil)

// Unfinished implements blob.Janitor. It counts by the same age as SweepUnfinished.
func (s *Store) Unfinished(ctx context.Context, before time.Time) (int, error) {
	const op = "disk.unfinished"
	entries, err := fs.ReadDir(s.root.FS(), tmpDir)
	if err != nil {
		return 0, fault(op, err)
	}
	n := 0
	for _, e := range entries {
		if err := blob.Cancelled(ctx, op); err != nil {
			return n, err
		}
		fi, err := e.Info()
		switch {
		case err == nil && fi.ModTime().Before(before):
			n++
		case err != nil && !absent(err):
			return n, fault(op, err)
		}
	}
	return n, nil
}

// ListPrefix implements blob.PrefixLister. It reads one folder.
func (s *Store) ListPrefix(ctx context.Context, prefix string, fn func(blob.Info) error) error {
	if err := blob.Admit(ctx, opList, prefix); err != nil {
		return err
	}
	dir := path.Dir(prefix)
	entries, err := fs.ReadDir(s.root.FS(), path.Join(blobsDir, dir))
	if absent(err) {
		return nil
	}
	if err != nil {
		return fault(opList, err)
	}
	w := walk{ctx: ctx, after: prefix, fn: fn} // what begins with the prefix and is longer comes after it
	for _, e := range entries {
		if key := path.Join(dir, e.Name()); strings.HasPrefix(key, prefix) {
			if err := w.file(key, e); err != nil {
				return err
			}
		}
	}
	return blob.Cancelled(ctx, opList)
}
