package door_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
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

func TestPlacesForUploads(t *testing.T) {
	d := door.New(door.Config{MaxUploads: 2})
	leave, err := d.Enter()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Enter(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Enter(); !file.Is(err, file.Unavailable) {
		t.Errorf("a third of two places: %v", err)
	}
	leave()
	if _, err := d.Enter(); err != nil {
		t.Errorf("a place that was given back: %v", err)
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
