package imaging

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
)

func TestSize(t *testing.T) {
	tests := []struct {
		name         string
		t            Transform
		w, h         int
		wantW, wantH int
	}{
		{"thumbnail of a photograph", Thumbnail, 4000, 3000, 200, 200},
		{"thumbnail of a banner is not enlarged", Thumbnail, 1000, 100, 200, 100},
		{"thumbnail of an icon is the icon", Thumbnail, 32, 16, 32, 16},
		{"thumbnail of a pixel", Thumbnail, 1, 1, 1, 1},
		{"width alone", Transform{Width: 800}, 4000, 3000, 800, 600},
		{"height alone", Transform{Height: 600}, 4000, 3000, 800, 600},
		{"both, the width binds", Transform{Width: 400, Height: 400}, 4000, 3000, 400, 300},
		{"both, the height binds", Transform{Width: 400, Height: 400}, 3000, 4000, 300, 400},
		{"larger than the source", Transform{Width: 4096, Height: 4096}, 640, 480, 640, 480},
		{"wider alone than the source", Transform{Width: 1000}, 640, 480, 640, 480},
		{"rounds to the nearest", Transform{Width: 100}, 300, 200, 100, 67},
		{"never less than a pixel", Transform{Width: 100}, 16000, 2, 100, 1},
		{"cover with one side keeps the ratio", Transform{Width: 100, Fit: Cover}, 400, 200, 100, 50},
		{"nothing asked, small", Transform{}, 640, 480, 640, 480},
		{"nothing asked, larger than any output", Transform{Format: WebP}, 8192, 4096, 4096, 2048},
		{"width alone, a tall source", Transform{Width: 4096}, 1000, 16000, 256, 4096},
		{"largest source", Transform{Width: 4096, Height: 1}, 16384, 16384, 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if w, h := tt.t.Size(tt.w, tt.h); w != tt.wantW || h != tt.wantH {
				t.Errorf("Size(%d, %d) = %d, %d, want %d, %d", tt.w, tt.h, w, h, tt.wantW, tt.wantH)
			}
		})
	}
}

func TestCanonical(t *testing.T) {
	tests := []struct {
		t    Transform
		want string
	}{
		{Transform{}, "full"},
		{Thumbnail, "w200-h200-cover"},
		{Transform{Width: 800, Quality: 80, Format: WebP}, "w800-q80-webp"},
		{Transform{Height: 800}, "h800"},
		{Transform{Quality: 80}, "q80"},
		{Transform{Width: 8, Quality: 80, Format: PNG}, "w8-png"},
		{Transform{Width: 8, Quality: 90, Format: GIF}, "w8-gif"},
		{Transform{Width: 8, Fit: Cover}, "w8"},
	}
	form := regexp.MustCompile(`^[a-z0-9-]+$`)
	for _, tt := range tests {
		got := tt.t.Canonical()
		if got != tt.want {
			t.Errorf("%+v: Canonical() = %q, want %q", tt.t, got, tt.want)
		}
		if !form.MatchString(got) {
			t.Errorf("%q is not fit for a key", got)
		}
	}
}

func TestValidate(t *testing.T) {
	good := []Transform{{}, Thumbnail, {Width: 1, Height: MaxSide, Quality: MaxQuality, Format: AVIF}}
	for _, tr := range good {
		if err := tr.Validate(); err != nil {
			t.Errorf("%+v: %v", tr, err)
		}
	}
	bad := []Transform{
		{Width: -1}, {Width: MaxSide + 1}, {Height: -1}, {Height: MaxSide + 1},
		{Quality: -1}, {Quality: MaxQuality + 1}, {Format: "svg"}, {Format: "JPEG"}, {Fit: "fill"},
	}
	for _, tr := range bad {
		if err := tr.Validate(); !file.Is(err, file.Invalid) {
			t.Errorf("%+v: got %v, want an Invalid error", tr, err)
		}
	}
}

func TestTransformSurvivesJSON(t *testing.T) {
	for _, want := range []Transform{{}, Thumbnail, {Width: 3, Height: 4, Quality: 5, Format: GIF}} {
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Transform
		if err := json.Unmarshal(data, &got); err != nil || got != want {
			t.Errorf("%s: got %+v (%v), want %+v", data, got, err, want)
		}
	}
}

func TestCheckSource(t *testing.T) {
	tests := []struct {
		name         string
		w, h, frames int
		ok           bool
	}{
		{"photograph", 8000, 6000, 1, true},
		{"exactly the pixels", 10_000, 5_000, 1, true},
		{"one row more", 10_000, 5_001, 1, false},
		{"exactly the side", MaxSourceSide, 1, 1, true},
		{"one column more", MaxSourceSide + 1, 1, 1, false},
		{"one line more", 1, MaxSourceSide + 1, 1, false},
		{"exactly the frames", 500, 500, MaxSourceFrames, true},
		{"one frame more", 1, 1, MaxSourceFrames + 1, false},
		{"frames count as pixels", 1000, 1000, 51, false},
		{"largest values do not wrap", 1<<31 - 1, 1<<31 - 1, 1<<31 - 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := CheckSource(tt.w, tt.h, tt.frames)
			if tt.ok && err != nil {
				t.Fatal(err)
			}
			if !tt.ok && (!file.Is(err, file.Invalid) || file.CodeOf(err) != CodeTooLarge) {
				t.Errorf("got %v, want Invalid with code %s", err, CodeTooLarge)
			}
		})
	}
	if err := CheckSourceBytes(MaxSourceBytes); err != nil {
		t.Error(err)
	}
	if err := CheckSourceBytes(MaxSourceBytes + 1); file.CodeOf(err) != CodeTooLarge {
		t.Errorf("got %v, want code %s", err, CodeTooLarge)
	}
}

func TestMediaType(t *testing.T) {
	if got := WebP.MediaType(); got != "image/webp" {
		t.Errorf("got %q", got)
	}
	if got := Original.MediaType(); got != "" {
		t.Errorf("got %q", got)
	}
}
