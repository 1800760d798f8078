package metatest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

func named(name, original string) func(*file.File) {
	return func(f *file.File) { f.Name, f.OriginalName = name, original }
}

// findNames checks what a name is found by: any part of it, in any case, and every character for itself.
func findNames(t *testing.T, e env) {
	report := with(named("Report 100%.pdf", "Report 100%.pdf"))
	photo := with(named("Product Photo", "IMG_2041.JPG"))
	umlaut := with(named("Über ÄRGER.txt", ""))
	decomposed := with(named("u\u0308bung", "")) // NFC has it in one letter
	greek := with(named("ΟΔΟΣ οδός", ""))
	kelvin := with(named("300 \u212a", "")) // the sign for kelvin, which is a k
	odd := with(named(`a.*b[c](d)\d"e'`, ""))
	deleted := with(named("Report gone", ""), func(f *file.File) { f.State = file.Deleting })
	mustCreate(t, e, report, photo, umlaut, decomposed, greek, kelvin, odd, deleted, with(named("", "")), with(named("Report", ""), func(f *file.File) { f.Tenant = "globex" }))
	for name, want := range map[string][]*file.File{
		"report":                          {report},
		"REPORT 1":                        {report},
		"0%":                              {report},
		"%.":                              {report},
		"pdf":                             {report},
		"report 100%.pdf":                 {report},
		"report  100":                     nil,
		"product photo":                   {photo},
		"img_2":                           {photo},
		"photoimg":                        nil,
		"o_":                              nil,
		"über":                            {umlaut},
		"ärger":                           {umlaut},
		"arger":                           nil,
		"übung":                           {decomposed},
		"U\u0308BUNG":                     {decomposed},
		"οδοσ ΟΔΌΣ":                       {greek},
		"300 k":                           {kelvin},
		"00 K":                            {kelvin},
		"a.*b":                            {odd},
		".*":                              {odd},
		`\D"`:                             {odd},
		"[c](D)":                          {odd},
		"a.b":                             nil,
		`e'`:                              {odd},
		"gone":                            nil,
		strings.Repeat("x", meta.MaxName): nil,
	} {
		t.Run(name, func(t *testing.T) { wantFound(t, e, meta.Query{Name: name}, want...) })
	}
	wantFound(t, e, meta.Query{Name: "report", Parent: &report.Parent, States: []file.State{file.Ready}, NotExpiredAt: start}, report)
	wantFound(t, e, meta.Query{Name: "report", Parent: &file.Parent{Kind: "tag"}})
	mustUpdate(t, e, photo, named("Another", "IMG_2042.JPG"))
	wantFound(t, e, meta.Query{Name: "photo"})
	wantFound(t, e, meta.Query{Name: "another"}, photo)
	for _, bad := range []string{"x", strings.Repeat("x", meta.MaxName+1), "a\nb", "a\x00", "\xff\xfe"} {
		_, err := e.Find(t.Context(), meta.Query{Tenant: acme, Name: bad, Limit: 1})
		_, countErr := e.Count(t.Context(), meta.Query{Tenant: acme, Name: bad}, 1)
		if !file.Is(err, file.Invalid) || !file.Is(countErr, file.Invalid) {
			t.Errorf("the name %q: %v, %v", bad, err, countErr)
		}
	}
}

