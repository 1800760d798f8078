package meta_test

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

const id = file.ID("01J00000000000000000000001")

var noon = time.Date(2026, 11, 21, 12, 0, 0, 123456000, time.UTC)

func sample() *file.File {
	return &file.File{
		ID: id, Number: 7, Tenant: "acme", Class: file.ClassChat, Parent: file.Parent{Kind: "user", ID: "u"}, Path: "a/b", Name: "a.png",
		Size: 42, State: file.Ready, Thumbnail: file.ThumbnailOwed, ExpiresAt: noon.Add(time.Hour), Image: &file.Image{Width: 1, Height: 2, Frames: 3},
		Created: file.Actor{ID: "u", At: noon}, Links: []file.Link{{Type: "b", ID: "2", At: noon}, {Type: "a", ID: "1", Primary: true}, {Type: "b", ID: "2"}},
		Variants: []file.Variant{{Name: file.ThumbnailName, Width: 200, Height: 200, Type: "image/png", Size: 9, BlobKey: "k"}},
		Timeline: []file.Step{{At: noon, What: "received", Took: time.Nanosecond, Attempt: 1}},
		Outbox:   []file.OutboxEntry{{ID: "e", Fact: "file.stored", Rev: 1, At: noon.Add(time.Minute), Variant: "v", Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}},
		Source:   "https://example.com/a.png", Renders: []file.Render{{Name: "w80", By: "me", Until: noon}}, Attributes: map[string]string{"disposition": "inline"},
		Resumable: &file.Resumable{Length: file.DeferredLength, Concat: file.ConcatPartial, Life: time.Hour, Metadata: "filename YS5wbmc="},
		Rev:       3, ErasedAt: noon, Idempotency: file.Idempotency{Key: "k", Fingerprint: "f"},
	}
}

func TestDocumentEncodings(t *testing.T) {
	for name, decode := range map[string]func(meta.Document) (d meta.Document, err error){
		"none": func(d meta.Document) (meta.Document, error) { return d, nil },
		"json": func(d meta.Document) (out meta.Document, err error) {
			data, err := json.Marshal(d)
			if err != nil {
				return out, err
			}
			if strings.Contains(string(data), "due_") {
				t.Errorf("the index is in the JSON: %s", data)
			}
			return out, json.Unmarshal(data, &out)
		},
		"bson": func(d meta.Document) (out meta.Document, err error) {
			data, err := bson.Marshal(d)
			if err != nil {
				return out, err
			}
			return out, bson.Unmarshal(data, &out)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range []*file.File{sample(), {ID: id}} {
				d, err := decode(meta.FromFile(f))
				if err != nil {
					t.Fatal(err)
				}
				if got := d.File(); !reflect.DeepEqual(got, f) {
					t.Errorf("got  %+v\nwant %+v", got, f)
				}
			}
		})
	}
}

func TestFromFileSharesNothing(t *testing.T) {
	f := sample()
	d := meta.FromFile(f)
	f.Image.Width, f.Links[0].ID, f.Variants[0].Name = 99, "changed", "changed"
	if d.Image.Width == 99 || d.Links[0].ID == "changed" || d.Variants[0].Name == "changed" {
		t.Error("a document changes with the file that it was made from")
	}
}

