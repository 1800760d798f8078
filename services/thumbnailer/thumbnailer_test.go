package thumbnailer

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"log/slog"
	"testing"

	"github.com/inlethq/inlet/pkg/blob/disk"
	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
	"github.com/inlethq/inlet/pkg/meta/sqlite"
)

func TestMain(m *testing.M) {
	RenderIfChild()
	m.Run()
}

// loopback is a bus with one requester, whose requests go straight to the responder, and without any event.
type loopback struct {
	answer chan func(context.Context, []byte) ([]byte, error)
}

func (loopback) Publish(context.Context, bus.Message) error { return nil }

func (loopback) Consume(ctx context.Context, _ bus.Work) error {
	<-ctx.Done()
	return nil
}

func (l loopback) Respond(ctx context.Context, subject, queue string, concurrency int, fn func(context.Context, []byte) ([]byte, error)) error {
	if subject != core.RenderSubject || queue != Name || concurrency < 1 {
		return file.Errorf(file.Invalid, "test", "%s, %s, %d", subject, queue, concurrency)
	}
	l.answer <- fn
	<-ctx.Done()
	return nil
}

// bench is a service that runs, on stores of its own.
type bench struct {
	*core.Core
	ask func(context.Context, []byte) ([]byte, error)
}

func newBench(t *testing.T) bench {
	t.Helper()
	dir := t.TempDir()
	blobs, err := disk.Open(disk.Config{Dir: dir + "/blobs", Durability: disk.Process})
	if err != nil {
		t.Fatal(err)
	}
	repo, err := sqlite.Open(t.Context(), sqlite.Config{Path: dir + "/meta.db", Synchronous: sqlite.Off})
	if err != nil {
		t.Fatal(err)
	}
	b := loopback{answer: make(chan func(context.Context, []byte) ([]byte, error), 1)}
	c := core.New(core.Config{Blobs: blobs, Meta: repo, Bus: b})
	s := New(Config{Workers: 2}, c, b, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		c.Close(context.Background())
		if err := repo.Close(); err != nil {
			t.Error(err)
		}
		if err := blobs.Close(); err != nil {
			t.Error(err)
		}
	})
	return bench{Core: c, ask: <-b.answer}
}

// store puts a file in that is taken for a picture of the type.
func (b bench) store(t *testing.T, name, mediaType string, data []byte) *file.File {
	t.Helper()
	s, err := b.Upload(t.Context(), core.Upload{Tenant: "acme", By: "u1", Via: "native", Class: file.ClassChat, OriginalName: name, Body: bytes.NewReader(data)})
	if err != nil {
		t.Fatal(err)
	}
	err = b.Verify(t.Context(), core.Hint{Tenant: "acme", ID: s.File.ID}, func(context.Context, io.ReadSeeker, *file.File) (content.Verdict, error) {
		return content.Verdict{Type: mediaType}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.get(t, s.File.ID)
}

func (b bench) get(t *testing.T, id file.ID) *file.File {
	t.Helper()
	f, err := b.Get(t.Context(), "acme", file.ByID(id))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func request(t *testing.T, f *file.File, tr imaging.Transform) []byte {
	t.Helper()
	data, err := json.Marshal(core.RenderRequest{Tenant: f.Tenant, ID: f.ID, Transform: tr})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 64, 48))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAnswersInEveryFormat(t *testing.T) {
	b := newBench(t)
	f := b.store(t, "p.png", "image/png", picture(t))
	for i, format := range imaging.Formats {
		if out, err := b.ask(t.Context(), request(t, f, imaging.Transform{Width: 32, Format: format})); err != nil || len(out) != 0 {
			t.Fatalf("%s: %q, %v", format, out, err)
		}
		v := b.get(t, f.ID).Variants[i]
		if v.Type != format.MediaType() || v.Width != 32 || v.Height != 24 || v.Size == 0 {
			t.Errorf("%s: %+v", format, v)
		}
	}
}

func TestAnswersWithWhatIsWrong(t *testing.T) {
	b := newBench(t)
	half := picture(t)
	half = half[:len(half)/2]
	for name, c := range map[string]struct {
		request []byte
		kind    file.Kind
		code    string
	}{
		"no request":        {[]byte(`{"id":"x"}`), file.Invalid, ""},
		"a damaged picture": {request(t, b.store(t, "half.png", "image/png", half), imaging.Thumbnail), file.Invalid, imaging.CodeCorrupt},
		"no picture at all": {request(t, b.store(t, "note.txt", "image/png", []byte("hello")), imaging.Thumbnail), file.TypeRefused, ""},
		"a document":        {request(t, b.store(t, "note.txt", "text/plain", []byte("hello")), imaging.Thumbnail), file.Invalid, core.CodeNotAnImage},
		"another tenant's":  {request(t, &file.File{Tenant: "other", ID: b.store(t, "p.png", "image/png", picture(t)).ID}, imaging.Thumbnail), file.NotFound, ""},
	} {
		if _, err := b.ask(t.Context(), c.request); file.KindOf(err) != c.kind || file.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s %s", name, err, c.kind, c.code)
		}
	}
}
