package isolated

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

// self is this program, also when its file was replaced by another.
const self = "/proc/self/exe"

// The bounds of a child.
const (
	// maxMemory is of what it may write to, Go's and libvips' together (RLIMIT_DATA). An address space of that size, RLIMIT_AS, would be too small for
	// what Go reserves without using it. The largest picture takes a good half: fifty megapixels of four bytes, twice, and its source.
	maxMemory = 768 << 20
	maxFiles  = 64
	cpuTime   = 25 // seconds, of one rendering: for a child whose parent has died, for that looks at the clock
)

// confined gives a child a network of its own, without any device, where the system lets us.
func confined(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET}
}

// isRefused reports whether the system does not let us have namespaces: it forbids them (seccomp in containers), knows none, or has no more.
func isRefused(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.ENOSYS)
}

// confine takes from this process what a renderer has no need for. What the kernel is too old for it leaves.
func confine() error {
	for resource, limit := range map[int]uint64{
		unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_DATA: maxMemory, unix.RLIMIT_NOFILE: maxFiles,
	} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return fmt.Errorf("limit resource %d to %d: %w", resource, limit, err)
		}
	}
	// Sockets, signals to others and every file but those of the system's libraries are out of reach, for all threads, and no program gives more rights.
	err := landlock.V11.BestEffort().Restrict(landlock.RODirs("/usr", "/lib", "/lib64").IgnoreIfMissing())
	if err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	return nil
}

// allowTime gives the process cpuTime seconds more than it has used.
func allowTime() error {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return err
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CPU, &limit); err != nil {
		return err
	}
	limit.Cur = min(uint64(used.Utime.Sec+used.Stime.Sec)+cpuTime, limit.Max) //nolint:gosec // never negative
	return unix.Setrlimit(unix.RLIMIT_CPU, &limit)
}
