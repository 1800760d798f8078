package core

import (
	"context"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/file"
)

// Where the store takes forms (blob.Poster) a client sends the bytes of a promise there, and not to us. What has arrived is nothing yet:
// ReceivePosted copies it, and judges it on the way as if it had come to us.

// PostForm makes the form by which a client sends the bytes of a promise to the store itself: up to maxSize of them, until the
// promise's life ends. ok is false where the store takes no forms.
func (c *Core) PostForm(ctx context.Context, f *file.File, maxSize int64) (form blob.PostForm, ok bool, err error) {
	poster, ok := blob.PosterOf(c.blobs)
	if !ok {
		return blob.PostForm{}, false, nil
	}
	form, err = poster.Post(ctx, postedKey(f), blob.PostOptions{
		ContentType: f.DeclaredType, MinSize: 1, MaxSize: maxSize, Expires: f.Created.At.Add(PromiseLife), SuccessStatus: "201",
	})
	return form, true, err
}

// ReceivePosted is Receive for bytes that the client has posted to the store. u is as for Receive, but for Announced and Body.
//
// Errors are those of Receive; Invalid with CodeNotReceived when nothing has been posted, or the store takes no forms; a Conflict without a
// Code when the client posts again meanwhile. Bytes that are refused are gone: as long as its form is good, the client may post others.
func (c *Core) ReceivePosted(ctx context.Context, ref file.Ref, u Upload) (*file.File, error) {
	const op = "receive.posted"
	f, err := c.meta.Get(ctx, u.Tenant, ref)
	if err != nil {
		return nil, err
	}
	if err := awaitsBytes(f); err != nil {
		return nil, err
	}
	poster, ok := blob.PosterOf(c.blobs)
	if !ok {
		return nil, notReceived(op)
	}
	posted, info, err := poster.OpenPosted(ctx, postedKey(f))
	if file.Is(err, file.NotFound) {
		return nil, c.notPosted(ctx, f)
	}
	if err != nil {
		return nil, err
	}
	defer posted.Close()
	u.Body, u.Announced = posted, info.Size
	got, err := c.Receive(ctx, file.ByID(f.ID), u)
	if err == nil || final(err) {
		c.dropPosted(ctx, poster, f)
	}
	return got, err
}

// notPosted tells a promise for which nothing was posted from one whose bytes somebody else has just taken in.
func (c *Core) notPosted(ctx context.Context, f *file.File) error {
	now, err := c.meta.Get(ctx, f.Tenant, file.ByID(f.ID))
	if err != nil {
		return err
	}
	if err := awaitsBytes(now); err != nil {
		return err
	}
	return notReceived("receive.posted")
}

// dropPosted removes what was posted for a promise. The sweeper removes what stays.
func (c *Core) dropPosted(ctx context.Context, poster blob.Poster, f *file.File) {
	ctx, cancel := detach(ctx)
	defer cancel()
	if err := poster.DeletePosted(ctx, postedKey(f)); err != nil {
		c.log.WarnContext(ctx, "posted bytes stay until the sweeper removes them", "file", f.ID, "err", err)
	}
}

// postedKey is where the bytes of a promise are posted to.
func postedKey(f *file.File) string { return originalKey(f.Tenant, f.ID) }
