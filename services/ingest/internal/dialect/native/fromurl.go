package native

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/fetch"
)

// A file that lies elsewhere is fetched while its request waits, or, when the client does not want to wait, announced and fetched
// afterwards: by this process as soon as it can, or by whichever looks at the records when this one has stopped.

// Bounds of from-url.
const (
	maxFromURLBytes = 32 << 10 // of the body of a request
	maxFetches      = 8        // after their requests were answered, at once
	maxQueue        = 256      // of announced files that wait for that in memory; one more waits in its record alone
)

// respondAsync is the preference of a client that does not want to wait at all (RFC 7240, 4.1).
const respondAsync = "respond-async"

// unnamed is what a file is called that has no name of its own, or none that can be stored.
const unnamed = "file"

// fromURLBody is the body of a request. The members after the blank line are ours.
type fromURLBody struct {
	URL  string `json:"url"`
	Name string `json:"name"`

	Description string      `json:"description"`
	ExpiresIn   json.Number `json:"expires_in"` // seconds
	Wait        *bool       `json:"wait"`       // for the file to be there; true when missing
}

// fromURL takes in the file that a URL leads to.
func (d *Dialect) fromURL(g *gin.Context) {
	u, err := d.uploadTo(g)
	if err != nil {
		d.fail(g, err)
		return
	}
	body, err := readFromURL(http.MaxBytesReader(g.Writer, g.Request.Body, maxFromURLBytes))
	if err != nil {
		d.fail(g, err)
		return
	}
	u.Name, u.Description = body.Name, body.Description
	if u.Life, err = life(body.ExpiresIn.String()); err != nil {
		d.fail(g, err)
		return
	}
	if body.later(g.Request.Header) {
		d.announce(g, u, body.URL)
		return
	}
	stored, err := d.fetchNow(g, u, body.URL)
	if err != nil {
		d.fail(g, err)
		return
	}
	d.answerUpload(g, stored)
}

// later reports whether the client does not want to wait until the file is there.
func (b fromURLBody) later(h http.Header) bool {
	return b.Wait != nil && !*b.Wait || parsePrefer(h, 0).applied == respondAsync
}

// readFromURL reads the body of a request.
func readFromURL(r io.Reader) (fromURLBody, error) {
	var body fromURLBody
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields() // nobody shall think that a size or an owner was set
	err := decoder.Decode(&body)
	if err == nil && decoder.More() {
		err = errors.New("more than one JSON value")
	}
	if err != nil {
		return body, &file.Error{Kind: file.Invalid, Op: "native.from_url",
			Public: "The body must be a JSON object with url, and if you like name, description, expires_in and wait", Err: err}
	}
	if body.URL == "" {
		return body, file.Errorf(file.Invalid, "native.from_url", "url is required")
	}
	return body, nil
}

// fetchNow fetches and stores a file. It counts as an upload in flight.
func (d *Dialect) fetchNow(g *gin.Context, u core.Upload, source string) (core.Stored, error) {
	leave, err := d.Enter(g.Request.Context(), u.Tenant)
	if err != nil {
		return core.Stored{}, err
	}
	defer leave()
	body, err := d.client.Get(g.Request.Context(), source) // not g, which gin uses again for other requests
	if err != nil {
		return core.Stored{}, err
	}
	defer body.Close()
	if err := take(&u, body); err != nil {
		return core.Stored{}, err
	}
	return d.Store(g, u)
}

// take makes a file that is being fetched the body of u. Its type is what its name and its bytes say: what the other side says of it counts for nothing.
func take(u *core.Upload, body *fetch.Body) error {
	head, err := content.ReadHead(body)
	if err != nil {
		return err
	}
	u.OriginalName = remoteName(body.Name, head, u.Policy)
	u.Announced = max(0, body.Length)
	u.Body = io.MultiReader(bytes.NewReader(head), body)
	return nil
}

