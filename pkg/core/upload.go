package core

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"

	"github.com/inlethq/inlet/pkg/blob"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// MaxLife is the longest life that an upload may ask for: ten years.
const MaxLife = 10 * 365 * 24 * time.Hour

// Upload is one file on its way in. The caller has checked that its principal may upload there.
type Upload struct {
	Tenant file.Tenant
	By     string // who uploads
	Via    string // the dialect
	Class  file.Class
	Parent file.Parent
	Path   string // fixed, for classes that Replace; "" makes one
	Folder string // of a path that is made as Tiledesk has it: <folder>/<id in the form of a UUID>/<original name>; "" for the default
	Limits Limits
	Policy content.Policy

	OriginalName string // the name as sent
	Name         string // to show; OriginalName when empty
	Description  string
	DeclaredType string        // media type as sent; "" takes what the name implies
	Life         time.Duration // until it expires; 0 is for ever
	SHA256       string        // what the bytes must hash to, lower-case hex; "" takes any
	MD5          bool          // compute one besides, for vendors who show it
	Attributes   map[string]string
	Source       string // for Announce: the URL to fetch the bytes from

	resumable *file.Resumable // of a file that is made of parts

	// Announced is the least number of bytes that Body is known to have; 0 when nothing is known. It serves to refuse early.
	Announced int64
	// Key makes the upload idempotent: a second one under the same key gives the first one's file. It must be the caller's own (hash in who it is).
	Key string
	// Body is read to its end once. Its errors are returned as they are.
	Body io.Reader
	// Complete, when set, is called after the end of Body and before anything is visible. It may fill in Name, Description and Life,
	// which a form may send after the bytes, or refuse the upload by an error, which is returned as it is.
	Complete func(*Upload) error
}

// Stored is the outcome of an Upload.
type Stored struct {
	File     *file.File
	Replayed bool // nothing was stored: an earlier upload under the same key had done it
}

// Upload takes a file in. When it returns nil the bytes and their record are on stable storage and the event is owed by the record;
// the verdict follows by itself (see Await). After an error nothing is visible or charged, with one exception: Unavailable may mean that the outcome is
// not known, and a retry under the same key tells.
//
// The order is the design: reserve, stream and hash and check, make the blob durable, create the record with its event in one write, answer.
func (c *Core) Upload(ctx context.Context, u Upload) (s Stored, err error) {
	ctx, end := c.uploading(ctx, u.Tenant, u.Via)
	defer func() { end(s.File, err) }()
	start := c.now()
	if err := u.admitEarly(); err != nil {
		return Stored{}, err
	}
	if u.Key != "" {
		if first, err := c.meta.GetIdempotent(ctx, u.Tenant, u.Key); err == nil {
			return c.replay(&u, first)
		} else if !file.Is(err, file.NotFound) {
			return Stored{}, err
		}
	}
	if err := c.room(ctx, u.Tenant, u.Limits, u.Announced); err != nil {
		return Stored{}, err
	}

	id := newID()
	info, err := c.store(ctx, id, originalKey(u.Tenant, id), &u)
	if err != nil {
		c.release(ctx, u.Tenant, id)
		return Stored{}, err
	}
	now := c.now()
	f := u.record(id, now)
	f.State = file.Pending
	holds(f, info)
	f.Log(file.Step{At: now, What: "received", Took: now.Sub(start)})
	c.owe(f, event.Stored)
	return c.create(ctx, &u, f)
}

// admitEarly checks all that can be known before the body is read.
func (u *Upload) admitEarly() error {
	name, err := content.CleanName(u.OriginalName)
	if err != nil {
		return err
	}
	u.OriginalName = name
	if err := u.Policy.Allows(name); err != nil {
		return err
	}
	if u.DeclaredType != "" {
		if u.DeclaredType, err = content.ParseType(u.DeclaredType); err != nil {
			return err
		}
	}
	return u.Limits.tooLarge(u.Announced)
}

// checkForm checks what a form may send after the bytes.
func (u *Upload) checkForm() error {
	var err error
	if u.Name, err = displayText("name", u.Name, file.MaxNameBytes); err != nil {
		return err
	}
	if u.Description, err = displayText("description", u.Description, file.MaxDescriptionBytes); err != nil {
		return err
	}
	if u.Life < 0 || u.Life > MaxLife {
		return file.Errorf(file.Invalid, "upload.life", "expires_in must be between 1 and %d seconds", int64(MaxLife/time.Second))
	}
	if u.Name == "" {
		u.Name = u.OriginalName
	}
	return checkAttributes(u.Attributes)
}

// maxAttribute bounds the name and the value of an attribute, in bytes.
const maxAttribute = 255

func checkAttributes(a map[string]string) error {
	if len(a) > file.MaxAttributes {
		return file.Errorf(file.Invalid, "upload.attributes", "A file has at most %d attributes", file.MaxAttributes)
	}
	for k, v := range a {
		if !word(k, maxAttribute) || len(v) > maxAttribute || !utf8.ValidString(v) {
			return file.Errorf(file.Invalid, "upload.attributes", "An attribute is a word and a text of at most %d bytes", maxAttribute)
		}
	}
	return nil
}