func TestIndex(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*file.File)
		want   meta.Index
	}{
		"ready": {func(*file.File) {}, meta.Index{
			PathIndex: "=a/b", IdemIndex: "=k", LinkIndex: []string{"1:a:1", "1:b:2"}, Charged: 42,
			DueExpiry: meta.Micros(noon.Add(time.Hour)), DueOutbox: meta.Micros(noon.Add(time.Minute)),
			Work: "thumbnail", WorkAt: meta.Micros(noon), NameIndex: "a.png",
		}},
		"settled": {func(f *file.File) {
			f.Thumbnail, f.Outbox, f.ExpiresAt, f.Links, f.Path, f.Idempotency = "", nil, time.Time{}, nil, "", file.Idempotency{}
		}, meta.Index{PathIndex: "-" + string(id), IdemIndex: "-" + string(id), Charged: 42, NameIndex: "a.png"}},
		"version": {func(f *file.File) { f.Class, f.Links, f.Outbox, f.Thumbnail = file.ClassAvatar, nil, nil, "" }, meta.Index{
			PathIndex: "-" + string(id), IdemIndex: "=k", LinkIndex: []string{"1:/:a/b"}, Charged: 42, DueExpiry: meta.Micros(noon.Add(time.Hour)),
			NameIndex: "a.png",
		}},
		"deleting": {func(f *file.File) { f.State, f.Links, f.Outbox = file.Deleting, nil, nil }, meta.Index{
			PathIndex: "-" + string(id), IdemIndex: "=k", Work: "erase", WorkAt: meta.Micros(noon),
		}},
		"gone": {func(f *file.File) { f.State, f.Links, f.Outbox, f.Deleted.At = file.Gone, nil, nil, noon }, meta.Index{
			PathIndex: "-" + string(id), IdemIndex: "=k", DuePurge: meta.Micros(noon),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := sample()
			c.change(f)
			if got := meta.FromFile(f).Index; !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestMicros(t *testing.T) {
	for _, at := range []time.Time{
		{}, noon, noon.In(time.FixedZone("", 3600)), time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC),
		time.Date(2262, 4, 11, 23, 47, 16, 854775000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		if got := meta.Time(meta.Micros(at)); !got.Equal(at) {
			t.Errorf("%s became %s", at, got)
		}
	}
	if got, want := meta.Time(meta.Micros(noon.Add(999))), noon; got != want {
		t.Errorf("nanoseconds were not cut off: %s", got)
	}
	if !meta.Time(0).IsZero() || meta.Micros(time.Time{}) != 0 {
		t.Error("0 is not the zero time")
	}
}

func FuzzMicros(f *testing.F) {
	for _, n := range []int64{0, 1, -1, 1 << 53, math.MaxInt64 / 1000, math.MinInt64 / 1000} {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, n int64) {
		if n < -62135596800000000 || n > 253402300799000000 {
			t.Skip("not in the years 1 to 9999")
		}
		if n == -62135596800000000 {
			t.Skip("the zero time itself")
		}
		if got := meta.Micros(meta.Time(n)); got != n {
			t.Errorf("%d became %d", n, got)
		}
	})
}

// FuzzLinkIndex: two links have one index only when they are the same link.
func FuzzLinkIndex(f *testing.F) {
	f.Add("a", "b:c", "a:b", "c")
	f.Add("", "1:a", "1", "a")
	f.Add("1:a", "", "", "1:a")
	f.Add("a\x00b", "c", "a", "b\x00c")
	f.Fuzz(func(t *testing.T, kind1, id1, kind2, id2 string) {
		same := kind1 == kind2 && id1 == id2
		if (meta.LinkIndex(kind1, id1) == meta.LinkIndex(kind2, id2)) != same {
			t.Errorf("(%q, %q) and (%q, %q): %q, %q", kind1, id1, kind2, id2, meta.LinkIndex(kind1, id1), meta.LinkIndex(kind2, id2))
		}
	})
}

func TestUniqueIndex(t *testing.T) {
	seen := map[string]string{}
	for _, v := range []string{"", "-", "=", "-" + string(id), "=" + string(id), string(id), "a"} {
		x := meta.UniqueIndex(v, id)
		if other, taken := seen[x]; taken {
			t.Errorf("%q and %q have the same index %q", v, other, x)
		}
		seen[x] = v
	}
}

func TestTaken(t *testing.T) {
	for _, code := range []string{meta.ConflictID, meta.ConflictNumber, meta.ConflictPath, meta.ConflictIdempotency, meta.ConflictRev} {
		err := meta.Taken(code)
		if !file.Is(err, file.Conflict) || file.CodeOf(err) != code || file.PublicText(err, "") == "" {
			t.Errorf("%s: %v", code, err)
		}
	}
}