// announce makes the record of a file that is fetched later, and answers with it. What the file may be is judged when its bytes are there.
func (d *Dialect) announce(g *gin.Context, u core.Upload, source string) {
	var err error
	if u.Key, err = door.IdempotencyKey(g); err != nil {
		d.fail(g, err)
		return
	}
	u.OriginalName, u.Policy, u.Source = provisionalName(source), content.Policy{}, source
	s, err := d.Core.Announce(g.Request.Context(), u)
	if err != nil {
		d.fail(g, err)
		return
	}
	if s.Replayed {
		g.Header("Idempotent-Replayed", "true")
	} else {
		d.enqueue(core.Hint{Tenant: s.File.Tenant, ID: s.File.ID})
	}
	if applied := parsePrefer(g.Request.Header, 0).applied; applied == respondAsync {
		g.Header("Preference-Applied", applied)
	}
	door.Show(g, s.File)
	base := d.Base(g.Request)
	g.Header("Location", base+"/v1/files/"+publicID(s.File.ID))
	g.JSON(uploadStatus(s.File), dataBody{Success: true, Data: created(s.File, base)})
}

// enqueue has an announced file fetched by this process, if there is room in its memory.
func (d *Dialect) enqueue(h core.Hint) {
	select {
	case d.announced <- h:
	default: // core.RunFetch comes to it
	}
}

// Run fetches, until ctx ends, the files that were announced: at once those that this process has announced, and then all that have waited since
// their process stopped or had no room. What it is at when ctx ends is left to whoever looks next. Resumable uploads end with what they got by then.
// It feeds the streams of events, and ends them with ctx.
func (d *Dialect) Run(ctx context.Context) error {
	context.AfterFunc(ctx, d.tus.Drain)
	g, ctx := errgroup.WithContext(ctx)
	for range maxFetches {
		g.Go(func() error {
			d.fetchQueued(ctx)
			return nil
		})
	}
	g.Go(func() error { return d.Core.RunFetch(ctx, d.open, maxFetches, d.log) })
	g.Go(func() error { return d.live.Run(ctx) })
	return g.Wait()
}

func (d *Dialect) fetchQueued(ctx context.Context) {
	for {
		select {
		case h := <-d.announced:
			if err := d.Core.Fetch(ctx, h, d.open); err != nil && ctx.Err() == nil {
				d.log.WarnContext(ctx, "an announced file could not be fetched yet", "file", h.ID, "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// open begins to fetch an announced file. What it may be, and how large, is judged by what its tenant may have now.
func (d *Dialect) open(ctx context.Context, f *file.File) (core.Upload, io.Closer, error) {
	body, err := d.client.Get(ctx, f.Source)
	if err != nil {
		return core.Upload{}, nil, err
	}
	u := core.Upload{Limits: d.Limits(f.Tenant), Policy: d.policy}
	if err := take(&u, body); err != nil {
		body.Close()
		return core.Upload{}, nil, err
	}
	return u, body, nil
}

// provisionalName is what a file is called before anybody has asked for it: as the URL has it.
func provisionalName(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return unnamed
	}
	return storableName(u.Path)
}

// storableName makes a name of what the other side calls its file, which may be anything: its last segment (RFC 6266, 4.3) as far as that can be stored.
func storableName(called string) string {
	called = called[strings.LastIndexAny(called, `/\`)+1:]
	name, err := content.CleanName(content.TruncateName(called, file.MaxNameBytes))
	if err != nil {
		return unnamed
	}
	return name
}

// remoteName is the name that a fetched file is stored under: what the other side calls it, and where the policy does not allow that and the bytes
// are something else, with the extension of what they are. So photo.php, which gives a JPEG, becomes photo.jpg; but app.js, which gives a text,
// stays what it is. A name that the policy refuses is returned as it is.
func remoteName(called string, head []byte, p content.Policy) string {
	name := storableName(called)
	if p.Allows(name) == nil {
		return name
	}
	detected := content.Detect(head)
	ext := extensionOf(detected, p)
	if ext == "" || honest(name, detected, head, p) {
		return name
	}
	if content.Extension(name) != "" {
		name = name[:strings.LastIndexByte(name, '.')]
	}
	return content.TruncateName(name, file.MaxNameBytes-len(ext)) + ext
}

// honest reports whether bytes may well be what the extension of a name says that they are.
func honest(name, detected string, head []byte, p content.Policy) bool {
	if implied := content.TypeOf(name); implied != "" {
		return content.Agree(implied, detected, head)
	}
	blocked := content.Policy{Block: p.Block}.Allows(name) != nil
	return blocked && content.FormatOf(detected) != content.FormatOther // a program of a kind that is text, or an archive
}

// extensionOf is the extension that a media type has among those that are allowed by name; empty when it has none.
func extensionOf(mediaType string, p content.Policy) string {
	for _, ext := range p.Allow {
		if content.TypeOf(unnamed+ext) == mediaType {
			return ext
		}
	}
	return ""
}
