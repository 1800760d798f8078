package event_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

var update = flag.Bool("update", false, "write the sample of every fact that has none yet")

func sample() *file.File {
	at := time.Date(2026, 1, 15, 10, 30, 0, 0, time.UTC)
	return &file.File{
		ID: "01JQ3KMN7XFGY4P6WBR2SZTA9V", Number: 418, Tenant: "acme", Class: file.ClassTag, Parent: file.Parent{Kind: "tag", ID: "abc123"},
		Path: "uploads/tags/abc123/files/01JQ3KMN7XFGY4P6WBR2SZTA9V/photo.jpg", Via: "native", Name: "Photo", OriginalName: "photo.jpg",
		Description: "somebody@example.test", DeclaredType: "image/jpeg", DetectedType: "image/jpeg", Size: 524288, SHA256: strings.Repeat("ab", 32),
		Image: &file.Image{Width: 4000, Height: 3000, Frames: 1}, BlobKey: "acme/9V/01JQ3KMN7XFGY4P6WBR2SZTA9V",
		Variants: []file.Variant{{Name: file.ThumbnailName, Width: 200, Height: 200, Type: "image/jpeg", Size: 9000, BlobKey: "k"}},
		Links:    []file.Link{{Type: "Account", ID: "1", At: at}},
		State:    file.Ready, ExpiresAt: at.Add(time.Hour), Created: file.Actor{ID: "u1", At: at},
	}
}

// Old samples must decode for ever: never change one, add a new file beside it.
func TestPublishedSamplesDecode(t *testing.T) {
	for _, fact := range event.Facts {
		path := filepath.Join("testdata", string(fact)+".v1.json")
		if _, err := os.Stat(path); *update && os.IsNotExist(err) {
			data, err := event.New(file.OutboxEntry{ID: "01JQ3KMN7XFGY4P6WBR2SZTA00", Fact: string(fact), Rev: 3, At: sample().Created.At}, sample()).Encode()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		e, err := event.Decode(data)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		f := e.Data.File
		if e.Fact() != fact || e.Data.Rev != 3 || f.ID != sample().ID || f.Number != 418 || f.Tenant != "acme" || f.Size != 524288 ||
			f.Image.Width != 4000 || f.State != file.Ready || f.Links[0].ID != "1" || f.Variants[0].Width != 200 || f.ExpiresAt == nil {
			t.Errorf("%s decodes to %+v", path, e)
		}
		if (e.Data.Variant != nil) != (fact == event.VariantCreated) {
			t.Errorf("%s: variant %v", path, e.Data.Variant)
		}
		for _, private := range []string{"example.test", "acme/9V", "u1\""} {
			if strings.Contains(string(data), private) {
				t.Errorf("%s shows %q", path, private)
			}
		}
	}
}

func TestSubjectIsOneTokenPerTenant(t *testing.T) {
	for tenant, want := range map[file.Tenant]string{
		"acme":   "inlet.v1.file.stored.acme",
		"a.b":    "inlet.v1.file.stored.a%2Eb",
		">":      "inlet.v1.file.stored.%3E",
		"*":      "inlet.v1.file.stored.%2A",
		"a b\n":  "inlet.v1.file.stored.a%20b%0A",
		"":       "inlet.v1.file.stored.%",
		"a%2Eb":  "inlet.v1.file.stored.a%252Eb",
		"münch":  "inlet.v1.file.stored.m%C3%BCnch",
		"A-b_09": "inlet.v1.file.stored.A-b_09",
	} {
		if got := event.Subject(event.Stored, tenant); got != want {
			t.Errorf("subject of %q is %s, want %s", tenant, got, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":       ``,
		"not JSON":      `{`,
		"other version": `{"specversion":"1.0","id":"a","type":"inlet.v2.file.stored","data":{"file":{"id":"01JQ3KMN7XFGY4P6WBR2SZTA9V"}}}`,
		"no id":         `{"specversion":"1.0","type":"inlet.v1.file.stored","data":{"file":{"id":"01JQ3KMN7XFGY4P6WBR2SZTA9V"}}}`,
		"no file":       `{"specversion":"1.0","id":"a","type":"inlet.v1.file.stored","data":{}}`,
		"bad file id":   `{"specversion":"1.0","id":"a","type":"inlet.v1.file.stored","data":{"file":{"id":"../../etc"}}}`,
	} {
		if e, err := event.Decode([]byte(text)); err == nil {
			t.Errorf("%s: decoded %+v", name, e)
		}
	}
}

func FuzzDecode(f *testing.F) {
	data, err := event.New(file.OutboxEntry{ID: "a", Fact: string(event.Stored)}, sample()).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := event.Decode(data)
		if err != nil {
			return
		}
		again, err := e.Encode()
		if err != nil {
			t.Fatalf("what was decoded does not encode: %v", err)
		}
		if _, err := event.Decode(again); err != nil {
			t.Errorf("what was encoded does not decode: %v", err)
		}
	})
}

func TestEachRenderingHasItsOwnEvent(t *testing.T) {
	f := sample()
	f.Variants = append(f.Variants, file.Variant{Name: "w80", Width: 80})
	for name, width := range map[string]int{f.Variants[0].Name: 200, "w80": 80} {
		e := event.New(file.OutboxEntry{ID: "e", Fact: string(event.VariantCreated), Variant: name}, f)
		if e.Data.Variant == nil || e.Data.Variant.Name != name || e.Data.Variant.Width != width {
			t.Errorf("the event of %s is about %+v", name, e.Data.Variant)
		}
	}
	if e := event.New(file.OutboxEntry{ID: "e", Fact: string(event.VariantCreated), Variant: "gone"}, f); e.Data.Variant != nil {
		t.Errorf("the event of a rendering that is gone is about %+v", e.Data.Variant)
	}
}
