// Package ballast keeps a file on the disk of the records that only takes up room. When the disk is full and something must still be
// written, a tombstone before all, the file is removed and its room used for that. It comes back when there is room again.
//
// It does not keep a disk from filling up: to refuse uploads in time is for the blob store, and for Records while the disk is low. And it
// is given up for a write alone, not for a number that is low: whoever else fills the disk would take it.
package ballast

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/inlethq/inlet/pkg/diskspace"
	"github.com/inlethq/inlet/pkg/durable"
)

// Name is that of the file. Whoever finds a disk full while nothing runs may remove it.
const Name = "ballast"

// The size is a share of the file system: what is left above it at the default reserve of the blob store is three times as much.
const (
	maxSize  = 64 << 20
	minSize  = 64 << 10 // below it there is none
	sizePart = 32
)

// lookEvery is how often the free space is looked at.
const lookEvery = 250 * time.Millisecond

// Config says where, and who is told.
type Config struct {
	Dir string // of the records; made when it is missing
	Log *slog.Logger
}

// Ballast watches a disk. Its methods may be called at the same time from many goroutines.
type Ballast struct {
	path    string
	log     *slog.Logger
	measure func() (diskspace.Space, error)
	stop    context.CancelFunc
	stopped chan struct{}

	mu   sync.Mutex
	low  bool // the disk was full, and has not had room for the ballast since
	cuts int  // how often there was a ballast to cut
}

// Open makes the ballast when there is room, and goes on so until Close. On a disk that is full it cuts it: a start needs room, too. A file
// system that takes no ballast is no error.
func Open(c Config) (*Ballast, error) {
	if err := os.MkdirAll(c.Dir, 0o750); err != nil {
		return nil, err
	}
	b := relieve(c)
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	go b.watch(ctx)
	return b, nil
}

// Relieve cuts the ballast of a disk that is full. It is for what makes files before the records are opened.
func Relieve(c Config) { relieve(c) }

func relieve(c Config) *Ballast {
	b := newBallast(c.Dir, c.Log, func() (diskspace.Space, error) { return diskspace.Of(c.Dir) })
	b.look()
	if b.Low() {
		b.Cut()
	}
	return b
}

func newBallast(dir string, log *slog.Logger, measure func() (diskspace.Space, error)) *Ballast {
	return &Ballast{path: filepath.Join(dir, Name), log: log, measure: measure, stopped: make(chan struct{})}
}

func (b *Ballast) watch(ctx context.Context) {
	defer close(b.stopped)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			b.look()
		case <-ctx.Done():
			return
		}
	}
}

// Close ends the watch. The file stays.
func (b *Ballast) Close() error {
	b.stop()
	<-b.stopped
	return nil
}

// Low reports whether the disk was found full and has not had room for the ballast since.
func (b *Ballast) Low() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.low
}

// Cut gives the room free at once. It is for a write that has just met a full disk.
func (b *Ballast) Cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cut()
}

// Cuts counts how often room was given free.
func (b *Ballast) Cuts() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cuts
}

// look finds out whether the disk is low, which is when less is free than half a ballast, and makes the ballast when there is room for three.
func (b *Ballast) look() {
	b.mu.Lock()
	defer b.mu.Unlock()
	space, err := b.measure()
	if err != nil {
		return // the records will say so
	}
	size := min(space.Bytes/sizePart, maxSize)
	switch {
	case space.FreeBytes < size/2 || space.FreeFiles < 1:
		b.sink()
	case space.FreeBytes >= 3*size:
		if b.low {
			b.log.Info("the disk of the records has room again", "dir", filepath.Dir(b.path), "free", space.FreeBytes)
		}
		b.low = false
		b.grow(size)
	}
}

// sink notes that the disk is low. The caller holds mu, here and below.
func (b *Ballast) sink() {
	if !b.low {
		b.log.Warn("the disk of the records is full: uploads are refused until there is room", "dir", filepath.Dir(b.path))
	}
	b.low = true
}

// cut removes the file. The folder is synced because some file systems give blocks free only with that.
func (b *Ballast) cut() {
	b.sink()
	err := os.Remove(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err = errors.Join(err, durable.SyncDir(filepath.Dir(b.path))); err != nil {
		b.log.Error("the ballast cannot be removed", "path", b.path, "err", err)
		return
	}
	b.cuts++
}

// grow makes the file, unless it is there.
func (b *Ballast) grow(size int64) {
	if fi, err := os.Stat(b.path); size < minSize || err == nil && fi.Size() >= size {
		return
	}
	f, err := os.OpenFile(b.path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return // it is tried again, and a disk that cannot be written to has others to tell of it
	}
	err = allocate(f, size)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(b.path) // part of a ballast is none
	}
}
