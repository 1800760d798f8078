package tus

import (
	"context"
	"io"
	"net/http"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
)

// store shows the core's uploads to tusd. It finds the request, and with it the tenant, in the context of each call.
type store struct{ *Handler }

var (
	_ handler.DataStore               = store{}
	_ handler.TerminaterDataStore     = store{}
	_ handler.ConcaterDataStore       = store{}
	_ handler.LengthDeferrerDataStore = store{}

	_ handler.TerminatableUpload     = (*upload)(nil)
	_ handler.ConcatableUpload       = (*upload)(nil)
	_ handler.LengthDeclarableUpload = (*upload)(nil)
)

// NewUpload implements handler.DataStore. A final upload is complete when this returns.
func (s store) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	q := requestOf(ctx)
	u, err := q.Begin(info.MetaData, info.IsPartial)
	if err != nil {
		return nil, q.fail(err)
	}
	var stored core.Stored
	if info.IsFinal {
		stored, err = s.concat(ctx, q, u, info.PartialUploads)
	} else {
		length := info.Size
		if info.SizeIsDeferred {
			length = file.DeferredLength
		}
		stored, err = s.Core.BeginResumable(ctx, u, core.Resume{Length: length, Partial: info.IsPartial, Metadata: q.metadata, Wait: s.Life})
	}
	if err != nil {
		return nil, q.fail(err)
	}
	up := &upload{handler: s.Handler, request: q, resumable: core.Resumable{File: stored.File}}
	if stored.Replayed {
		return nil, q.fail(up.replay(ctx))
	}
	q.show(&up.resumable)
	return up, nil
}

// concat makes a file of parts.
func (s store) concat(ctx context.Context, q *request, u core.Upload, ids []string) (core.Stored, error) {
	parts := make([]core.Resumable, len(ids))
	for i, id := range ids {
		r, err := s.find(ctx, q, id)
		if err != nil {
			return core.Stored{}, err
		}
		parts[i] = r
	}
	return s.Core.Concat(context.WithoutCancel(ctx), u, parts, q.metadata)
}

// find reads an upload that the caller may go on with.
func (s store) find(ctx context.Context, q *request, text string) (core.Resumable, error) {
	id, err := file.ParseID(text)
	if err != nil {
		return core.Resumable{}, file.Errorf(file.NotFound, "tus.find", "Upload not found")
	}
	r, err := s.Core.GetResumable(ctx, q.Tenant, id)
	if err == nil {
		err = q.Check(r.File)
	}
	return r, err
}

// GetUpload implements handler.DataStore.
func (s store) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	q := requestOf(ctx)
	r, err := s.find(ctx, q, id)
	if err != nil {
		return nil, q.fail(err)
	}
	return &upload{handler: s.Handler, request: q, resumable: r}, nil
}

// AsTerminatableUpload implements handler.TerminaterDataStore.
func (store) AsTerminatableUpload(u handler.Upload) handler.TerminatableUpload { return u.(*upload) }

// AsConcatableUpload implements handler.ConcaterDataStore.
func (store) AsConcatableUpload(u handler.Upload) handler.ConcatableUpload { return u.(*upload) }

// AsLengthDeclarableUpload implements handler.LengthDeferrerDataStore.
func (store) AsLengthDeclarableUpload(u handler.Upload) handler.LengthDeclarableUpload {
	return u.(*upload)
}

// upload is an upload for the time of one request.
type upload struct {
	handler   *Handler
	request   *request
	resumable core.Resumable
}

// replay finds out where an upload stands that a second creation has found, and ends that creation.
func (u *upload) replay(ctx context.Context) error {
	r, err := u.handler.Core.GetResumable(ctx, u.request.Tenant, u.resumable.File.ID)
	if err != nil {
		return err
	}
	u.resumable = r
	if err := u.finish(ctx); err != nil {
		return err
	}
	u.request.show(&u.resumable)
	u.request.replayed = u.resumable
	return errReplayed
}

// GetInfo implements handler.Upload. An upload whose bytes are all there, and which is no file yet, as its process ended in between, becomes one:
// its client has nothing left to send that would do it.
func (u *upload) GetInfo(ctx context.Context) (handler.FileInfo, error) {
	if err := u.finish(ctx); err != nil {
		return handler.FileInfo{}, u.request.fail(err)
	}
	u.request.show(&u.resumable)
	f := u.resumable.File
	info := handler.FileInfo{
		ID: string(f.ID), Size: f.Resumable.Length, Offset: u.resumable.Offset, MetaData: handler.ParseMetadataHeader(f.Resumable.Metadata),
		IsPartial: f.Resumable.Concat == file.ConcatPartial, IsFinal: f.Resumable.Concat == file.ConcatFinal,
	}
	if info.Size == file.DeferredLength {
		info.Size, info.SizeIsDeferred = 0, true
	}
	return info, nil
}

// WriteChunk implements handler.Upload.
func (u *upload) WriteChunk(ctx context.Context, _ int64, src io.Reader) (int64, error) {
	p := core.Piece{Body: src, Limits: u.request.Limits, Policy: u.request.Policy, Wait: u.handler.Life}
	if sum := u.request.sum; sum != nil {
		p.Body, p.Check = sum.reading(src), sum.check
	}
	n, err := u.handler.Core.Append(ctx, &u.resumable, p)
	u.request.show(&u.resumable)
	if stopped := u.request.body.stopped(); stopped != nil {
		u.request.header.Set("Connection", "close") // see body
		if err == nil {
			err = stopped
		}
	}
	return n, u.request.fail(err)
}

// FinishUpload implements handler.Upload.
func (u *upload) FinishUpload(ctx context.Context) error { return u.request.fail(u.finish(ctx)) }

// finish makes a file of an upload whose bytes are all there. That goes on for a client that is gone: it would ask for it again.
func (u *upload) finish(ctx context.Context) error {
	if !u.resumable.Open() || !u.resumable.Whole() {
		return nil
	}
	if err := u.handler.Core.FinishResumable(context.WithoutCancel(ctx), &u.resumable, u.request.Limits, u.request.Policy); err != nil {
		return err
	}
	u.request.show(&u.resumable)
	return nil
}

// GetReader implements handler.Upload. Files are read elsewhere: no route leads here.
func (u *upload) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, u.request.fail(&Error{http.StatusNotImplemented, "not_implemented", "Uploads are not read here"})
}

// Terminate implements handler.TerminatableUpload.
func (u *upload) Terminate(ctx context.Context) error {
	return u.request.fail(u.handler.Core.EndResumable(ctx, u.request.Tenant, u.resumable.File.ID, u.request.By))
}

// ConcatUploads implements handler.ConcatableUpload: NewUpload has done it.
func (u *upload) ConcatUploads(context.Context, []handler.Upload) error { return nil }

// DeclareLength implements handler.LengthDeclarableUpload.
func (u *upload) DeclareLength(ctx context.Context, length int64) error {
	return u.request.fail(u.handler.Core.DeclareLength(ctx, &u.resumable, length, u.request.Limits))
}
