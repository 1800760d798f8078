package blob

import (
	"context"
	"errors"

	"github.com/inlethq/inlet/pkg/file"
)

var errKey = errors.New("malformed blob key")

// Cancelled returns a Cancelled error once ctx has ended, and nil before. It is for stores.
func Cancelled(ctx context.Context, op string) error {
	if ctx.Err() == nil {
		return nil
	}
	return file.Wrap(file.Cancelled, op, context.Cause(ctx))
}

// Admit is how a store begins a call: it refuses a malformed key and a context that has ended.
func Admit(ctx context.Context, op, key string) error {
	if err := ValidKey(key); err != nil {
		return err
	}
	return Cancelled(ctx, op)
}
