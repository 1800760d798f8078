package core_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
)

// posting is a disk store that takes forms, too, as a store on S3 does; the client's part is played by post.
type posting struct {
	*disk.Store
	mu     sync.Mutex
	staged map[string][]byte
	forms  map[string]blob.PostOptions
	opened func() // called when something staged is opened, when set
}

var _ blob.Poster = (*posting)(nil)

func newPosting(t *testing.T) (*bench, *posting) {
	b := newBench(t)
	p := &posting{Store: b.blobs, staged: map[string][]byte{}, forms: map[string]blob.PostOptions{}}
	b.Core.Close(context.Background())
	b.Core = core.New(core.Config{Blobs: p, Meta: b.repo, Bus: b.bus, Now: b.clock.now, Name: "test"})
	return b, p
}

func (p *posting) Post(_ context.Context, key string, o blob.PostOptions) (blob.PostForm, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forms[key] = o
	return blob.PostForm{URL: "https://s3.test/bucket/", Fields: map[string]string{"key": key}}, nil
}

func (p *posting) OpenPosted(_ context.Context, key string) (io.ReadSeekCloser, blob.Info, error) {
	p.mu.Lock()
	data, ok := p.staged[key]
	p.mu.Unlock()
	if p.opened != nil {
		p.opened()
	}
	if !ok {
		return nil, blob.Info{}, &file.Error{Kind: file.NotFound, Op: "test.open_posted"}
	}
	return pinned{bytes.NewReader(data)}, blob.Info{Key: key, Size: int64(len(data))}, nil
}

func (p *posting) DeletePosted(_ context.Context, key string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.staged, key)
	return nil
}

type pinned struct{ *bytes.Reader }

func (pinned) Close() error { return nil }

// post sends bytes by a form that was made.
func (p *posting) post(form blob.PostForm, data string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.staged[form.Fields["key"]] = []byte(data)
}

func (p *posting) left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.staged)
}

func (b *bench) postForm(f *file.File) blob.PostForm {
	b.t.Helper()
	form, ok, err := b.PostForm(b.t.Context(), f, 10)
	if err != nil || !ok {
		b.t.Fatalf("no form: %v, %v", ok, err)
	}
	return form
}

func (b *bench) receivePosted(f *file.File) (*file.File, error) {
	return b.ReceivePosted(b.t.Context(), file.ByID(f.ID), core.Upload{Tenant: tenant, Limits: core.Limits{MaxFile: 10}})
}

func TestPostedBytes(t *testing.T) {
	b, store := newPosting(t)
	f := b.promise(promised())
	form := b.postForm(f)
	if o := store.forms[form.Fields["key"]]; o != (blob.PostOptions{
		ContentType: "text/plain", MinSize: 1, MaxSize: 10, Expires: f.Created.At.Add(core.PromiseLife), SuccessStatus: "201",
	}) {
		t.Errorf("the form allows %+v", o)
	}
	_, err := b.receivePosted(f)
	wantCode(t, err, file.Invalid, core.CodeNotReceived)

	store.post(form, "hello")
	got, err := b.receivePosted(f)
	if err != nil || got.Size != 5 || got.SHA256 != "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" || store.left() != 0 {
		t.Errorf("%+v, %v, %d are staged", got, err, store.left())
	}
	store.post(form, "other") // the form is still good, and nobody reads what it brings
	_, err = b.receivePosted(f)
	wantCode(t, err, file.Conflict, core.CodeReceived)
	if got := b.get(f); got.Size != 5 || b.used() != 5 || len(b.blobKeys()) != 1 {
		t.Errorf("record %+v, %d bytes, blobs %q", got, b.used(), b.blobKeys())
	}
}

func TestPostedBytesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		kind file.Kind
	}{
		"empty":               {"", file.Invalid},
		"too many":            {"hello world", file.TooLarge},
		"not what they claim": {"#!/bin/sh\n", file.TypeRefused},
	} {
		t.Run(name, func(t *testing.T) {
			b, store := newPosting(t)
			f := b.promise(promised())
			form := b.postForm(f)
			store.post(form, c.data)
			if _, err := b.receivePosted(f); !file.Is(err, c.kind) {
				t.Errorf("got %v, want %s", err, c.kind)
			}
			b.untouched(f)
			if store.left() != 0 {
				t.Error("what was refused is still staged")
			}
			store.post(form, "hello")
			if _, err := b.receivePosted(f); err != nil {
				t.Errorf("good bytes after bad ones: %v", err)
			}
		})
	}
}

// Two may say at once that the bytes are there. One takes them in, and neither is told that there are none.
func TestPostedBytesAreTakenInOnce(t *testing.T) {
	b, store := newPosting(t)
	f := b.promise(promised())
	store.post(b.postForm(f), "hello")
	var other error
	store.opened = func() {
		store.opened = nil
		_, other = b.receivePosted(f)
	}
	if _, err := b.receivePosted(f); file.CodeOf(err) != core.CodeReceived || other != nil {
		t.Errorf("got %v and %v", err, other)
	}
	f = b.promise(promised())
	form := b.postForm(f)
	store.opened = func() { // after the look into the store, before its answer counts
		store.opened = nil
		store.post(form, "hello")
		_, other = b.receivePosted(f)
	}
	if _, err := b.receivePosted(f); file.CodeOf(err) != core.CodeReceived || other != nil {
		t.Errorf("got %v and %v", err, other)
	}
	if b.used() != 10 || len(b.blobKeys()) != 2 || store.left() != 0 {
		t.Errorf("%d bytes, blobs %q, %d staged", b.used(), b.blobKeys(), store.left())
	}
}

func TestStoreThatTakesNoForms(t *testing.T) {
	b := newBench(t)
	f := b.promise(promised())
	if _, ok, err := b.PostForm(t.Context(), f, 10); ok || err != nil {
		t.Errorf("a form: %v, %v", ok, err)
	}
	_, err := b.receivePosted(f)
	wantCode(t, err, file.Invalid, core.CodeNotReceived)
	b.clock.advance(time.Hour)
	if _, err := b.Receive(t.Context(), file.ByID(f.ID), core.Upload{Tenant: tenant, Body: strings.NewReader("hello")}); err != nil {
		t.Error(err)
	}
}
