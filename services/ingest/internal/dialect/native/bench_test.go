package native

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/door/doortest"
	"github.com/inlethq/inlet/services/ingest/internal/router"
)

// What the whole system shows is tested in test/dialects. Here is what needs a clock, a directory that changes, or a browser.

const (
	rwKey   = "tagd_test_rw_000000000000000000000000000000"
	readKey = "tagd_test_read_0000000000000000000000000000"
	bobKey  = "tagd_test_bob_00000000000000000000000000000"
	// Passwords that cost next to nothing.
	cheap = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$"
	one   = cheap + "aV0vGjM+4zUWcv+ZPI6bdw"
	two   = cheap + "GLav9NLCR90QBMHk8dKFkg"
	three = cheap + "KlENOmQefRLsR0Wizo6sPg"

	people = `
tenants: [{id: acme, plan: pro}, {id: globex}]
users:
  - {id: ann, tenant: acme, email: Ann@acme.test, password: "` + one + `", roles: {tenant/acme: owner, system: owner}}
  - {id: guest, tenant: acme, email: guest@acme.test, password: "` + two + `", roles: {tag/t: guest}}
  - {id: bob, tenant: globex, email: bob@globex.test, password: "` + three + `", roles: {tenant/globex: member}}
api_keys:
  - {name: rw, tenant: acme, key: ` + rwKey + `, user: ann, scopes: [files:read, files:write]}
  - {name: read, tenant: acme, key: ` + readKey + `, scopes: [files:read]}
  - {name: bob, tenant: globex, key: ` + bobKey + `, scopes: [files:read, files:write]}
`
)

// bench is the dialect on a router, over a real disk store and a real database, with a clock that can be set forward.
type bench struct {
	http.Handler
	t         *testing.T
	dialect   *Dialect
	repo      meta.Repo
	ahead     *atomic.Int64 // of the real time
	directory *access.Directory
	path      string // of the directory file
}

// aheadRepo has a clock that goes ahead.
type aheadRepo struct {
	meta.Repo
	ahead *atomic.Int64
}

func (r aheadRepo) Now() time.Time { return r.Repo.Now().Add(time.Duration(r.ahead.Load())) }

func newBench(t *testing.T, cfg door.Config) *bench {
	t.Helper()
	b := &bench{t: t, ahead: new(atomic.Int64), path: filepath.Join(t.TempDir(), "directory.yaml")}
	b.write(people)
	var err error
	if b.directory, err = access.OpenDirectory(b.path); err != nil {
		t.Fatal(err)
	}
	cfg.MaxUploads = 1
	d := doortest.New(t, b.directory, doortest.Options{Config: cfg, Wrap: func(r meta.Repo) meta.Repo {
		b.repo = r
		return aheadRepo{r, b.ahead}
	}})
	b.dialect = New(Config{Door: d, About: About{Version: "v1.2.3", Dialects: []string{"native"}}})
	b.Handler = router.New(router.Config{Log: d.Log}, b.dialect)
	return b
}

func (b *bench) write(directory string) {
	b.t.Helper()
	if err := os.WriteFile(b.path, []byte(directory), 0o600); err != nil { //nolint:gosec // in the test's folder
		b.t.Fatal(err)
	}
}

// change replaces texts of the directory file, given as old and new in turn.
func (b *bench) change(texts ...string) {
	b.t.Helper()
	old, err := os.ReadFile(b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	b.write(strings.NewReplacer(texts...).Replace(string(old)))
	if changed, err := b.directory.Reload(); err != nil || !changed {
		b.t.Fatalf("the directory has changed: %v, %v", changed, err)
	}
}

// do sends a request with headers, given as names and values in turn.
func (b *bench) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(b.t.Context(), method, target, strings.NewReader(body))
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Add(pair[0], pair[1])
	}
	b.ServeHTTP(w, r)
	return w
}

// want checks an answer's status, and that its body has a text.
func (b *bench) want(w *httptest.ResponseRecorder, status int, text string) {
	b.t.Helper()
	if w.Code != status || !strings.Contains(w.Body.String(), text) {
		b.t.Errorf("%d %s, want %d with %s", w.Code, w.Body, status, text)
	}
}
