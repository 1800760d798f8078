// Package diskspace says how much room a file system has, and how much of that is to be kept back.
//
// It measures and computes. What to refuse when there is too little, and what to give up, is for its users to decide.
package diskspace

import (
	"math"
	"syscall"
)

// Space is the room of a file system. What only root may take does not count as free.
type Space struct {
	Bytes, FreeBytes int64
	Files, FreeFiles int64 // inodes; both math.MaxInt64 where their number is not limited
}

// Of measures the file system that a path is on, by statfs(2): some microseconds on a local disk.
func Of(path string) (Space, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(path, &fs); err != nil {
		return Space{}, err
	}
	unit := uint64(fs.Bsize) //nolint:gosec,unconvert // positive; its type is not the same on all systems
	s := Space{
		Bytes: product(fs.Blocks, unit), FreeBytes: product(fs.Bavail, unit),
		Files: product(fs.Files, 1), FreeFiles: product(fs.Ffree, 1),
	}
	if s.Files == 0 { // btrfs makes inodes as it needs them
		s.Files, s.FreeFiles = math.MaxInt64, math.MaxInt64
	}
	return s, nil
}

// product multiplies, and stops at the largest int64.
func product(n, unit uint64) int64 {
	if unit != 0 && n > math.MaxInt64/unit {
		return math.MaxInt64
	}
	return int64(n * unit) //nolint:gosec // it fits
}
