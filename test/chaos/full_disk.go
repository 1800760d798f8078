package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// scarcity is what a disk runs out of.
type scarcity string

const (
	bytesScarce  scarcity = "bytes"
	inodesScarce scarcity = "inodes"
)

// A disk has powerDiskSize bytes. Inlet spreads a tenant's files over 1,024 folders, which stay: a disk with fewer inodes is full for ever.
const (
	scarceInodes = 2048
	manyInodes   = 32768

	roomForFill   = 10 << 20 // above Inlet's reserve, which is 5 %, for what the clients send
	inodesForFill = 150
	reservedParts = 20
)

// lacksForFull says what this machine lacks to make small disks, and to let one fail; nothing when it can.
func lacksForFull() string {
	if os.Geteuid() != 0 {
		return "not root: no loop devices, no mounts"
	}
	if _, err := os.Stat(loopControl); err != nil {
		return err.Error()
	}
	for _, tool := range []string{"mkfs." + powerFS, "strace"} {
		if _, err := exec.LookPath(tool); err != nil {
			return err.Error()
		}
	}
	return ""
}

// smallDisk is a new file system of its own, and somebody else's files on it.
type smallDisk struct {
	scarce scarcity
	dir    string // where it is mounted
	image  string
	others string // the folder of what is not Inlet's
	made   int    // files in it
}

// newSmallDisk makes one below dir. The caller removes it.
func newSmallDisk(ctx context.Context, dir string, what scarcity) (d *smallDisk, err error) {
	image, err := makeImage(dir, func(io.WriterAt) error { return nil })
	if err != nil {
		return nil, err
	}
	d = &smallDisk{scarce: what, dir: filepath.Join(dir, "disk"), image: image}
	d.others = filepath.Join(d.dir, "others")
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(image))
		}
	}()
	inodes := manyInodes
	if what == inodesScarce {
		inodes = scarceInodes
	}
	cmd := exec.CommandContext(ctx, "mkfs."+powerFS, "-q", "-F", "-m", "0", "-b", "4096", "-N", fmt.Sprint(inodes), image) //nolint:gosec // to format what was just made
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", cmd, err, said)
	}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		return nil, err
	}
	if err := mount(image, d.dir); err != nil {
		return nil, err
	}
	if err := os.Mkdir(d.others, 0o700); err != nil {
		return nil, errors.Join(err, unmount(d.dir))
	}
	return d, nil
}

// remove takes the disk away, from under whoever still uses it.
func (d *smallDisk) remove() error { return errors.Join(unmount(d.dir), os.Remove(d.image)) }

// content is a file of a seed of which a moderate number fills what leave has left.
func (d *smallDisk) content(seed uint64) content {
	if d.scarce == bytesScarce {
		return newKind(long, seed)
	}
	return newText(seed)
}

// leave takes so much of the disk for somebody else that the clients have a moderate amount of work.
func (d *smallDisk) leave() error {
	var fs unix.Statfs_t
	if err := unix.Statfs(d.dir, &fs); err != nil {
		return err
	}
	if d.scarce == inodesScarce {
		return d.takeInodes(int(fs.Ffree) - int(fs.Files)/reservedParts - inodesForFill) //nolint:gosec // small numbers
	}
	free := int64(fs.Bavail) * fs.Bsize                           //nolint:gosec // a small disk
	kept := int64(fs.Blocks)*fs.Bsize/reservedParts + roomForFill //nolint:gosec // the same
	if free <= kept {
		return nil
	}
	return d.takeBytes(free - kept)
}

// leaveNothing takes the rest.
func (d *smallDisk) leaveNothing() error {
	if d.scarce == inodesScarce {
		err := d.takeInodes(scarceInodes)
		if errors.Is(err, unix.ENOSPC) {
			err = nil
		}
		return err
	}
	for size := int64(powerDiskSize); size >= 4096; {
		err := d.takeBytes(size)
		if errors.Is(err, unix.ENOSPC) {
			size /= 2
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (d *smallDisk) takeInodes(n int) error {
	for range n {
		d.made++
		if err := os.WriteFile(filepath.Join(d.others, fmt.Sprint(d.made)), nil, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (d *smallDisk) takeBytes(n int64) error {
	d.made++
	f, err := os.Create(filepath.Join(d.others, fmt.Sprint(d.made)))
	if err != nil {
		return err
	}
	return errors.Join(unix.Fallocate(int(f.Fd()), 0, 0, n), f.Close()) //nolint:gosec // a descriptor
}

// giveBack removes everything that is not Inlet's.
func (d *smallDisk) giveBack() error {
	return errors.Join(os.RemoveAll(d.others), os.Mkdir(d.others, 0o700))
}

// lookForPanics reads the log of a server: none may have panicked.
func (t *trial) lookForPanics(s *server) error {
	f, err := os.Open(s.log.Name())
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "panic") {
			t.found.addf(unclean, "%s", lines.Text())
		}
	}
	return lines.Err()
}
