package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// signature says which arguments of a system call tell the file that it changes: a descriptor, or a path and the folder that this starts from.
type signature struct {
	name            string
	fd              int // index of the argument, as the others; -1 for none
	dir, path, flag int
}

func onFile(name string, fd int) signature        { return signature{name, fd, -1, -1, -1} }
func onName(name string, dir, path int) signature { return signature{name, -1, dir, path, -1} }

// signatures are the calls that are watched, by number.
var signatures = map[uint64]signature{
	unix.SYS_WRITE:           onFile("write", 0),
	unix.SYS_WRITEV:          onFile("writev", 0),
	unix.SYS_PWRITE64:        onFile("pwrite64", 0),
	unix.SYS_PWRITEV:         onFile("pwritev", 0),
	unix.SYS_PWRITEV2:        onFile("pwritev2", 0),
	unix.SYS_SENDFILE:        onFile("sendfile", 0),
	unix.SYS_SPLICE:          onFile("splice", 2),
	unix.SYS_COPY_FILE_RANGE: onFile("copy_file_range", 2),
	unix.SYS_FTRUNCATE:       onFile("ftruncate", 0),
	unix.SYS_FALLOCATE:       onFile("fallocate", 0),
	unix.SYS_FSYNC:           onFile("fsync", 0),
	unix.SYS_FDATASYNC:       onFile("fdatasync", 0),
	unix.SYS_CLOSE:           onFile("close", 0),      // of what was written
	unix.SYS_OPENAT:          {"openat", -1, 0, 1, 2}, // that makes the file
	unix.SYS_MKDIRAT:         onName("mkdirat", 0, 1),
	unix.SYS_UNLINKAT:        onName("unlinkat", 0, 1),
	unix.SYS_LINKAT:          onName("linkat", 2, 3),
	unix.SYS_RENAMEAT2:       onName("renameat2", 2, 3),
	unix.SYS_TRUNCATE:        onName("truncate", -1, 0),
}

// openFiles knows what the descriptors of a process stand for.
type openFiles struct {
	pid     int
	dir     string       // the folder that is watched, absolute
	written map[int]bool // descriptors of files that were written since they were opened
}

// call reads a call that has not begun. It is nil when the call changes nothing below the folder.
func (o *openFiles) call(i syscallInfo) *fileCall {
	s, ok := signatures[i.nr]
	if !ok {
		return nil
	}
	c := &fileCall{name: s.name, fd: -1}
	var path string
	switch {
	case s.fd >= 0:
		c.fd = int(int32(i.args[s.fd])) //nolint:gosec // a descriptor is an int of C
		if s.name == "close" && !o.written[c.fd] {
			return nil
		}
		path = o.link(fmt.Sprintf("fd/%d", c.fd))
	case s.flag >= 0 && i.args[s.flag]&unix.O_CREAT == 0:
		return nil
	default:
		path = o.name(s, i)
	}
	if c.path, ok = o.below(path); !ok {
		return nil
	}
	return c
}

// returned notes what a call that has returned means for the descriptors.
func (o *openFiles) returned(c fileCall) {
	switch {
	case c.fd < 0:
	case c.name == "close":
		delete(o.written, c.fd)
	case !c.failed && c.name != "fsync" && c.name != "fdatasync":
		o.written[c.fd] = true
	}
}

// below makes a path relative to the folder that is watched.
func (o *openFiles) below(path string) (string, bool) {
	rel, ok := strings.CutPrefix(path, o.dir+"/")
	if path == o.dir {
		return ".", true
	}
	return strings.TrimSuffix(rel, " (deleted)"), ok
}

// name reads the path that a call is given.
func (o *openFiles) name(s signature, i syscallInfo) string {
	path := o.text(i.args[s.path])
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	from := "cwd"
	if s.dir >= 0 && int32(i.args[s.dir]) != unix.AT_FDCWD { //nolint:gosec // a descriptor is an int of C
		from = fmt.Sprintf("fd/%d", int32(i.args[s.dir])) //nolint:gosec // as above
	}
	return filepath.Join(o.link(from), path)
}

// link reads a link of /proc. It is "" where there is none.
func (o *openFiles) link(name string) string {
	target, _ := os.Readlink(fmt.Sprintf("/proc/%d/%s", o.pid, name)) // a bad descriptor: the call will fail
	return target
}

// text reads a string from the memory of the process. It is "" where there is none.
func (o *openFiles) text(addr uint64) string {
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", o.pid))
	if err != nil {
		return "" // the process has ended
	}
	defer memory.Close()
	b := make([]byte, unix.PathMax)
	n, _ := memory.ReadAt(b, int64(addr)) //nolint:gosec // an address of user space; the memory may end behind the string
	text, _, ok := bytes.Cut(b[:n], []byte{0})
	if !ok {
		return ""
	}
	return string(text)
}
