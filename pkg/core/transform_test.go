package core_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
)

// line is a bus that takes requests straight to whoever answers.
type line struct {
	asked  atomic.Int32
	answer func(context.Context, core.RenderRequest) error
}

func (l *line) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	l.asked.Add(1)
	r, err := core.ReadRenderRequest(data)
	if err != nil || subject != core.RenderSubject {
		return nil, errors.Join(err, errors.New("asked on "+subject))
	}
	return nil, l.answer(ctx, r)
}

// asking is a Core that asks those of b for renderings.
func (b *bench) asking() (*core.Core, *line, *renderer) {
	b.t.Helper()
	r := new(renderer)
	l := &line{answer: func(ctx context.Context, req core.RenderRequest) error {
		_, err := b.MakeVariant(ctx, req.Tenant, req.ID, req.Transform, r.render)
		return err
	}}
	return b.another(core.Config{Render: l}), l, r
}

func read(t *testing.T, c core.Content, err error) string {
	t.Helper()
	if err != nil {
		t.Error(err)
		return ""
	}
	defer c.Close()
	data, err := io.ReadAll(c)
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

func TestTransformIsMadeOnceAndKept(t *testing.T) {
	b := newBench(t)
	f := b.picture()
	c, l, r := b.asking()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			got, err := c.Transform(context.Background(), f, small)
			if text := read(t, got, err); text != "rendering 1" || got.Type != "image/gif" || got.Size != int64(len(text)) || len(got.Digest) != 64 {
				t.Errorf("%q, %+v", text, got)
			}
		})
	}
	wg.Wait()
	now := b.get(f)
	for _, same := range []imaging.Transform{small, {Width: 64, Height: 4000}, {Height: 48}, {Width: 64, Height: 48, Fit: imaging.Cover}, {Width: 64, Quality: 7, Format: imaging.GIF}} {
		asked := l.asked.Load()
		got, err := c.Transform(t.Context(), now, same)
		if text := read(t, got, err); text != "rendering 1" || l.asked.Load() != asked {
			t.Errorf("%+v: %q, asked for again: %v", same, text, l.asked.Load() != asked)
		}
	}
	got, err := c.Transform(t.Context(), now, imaging.Transform{Width: 65})
	if text := read(t, got, err); text != "rendering 2" {
		t.Errorf("another width: %q", text)
	}
	if r.n.Load() != 2 {
		t.Errorf("rendered %d times", r.n.Load())
	}
}

func TestTransformOfNothingIsTheFile(t *testing.T) {
	b := newBench(t)
	f := b.picture()
	c, l, _ := b.asking()
	got, err := c.Transform(t.Context(), f, imaging.Transform{})
	if text := read(t, got, err); !strings.HasPrefix(text, "GIF89a") || got.Digest != f.SHA256 || l.asked.Load() != 0 {
		t.Errorf("%q, %+v", text, got)
	}
}

func TestTransformRefuses(t *testing.T) {
	b := newBench(t)
	c, l, _ := b.asking()
	pending, note, rejected := b.upload(text("hello")), b.upload(text("hello")), b.upload(text("hello"))
	b.verify(note, content.Verdict{Type: "text/plain"})
	b.verify(rejected, content.Verdict{Type: "text/plain", Reason: content.ReasonCorrupt})
	full := b.picture()
	full.Variants = make([]file.Variant, file.MaxVariants)
	for name, x := range map[string]struct {
		f    *file.File
		t    imaging.Transform
		kind file.Kind
		code string
	}{
		"out of range":      {b.picture(), imaging.Transform{Height: -1}, file.Invalid, ""},
		"not an image":      {b.get(note), small, file.Invalid, core.CodeNotAnImage},
		"no verdict":        {pending, small, file.NotReady, "not_ready"},
		"rejected":          {b.get(rejected), small, file.NotFound, content.ReasonCorrupt},
		"too many variants": {full, small, file.RateLimited, core.CodeTooManyVariants},
	} {
		if _, err := c.Transform(t.Context(), x.f, x.t); file.KindOf(err) != x.kind || file.CodeOf(err) != x.code || file.PublicText(err, "") == "" {
			t.Errorf("%s: %v, want %s %s", name, err, x.kind, x.code)
		}
	}
	if n := l.asked.Load(); n != 0 {
		t.Errorf("asked %d times", n)
	}
	if _, err := b.Transform(t.Context(), b.picture(), small); !file.Is(err, file.Unavailable) {
		t.Errorf("without anybody to ask: %v, want Unavailable", err)
	}
}

