package core

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

// Get returns a file that exists for its users. What is deleted, expired or only promised is NotFound.
func (c *Core) Get(ctx context.Context, t file.Tenant, ref file.Ref) (*file.File, error) {
	f, err := c.meta.Get(ctx, t, ref)
	if file.Is(err, file.NotFound) && ref.Path != "" {
		f, err = c.newest(ctx, t, ref.Path)
	}
	if err != nil {
		return nil, err
	}
	if !f.Live(c.now()) {
		return nil, file.Errorf(file.NotFound, "get", "File not found")
	}
	return f, nil
}

// Record returns a file in whatever state it is, a tombstone too, for those who tell a deleted file from one that never was.
func (c *Core) Record(ctx context.Context, t file.Tenant, ref file.Ref) (*file.File, error) {
	return c.meta.Get(ctx, t, ref)
}

// Content is a file's bytes, or a variant's, ready to be sent. Whoever sends it whole, and it is not Proven, hashes what it reads and calls Settle
// before the end is sent.
type Content struct {
	io.ReadSeekCloser
	Type   string
	Size   int64
	Digest string // SHA-256 in hex
	Proven bool   // this process has found it whole within the last hour
	settle func(ctx context.Context, digest string) error
}

// Open opens the bytes of a file that Get returned, or of its named variant when variant is not empty. The caller closes them.
// NotReady before the verdict (or while the variant is made); NotFound for what will never be served; Damaged for bytes that are gone or cut off.
func (c *Core) Open(ctx context.Context, f *file.File, variant string) (Content, error) {
	switch {
	case f.State == file.Pending:
		return Content{}, notReady("The file is being verified")
	case !f.Servable(c.now()):
		return Content{}, &file.Error{Kind: file.NotFound, Op: "open", Code: f.Reason, Public: "The file is " + string(f.State) + " and has no content"}
	}
	out := Content{Type: f.Type(), Size: f.Size, Digest: f.SHA256}
	key := f.BlobKey
	if variant != "" {
		v, ok := f.Variant(variant)
		if !ok && variant == file.ThumbnailName && f.Thumbnail == file.ThumbnailOwed {
			return Content{}, notReady("The thumbnail is being made")
		}
		if !ok {
			return Content{}, file.Errorf(file.NotFound, "open", "The file has no such rendering")
		}
		key, out = v.BlobKey, Content{Type: v.Type, Size: v.Size, Digest: v.SHA256}
	}
	r, err := c.openBlob(ctx, key)
	if file.Is(err, file.NotFound) {
		return Content{}, c.missing(ctx, f, key, err)
	}
	if err != nil {
		return Content{}, err
	}
	out.ReadSeekCloser = r
	if err := c.examine(ctx, f, key, &out); err != nil {
		return Content{}, errors.Join(err, r.Close())
	}
	return out, nil
}

func (c *Core) openBlob(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	ctx, k := c.calling(ctx, "blobs", "open")
	r, err := c.blobs.Open(ctx, key)
	k.end(err)
	return r, err
}

// missing tells a file that was deleted between Get and Open from one whose bytes are lost.
func (c *Core) missing(ctx context.Context, f *file.File, key string, cause error) error {
	if _, err := c.Get(ctx, f.Tenant, file.ByID(f.ID)); err != nil {
		return err
	}
	c.observer.Found(FoundMissing, 1)
	c.log.ErrorContext(ctx, "the bytes of a file are gone", "file", f.ID, "key", key)
	return &file.Error{Kind: file.Damaged, Op: "open", Err: cause}
}

func notReady(text string) error {
	return &file.Error{Kind: file.NotReady, Op: "open", Code: "not_ready", Public: text}
}

// CountDownload adds one to the downloads of a file, soon: counts are gathered and written together, and those of the last second may be lost in a crash.
func (c *Core) CountDownload(f *file.File) { c.downloads.add(f.Tenant, f.ID) }

// downloadFlush is how long downloads are gathered before they are written.
const downloadFlush = time.Second

type downloadKey struct {
	tenant file.Tenant
	id     file.ID
}

type downloadCounter struct {
	core *Core
	mu   sync.Mutex
	n    map[downloadKey]int64
	stop chan struct{}
	done chan struct{}
}

func newDownloadCounter(c *Core) *downloadCounter {
	d := &downloadCounter{core: c, n: map[downloadKey]int64{}, stop: make(chan struct{}), done: make(chan struct{})}
	go d.run()
	return d
}

func (d *downloadCounter) add(t file.Tenant, id file.ID) {
	d.mu.Lock()
	d.n[downloadKey{t, id}]++
	d.mu.Unlock()
}

func (d *downloadCounter) run() {
	defer close(d.done)
	tick := time.NewTicker(downloadFlush)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			d.flush(ctx)
			cancel()
		case <-d.stop:
			return
		}
	}
}

func (d *downloadCounter) flush(ctx context.Context) {
	d.mu.Lock()
	gathered := d.n
	d.n = map[downloadKey]int64{}
	d.mu.Unlock()
	for k, n := range gathered {
		_, err := d.core.modify(ctx, k.tenant, file.ByID(k.id), func(f *file.File) error {
			if f.State != file.Ready {
				return errUnchanged
			}
			f.Downloads += n
			return nil
		})
		if err != nil && !file.Is(err, file.NotFound) {
			d.core.log.Warn("downloads were not counted", "file", k.id, "downloads", n, "err", err)
		}
	}
}

func (d *downloadCounter) close(ctx context.Context) {
	close(d.stop)
	<-d.done
	d.flush(ctx)
}
