package sqlite

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/inlethq/inlet/pkg/file"
)

// lock takes the exclusive right to write to the database at path. The kernel gives it back when the process ends, however it ends.
// The file that carries it stays: removing it would let two processes each hold a lock on a file of the same name.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator names the path
	if err != nil {
		return nil, file.Wrap(file.Unavailable, "sqlite.lock", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) //nolint:gosec // a descriptor fits an int
	if err == nil {
		return f, nil
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%s is in use by another process", path)
	}
	return nil, errors.Join(file.Wrap(file.Unavailable, "sqlite.lock", err), f.Close())
}
