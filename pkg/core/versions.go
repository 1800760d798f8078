package core

import (
	"context"
	"errors"
	"slices"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Files of a class that Replaces have one path together: they are its versions. The path finds the newest version that is Ready, so
// that the write which gives a new version its verdict is also the one which puts it in the place of the old. Old versions are buried after that;
// until then they are in nobody's sight.

// maxVersions bounds how many versions one look takes in. There is one, but for a moment after an upload.
const maxVersions = 100

// newest returns what a shared path stands for: its newest version that is Ready, or while there is none the newest at all.
func (c *Core) newest(ctx context.Context, t file.Tenant, path string) (*file.File, error) {
	versions, err := c.versions(ctx, t, path)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(versions, func(f *file.File) bool { return f.State == file.Ready }); i >= 0 {
		return versions[i], nil
	}
	if len(versions) > 0 {
		return versions[0], nil
	}
	return nil, file.Errorf(file.NotFound, "get", "File not found")
}

// versions lists the versions of a path that exist for their users, the newest first.
func (c *Core) versions(ctx context.Context, t file.Tenant, path string) ([]*file.File, error) {
	return c.meta.Find(ctx, meta.Query{
		Tenant: t, Path: path, States: []file.State{file.Pending, file.Ready, file.Rejected, file.Failed}, NotExpiredAt: c.now(),
		Descending: true, Limit: maxVersions,
	})
}

// supersede buries what came before the newest Ready version of f's path.
func (c *Core) supersede(ctx context.Context, f *file.File) error {
	newest, err := c.newest(ctx, f.Tenant, f.Path)
	if file.Is(err, file.NotFound) || err == nil && newest.State != file.Ready {
		return nil
	}
	if err != nil {
		return err
	}
	return c.buryOlder(ctx, newest, newest.Created.ID)
}

// buryOlder buries the versions that came before f and removes their bytes.
func (c *Core) buryOlder(ctx context.Context, f *file.File, by string) error {
	versions, err := c.versions(ctx, f.Tenant, f.Path)
	if err != nil {
		return err
	}
	var failed []error
	for _, v := range versions {
		if v.Number >= f.Number {
			continue
		}
		buried, err := c.bury(ctx, v.Tenant, file.ByID(v.ID), by, event.Deleted, func(v *file.File) error {
			if !v.State.CanMove(file.Deleting) {
				return errUnchanged
			}
			return nil
		})
		if err == nil && buried.State == file.Deleting {
			err = c.erase(ctx, buried)
		}
		if err != nil && !file.Is(err, file.NotFound) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
