package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // decoders of the thumbnails
	_ "image/jpeg"
	_ "image/png"
	"net/http"
	"strings"
	"time"

	_ "golang.org/x/image/webp"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

// life is how long the last file lives.
const life = 5 * time.Second

// stop is one file of the tour and what is expected of it.
type stop struct {
	samples.Sample
	code      string // of the refusal; empty for a file that must be ready
	thumbnail bool
	life      time.Duration

	file api.File
	took time.Duration // from the start of the request to the answer with the verdict
}

type tour struct {
	client *api.Client
	events *api.Events
	out    *printer
	stops  []*stop
}

func newTour(c *api.Client, e *api.Events, out *printer) *tour {
	brief := samples.Text(2000, 5)
	brief.Name = "five-seconds.txt"
	return &tour{client: c, events: e, out: out, stops: []*stop{
		{Sample: samples.Photo(), thumbnail: true},
		{Sample: samples.PNG(800, 600, 1), thumbnail: true},
		{Sample: samples.GIF(400, 300, 6, 1), thumbnail: true},
		{Sample: samples.WebP(), thumbnail: true},
		{Sample: samples.PDF("Hello from Inlet")},
		{Sample: samples.Docx("Hello from Inlet")},
		{Sample: samples.Text(8<<10, 1)},
		{Sample: samples.HTMLAsJPEG(), code: "type_mismatch"},
		{Sample: brief, life: life},
	}}
}

// run uploads everything, prints a table of it, and stays until the last file is gone. Its error joins all that is not as it should be.
func (t *tour) run(ctx context.Context) error {
	t.out.line("Events, as subscribers of NATS see them:\n")
	rows := [][]string{{"FILE", "BYTES", "VERDICT", "TYPE", "SIZE", "THUMBNAIL", "TOOK"}}
	var wrong []error
	for _, s := range t.stops {
		row, err := t.visit(ctx, s)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", s.Name, err))
		}
		rows = append(rows, row)
	}
	for _, s := range t.stops {
		if err := t.told(ctx, s); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", s.Name, err))
		}
	}
	t.out.line("")
	t.out.table(rows)
	t.out.line("\nThe last file lives for %s. Its end, as it is told:\n", life)
	if err := t.seeOff(ctx, t.stops[len(t.stops)-1]); err != nil {
		wrong = append(wrong, err)
	}
	for _, fault := range t.events.Faults() {
		wrong = append(wrong, errors.New(fault))
	}
	return errors.Join(wrong...)
}

// visit uploads one file and makes its row of the table.
func (t *tour) visit(ctx context.Context, s *stop) (row []string, err error) {
	u := api.Upload{Name: s.Name, Type: s.Type, Data: s.Data}
	if s.life > 0 {
		u.Fields = map[string]string{"expires_in": fmt.Sprint(int(s.life.Seconds()))}
	}
	start := time.Now()
	s.file, err = t.client.Upload(ctx, u)
	s.took = time.Since(start)
	row = []string{s.Name, fmt.Sprint(len(s.Data)), "", "-", "-", "-", fmt.Sprintf("%d ms", s.took.Milliseconds())}
	if s.code != "" {
		var refused *api.Error
		if !errors.As(err, &refused) || refused.Code != s.code {
			row[2] = "NOT REFUSED"
			return row, fmt.Errorf("want a refusal for %s, got %w", s.code, err)
		}
		row[2] = fmt.Sprintf("refused: %d %s", refused.Status, refused.Code)
		return row, nil
	}
	if err != nil {
		row[2] = err.Error()
		return row, err
	}
	row[2], row[3] = s.file.State, shortType(s.file.MimeType)
	if img := s.file.Image; img != nil {
		row[4] = fmt.Sprintf("%dx%d", img.Width, img.Height)
		if img.Frames > 1 {
			row[4] += fmt.Sprintf(", %d frames", img.Frames)
		}
	}
	if s.file.State != "ready" || s.file.MimeType != s.Type {
		return row, fmt.Errorf("it is %s of type %s", s.file.State, s.file.MimeType)
	}
	if s.thumbnail {
		row[5], err = t.thumbnail(ctx, s)
	}
	return row, err
}

// shortType is a media type without what makes those of office documents fill a line.
func shortType(mediaType string) string {
	if short, ok := strings.CutPrefix(mediaType, "application/vnd.openxmlformats-officedocument."); ok {
		return "…" + short
	}
	return mediaType
}

// thumbnail looks at the file's thumbnail, and says what it is.
func (t *tour) thumbnail(ctx context.Context, s *stop) (string, error) {
	resp, err := t.client.Thumbnail(ctx, s.file.ID)
	if err == nil {
		err = resp.Err()
	}
	if err != nil {
		return "none", fmt.Errorf("thumbnail: %w", err)
	}
	c, format, err := image.DecodeConfig(bytes.NewReader(resp.Body))
	if err != nil {
		return "broken", fmt.Errorf("thumbnail: %w", err)
	}
	text := fmt.Sprintf("%dx%d %s, %d bytes", c.Width, c.Height, format, len(resp.Body))
	if c.Width != 200 || c.Height != 200 || "image/"+format != s.Type {
		return text, errors.New("the thumbnail is not one of 200x200 in the type of the original")
	}
	return text, nil
}

// told waits for the events that a file must have.
func (t *tour) told(ctx context.Context, s *stop) error {
	if s.file.ID == "" {
		return nil
	}
	want := []event.Fact{event.Stored, event.Verified}
	if s.thumbnail {
		want = append(want, event.VariantCreated)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := t.events.Wait(ctx, s.file.ID, want...)
	return err
}

// seeOff waits for the end of a file's life, looks whether it is gone at once, and waits for the event that says so.
func (t *tour) seeOff(ctx context.Context, s *stop) error {
	if s.file.ID == "" {
		return nil // said already
	}
	ctx, cancel := context.WithTimeout(ctx, s.life+10*time.Second)
	defer cancel()
	select {
	case <-time.After(time.Until(s.file.ExpiresAt.Add(time.Second))): // the answer's times are whole seconds, cut off
	case <-ctx.Done():
		return ctx.Err()
	}
	resp, err := t.client.Download(ctx, s.file.ID, nil)
	if err != nil {
		return err
	}
	t.out.line("  %s  GET /v1/files/%s/download: %d %s", time.Now().UTC().Format("15:04:05.000"), s.file.ID, resp.Status, http.StatusText(resp.Status))
	if resp.Status != http.StatusNotFound {
		return fmt.Errorf("%s: its life is over, and it is still served", s.Name)
	}
	_, err = t.events.Wait(ctx, s.file.ID, event.Expired)
	return err
}
