package disk

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/inlethq/inlet/pkg/file"
)

// fault gives an error of the file system its kind. A nil error stays nil.
func fault(op string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return file.Wrap(file.NoSpace, op, err)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return file.Wrap(file.Unavailable, op, err)
	}
	return file.Wrap(file.Internal, op, err)
}

// readFault is fault for a call in which an absent file means an absent blob.
func readFault(op string, err error) error {
	if absent(err) {
		return file.Wrap(file.NotFound, op, err)
	}
	return fault(op, err)
}

// absent reports whether there is no such file. Below a blob there is none either.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// taken reports whether a name cannot be had because a blob has it, or has that of a folder above.
func taken(err error) bool {
	return errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTDIR)
}