// store streams the body into the blob store, under key. Its storage is reserved under id.
func (c *Core) store(ctx context.Context, id file.ID, key string, u *Upload) (blob.Info, error) {
	return c.put(ctx, key, u, &meter{ctx: ctx, core: c, tenant: u.Tenant, id: id, limits: u.Limits, src: u.Body})
}

// put streams body into the blob store, under key, and judges it on the way.
func (c *Core) put(ctx context.Context, key string, u *Upload, body io.Reader) (blob.Info, error) {
	head, err := content.ReadHead(body)
	if err != nil {
		return blob.Info{}, err
	}
	if len(head) == 0 {
		return blob.Info{}, &file.Error{Kind: file.Invalid, Op: "upload.sniff", Code: "empty_file", Public: "The file is empty"}
	}
	if u.DeclaredType, err = content.Admit(u.OriginalName, u.DeclaredType, head, u.Policy); err != nil {
		return blob.Info{}, err
	}
	ctx, k := c.calling(ctx, "blobs", "receive")
	info, err := c.blobs.Put(ctx, key, io.MultiReader(bytes.NewReader(head), body), blob.PutOptions{
		Size: u.size(), MD5: u.MD5,
		Check: func(got blob.Info) error {
			if err := u.checkDigest(got); err != nil {
				return err
			}
			if u.Complete != nil {
				if err := u.Complete(u); err != nil {
					return err
				}
			}
			return u.checkForm()
		},
	})
	k.end(err)
	return info, err
}

// checkDigest compares what was stored with what was announced.
func (u *Upload) checkDigest(got blob.Info) error {
	if u.SHA256 != "" && u.SHA256 != got.SHA256 {
		return &file.Error{Kind: file.Invalid, Op: "upload.digest", Code: "digest_mismatch", Public: "The body does not have the announced digest"}
	}
	return nil
}

// size is what a store is told of the size beforehand.
func (u *Upload) size() int64 {
	if u.Announced <= 0 {
		return -1
	}
	return u.Announced
}

// record makes the File of an upload, as yet without bytes and state.
func (u *Upload) record(id file.ID, now time.Time) *file.File {
	f := &file.File{
		ID: id, Tenant: u.Tenant, Class: u.Class, Parent: u.Parent, Path: u.Path, Via: u.Via,
		Name: u.Name, OriginalName: u.OriginalName, Description: u.Description, DeclaredType: u.DeclaredType,
		Attributes: maps.Clone(u.Attributes), Resumable: u.resumable,
		Created: file.Actor{ID: u.By, At: now}, Updated: file.Actor{ID: u.By, At: now},
	}
	switch {
	case f.Path != "":
	case u.Folder != "":
		f.Path = u.Folder + "/" + uuid(id) + "/" + f.OriginalName
	default:
		f.Path = defaultPath(f)
	}
	if u.Life > 0 {
		f.ExpiresAt = now.Add(u.Life)
	}
	if u.Key != "" {
		f.Idempotency.Key = u.Key
	}
	return f
}

// holds notes in a record what bytes it has.
func holds(f *file.File, info blob.Info) {
	f.BlobKey, f.Size, f.SHA256, f.MD5 = info.Key, info.Size, info.SHA256, info.MD5
}

// create writes the record, and settles what happens when that fails: another number, the first upload under the key, or a fence.
func (c *Core) create(ctx context.Context, u *Upload, f *file.File) (Stored, error) {
	if u.Key != "" {
		f.Idempotency.Fingerprint = u.fingerprint(blob.Info{Size: f.Size, SHA256: f.SHA256})
	}
	var err error
	for range 8 {
		f.Number = c.nextNumber()
		if err = c.insert(ctx, f); file.CodeOf(err) != meta.ConflictNumber {
			break
		}
	}
	if err == nil {
		c.relay.offer(f)
		return Stored{File: f}, nil
	}
	// From here on the caller may have gone: what follows must be done all the same.
	ctx, cancel := detach(ctx)
	defer cancel()
	// An id is taken by nobody but the record itself: the store has not known it again, as others have changed it since.
	if !file.Is(err, file.Conflict) || file.CodeOf(err) == meta.ConflictID {
		if won, settled := c.fence(ctx, f); won != nil {
			c.relay.offer(won)
			return Stored{File: won}, nil
		} else if !settled {
			return Stored{}, err // the reconcile loop finds the bytes
		}
	}
	c.release(ctx, f.Tenant, f.ID)
	if f.BlobKey != "" {
		c.removeBlob(ctx, f.BlobKey)
	}
	if file.CodeOf(err) == meta.ConflictIdempotency {
		first, getErr := c.meta.GetIdempotent(ctx, u.Tenant, u.Key)
		if getErr != nil {
			return Stored{}, getErr
		}
		return sameRequest(first, f.Idempotency.Fingerprint)
	}
	return Stored{}, err
}

