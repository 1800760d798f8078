// Package durable writes small files that must not be lost or half there, the directory file and the signing keys, and makes names durable.
//
// It is not for the bytes of uploads, which pkg/blob/disk writes.
package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// WriteFile makes a file of mode 0600 that is there in full or not at all, whenever the power goes. A file that exists is replaced.
// When it returns nil the file is on stable storage.
func WriteFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return SyncDir(dir)
}

// SyncDir makes durable which names a folder has. Some file systems give the room of a removed file free only with that.
func SyncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
