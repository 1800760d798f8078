package isolated

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/imaging"
	"github.com/inlethq/inlet/services/thumbnailer/internal/render"
)

func TestMain(m *testing.M) {
	Main()
	probe()
	os.Exit(m.Run())
}

// logged is what a pool has logged.
type logged struct{ bytes.Buffer }

func (l *logged) crashes() int { return strings.Count(l.String(), "a picture ended its renderer") }

func open(t *testing.T, cfg Config) (*Pool, *logged) {
	t.Helper()
	log := new(logged)
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	p := New(cfg)
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p, log
}

func encode(t testing.TB, img image.Image, as func(io.Writer, image.Image) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := as(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asPNG(w io.Writer, img image.Image) error {
	return (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, img)
}

func asJPEG(w io.Writer, img image.Image) error { return jpeg.Encode(w, img, nil) }

func asGIF(w io.Writer, img image.Image) error { return gif.Encode(w, img, nil) }

// gradient is a picture in which no two rows are alike.
func gradient(w, h int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x), uint8(y), uint8(x * y), 255})
		}
	}
	return img
}

// TestRender compares with a renderer in this process: pictures and failures are the same.
func TestRender(t *testing.T) {
	p, log := open(t, Config{Workers: 1})
	direct, err := render.Open(render.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	whole := encode(t, gradient(300, 200), asPNG)
	for name, c := range map[string]struct {
		src []byte
		t   imaging.Transform
	}{
		"png":           {whole, imaging.Thumbnail},
		"jpeg":          {encode(t, gradient(640, 480), asJPEG), imaging.Thumbnail},
		"gif":           {encode(t, gradient(64, 64), asGIF), imaging.Transform{Width: 10}},
		"webp":          {whole, imaging.Transform{Width: 100, Format: imaging.WebP, Quality: 30}},
		"cut off":       {whole[:len(whole)/2], imaging.Thumbnail},
		"no picture":    {[]byte("hello"), imaging.Thumbnail},
		"empty":         {nil, imaging.Thumbnail},
		"out of range":  {whole, imaging.Transform{Width: -1}},
		"too wide":      {encode(t, image.NewGray(image.Rect(0, 0, imaging.MaxSourceSide+1, 1)), asPNG), imaging.Thumbnail},
		"an executable": {append([]byte("\x7fELF"), make([]byte, 1<<20)...), imaging.Thumbnail},
	} {
		want, wantErr := direct.Render(t.Context(), c.src, c.t)
		got, err := p.Render(t.Context(), bytes.NewReader(c.src), c.t)
		if file.KindOf(err) != file.KindOf(wantErr) || file.CodeOf(err) != file.CodeOf(wantErr) || file.PublicText(err, "") != file.PublicText(wantErr, "") {
			t.Errorf("%s: %v, want %v", name, err, wantErr)
		}
		if !bytes.Equal(got.Data, want.Data) || got.Type != want.Type || got.Width != want.Width || got.Height != want.Height || got.Frames != want.Frames {
			t.Errorf("%s: %s of %dx%d, %d bytes; want %s of %dx%d, %d bytes", name, got.Type, got.Width, got.Height, len(got.Data), want.Type, want.Width, want.Height, len(want.Data))
		}
	}
	if log.crashes() != 0 {
		t.Errorf("logged %s", log)
	}
}

// TestCrash: a child that ends, or hangs, costs its picture nothing when the next child renders it.
func TestCrash(t *testing.T) {
	src := encode(t, gradient(300, 200), asPNG)
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSEGV, syscall.SIGABRT, syscall.SIGSTOP} {
		t.Run(signal.String(), func(t *testing.T) {
			p, log := open(t, Config{Workers: 1, Limit: 2 * time.Second})
			c := p.idle[0]
			first := c.cmd.Process
			if err := first.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if signal != syscall.SIGSTOP {
				<-c.ended // a signal takes its time
			}
			if _, err := p.Render(t.Context(), bytes.NewReader(src), imaging.Thumbnail); err != nil {
				t.Error(err)
			}
			if log.crashes() != 1 {
				t.Errorf("logged %d crashes: %s", log.crashes(), log)
			}
			if err := first.Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("the first child is still there: %v", err)
			}
		})
	}
}

// TestPoison: a picture that two children do not survive is damaged, and those that come after it are rendered.
func TestPoison(t *testing.T) {
	p, log := open(t, Config{Workers: 1})
	p.limit = time.Millisecond
	_, err := p.Render(t.Context(), bytes.NewReader(encode(t, gradient(3000, 3000), asPNG)), imaging.Thumbnail)
	if !file.Is(err, file.Invalid) || file.CodeOf(err) != imaging.CodeCorrupt {
		t.Errorf("got %v, want Invalid, corrupt", err)
	}
	if log.crashes() != maxTries || !strings.Contains(log.String(), "no end after 1ms") {
		t.Errorf("logged %d crashes: %s", log.crashes(), log)
	}
	p.limit = DefaultLimit
	if _, err := p.Render(t.Context(), bytes.NewReader(encode(t, gradient(30, 30), asPNG)), imaging.Thumbnail); err != nil {
		t.Error(err)
	}
}

