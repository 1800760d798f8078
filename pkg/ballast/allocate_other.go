//go:build !linux

package ballast

import (
	"errors"
	"os"
)

// allocate is for Linux only: elsewhere there is no ballast.
func allocate(*os.File, int64) error { return errors.ErrUnsupported }
