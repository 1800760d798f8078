package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/inlethq/inlet/pkg/client"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/inlet/internal/cli/journal"
)

// resumable is the size from which files go in pieces.
const resumable = 16 << 20

// one uploads one file and counts how that ended. A file that is under way when ctx ends has until patient does; one that goes in pieces stops with ctx, for the
// next run to go on.
func (p *put) one(ctx, patient context.Context, it item) {
	if ctx.Err() != nil {
		return
	}
	f, known, err := p.send(ctx, patient, it)
	if err == nil && p.wait {
		f, err = p.verdict(ctx, f)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil && ctx.Err() != nil && codeOf(err) == CodeInterrupted:
		return // it is not done, and did not fail
	case err != nil:
	case known:
		p.known++
	default:
		p.sent++
		err = p.out.add(f, it.path)
	}
	if err != nil {
		p.failed.add(p.session, it.path, err)
	}
	if p.ended != nil {
		p.ended(it, err)
	}
	p.bars.one()
}

// verdict waits for what becomes of a file.
func (p *put) verdict(ctx context.Context, f client.File) (client.File, error) {
	f, err := p.client.Wait(ctx, f.ID)
	switch {
	case err != nil:
		return f, err
	case f.State == file.Rejected:
		return f, Exit{Code: CodeRejected, Err: fmt.Errorf("rejected: %s (%s)", clean(f.Reason), f.ID)}
	case f.State == file.Failed:
		return f, Exit{Code: CodeError, Err: fmt.Errorf("failed: %s (%s)", clean(f.Reason), f.ID)}
	}
	return f, nil
}

// send uploads a file, unless an earlier run did.
func (p *put) send(ctx, patient context.Context, it item) (f client.File, known bool, err error) {
	if it.info == nil {
		f, err = p.stdin(ctx)
		return f, false, err
	}
	large := it.info.Size() >= resumable
	if it.log == nil && large { // one of its own remembers where it goes on
		if it.log, err = journal.Open(p.state, p.scope(it.abs)...); err != nil {
			return f, false, err
		}
		defer func() {
			end := it.log.Close
			if err == nil {
				end = it.log.Remove
			}
			err = errors.Join(err, end())
		}()
	}
	at := it.entry()
	if it.log != nil {
		if seen, ok := it.log.Find(at); ok && !p.again {
			at = seen
		}
	}
	if at.File != "" && it.root != "" {
		p.bars.all.there(at.Size)
		return f, true, nil
	}
	if large {
		f, err = p.pieces(ctx, it, at)
	} else {
		f, err = p.whole(patient, it)
	}
	if err == nil && it.log != nil {
		at.URL, at.File = "", f.ID
		err = it.log.Note(at)
	}
	return f, false, err
}

// stdin uploads the standard input. It can be sent once only.
func (p *put) stdin(ctx context.Context) (client.File, error) {
	o := p.upload
	o.Filename, o.Name = p.upload.Name, ""
	return p.client.Upload(ctx, p.in, o)
}

// options are those of one file.
func (p *put) options(it item, b *bar) client.UploadOptions {
	o := p.upload
	o.Filename, o.Progress = filepath.Base(it.abs), b.set
	return o
}

// whole uploads a file in one request. For a file of a folder its key is always the same, so that a run that was killed before it could remember makes no second
// file of it.
func (p *put) whole(ctx context.Context, it item) (client.File, error) {
	in, err := os.Open(it.abs)
	if err != nil {
		return client.File{}, err
	}
	defer func() { _ = in.Close() }() // it was only read
	b := p.bars.add(it.path, it.info.Size(), false)
	defer b.end()
	o := p.options(it, b)
	if it.root != "" && !p.again {
		o.Key = p.key(it)
	}
	f, err := p.client.Upload(ctx, in, o)
	if o.Key != "" && (errors.Is(err, client.ErrNotFound) || errors.Is(err, client.ErrKeyReused)) { // that file was deleted, or this one has other bytes than then
		if _, err = in.Seek(0, io.SeekStart); err == nil {
			o.Key = ""
			f, err = p.client.Upload(ctx, in, o)
		}
	}
	return f, err
}

// key names an upload of one file as it is now.
func (p *put) key(it item) string {
	parts := append(p.scope(it.abs), fmt.Sprint(it.info.Size()), fmt.Sprint(it.info.ModTime().UnixNano()), p.upload.ExpiresIn.String(), p.upload.Description)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return "put-" + hex.EncodeToString(sum[:])
}

// pieces uploads a file in pieces, from where an earlier run left off.
func (p *put) pieces(ctx context.Context, it item, at journal.Entry) (client.File, error) {
	in, err := os.Open(it.abs)
	if err != nil {
		return client.File{}, err
	}
	defer func() { _ = in.Close() }() // it was only read
	b := p.bars.add(it.path, it.info.Size(), at.URL != "")
	defer b.end()
	return p.client.UploadResumable(ctx, in, client.ResumableOptions{
		UploadOptions: p.options(it, b), URL: at.URL,
		OnURL: func(url string) error {
			at.URL, at.File = url, ""
			return it.log.Note(at)
		},
	})
}

// results prints what was uploaded: at once, or when the bars are gone.
type results struct {
	s    *session
	hold bool
	held []func() error
}

func (r *results) add(f client.File, path string) error {
	show := func() error {
		if r.s.json {
			return r.s.object(struct {
				client.File
				Local string `json:"local_path"`
			}{f, path})
		}
		return r.s.fields(f.ID, stateOf(f), path)
	}
	if !r.hold {
		return show()
	}
	r.held = append(r.held, show)
	return nil
}

func (r *results) flush() error {
	var failed error
	for _, show := range r.held {
		failed = errors.Join(failed, show())
	}
	r.held = nil
	return failed
}
