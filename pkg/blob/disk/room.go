package disk

import (
	"fmt"
	"sync"
	"time"

	"github.com/inlethq/inlet/pkg/diskspace"
	"github.com/inlethq/inlet/pkg/file"
)

// measureEvery is how long a measurement of the free space is good for, but for what this store writes meanwhile.
const measureEvery = 100 * time.Millisecond

// room lets blobs in while the file system has more free than the reserve. It counts what it has let in between two measurements, so
// that many small Puts share one, and refuses nothing on an old one, so that space that was made is found at once.
type room struct {
	measure func() (diskspace.Space, error)
	reserve diskspace.Reserve
	now     func() time.Time

	mu      sync.Mutex
	at      time.Time // of the last measurement
	bytes   int64     // above the reserve then, less what was written since
	files   int64     // the same of inodes
	claimed int64     // bytes that running Puts have announced, and not written yet
}

// claim is the room of one Put. It is for one goroutine, which ends it.
type claim struct {
	room *room
	left int64 // announced, and not written yet
}

// claim lets in a blob of an announced size, or of an unknown one below zero. Its error is NoSpace.
func (r *room) claim(size int64) (*claim, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	size = max(size, 0)
	if err := r.fits(max(size, 1), 1); err != nil {
		return nil, err
	}
	r.claimed += size
	r.files--
	return &claim{room: r, left: size}, nil
}

// check measures, and returns a NoSpace error when not even the smallest blob would be let in.
func (r *room) check() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.look()
	return r.enough(1, 1)
}

// fits returns a NoSpace error unless there is room for so many more bytes and inodes. The caller holds mu, here and below.
func (r *room) fits(bytes, files int64) error {
	if r.now().Sub(r.at) < measureEvery && r.enough(bytes, files) == nil {
		return nil
	}
	r.look()
	return r.enough(bytes, files)
}

func (r *room) enough(bytes, files int64) error {
	switch {
	case r.bytes-r.claimed < bytes:
		return file.Wrap(file.NoSpace, opPut, fmt.Errorf("%d bytes are wanted, %d are free above the reserve and %d of them promised", bytes, r.bytes, r.claimed))
	case r.files < files:
		return file.Wrap(file.NoSpace, opPut, fmt.Errorf("%d inodes are free above the reserve", r.files))
	}
	return nil
}

// look measures. What cannot be measured refuses nothing: a disk that is full says so by itself.
func (r *room) look() {
	space, err := r.measure()
	if err != nil {
		const plenty = 1 << 60
		space = diskspace.Space{Bytes: plenty, FreeBytes: plenty, Files: plenty, FreeFiles: plenty}
	}
	r.bytes, r.files = r.reserve.Above(space)
	r.at = r.now()
}

// spend is called before n bytes are written. Those that were not announced have to fit now.
func (c *claim) spend(n int64) error {
	r := c.room
	r.mu.Lock()
	defer r.mu.Unlock()
	announced := min(n, c.left)
	if more := n - announced; more > 0 {
		if err := r.fits(more, 0); err != nil {
			return err
		}
	}
	c.left -= announced
	r.claimed -= announced
	r.bytes -= n
	return nil
}

// end gives back what was announced and not written.
func (c *claim) end() {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	c.room.claimed -= c.left
	c.left = 0
}
