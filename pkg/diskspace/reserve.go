package diskspace

import (
	"errors"
	"strconv"
	"strings"
)

// Reserve is the part of a file system that is kept free. The zero value keeps nothing.
type Reserve struct {
	percent float64
	most    int64 // bytes; 0 for as many as percent says
	bytes   int64 // in place of percent
}

// Default keeps 5 %, and at most 1 GiB: enough for databases, logs and deletes to go on with, and never a large part of a large disk.
var Default = Reserve{percent: 5, most: 1 << 30}

// mostFiles bounds the inodes that are kept: nothing that goes on while uploads are refused makes more than a few files. Below it they are
// kept by the same share as bytes, and by the default's where the bytes are a number.
const mostFiles = 1000

// Forms says what ParseReserve reads.
const Forms = `a number of bytes, a share as in "5%", or 0 for none`

var errReserve = errors.New("must be " + Forms)

// ParseReserve reads a number of bytes or a percentage. Empty is the Default, 0 keeps nothing.
func ParseReserve(s string) (Reserve, error) {
	if s == "" {
		return Default, nil
	}
	if share, ok := strings.CutSuffix(s, "%"); ok {
		percent, err := strconv.ParseFloat(strings.TrimSpace(share), 64)
		if err != nil || !(percent >= 0 && percent <= 90) { // NaN is neither
			return Reserve{}, errReserve
		}
		return Reserve{percent: percent}, nil
	}
	bytes, err := strconv.ParseInt(s, 10, 64)
	if err != nil || bytes < 0 {
		return Reserve{}, errReserve
	}
	return Reserve{bytes: bytes}, nil
}

// Above returns how many bytes and inodes s has free besides those that r keeps; below zero, how many are missing.
func (r Reserve) Above(s Space) (bytes, files int64) {
	return s.FreeBytes - r.bytesOf(s), s.FreeFiles - r.filesOf(s)
}

func (r Reserve) bytesOf(s Space) int64 {
	if r.bytes > 0 {
		return r.bytes
	}
	n := share(s.Bytes, r.percent)
	if r.most > 0 {
		n = min(n, r.most)
	}
	return n
}

func (r Reserve) filesOf(s Space) int64 {
	percent := r.percent
	if r.bytes > 0 {
		percent = Default.percent
	}
	return min(share(s.Files, percent), mostFiles)
}

func share(of int64, percent float64) int64 { return int64(float64(of) * percent / 100) }
