package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tracer watches the system calls by which a process that runs changes the files below a folder, and may kill it at any of them.
//
// It does by ptrace(2) itself what strace(1) does, because that counts the calls of its inject=…:when=N for each thread of its own. A Go program
// moves between its threads as it likes: the same N would be another call each time.
type tracer struct {
	pid   int
	files openFiles
	ready func() // called when every thread is watched
	visit func(fileCall) (kill bool)
	err   error // why the process cannot be watched any more

	starting map[int]bool      // threads that were there at the start and are not watched yet
	inside   map[int]*fileCall // what each thread is in the middle of
}

// fileCall is a system call that changes a file or a folder, or makes it durable.
type fileCall struct {
	name   string // as in syscalls(2)
	path   string // of the file, relative to the folder; the new name where there are two
	fd     int    // that it is about; -1 for none
	done   bool   // it has returned; else it has not begun
	failed bool   // with done
}

func (c fileCall) String() string {
	if c.done {
		return "after " + c.name + " " + c.path
	}
	return "before " + c.name + " " + c.path
}

// trace watches a process until its end, and returns nil then. From ready on visit is told of each call twice, before it is made and after it, while the
// thread that makes it is held. Where visit returns true the process is killed, and the call is not made if it had not begun.
//
// The caller must have started nothing that it waits for. The process is killed when the caller dies.
func trace(pid int, dir string, ready func(), visit func(fileCall) (kill bool)) error {
	runtime.LockOSThread() // to the kernel a thread is the tracer
	defer runtime.UnlockOSThread()
	t := &tracer{
		pid: pid, files: openFiles{pid: pid, dir: dir, written: map[int]bool{}}, ready: ready, visit: visit,
		starting: map[int]bool{}, inside: map[int]*fileCall{},
	}
	if err := t.attach(); err != nil {
		t.fail(err)
	}
	for {
		var status unix.WaitStatus
		tid, err := unix.Wait4(-1, &status, unix.WALL, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECHILD): // all threads have ended, or none could be watched
			return t.err
		case err != nil:
			t.fail(err)
			return t.err
		}
		if status.Stopped() {
			// A thread that is killed meanwhile is no error: its end is told next.
			if err := t.stopped(tid, status); err != nil && !errors.Is(err, unix.ESRCH) {
				t.fail(err)
			}
		}
		t.started(tid)
	}
}

// fail kills a process that cannot be watched.
func (t *tracer) fail(err error) {
	t.err = errors.Join(t.err, err, unix.Kill(t.pid, unix.SIGKILL))
}

// started notes that a thread is watched.
func (t *tracer) started(tid int) {
	if len(t.starting) == 0 {
		return
	}
	if delete(t.starting, tid); len(t.starting) == 0 {
		t.ready()
	}
}

const traceOptions = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_EXITKILL

// attach seizes all threads. What a seized thread starts is watched by itself, so the list is read until it has no thread that is new.
func (t *tracer) attach() error {
	seen := map[int]bool{}
	for before := -1; before < len(seen); {
		before = len(seen)
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", t.pid))
		if err != nil {
			return err
		}
		for _, thread := range threads {
			tid, err := strconv.Atoi(thread.Name())
			if err != nil {
				return err
			}
			if seen[tid] {
				continue
			}
			seen[tid] = true
			if err := t.seize(tid); err != nil {
				return err
			}
		}
	}
	return nil
}

// seize begins to watch a thread, unless it has ended or is watched already.
func (t *tracer) seize(tid int) error {
	err := ptrace(unix.PTRACE_SEIZE, tid, 0, traceOptions)
	if err == nil {
		t.starting[tid] = true
		err = unix.PtraceInterrupt(tid)
	}
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EPERM) && tid != t.pid {
		return nil
	}
	return err
}

// syscallStop is the signal by which a stop at a system call is told, with PTRACE_O_TRACESYSGOOD.
const syscallStop = unix.SIGTRAP | 0x80

// stopped looks why a thread has stopped, and lets it go on to its next system call.
func (t *tracer) stopped(tid int, status unix.WaitStatus) error {
	signal := status.StopSignal()
	switch {
	case signal == syscallStop:
		kill, err := t.atCall(tid)
		if err != nil {
			return err
		}
		if kill { // while the thread is held. Linux makes no system call of a thread that was killed before it
			return unix.Kill(t.pid, unix.SIGKILL)
		}
		signal = 0
	case status>>16 != 0: // an event of ptrace: a thread was started, or has begun to be watched
		signal = 0
	}
	return unix.PtraceSyscall(tid, int(signal))
}

// atCall handles the begin or the end of a system call.
func (t *tracer) atCall(tid int) (kill bool, err error) {
	var info syscallInfo
	if err := ptrace(unix.PTRACE_GET_SYSCALL_INFO, tid, unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info))); err != nil { //nolint:gosec // the kernel fills it in
		return false, err
	}
	switch info.op {
	case unix.PTRACE_SYSCALL_INFO_ENTRY:
		c := t.files.call(info)
		if c == nil || len(t.starting) > 0 {
			return false, nil
		}
		t.inside[tid] = c
		return t.visit(*c), nil
	case unix.PTRACE_SYSCALL_INFO_EXIT:
		c := t.inside[tid]
		if c == nil {
			return false, nil
		}
		delete(t.inside, tid)
		c.done, c.failed = true, info.failed()
		t.files.returned(*c)
		return t.visit(*c), nil
	}
	return false, nil
}

// syscallInfo is struct ptrace_syscall_info of ptrace(2).
type syscallInfo struct {
	op   uint8
	_    [23]uint8 // the architecture, and where the program stands
	nr   uint64    // at an entry
	args [6]uint64 // at an entry; the first byte tells at an exit that the call has failed
	_    uint64
}

func (i syscallInfo) failed() bool { return i.args[0]&0xff != 0 }

// ptrace is ptrace(2), for what package unix has no function for.
func ptrace(request, tid int, addr, data uintptr) error {
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(request), uintptr(tid), addr, data, 0, 0); errno != 0 { //nolint:gosec // both are small
		return errno
	}
	return nil
}
