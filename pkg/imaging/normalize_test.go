package imaging

import (
	"math/rand/v2"
	"testing"
)

func TestNormalize(t *testing.T) {
	const jpg = "image/jpeg"
	tests := []struct {
		name      string
		t         Transform
		w, h      int
		mediaType string
		want      Transform
	}{
		{"width alone", Transform{Width: 800}, 4000, 3000, jpg, Transform{Width: 800, Format: JPEG}},
		{"height alone that gives the same", Transform{Height: 600}, 4000, 3000, jpg, Transform{Width: 800, Format: JPEG}},
		{"a box around it", Transform{Width: 800, Height: 4096}, 4000, 3000, jpg, Transform{Width: 800, Format: JPEG}},
		{"only the height says it", Transform{Height: 999}, 10, 1000, jpg, Transform{Height: 999, Format: JPEG}},
		{"larger than the source", Transform{Width: 4096}, 640, 480, jpg, Transform{Format: JPEG}},
		{"the source's own size", Transform{Width: 640, Height: 480}, 640, 480, jpg, Transform{Format: JPEG}},
		{"a cut", Transform{Width: 100, Height: 100, Fit: Cover}, 640, 480, jpg, Transform{Width: 100, Height: 100, Fit: Cover, Format: JPEG}},
		{"a cut larger than the source", Transform{Width: 1000, Height: 100, Fit: Cover}, 640, 480, jpg, Transform{Width: 640, Height: 100, Fit: Cover, Format: JPEG}},
		{"a cut that cuts nothing", Transform{Width: 320, Height: 240, Fit: Cover}, 640, 480, jpg, Transform{Width: 320, Format: JPEG}},
		{"a cut of an icon", Thumbnail, 32, 16, jpg, Transform{Format: JPEG}},
		{"a cut of one side", Transform{Width: 100, Fit: Cover}, 640, 480, jpg, Transform{Width: 100, Format: JPEG}},
		{"a thin source, whole", Transform{Width: 100, Height: 1}, 16000, 10, jpg, Transform{Width: 100, Format: JPEG}},
		{"a thin source, cut", Transform{Width: 100, Height: 1, Fit: Cover}, 16000, 10, jpg, Transform{Width: 100, Height: 1, Fit: Cover, Format: JPEG}},
		{"its own format", Transform{Format: WebP, Quality: 80}, 640, 480, "image/webp", Transform{Format: WebP, Quality: 80}},
		{"another format", Transform{Format: WebP}, 640, 480, jpg, Transform{Format: WebP}},
		{"a quality that has no effect", Transform{Quality: 80}, 640, 480, "image/png", Transform{Format: PNG}},
		{"a type that is not always written", Transform{Quality: 80}, 640, 480, "image/avif", Transform{Quality: 80}},
		{"a type that is only read", Transform{Width: 100}, 640, 480, "image/heic", Transform{Width: 100}},
		{"unknown size", Transform{Width: 100, Height: 4096, Fit: Cover}, 0, 0, jpg, Transform{Width: 100, Height: 4096, Fit: Cover, Format: JPEG}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.t.Normalize(tt.w, tt.h, tt.mediaType); got != tt.want {
				t.Errorf("%+v gives %+v, want %+v", tt.t, got, tt.want)
			}
		})
	}
}

// TestNormalizeChangesNothing holds what was normalised against what was asked for: the same size, the same cut, and one text for each result.
func TestNormalizeChangesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	side := func(limit int) int { return 1 + rng.IntN(1<<(1+rng.IntN(limit))-1) }
	for range 50_000 {
		w, h := side(14), side(14)
		texts := map[[3]int]string{}
		for range 8 {
			asked := Transform{Width: side(12) * rng.IntN(2), Height: side(12) * rng.IntN(2)}
			if rng.IntN(2) == 0 {
				asked.Fit = Cover
			}
			got := asked.Normalize(w, h, "image/png")
			if err := got.Validate(); err != nil || got.Normalize(w, h, "image/png") != got {
				t.Fatalf("%+v of %dx%d gives %+v: %v", asked, w, h, got, err)
			}
			wantW, wantH := asked.Size(w, h)
			gotW, gotH := got.Size(w, h)
			cut := 0
			if asked.crops() && wantW*h != wantH*w {
				cut = 1
			}
			if gotW != wantW || gotH != wantH || got.crops() != (cut == 1) {
				t.Fatalf("%+v of %dx%d gives %+v: %dx%d, want %dx%d", asked, w, h, got, gotW, gotH, wantW, wantH)
			}
			result := [3]int{wantW, wantH, cut}
			if text, ok := texts[result]; ok && text != got.Canonical() {
				t.Fatalf("%dx%d of %dx%d is %q and %q", wantW, wantH, w, h, text, got.Canonical())
			}
			texts[result] = got.Canonical()
		}
	}
}