// torn is a source that fails in its middle.
type torn struct{ *bytes.Reader }

var errTorn = errors.New("torn")

func (s torn) Read(p []byte) (int, error) {
	if s.Len() < int(s.Size())/2 {
		return 0, errTorn
	}
	return s.Reader.Read(p[:min(len(p), 1000)])
}

// TestSourceFails: what cannot be read says nothing of the picture, and costs no second child.
func TestSourceFails(t *testing.T) {
	p, log := open(t, Config{Workers: 1})
	src := encode(t, gradient(300, 200), asPNG)
	if _, err := p.Render(t.Context(), torn{bytes.NewReader(src)}, imaging.Thumbnail); !file.Is(err, file.Unavailable) || !errors.Is(err, errTorn) {
		t.Errorf("got %v, want Unavailable", err)
	}
	if _, err := p.Render(t.Context(), bytes.NewReader(src), imaging.Thumbnail); err != nil {
		t.Error(err)
	}
	if log.crashes() != 0 {
		t.Errorf("logged %s", log)
	}
}

func TestCancel(t *testing.T) {
	p, log := open(t, Config{Workers: 1})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	small := encode(t, gradient(30, 30), asPNG)
	if _, err := p.Render(ended, bytes.NewReader(small), imaging.Thumbnail); !file.Is(err, file.Cancelled) {
		t.Errorf("got %v, want Cancelled", err)
	}

	// In the middle: the child hangs.
	hanging := p.idle[0].cmd.Process
	if err := hanging.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Render(ctx, bytes.NewReader(small), imaging.Thumbnail); !file.Is(err, file.Cancelled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want Cancelled", err)
	}
	if err := hanging.Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("the child goes on: %v", err)
	}
	if _, err := p.Render(t.Context(), bytes.NewReader(small), imaging.Thumbnail); err != nil {
		t.Error(err)
	}
	if log.crashes() != 0 {
		t.Errorf("logged %s", log)
	}
}

// TestWorkers renders more at once than there are workers: no more children are there, and they go with the pool.
func TestWorkers(t *testing.T) {
	p, _ := open(t, Config{Workers: 3})
	src := encode(t, gradient(300, 200), asPNG)
	var g errgroup.Group
	for range 24 {
		g.Go(func() error {
			_, err := p.Render(t.Context(), bytes.NewReader(src), imaging.Thumbnail)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	children := p.idle
	if len(children) == 0 || len(children) > 3 {
		t.Errorf("%d children", len(children))
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for _, c := range children {
		if state := c.cmd.ProcessState; !state.Success() {
			t.Errorf("a child that was let go: %s, %q", state, c.said)
		}
	}
	if _, err := p.Render(t.Context(), bytes.NewReader(src), imaging.Thumbnail); !file.Is(err, file.Unavailable) {
		t.Errorf("got %v after Close, want Unavailable", err)
	}
}

// TestLargest: the largest pictures there may be fit into a child.
func TestLargest(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	p, log := open(t, Config{Workers: 1})
	const side = 7071 // squared, fifty megapixels
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for _, c := range []struct {
		src []byte
		t   imaging.Transform
	}{
		{encode(t, img, asPNG), imaging.Transform{Width: imaging.MaxSide, Format: imaging.PNG}},
		{encode(t, img, asJPEG), imaging.Thumbnail},
	} {
		if _, err := p.Render(t.Context(), bytes.NewReader(c.src), c.t); err != nil {
			t.Errorf("%s: %v", c.t.Canonical(), err)
		}
	}
	if log.crashes() != 0 {
		t.Errorf("logged %s", log)
	}
}

func BenchmarkRender(b *testing.B) {
	src := encode(b, gradient(1600, 1200), asJPEG)
	b.Run("child", func(b *testing.B) {
		p := New(Config{Workers: 1, Log: slog.New(slog.DiscardHandler)})
		if err := p.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		defer p.Close(context.Background())
		for b.Loop() {
			if _, err := p.Render(b.Context(), bytes.NewReader(src), imaging.Thumbnail); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("same process", func(b *testing.B) {
		r, err := render.Open(render.Config{Workers: 1})
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := r.Render(b.Context(), src, imaging.Thumbnail); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func FuzzReadText(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02{}"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Add([]byte("\x00\x00\x00\x0c{\"size\":-1}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var a answer
		if err := readText(bytes.NewReader(data), &a); err == nil && len(data) < 4 {
			t.Errorf("%q is a frame", data)
		}
	})
}
