// Package forgetful is a folder whose disk loses files: now and then an fsync or a close fails, and what was written before is gone.
//
// It fails as Linux does: the loss is reported once, the pages are dropped, and whoever asks again is told that all is well (fsync(2), "Errors"; close(2),
// "Dealing with error returns from close"). It is a FUSE file system over an ordinary folder, which has everything that was not lost.
//
// It loses no names and no folders, and it is no power cut: test/chaos/blocklog is.
package forgetful

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Call is one that can fail.
type Call string

// The calls.
const (
	Fsync Call = "fsync"
	Close Call = "close"
)

// Disk decides which calls fail. Its methods may be called at the same time from many goroutines.
type Disk struct {
	lose atomic.Pointer[func(Call) bool]
	lost atomic.Int64
}

// Lose sets what decides, for each call on a file that was written to, whether it fails. It is called from many goroutines. With nil none fails.
func (d *Disk) Lose(decide func(Call) bool) {
	if decide == nil {
		d.lose.Store(nil)
		return
	}
	d.lose.Store(&decide)
}

// Lost counts the calls that have failed.
func (d *Disk) Lost() int64 { return d.lost.Load() }

func (d *Disk) fails(c Call) bool {
	decide := d.lose.Load()
	if decide == nil || !(*decide)(c) {
		return false
	}
	d.lost.Add(1)
	return true
}

// Mount shows the folder source at dir, on the disk d. It needs root and /dev/fuse. Whoever is done with it unmounts the server.
func Mount(d *Disk, source, dir string) (*fuse.Server, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(source, &st); err != nil {
		return nil, err
	}
	data := &fs.LoopbackRoot{Path: source, Dev: st.Dev}
	root := &node{&fs.LoopbackNode{RootData: data}, d}
	data.RootNode = root
	return fs.Mount(dir, root, &fs.Options{MountOptions: fuse.MountOptions{FsName: "forgetful", Name: "forgetful", DirectMountStrict: true, DisableXAttrs: true}})
}

// node is a file or a folder.
type node struct {
	*fs.LoopbackNode
	disk *Disk
}

var (
	_ fs.NodeWrapChilder = (*node)(nil)
	_ fs.NodeCreater     = (*node)(nil)
	_ fs.NodeFsyncer     = (*node)(nil)
)

// WrapChild implements fs.NodeWrapChilder: what lies in a folder of ours is ours.
func (n *node) WrapChild(_ context.Context, child fs.InodeEmbedder) fs.InodeEmbedder {
	return &node{child.(*fs.LoopbackNode), n.disk}
}

// Create implements fs.NodeCreater: what is new is what can be lost.
func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	inode, inner, _, errno := n.LoopbackNode.Create(ctx, name, flags, mode, out)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	return inode, &handle{inner: inner.(opened), disk: n.disk}, 0, 0
}

// Fsync implements fs.NodeFsyncer. Folders have no handle of ours, and nothing to lose.
func (n *node) Fsync(ctx context.Context, f fs.FileHandle, flags uint32) syscall.Errno {
	if h, ok := f.(fs.FileFsyncer); ok {
		return h.Fsync(ctx, flags)
	}
	return 0
}

// opened is what the file system below gives for a file that it has made.
type opened interface {
	fs.FileReader
	fs.FileWriter
	fs.FileFlusher
	fs.FileFsyncer
	fs.FileReleaser
	fs.FileGetattrer
	fs.FileSetattrer
}

// handle is a new file that is open.
type handle struct {
	inner opened
	disk  *Disk

	mu      sync.Mutex
	written int64 // bytes, up to the end of the furthest write
}

var _ opened = (*handle)(nil)

// Write implements fs.FileWriter.
func (h *handle) Write(ctx context.Context, data []byte, off int64) (uint32, syscall.Errno) {
	n, errno := h.inner.Write(ctx, data, off)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.written = max(h.written, off+int64(n))
	return n, errno
}

// Fsync implements fs.FileFsyncer.
func (h *handle) Fsync(ctx context.Context, flags uint32) syscall.Errno {
	if h.forgets(Fsync) {
		return h.forget(ctx)
	}
	return h.inner.Fsync(ctx, flags)
}

// Flush implements fs.FileFlusher: it is what a close waits for.
func (h *handle) Flush(ctx context.Context) syscall.Errno {
	if h.forgets(Close) {
		return h.forget(ctx)
	}
	return h.inner.Flush(ctx)
}

func (h *handle) forgets(c Call) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.written > 0 && h.disk.fails(c)
}

// forget turns what was written into zeros, and says so this one time.
func (h *handle) forget(ctx context.Context) syscall.Errno {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, size := range []int64{0, h.written} {
		in := &fuse.SetAttrIn{SetAttrInCommon: fuse.SetAttrInCommon{Valid: fuse.FATTR_SIZE, Size: uint64(size)}} //nolint:gosec // never negative
		if errno := h.inner.Setattr(ctx, in, new(fuse.AttrOut)); errno != 0 {
			return errno
		}
	}
	return syscall.EIO
}

// Read implements fs.FileReader.
func (h *handle) Read(ctx context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	return h.inner.Read(ctx, dest, off)
}

// Release implements fs.FileReleaser.
func (h *handle) Release(ctx context.Context) syscall.Errno { return h.inner.Release(ctx) }

// Getattr implements fs.FileGetattrer.
func (h *handle) Getattr(ctx context.Context, out *fuse.AttrOut) syscall.Errno {
	return h.inner.Getattr(ctx, out)
}

// Setattr implements fs.FileSetattrer.
func (h *handle) Setattr(ctx context.Context, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return h.inner.Setattr(ctx, in, out)
}
