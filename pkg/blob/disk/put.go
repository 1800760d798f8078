package disk

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
)

const opPut = "disk.put"

// Put implements blob.Store. The blob is written under a temporary name, and gets its own when it is whole and synced:
// by a hard link, because a link, unlike a rename, never takes the place of what is there.
//
// A failed fsync is not tried again. Linux reports a lost write once and drops the pages, so that a second fsync would lie.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, o blob.PutOptions) (blob.Info, error) {
	if err := blob.Admit(ctx, opPut, key); err != nil {
		return blob.Info{}, err
	}
	if err := s.health.admit(); err != nil {
		return blob.Info{}, err
	}
	claim, err := s.room.claim(o.Size)
	if err != nil {
		return blob.Info{}, err
	}
	defer claim.end()
	tmp := path.Join(tmpDir, rand.Text())
	// A temporary name that cannot be removed now is left for SweepUnfinished.
	defer func() { _ = s.root.Remove(tmp) }()

	var info blob.Info
	err = s.writeFile(tmp, func(f *os.File) (err error) {
		if info, err = blob.Pump(ctx, writer{s, claim, f}, r, o.MD5); err != nil {
			return err
		}
		info.Key = key
		if o.Check != nil {
			if err := o.Check(info); err != nil {
				return err
			}
		}
		return blob.Cancelled(ctx, opPut)
	})
	if err != nil {
		return blob.Info{}, err
	}
	if err := s.place(tmp, path.Join(blobsDir, key)); err != nil {
		return blob.Info{}, err
	}
	return info, nil
}

// writeFile makes a file, lets fill write it, syncs and closes it. Errors of fill are returned as they are.
func (s *Store) writeFile(name string, fill func(*os.File) error) error {
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, blobMode)
	if err != nil {
		return s.writeFault(err)
	}
	if err := fill(f); err != nil {
		_ = f.Close()
		return err
	}
	if s.sync {
		err = f.Sync()
	}
	return s.writeFault(errors.Join(err, f.Close()))
}

// place gives a finished file its name and makes the name durable. When it fails there is no such name.
func (s *Store) place(tmp, name string) error {
	dir := path.Dir(name)
	err := s.link(tmp, name)
	if errors.Is(err, fs.ErrNotExist) {
		// Somebody has removed a folder that we knew to be there.
		s.folders.forget(dir)
		err = s.link(tmp, name)
	}
	if taken(err) {
		return file.Wrap(file.Conflict, opPut, err)
	}
	if err != nil {
		return s.writeFault(err)
	}
	if err := s.syncDir(dir); err != nil {
		_ = s.root.Remove(name)
		return s.writeFault(err)
	}
	return nil
}

func (s *Store) link(tmp, name string) error {
	if err := s.folders.make(path.Dir(name)); err != nil {
		return err
	}
	return s.root.Link(tmp, name)
}

// writer turns the errors of a file into those of the store, which a Pump then cannot mistake for its reader's.
type writer struct {
	store *Store
	claim *claim
	f     *os.File
}

func (w writer) Write(p []byte) (int, error) {
	if err := w.claim.spend(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := w.f.Write(p)
	return n, w.store.writeFault(err)
}

// writeFault gives an error of a write its kind, and lets the store's health know. A nil error stays nil.
func (s *Store) writeFault(err error) error { return s.health.fault(fault(opPut, err)) }
