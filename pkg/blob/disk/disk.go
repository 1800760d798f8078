// Package disk keeps blobs as files in a folder.
//
// The folder holds two: blobs, where a blob's key is its path, and tmp, where a blob is written until it is whole.
// Several processes may share it. The file system must have hard links, and fsync of files and folders must mean it.
//
// A folder's name survives a power cut only when its parent was synced, so a Put that is told to survive one syncs the
// file, the folder it is placed in, and every folder above that nobody is known to have synced.
//
// A Put is refused before its reader is read while the file system has no more free than the reserve, and while the disk fails. Reads and
// deletes go on in both cases.
//
// It keeps no index and no metadata: what is not in the file system is not known.
package disk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/diskspace"
	"github.com/inlethq/inlet/pkg/file"
)

// Durability is what a blob survives once its Put has returned.
type Durability string

// The durabilities. The empty one is Power.
const (
	Power   Durability = "power"   // a power cut of the machine
	Process Durability = "process" // the end of the process: nothing is synced
)

// Config says where and how.
type Config struct {
	Dir        string // made when it is missing
	Durability Durability
	Reserve    diskspace.Reserve // what Put leaves free
}

// The folders below Config.Dir.
const (
	blobsDir = "blobs"
	tmpDir   = "tmp"
)

// The modes, before the umask. A blob is read-only from its first byte on: the descriptor that made it may write all the same.
const (
	dirMode  fs.FileMode = 0o750
	blobMode fs.FileMode = 0o440
)

// Store is a blob.Store on a folder.
type Store struct {
	root    *os.Root // Config.Dir: no key and no link leads out of it
	sync    bool
	folders folders
	room    room
	health  health
}

var (
	_ blob.Store   = (*Store)(nil)
	_ blob.Janitor = (*Store)(nil)
	_ blob.Pinger  = (*Store)(nil)
)

// Open makes the folder ready. The caller closes the store.
func Open(cfg Config) (*Store, error) {
	switch cfg.Durability {
	case Power, Process, "":
	default:
		return nil, file.Errorf(file.Invalid, "disk.open", "durability is %q, and may be %q or %q", cfg.Durability, Power, Process)
	}
	s := &Store{sync: cfg.Durability != Process}
	s.room = room{reserve: cfg.Reserve, now: time.Now}
	s.health = health{probe: s.probe, now: time.Now}
	if err := s.open(cfg.Dir); err != nil {
		return nil, fault("disk.open", err)
	}
	return s, nil
}

func (s *Store) open(dir string) (err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := s.makeTop(dir); err != nil {
		return err
	}
	if s.root, err = os.OpenRoot(dir); err != nil {
		return err
	}
	s.room.measure = func() (diskspace.Space, error) { return diskspace.Of(filepath.Join(dir, tmpDir)) }
	s.folders = folders{root: s.root, sync: s.syncDir, durable: map[string]struct{}{}}
	err = errors.Join(s.folders.make(blobsDir), s.folders.make(tmpDir))
	if err == nil {
		err = s.assertOneDevice()
	}
	if err != nil {
		return errors.Join(err, s.root.Close())
	}
	return nil
}

