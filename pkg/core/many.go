package core

import (
	"context"

	"github.com/inlethq/inlet/pkg/file"
)

// GetMany returns those of many files that exist for their users, by one look at the records. They come in the order of ids, one for each
// time that an id is named; what Get would not find is left out. Invalid for more ids than meta.MaxLimit.
func (c *Core) GetMany(ctx context.Context, t file.Tenant, ids []file.ID) ([]*file.File, error) {
	found, err := c.meta.GetMany(ctx, t, ids)
	if err != nil {
		return nil, err
	}
	live := make(map[file.ID]*file.File, len(found))
	now := c.now()
	for _, f := range found {
		if f.Live(now) {
			live[f.ID] = f
		}
	}
	files := make([]*file.File, 0, len(ids))
	for _, id := range ids {
		if f, ok := live[id]; ok {
			files = append(files, f)
		}
	}
	return files, nil
}
