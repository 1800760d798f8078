package blocklog

import (
	"context"
	"path/filepath"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// fileName is what the one file of the file system is called.
const fileName = "disk"

// maxWrite is the longest write that the kernel sends as one, in bytes.
const maxWrite = 512 << 10

// Mounted is a disk that shows as a file.
type Mounted struct {
	File   string // its path
	server *fuse.Server
}

// Mount shows a disk as a file in dir, by FUSE: writes to the file are the disk's, fsync is its flush. It needs root and /dev/fuse. The caller ends
// it by Unmount.
//
// To open the file with os.Open in the process that serves it may stop that process for good, for the Go runtime polls what it opens: use a plain open(2).
func Mount(d *Disk, dir string) (*Mounted, error) {
	options := &fs.Options{MountOptions: fuse.MountOptions{
		FsName: "blocklog", Name: "blocklog", DirectMountStrict: true, MaxWrite: maxWrite, DisableXAttrs: true,
	}}
	server, err := fs.Mount(dir, &folder{disk: d}, options)
	if err != nil {
		return nil, err
	}
	return &Mounted{File: filepath.Join(dir, fileName), server: server}, nil
}

// Unmount takes the file away. It fails while somebody has it open.
func (m *Mounted) Unmount() error { return m.server.Unmount() }

// folder is the root of the file system.
type folder struct {
	fs.Inode
	disk *Disk
}

var _ fs.NodeOnAdder = (*folder)(nil)

// OnAdd implements fs.NodeOnAdder: it makes the one file.
func (f *folder) OnAdd(ctx context.Context) {
	f.AddChild(fileName, f.NewPersistentInode(ctx, &node{disk: f.disk}, fs.StableAttr{Mode: fuse.S_IFREG}), false)
}

// node is the file.
type node struct {
	fs.Inode
	disk *Disk
}

var (
	_ fs.NodeGetattrer = (*node)(nil)
	_ fs.NodeOpener    = (*node)(nil)
	_ fs.NodeReader    = (*node)(nil)
	_ fs.NodeWriter    = (*node)(nil)
	_ fs.NodeFsyncer   = (*node)(nil)
)

// Getattr implements fs.NodeGetattrer.
func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size, out.Blksize = 0o600, uint64(n.disk.Size()), Piece //nolint:gosec // not negative
	return fs.OK
}

// Open implements fs.NodeOpener. The kernel is to keep nothing of the file: what it holds back from us would be missing in the log.
func (n *node) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, fs.OK
}

// Read implements fs.NodeReader.
func (n *node) Read(_ context.Context, _ fs.FileHandle, p []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	p = p[:max(0, min(int64(len(p)), n.disk.Size()-off))] // as read(2) does at the end of a file
	if _, err := n.disk.ReadAt(p, off); err != nil {
		return nil, syscall.EIO
	}
	return fuse.ReadResultData(p), fs.OK
}

// Write implements fs.NodeWriter.
func (n *node) Write(_ context.Context, _ fs.FileHandle, p []byte, off int64) (uint32, syscall.Errno) {
	written, err := n.disk.WriteAt(p, off)
	if err != nil {
		return 0, syscall.EIO
	}
	return uint32(written), fs.OK //nolint:gosec // at most maxWrite
}

// Fsync implements fs.NodeFsyncer.
func (n *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	n.disk.Flush()
	return fs.OK
}
