package door_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/door/doortest"
)

// request is a request from p with an Idempotency-Key.
func request(p access.Principal, key string) *gin.Context {
	g, _ := gin.CreateTestContext(httptest.NewRecorder())
	g.Request = httptest.NewRequest(http.MethodPost, "/", nil)
	if key != "" {
		g.Request.Header.Set("Idempotency-Key", key)
	}
	door.Identify(g, p)
	return g
}

// Two requests share a key only when the same principal sent the same key for the same part.
func TestIdempotencyKey(t *testing.T) {
	user := access.Principal{Tenant: "acme", Kind: access.KindUser, ID: "u1"}
	key := access.Principal{Tenant: "acme", Kind: access.KindKey, ID: "u1", KeyID: "ci"}
	other := access.Principal{Tenant: "acme", Kind: access.KindUser, ID: "u2"}
	seen := map[string]string{}
	for name, r := range map[string]struct {
		who  access.Principal
		key  string
		part []string
	}{
		"user":           {user, "k", nil},
		"another key":    {user, "k2", nil},
		"another user":   {other, "k", nil},
		"an API key":     {key, "k", nil},
		"a first part":   {user, "k", []string{"sonar", "0"}},
		"a second part":  {user, "k", []string{"sonar", "1"}},
		"another API":    {user, "k", []string{"enzyme", "0"}},
		"parts run over": {user, "k", []string{"sonar0"}},
	} {
		got, err := door.IdempotencyKey(request(r.who, r.key), r.part...)
		if err != nil || len(got) != 64 {
			t.Fatalf("%s: %q, %v", name, got, err)
		}
		if twin, taken := seen[got]; taken {
			t.Errorf("%s and %s share a key", name, twin)
		}
		seen[got] = name
		if again, _ := door.IdempotencyKey(request(r.who, r.key), r.part...); again != got {
			t.Errorf("%s: the same request has another key", name)
		}
	}
	if got, err := door.IdempotencyKey(request(user, "")); got != "" || err != nil {
		t.Errorf("without the header: %q, %v", got, err)
	}
	if _, err := door.IdempotencyKey(request(user, strings.Repeat("k", 256))); !file.Is(err, file.Invalid) {
		t.Errorf("a long key: %v", err)
	}
}

func TestLower(t *testing.T) {
	for _, c := range []struct{ limit, to, want int64 }{{0, 0, 0}, {0, 5, 5}, {9, 0, 9}, {9, 5, 5}, {5, 9, 5}} {
		if got := door.Lower(core.Limits{MaxFile: c.limit, MaxStorage: 7}, c.to); got.MaxFile != c.want || got.MaxStorage != 7 {
			t.Errorf("%d lowered to %d is %+v", c.limit, c.to, got)
		}
	}
}

// acme and the others have no users: nobody signs in here.
const tenants = "tenants: [{id: acme, plan: unlimited}, {id: globex, plan: unlimited}, {id: hooli, plan: unlimited}]"

func TestPlacesForUploads(t *testing.T) {
	d := doortest.New(t, doortest.Directory(t, tenants), doortest.Options{Config: door.Config{MaxUploads: 4}})
	enter := func(tenant file.Tenant, want file.Kind) (leave func()) {
		t.Helper()
		leave, err := d.Enter(t.Context(), tenant)
		if file.KindOf(err) != want {
			t.Fatalf("%s: %v, want %q", tenant, err, want)
		}
		return leave
	}
	enter("acme", "")
	leave := enter("acme", "")
	enter("acme", file.RateLimited) // half of the places are its share
	enter("globex", "")
	enter("globex", "")
	enter("hooli", file.Unavailable)
	enter("acme", file.Unavailable)
	leave()
	enter("globex", file.RateLimited)
	enter("acme", "")
}

// A share may be set, and one place is for anybody.
func TestShareOfATenant(t *testing.T) {
	for _, c := range []struct{ places, share, want int }{{1, 0, 1}, {5, 0, 3}, {5, 1, 1}, {5, 9, 5}, {0, 0, 1}} {
		d := doortest.New(t, doortest.Directory(t, tenants), doortest.Options{Config: door.Config{MaxUploads: c.places, MaxShare: c.share}})
		got := 0
		for ; got <= c.want; got++ {
			if _, err := d.Enter(t.Context(), "acme"); err != nil {
				break
			}
		}
		if got != c.want {
			t.Errorf("of %d places, with a share of %d, one tenant takes %d, want %d", c.places, c.share, got, c.want)
		}
	}
}

// gone is a database that is out.
type gone struct{ meta.Repo }

func (gone) Ping(context.Context) error { return file.Errorf(file.Unavailable, "gone", "out") }

func TestNoUploadsWithoutADatabase(t *testing.T) {
	d := doortest.New(t, doortest.Directory(t, tenants), doortest.Options{
		Config: door.Config{MaxUploads: 1}, Wrap: func(r meta.Repo) meta.Repo { return gone{r} },
	})
	for range 2 { // the place of the first is given back
		if _, err := d.Enter(t.Context(), "acme"); !file.Is(err, file.Unavailable) || file.PublicText(err, "") != "out" {
			t.Errorf("without a database: %v", err)
		}
	}
}

func TestRejection(t *testing.T) {
	err := door.Rejection(&file.File{Reason: content.ReasonCorrupt})
	if !file.Is(err, file.TypeRefused) || file.CodeOf(err) != content.ReasonCorrupt || file.PublicText(err, "") == "" {
		t.Errorf("corrupt: %v", err)
	}
}

func TestNobodyIsAPrincipalOfNoTenant(t *testing.T) {
	g, _ := gin.CreateTestContext(httptest.NewRecorder())
	if p := door.Principal(g); p.Tenant != "" || p.CanRead(&file.File{Tenant: "acme"}) {
		t.Errorf("nobody is %+v", p)
	}
}