// insert is Create, with the trace of the upload in the events that the record owes.
func (c *Core) insert(ctx context.Context, f *file.File) error {
	ctx, k := c.calling(ctx, "records", "create")
	mark(ctx, f)
	err := c.meta.Create(ctx, f)
	k.end(err)
	return err
}

// fence settles a Create whose outcome is not known by creating a tombstone under the same id. When the tombstone stands the upload never happened
// and never will: settled is true. When the record had been written after all it is returned. When neither can be told, settled is false.
func (c *Core) fence(ctx context.Context, f *file.File) (won *file.File, settled bool) {
	stone := &file.File{ID: f.ID, Number: f.Number, Tenant: f.Tenant, Class: f.Class, State: file.Gone,
		Created: f.Created, Deleted: file.Actor{ID: "fence", At: c.now()}}
	err := c.meta.Create(ctx, stone)
	if err == nil {
		return nil, true
	}
	if !file.Is(err, file.Conflict) {
		return nil, false
	}
	got, err := c.meta.Get(ctx, f.Tenant, file.ByID(f.ID))
	switch {
	case err == nil && got.State == file.Gone:
		return nil, true
	case err == nil:
		return got, true
	default:
		return nil, false
	}
}

// replay answers an upload whose key was used before. The body is read and hashed, and not stored.
func (c *Core) replay(u *Upload, first *file.File) (Stored, error) {
	h := sha256.New()
	var n int64
	if u.Body != nil {
		var err error
		if n, err = io.Copy(h, u.Body); err != nil {
			return Stored{}, err
		}
	}
	if u.Complete != nil {
		if err := u.Complete(u); err != nil {
			return Stored{}, err
		}
	}
	if err := u.checkForm(); err != nil {
		return Stored{}, err
	}
	info := blob.Info{Size: n}
	if u.Body != nil {
		info.SHA256 = hex.EncodeToString(h.Sum(nil))
	}
	return sameRequest(first, u.fingerprint(info))
}

func sameRequest(first *file.File, fingerprint string) (Stored, error) {
	if first.Idempotency.Fingerprint != fingerprint {
		return Stored{}, &file.Error{Kind: file.Mismatch, Op: "upload.replay", Code: "idempotency_key_reused",
			Public: "The Idempotency-Key was used for another request"}
	}
	if first.State == file.Deleting || first.State == file.Gone {
		return Stored{}, file.Errorf(file.NotFound, "upload.replay", "The file of this Idempotency-Key was deleted")
	}
	return Stored{File: first, Replayed: true}, nil
}

// fingerprint hashes what the request asked for.
func (u *Upload) fingerprint(info blob.Info) string {
	text, _ := json.Marshal([]any{u.Class, u.Parent, u.Path, u.Folder, u.Name, u.OriginalName, u.Description, u.Life, u.Source, info.Size, info.SHA256})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// defaultPath is where a file is found by path when its dialect has no paths of its own.
func defaultPath(f *file.File) string {
	owner := "tenants/" + string(f.Tenant)
	if f.Parent.Kind != "" {
		owner = f.Parent.Kind + "s/" + f.Parent.ID
	}
	return "uploads/" + owner + "/files/" + string(f.ID) + "/" + f.OriginalName
}

// uuid writes the 128 bits of a ULID in the form of a UUID (RFC 9562, 4), for a vendor whose paths hold one.
func uuid(id file.ID) string {
	u := ulid.MustParseStrict(string(id)) // ids are made by newID
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

func (c *Core) release(ctx context.Context, t file.Tenant, id file.ID) {
	ctx, cancel := detach(ctx)
	defer cancel()
	if err := c.meta.Release(ctx, t, id); err != nil {
		c.log.WarnContext(ctx, "a reservation stays until its lease ends", "file", id, "err", err)
	}
}

// discard removes the blob of a change that was refused, unless the record names it all the same: then it returns the record. The store may have made
// the change, lost its own answer, and not known the record again behind what others have changed since. Where the record cannot be read the
// bytes stay for the reconcile loop. It is not for a change whose outcome is unknown: that may still be on its way.
func (c *Core) discard(ctx context.Context, t file.Tenant, id file.ID, key string) *file.File {
	f, err := c.meta.Get(ctx, t, file.ByID(id))
	switch {
	case err == nil && slices.Contains(f.BlobKeys(), key):
		return f
	case err == nil || file.Is(err, file.NotFound):
		c.removeBlob(ctx, key)
	default:
		c.log.WarnContext(ctx, "bytes that may have no record stay until the sweeper has looked", "key", key, "err", err)
	}
	return nil
}

func (c *Core) removeBlob(ctx context.Context, key string) {
	if err := c.blobs.Delete(ctx, key); err != nil {
		c.log.WarnContext(ctx, "bytes without a record stay until the sweeper finds them", "key", key, "err", err)
	}
}
