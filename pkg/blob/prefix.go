package blob

import (
	"context"
	"errors"
	"strings"
)

// PrefixLister is a Store that lists the blobs of one beginning without a look at others.
type PrefixLister interface {
	// ListPrefix calls fn for every blob whose key begins with prefix and is longer, in no order, until fn returns an error, which it returns.
	// The prefix reaches into the last segment of the keys, as "a/b." does into that of "a/b.c"; one that does not is Invalid.
	ListPrefix(ctx context.Context, prefix string, fn func(Info) error) error
}

var errPastPrefix = errors.New("past the prefix")

// ListPrefix lists the blobs of s whose keys begin with prefix (see PrefixLister), by a walk where s cannot do better.
func ListPrefix(ctx context.Context, s Store, prefix string, fn func(Info) error) error {
	if l, ok := s.(PrefixLister); ok {
		return l.ListPrefix(ctx, prefix, fn)
	}
	err := s.List(ctx, prefix, func(i Info) error {
		if !strings.HasPrefix(i.Key, prefix) {
			return errPastPrefix
		}
		return fn(i)
	})
	if errors.Is(err, errPastPrefix) {
		return nil
	}
	return err
}
