package inspect

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Signatures and sizes of the records of a ZIP (APPNOTE.TXT section 4.3).
const (
	sigEnd       = "PK\x05\x06"
	sigEnd64     = "PK\x06\x06"
	sigLocator64 = "PK\x06\x07"
	sigEntry     = "PK\x01\x02"

	endSize         = 22
	end64Size       = 56
	locator64Size   = 20
	entrySize       = 46
	localHeaderSize = 30

	maxComment   = 1<<16 - 1
	maxDirectory = 4 << 20 // bytes; archive/zip keeps the directory in memory
)

// directory of a ZIP: where the list of its entries lies.
type zipDirectory struct {
	offset, size int64
	records      uint64 // as it says itself
}

// findDirectory finds the directory of a ZIP and insists that nothing stands between it, its end record and the end of the
// file, so that every reader finds the same one.
func findDirectory(r io.ReaderAt, size int64) (zipDirectory, error) {
	tail := make([]byte, min(size, endSize+maxComment))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && len(tail) > 0 {
		return zipDirectory{}, cutShort()
	}
	i := bytes.LastIndex(tail, []byte(sigEnd))
	if i < 0 || len(tail)-i < endSize {
		return zipDirectory{}, corrupt("a ZIP without an end record")
	}
	end, at := tail[i:], size-int64(len(tail)-i)
	if endSize+int(binary.LittleEndian.Uint16(end[20:])) != len(end) {
		return zipDirectory{}, unsafeArchive("bytes behind the end of the archive")
	}
	dir := zipDirectory{
		records: uint64(binary.LittleEndian.Uint16(end[10:])),
		size:    int64(binary.LittleEndian.Uint32(end[12:])),
		offset:  int64(binary.LittleEndian.Uint32(end[16:])),
	}
	if dir.records == 1<<16-1 || dir.size == 1<<32-1 || dir.offset == 1<<32-1 {
		var err error
		if dir, at, err = findDirectory64(r, at); err != nil {
			return zipDirectory{}, err
		}
	}
	if dir.offset < 0 || dir.size < 0 || dir.offset+dir.size != at {
		return zipDirectory{}, unsafeArchive("bytes before the archive or behind its directory")
	}
	return dir, nil
}

// findDirectory64 reads the ZIP64 records that stand before an end record at the given offset, and returns their own.
func findDirectory64(r io.ReaderAt, end int64) (zipDirectory, int64, error) {
	var locator [locator64Size]byte
	if _, err := r.ReadAt(locator[:], end-locator64Size); err != nil || string(locator[:4]) != sigLocator64 {
		return zipDirectory{}, 0, corrupt("a ZIP64 without a locator")
	}
	at := signed(locator[8:])
	var record [end64Size]byte
	if _, err := r.ReadAt(record[:], at); err != nil || string(record[:4]) != sigEnd64 || at > end {
		return zipDirectory{}, 0, corrupt("a ZIP64 without an end record")
	}
	return zipDirectory{
		records: binary.LittleEndian.Uint64(record[32:]),
		size:    signed(record[40:]),
		offset:  signed(record[48:]),
	}, at, nil
}

// signed reads a 64-bit number; what is out of range comes out negative, as no offset is.
func signed(p []byte) int64 { return int64(binary.LittleEndian.Uint64(p)) } //nolint:gosec // G115: wanted

// count walks the directory and returns how many entries it lists: as many as it says, and at most limit.
func (d zipDirectory) count(r io.ReaderAt, limit int) (int, error) {
	if d.records > uint64(limit) { //nolint:gosec // G115: a limit is not negative
		return 0, unsafeArchive("more than %d entries", limit)
	}
	if d.size > maxDirectory {
		return 0, unsafeArchive("a directory of more than %d bytes", maxDirectory)
	}
	list := make([]byte, d.size)
	if _, err := r.ReadAt(list, d.offset); err != nil && d.size > 0 {
		return 0, cutShort()
	}
	n := 0
	for ; len(list) > 0; n++ {
		if len(list) < entrySize || string(list[:4]) != sigEntry {
			return 0, corrupt("a broken ZIP directory")
		}
		length := entrySize
		for _, field := range []int{28, 30, 32} { // name, extra field, comment
			length += int(binary.LittleEndian.Uint16(list[field:]))
		}
		if length > len(list) {
			return 0, corrupt("a broken ZIP directory")
		}
		list = list[length:]
	}
	if uint64(n) != d.records {
		return 0, unsafeArchive("a directory that lies about its length")
	}
	return n, nil
}
