package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/inlethq/inlet/test/chaos/blocklog"
)

const (
	powerFS       = "ext4"
	powerDiskSize = 64 << 20
	loopControl   = "/dev/loop-control"
	loopMajor     = 7
	loopAttempts  = 100             // to get a device that others want as well
	unmountLimit  = 5 * time.Second // for those who end to let go
	unmountPause  = 20 * time.Millisecond
)

// lacksForDisks says what this machine lacks to make disks of its own; nothing when it can.
func lacksForDisks() string {
	if os.Geteuid() != 0 {
		return "not root: no loop devices, no mounts"
	}
	for _, device := range []string{"/dev/fuse", loopControl} {
		fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Sprintf("no %s: %v", device, err)
		}
		_ = unix.Close(fd)
	}
	if _, err := exec.LookPath("mkfs." + powerFS); err != nil {
		return err.Error()
	}
	return ""
}

// stack undoes what was done, the last first.
type stack []func() error

func (s *stack) push(undo func() error) { *s = append(*s, undo) }

func (s *stack) undo() error {
	var err error
	for i := len(*s) - 1; i >= 0; i-- {
		err = errors.Join(err, (*s)[i]())
	}
	*s = nil
	return err
}

// loggedDisk is a mounted disk that remembers.
type loggedDisk struct {
	*blocklog.Disk
	dir    string // where it is mounted
	mounts stack
}

// newLoggedDisk mounts a disk below dir that begins as an image. The caller unmounts it; the log stays.
func newLoggedDisk(image, dir string) (d *loggedDisk, err error) {
	f, err := os.Open(image) //nolint:gosec // made by the trial
	if err != nil {
		return nil, err
	}
	disk, err := blocklog.New(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	d = &loggedDisk{Disk: disk, dir: filepath.Join(dir, "disk")}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.unmount())
		}
	}()
	fuse := filepath.Join(dir, "fuse")
	if err := errors.Join(os.Mkdir(fuse, 0o700), os.Mkdir(d.dir, 0o700)); err != nil {
		return nil, err
	}
	m, err := blocklog.Mount(d.Disk, fuse)
	if err != nil {
		return nil, err
	}
	d.mounts.push(func() error { return whileBusy(m.Unmount) })
	if err := mount(m.File, d.dir); err != nil {
		return nil, err
	}
	d.mounts.push(func() error { return unmount(d.dir) })
	return d, nil
}

func (d *loggedDisk) unmount() error { return d.mounts.undo() }

// makeFS makes the image of an empty file system, whose blocks are as large as on a larger disk. The caller removes it.
func makeFS(ctx context.Context) (path string, err error) {
	if path, err = makeImage(memoryDir(), func(io.WriterAt) error { return nil }); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "mkfs."+powerFS, "-q", "-F", "-b", "4096", path) //nolint:gosec // to format what was just made
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("%s: %w: %s", cmd, err, said), os.Remove(path))
	}
	return path, nil
}

// memoryDir is where images are made: in memory where there is such a folder, for there are many.
func memoryDir() string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return os.TempDir()
}

// makeImage makes the file of a disk: zeros, and what fill writes to it. The caller removes it.
func makeImage(dir string, fill func(io.WriterAt) error) (path string, err error) {
	f, err := os.CreateTemp(dir, "inlet-chaos-*.img")
	if err != nil {
		return "", err
	}
	err = errors.Join(f.Truncate(powerDiskSize), fill(f), f.Close())
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), err
}

// mount attaches an image to a loop device, which is given back when it is unmounted, and mounts it; a journal is replayed.
func mount(image, dir string) error {
	fd, device, err := attach(image)
	if err != nil {
		return err
	}
	err = unix.Mount(device, dir, powerFS, 0, "")
	if err != nil {
		err = fmt.Errorf("mount %s on %s: %w", image, device, err)
	}
	return errors.Join(err, unix.Close(fd)) // the mount keeps the device; without it this detaches it
}

// attach gives an image a free loop device, which detaches itself when nobody has it open any more (loop(4), LO_FLAGS_AUTOCLEAR).
func attach(image string) (fd int, device string, err error) {
	file, err := unix.Open(image, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, "", fmt.Errorf("open %s: %w", image, err)
	}
	control, err := unix.Open(loopControl, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, "", errors.Join(fmt.Errorf("open %s: %w", loopControl, err), unix.Close(file))
	}
	defer func() { err = errors.Join(err, unix.Close(control), unix.Close(file)) }()
	for range loopAttempts {
		if fd, device, err = attachOnce(control, file); !errors.Is(err, unix.EBUSY) {
			break
		}
	}
	return fd, device, err
}

// attachOnce is EBUSY when somebody else was faster.
func attachOnce(control, file int) (fd int, device string, err error) {
	n, err := unix.IoctlRetInt(control, unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return -1, "", fmt.Errorf("no free loop device: %w", err)
	}
	device = fmt.Sprintf("/dev/loop%d", n)
	err = unix.Mknod(device, unix.S_IFBLK|0o600, int(unix.Mkdev(loopMajor, uint32(n)))) //nolint:gosec // a small number
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return -1, "", fmt.Errorf("mknod %s: %w", device, err)
	}
	if fd, err = unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		return -1, "", fmt.Errorf("open %s: %w", device, err)
	}
	config := unix.LoopConfig{Fd: uint32(file), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}} //nolint:gosec // a descriptor
	if err := unix.IoctlLoopConfigure(fd, &config); err != nil {
		return -1, "", errors.Join(fmt.Errorf("attach %s: %w", device, err), unix.Close(fd))
	}
	return fd, device, nil
}

// unmount waits a moment for those who end, and then takes the mount away from under who is left, which is an error.
func unmount(dir string) error {
	err := whileBusy(func() error { return unix.Unmount(dir, 0) })
	if err != nil {
		err = errors.Join(fmt.Errorf("unmount %s: %w", dir, err), unix.Unmount(dir, unix.MNT_DETACH))
	}
	return err
}

// whileBusy repeats what fails because somebody still uses it.
func whileBusy(do func() error) error {
	limit := time.NewTimer(unmountLimit)
	defer limit.Stop()
	tick := time.NewTicker(unmountPause)
	defer tick.Stop()
	for {
		err := do()
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		select {
		case <-tick.C:
		case <-limit.C:
			return err
		}
	}
}