func TestTransformTellsWhatTheRendererSays(t *testing.T) {
	b := newBench(t)
	f := b.picture()
	c, l, _ := b.asking()
	damaged := &file.Error{Kind: file.Invalid, Op: "test", Code: imaging.CodeCorrupt, Public: "the image is damaged"}
	l.answer = func(context.Context, core.RenderRequest) error { return damaged }
	if _, err := c.Transform(t.Context(), f, small); !errors.Is(err, damaged) {
		t.Errorf("%v, want the renderer's error", err)
	}
	l.answer = func(ctx context.Context, _ core.RenderRequest) error {
		_, err := b.Delete(ctx, tenant, file.ByID(f.ID), "u1")
		return err
	}
	if _, err := c.Transform(t.Context(), f, small); !file.Is(err, file.NotFound) {
		t.Errorf("deleted meanwhile: %v, want NotFound", err)
	}
}

// TestTransformOutlivesWhoAskedFirst has the first of two who ask go away: the other gets what was begun.
func TestTransformOutlivesWhoAskedFirst(t *testing.T) {
	b := newBench(t)
	f := b.picture()
	c, l, r := b.asking()
	begun, goOn := make(chan struct{}), make(chan struct{})
	answer, begin := l.answer, sync.OnceFunc(func() { close(begun) })
	l.answer = func(ctx context.Context, req core.RenderRequest) error {
		begin()
		<-goOn
		if err := ctx.Err(); err != nil {
			t.Errorf("the request ended with the first who asked: %v", err)
		}
		return answer(ctx, req)
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := c.Transform(ctx, f, small)
		first <- err
	}()
	<-begun
	cancel()
	if err := <-first; !file.Is(err, file.Cancelled) {
		t.Errorf("%v, want Cancelled", err)
	}
	second := make(chan string, 1)
	go func() {
		got, err := c.Transform(context.Background(), f, small)
		second <- read(t, got, err)
	}()
	close(goOn)
	if text := <-second; text != "rendering 1" || r.n.Load() != 1 {
		t.Errorf("%q, rendered %d times", text, r.n.Load())
	}
}

func TestReadRenderRequest(t *testing.T) {
	const id = `"01JQ3KMN7XFGY4P6WBR2SZTAZZ"`
	want := core.RenderRequest{Tenant: "acme", ID: "01JQ3KMN7XFGY4P6WBR2SZTAZZ", Transform: imaging.Transform{Width: 800, Quality: 80, Format: imaging.WebP}}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := core.ReadRenderRequest(data); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for name, data := range map[string]string{
		"nothing":           ``,
		"no object":         `[]`,
		"no tenant":         `{"id":` + id + `,"transform":{"width":1}}`,
		"no id":             `{"tenant":"acme","transform":{"width":1}}`,
		"an id of a kind":   `{"tenant":"acme","id":"01jq3kmn7xfgy4p6wbr2sztazz","transform":{"width":1}}`,
		"out of range":      `{"tenant":"acme","id":` + id + `,"transform":{"width":4097}}`,
		"a field more":      `{"tenant":"acme","id":` + id + `,"transform":{"width":1},"key":"x"}`,
		"a field more deep": `{"tenant":"acme","id":` + id + `,"transform":{"width":1,"blur":1}}`,
		"a second value":    `{"tenant":"acme","id":` + id + `,"transform":{"width":1}} {}`,
		"an event":          `{"specversion":"1.0","id":"x"}`,
	} {
		if got, err := core.ReadRenderRequest([]byte(data)); !file.Is(err, file.Invalid) {
			t.Errorf("%s: %+v, %v, want Invalid", name, got, err)
		}
	}
}

func FuzzReadRenderRequest(f *testing.F) {
	f.Add([]byte(`{"tenant":"acme","id":"01JQ3KMN7XFGY4P6WBR2SZTAZZ","transform":{"width":800,"height":1,"quality":80,"format":"webp","fit":"cover"}}`))
	f.Add([]byte(`{"tenant":"acme","id":"01JQ3KMN7XFGY4P6WBR2SZTAZZ","transform":null}`))
	f.Add([]byte(`{"tenant":""`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := core.ReadRenderRequest(data)
		if err != nil {
			if !file.Is(err, file.Invalid) {
				t.Errorf("%q: %v, want Invalid", data, err)
			}
			return
		}
		if id, err := file.ParseID(string(got.ID)); err != nil || id != got.ID || got.Tenant == "" || got.Transform.Validate() != nil {
			t.Errorf("%q is taken for %+v", data, got)
		}
	})
}
