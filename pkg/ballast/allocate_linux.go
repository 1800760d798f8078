package ballast

import (
	"os"
	"syscall"
)

// allocate gives a file blocks of its own without writing them. It fails on file systems that cannot, which then have no ballast.
func allocate(f *os.File, size int64) error {
	return syscall.Fallocate(int(f.Fd()), 0, 0, size) //nolint:gosec // a descriptor
}
