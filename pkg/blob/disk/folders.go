package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"sync"

	"golang.org/x/sync/singleflight"
)

// maxDurable bounds what folders remembers to some 10 MB. Past it, it starts anew and syncs again what it has forgotten.
const maxDurable = 1 << 17

// folders makes folders, and remembers of which it knows that their names survive a power cut.
//
// To find a folder is not enough: whoever made it, a Put at the same time or a process that was killed, may not have synced
// its parent yet. So each folder's parent is synced once in the life of a process, whether or not the folder was there.
type folders struct {
	root   *os.Root
	sync   func(dir string) error
	making singleflight.Group

	mu      sync.RWMutex
	durable map[string]struct{}
}

// make makes dir and what is missing above it. When it returns nil they are durable.
func (f *folders) make(dir string) error {
	if dir == "." || f.known(dir) {
		return nil
	}
	_, err, _ := f.making.Do(dir, func() (any, error) {
		parent := path.Dir(dir)
		if err := f.make(parent); err != nil {
			return nil, err
		}
		if err := f.root.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if err := f.sync(parent); err != nil {
			return nil, err
		}
		f.remember(dir)
		return nil, nil
	})
	return err
}

func (f *folders) known(dir string) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	_, ok := f.durable[dir]
	return ok
}

func (f *folders) remember(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.durable) >= maxDurable {
		clear(f.durable)
	}
	f.durable[dir] = struct{}{}
}

// forget drops what is known of dir and the folders above it.
func (f *folders) forget(dir string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ; dir != "."; dir = path.Dir(dir) {
		delete(f.durable, dir)
	}
}
