package native

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

func TestFacts(t *testing.T) {
	for text, want := range map[string][]event.Fact{
		"": nil, "file.stored": {event.Stored}, "file.stored,file.expired,file.stored": {event.Stored, event.Expired},
	} {
		if got, err := facts(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"stored", "file.stored,", "file.*", "*", ",", "inlet.v1.file.stored"} {
		if got, err := facts(text); !file.Is(err, file.Invalid) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestSince(t *testing.T) {
	for text, ok := range map[string]bool{"2026-01-15T10:30:00Z": true, "2026-01-15T10:30:00.5+01:00": true, "": false, "now": false, "2026-01-15": false, "0001-01-01T00:00:00Z": false} {
		if got, err := since(url.Values{"since": {text}}); (err == nil) != ok || ok == got.IsZero() {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	if got, err := since(nil); err != nil || !got.IsZero() {
		t.Errorf("none: %s, %v", got, err)
	}
}

// TestViewer: members see the events of what they may read, others those of what they have uploaded, and nobody those of another tenant.
func TestViewer(t *testing.T) {
	b := newBench(t, door.Config{})
	upload := func(by string) event.File {
		t.Helper()
		stored, err := b.dialect.Core.Upload(t.Context(), core.Upload{
			Tenant: "acme", By: by, Parent: file.Parent{Kind: "tag", ID: "t"}, OriginalName: "a.txt", Body: strings.NewReader("hello"),
		})
		if err != nil {
			t.Fatal(err)
		}
		return event.New(file.OutboxEntry{}, stored.File).Data.File
	}
	anns, guests := upload("ann"), upload("guest")
	unknown := anns
	unknown.ID = "01JQ3KMN7XFGY4P6WBR2SZTA9V"
	principal := func(id string) access.Principal {
		t.Helper()
		for _, tenant := range []file.Tenant{"acme", "globex"} {
			if p, ok := b.directory.Principal(tenant, id); ok {
				return p
			}
		}
		t.Fatalf("nobody is %q", id)
		return access.Principal{}
	}
	for _, c := range []struct {
		who   string
		about event.File
		want  bool
	}{
		{"ann", anns, true}, {"ann", guests, true}, {"ann", unknown, true}, {"key:read", anns, true},
		{"guest", anns, false}, {"guest", guests, true}, {"guest", guests, true}, {"guest", unknown, false},
		{"bob", anns, false}, {"key:bob", guests, false},
	} {
		v := &viewer{dialect: b.dialect, p: principal(c.who), known: map[file.ID]string{}}
		if got, err := v.MayRead(t.Context(), c.about); err != nil || got != c.want {
			t.Errorf("%s of %s: %v, %v", c.who, c.about.ID, got, err)
		}
	}
}

func TestSystemIsForOperators(t *testing.T) {
	b := newBench(t, door.Config{})
	for _, path := range []string{"/v1/system", "/v1/system/dead", "/v1/system/dead/1"} {
		b.want(b.do(http.MethodGet, path, "", "X-Api-Key", rwKey), http.StatusForbidden, `"forbidden"`)
		b.want(b.do(http.MethodGet, path, ""), http.StatusUnauthorized, `"unauthorized"`)
	}
}
