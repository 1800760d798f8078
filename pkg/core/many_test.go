package core_test

import (
	"slices"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

func TestGetMany(t *testing.T) {
	b := newBench(t)
	one, two, deleted := b.upload(text("one")), b.upload(text("two")), b.upload(text("three"))
	short := text("four")
	short.Life = time.Second
	expired := b.upload(short)
	b.clock.advance(time.Second)
	if _, err := b.Delete(t.Context(), tenant, file.ByID(deleted.ID), "u1"); err != nil {
		t.Fatal(err)
	}
	const unknown = file.ID("01ARZ3NDEKTSV4RRFFQ69G5FAV")
	for name, x := range map[string]struct {
		tenant file.Tenant
		ids    []file.ID
		want   []file.ID
	}{
		"none":               {tenant, nil, []file.ID{}},
		"in the order asked": {tenant, []file.ID{two.ID, one.ID}, []file.ID{two.ID, one.ID}},
		"twice":              {tenant, []file.ID{one.ID, two.ID, one.ID}, []file.ID{one.ID, two.ID, one.ID}},
		"gone and unknown":   {tenant, []file.ID{deleted.ID, unknown, two.ID, expired.ID}, []file.ID{two.ID}},
		"other tenant":       {"globex", []file.ID{one.ID, two.ID}, []file.ID{}},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := b.GetMany(t.Context(), x.tenant, x.ids)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]file.ID, 0, len(files))
			for _, f := range files {
				got = append(got, f.ID)
			}
			if !slices.Equal(got, x.want) {
				t.Errorf("got %v, want %v", got, x.want)
			}
		})
	}
	if _, err := b.GetMany(t.Context(), tenant, make([]file.ID, meta.MaxLimit+1)); !file.Is(err, file.Invalid) {
		t.Errorf("too many: %v", err)
	}
}