// makeTop makes dir and what is missing above it, each name synced.
func (s *Store) makeTop(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := s.makeTop(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return s.syncFolder(os.Open(parent)) //nolint:gosec // the operator's own folder
}

// assertOneDevice refuses a tmp that is another file system than blobs: nothing could be moved from one to the other.
func (s *Store) assertOneDevice() error {
	blobs, err := s.device(blobsDir)
	if err != nil {
		return err
	}
	tmp, err := s.device(tmpDir)
	if err != nil {
		return err
	}
	if blobs != tmp {
		return fmt.Errorf("%s and %s are on different devices", blobsDir, tmpDir)
	}
	return nil
}

func (s *Store) device(dir string) (uint64, error) {
	fi, err := s.root.Stat(dir)
	if err != nil {
		return 0, err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	return uint64(st.Dev), nil // int32 on some systems
}

// Close lets go of the folder. Files that are open stay usable.
func (s *Store) Close() error { return s.root.Close() }

// Open implements blob.Store. It returns an *os.File.
func (s *Store) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	const op = "disk.open"
	if err := blob.Admit(ctx, op, key); err != nil {
		return nil, err
	}
	f, err := s.root.Open(path.Join(blobsDir, key))
	if err != nil {
		return nil, readFault(op, err)
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fs.ErrNotExist // a folder above some blob
	}
	if err != nil {
		_ = f.Close()
		return nil, readFault(op, err)
	}
	return f, nil
}

// Stat implements blob.Store.
func (s *Store) Stat(ctx context.Context, key string) (blob.Info, error) {
	const op = "disk.stat"
	if err := blob.Admit(ctx, op, key); err != nil {
		return blob.Info{}, err
	}
	fi, err := s.root.Stat(path.Join(blobsDir, key))
	if err == nil && !fi.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return blob.Info{}, readFault(op, err)
	}
	return blob.Info{Key: key, Size: fi.Size(), Modified: fi.ModTime()}, nil
}

// Delete implements blob.Store. The folders above the blob stay: removing one could pull it from under a Put.
func (s *Store) Delete(ctx context.Context, key string) error {
	const op = "disk.delete"
	if err := blob.Admit(ctx, op, key); err != nil {
		return err
	}
	name := path.Join(blobsDir, key)
	fi, err := s.root.Lstat(name)
	if err == nil && !fi.IsDir() { // Remove would take an empty folder, too
		err = s.root.Remove(name)
	}
	if err != nil && !absent(err) {
		return fault(op, err)
	}
	// Also when it was absent: an earlier Delete may have failed here, and the name could still come back.
	if err := s.syncDir(path.Dir(name)); err != nil && !absent(err) {
		return fault(op, err)
	}
	return nil
}

// SweepUnfinished implements blob.Janitor. A temporary file's age is that of its last write, so a slow upload is spared.
func (s *Store) SweepUnfinished(ctx context.Context, before time.Time) (int, error) {
	const op = "disk.sweep"
	entries, err := fs.ReadDir(s.root.FS(), tmpDir)
	if err != nil {
		return 0, fault(op, err)
	}
	swept := 0
	for _, e := range entries {
		if err := blob.Cancelled(ctx, op); err != nil {
			return swept, err
		}
		fi, err := e.Info()
		if err == nil && fi.ModTime().Before(before) {
			if err = s.root.Remove(path.Join(tmpDir, e.Name())); err == nil {
				swept++
			}
		}
		if err != nil && !absent(err) {
			return swept, fault(op, err)
		}
	}
	return swept, nil
}

// Ping implements blob.Pinger: it writes, syncs and removes a small file.
func (s *Store) Ping(ctx context.Context) error {
	const op = "disk.ping"
	if err := blob.Cancelled(ctx, op); err != nil {
		return err
	}
	if err := s.health.admit(); err != nil {
		return err
	}
	if err := s.room.check(); err != nil {
		return err
	}
	err := s.probe()
	if err != nil && !file.Is(err, file.NoSpace) {
		return file.Wrap(file.Unavailable, op, err)
	}
	return err
}

// probe tries what a Put does to the disk.
func (s *Store) probe() error {
	name := path.Join(tmpDir, "probe-"+rand.Text())
	err := s.writeFile(name, func(f *os.File) error {
		_, err := f.Write([]byte("probe"))
		return s.writeFault(err)
	})
	if err == nil {
		err = s.writeFault(s.syncDir(tmpDir))
	}
	if removed := s.root.Remove(name); err == nil {
		err = s.writeFault(removed)
	}
	return err
}

// syncDir makes the names in a folder durable.
func (s *Store) syncDir(dir string) error {
	if !s.sync {
		return nil
	}
	return s.syncFolder(s.root.Open(dir))
}

// syncFolder syncs and closes a folder that was just opened.
func (s *Store) syncFolder(f *os.File, err error) error {
	if err != nil {
		return err
	}
	if s.sync {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