func findTypes(t *testing.T, e env) {
	typed := func(declared, detected string) func(*file.File) {
		return func(f *file.File) { f.DeclaredType, f.DetectedType = declared, detected }
	}
	png := with(typed("image/png", ""))
	jpeg := with(typed("application/octet-stream", "image/jpeg"))
	svg := with(typed("Image/SVG+xml; charset=utf-8", ""))
	text := with(typed("text/plain", "text/plain; charset=utf-8"))
	none := with(typed("", ""))
	near := with(typed("image0/x", ""))
	mustCreate(t, e, png, jpeg, svg, text, none, near)
	for mediaType, want := range map[string][]*file.File{
		"image/png":      {png},
		"IMAGE/PNG":      {png},
		"image/*":        {png, jpeg, svg},
		"image/svg+xml":  {svg},
		"image/svg":      nil,
		"text/plain":     {text},
		"application/*":  nil,
		"application/x":  nil,
		"image0/*":       {near},
		"image/png.more": nil,
	} {
		t.Run(mediaType, func(t *testing.T) { wantFound(t, e, meta.Query{Type: mediaType}, want...) })
	}
	wantFound(t, e, meta.Query{Type: "image/*", Name: "A.T", Parent: &png.Parent, Descending: true}, svg, jpeg, png)
	mustUpdate(t, e, png, typed("image/png", "image/gif"))
	wantFound(t, e, meta.Query{Type: "image/png"})
	for _, bad := range []string{"image", "/png", "image/", "*/*", "*/png", "image/p*", "image/png;q=1", "image/p/g", "im age/png", strings.Repeat("x", 128) + "/*"} {
		if _, err := e.Find(t.Context(), meta.Query{Tenant: acme, Type: bad, Limit: 1}); !file.Is(err, file.Invalid) {
			t.Errorf("the type %q: %v", bad, err)
		}
	}
}

// findLikeAFilter checks queries of every kind, made up at random, against a filter that looks at one file after the other.
func findLikeAFilter(t *testing.T, e env) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	words := []string{"Beach", "beach", "BÜRO", "büro", "a+b", "100%", "x_y", ".jpg", ".PDF", " "}
	types := []string{"image/png", "image/jpeg", "application/pdf", "text/plain; charset=utf-8", ""}
	parents := []string{"", "tag", "channel"}
	var all []*file.File
	n := min(150, e.Writes/8) // of files, and of queries
	for range n {
		all = append(all, with(
			named(pick(words)+pick(words)+pick(words), pick(words)+pick(words)),
			func(f *file.File) {
				f.DeclaredType, f.DetectedType = pick(types), pick(types)
				f.Parent = file.Parent{Kind: pick(parents), ID: "x"}
				f.State = []file.State{file.Pending, file.Ready, file.Rejected}[random.IntN(3)]
			},
		))
	}
	mustCreate(t, e, all...)
	for i := range n {
		q := meta.Query{Tenant: acme, Limit: 1 + random.IntN(30), Descending: random.IntN(2) == 0, Name: pick([]string{"", "bea", "BÜ", "0%", "_y", "+B", "x", "g", ".pd"}), Type: pick([]string{"", "image/*", "application/pdf", "text/plain"})}
		if len(q.Name) < meta.MinName {
			q.Name = ""
		}
		if random.IntN(2) == 0 {
			q.Parent = &file.Parent{Kind: pick(parents), ID: "x"}
		}
		if random.IntN(2) == 0 {
			q.States = []file.State{file.Ready, file.Pending}[:1+random.IntN(2)]
		}
		t.Run(fmt.Sprint(i), func(t *testing.T) { wantLikeAFilter(t, e, q, all) })
	}
}

// wantLikeAFilter goes through all pages of a query.
func wantLikeAFilter(t *testing.T, e env, q meta.Query, all []*file.File) {
	t.Helper()
	var want, got []*file.File
	for _, f := range all {
		if matches(q, f) {
			want = append(want, f)
		}
	}
	if n, err := e.Count(t.Context(), q, 1000); err != nil || n != int64(len(want)) {
		t.Errorf("%+v: Count = %d, %v, want %d", q, n, err, len(want))
	}
	if q.Descending {
		slices.Reverse(want)
	}
	for {
		page, err := e.Find(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page...)
		if len(page) < q.Limit {
			break
		}
		q.After = page[len(page)-1].Number
	}
	wantIDs(t, got, want...)
}

// matches is the plainest reading of a query, for names without letters that only fold in odd ways.
func matches(q meta.Query, f *file.File) bool {
	has := func(name string) bool { return strings.Contains(strings.ToLower(name), strings.ToLower(q.Name)) }
	family, _, _ := strings.Cut(q.Type, "*")
	essence, _, _ := strings.Cut(f.Type(), ";")
	return (q.Name == "" || has(f.Name) || has(f.OriginalName)) &&
		(q.Type == "" || essence == q.Type || family != q.Type && strings.HasPrefix(essence, family)) &&
		(q.Parent == nil || *q.Parent == f.Parent) && (len(q.States) == 0 || slices.Contains(q.States, f.State))
}
