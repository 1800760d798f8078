package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
)

const (
	acmeKey  = "tagd_live_acme0123456789"
	readKey  = "tagd_live_read0123456789"
	otherKey = "tagd_live_other123456789"
	secret   = "correct horse battery staple"
)

// sample is a directory file with one of everything.
var sample = `
tenants:
  - id: acme
    plan: pro
    projects: ["5ebd890292befe0019054973"]
    bots: [{id: bot1, project: "5ebd890292befe0019054973"}]
    workspaces:
      - {id: w1, channels: [{id: general, visibility: public}, {id: ops, visibility: private}, {id: quiet}]}
  - id: other
    limits: {max_file_size: 1MiB, max_storage: 5 GB, rate: {per_minute: 3}}
    workspaces:
      - {id: w1, channels: [{id: general}]}
  - id: bare
users:
  - {id: u1, tenant: acme, number: 7, email: Admin@Acme.test, password: "` + cheapHash(secret).String() + `",
     roles: {"project/5ebd890292befe0019054973": admin, "workspace/w1": owner, "channel/ops": user}}
  - {id: u2, tenant: acme, email: demo@acme.test, password: "` + cheapHash("demo").String() + `"}
  - {id: u3, tenant: acme, email: token@acme.test}
  - {id: u1, tenant: other, roles: {tenant/other: member}}
api_keys:
  - {name: ci, tenant: acme, key: ` + acmeKey + `, user: u1, scopes: [files:read, files:write]}
  - {name: reader, tenant: acme, key: ` + readKey + `, scopes: [files:read]}
  - {name: ci, tenant: other, key: ` + otherKey + `, scopes: [files:read, files:write]}
`

// cheapHash is a hash that costs next to nothing.
func cheapHash(password string) *passwordHash {
	h := &passwordHash{memory: 8, time: 1, threads: 1, salt: []byte("saltsalt"), sum: make([]byte, 16)}
	h.sum = h.derive(password)
	return h
}

func directory(t testing.TB, text string) *Directory {
	t.Helper()
	d, err := ParseDirectory([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDirectoryLookups(t *testing.T) {
	d := directory(t, sample)

	acme, ok := d.Tenant("acme")
	if !ok || acme.Plan != "pro" || acme.Limits != (Limits{100e6, 1e9, Rate{60, 1000, 10_000}}) {
		t.Errorf("acme = %+v, %v", acme, ok)
	}
	if other, _ := d.Tenant("other"); other.Limits != (Limits{1 << 20, 5e9, Rate{PerMinute: 3}}) {
		t.Errorf("other has %+v", other.Limits)
	}
	if bare, _ := d.Tenant("bare"); bare.Limits != (Limits{Unlimited, Unlimited, Rate{}}) {
		t.Errorf("bare has %+v", bare.Limits)
	}
	if _, ok := d.Tenant("nobody"); ok {
		t.Error("an unknown tenant was found")
	}
	var ids []string
	for _, tenant := range d.Tenants() {
		ids = append(ids, string(tenant.ID))
	}
	if !slices.Equal(ids, []string{"acme", "other", "bare"}) {
		t.Errorf("tenants %v", ids)
	}

	const project = "5ebd890292befe0019054973"
	if !d.HasProject("acme", project) || d.HasProject("other", project) {
		t.Error("the project is acme's alone")
	}
	if b, ok := d.Bot("acme", "bot1"); !ok || b != (Bot{"bot1", project}) {
		t.Errorf("bot = %+v, %v", b, ok)
	}
	if _, ok := d.Bot("other", "bot1"); ok {
		t.Error("another tenant's bot was found")
	}
	if w, ok := d.Workspace("acme", "w1"); !ok || len(w.Channels) != 3 {
		t.Errorf("workspace = %+v, %v", w, ok)
	}
	for id, want := range map[string]Channel{
		"general": {"general", "w1", true},
		"ops":     {"ops", "w1", false},
		"quiet":   {"quiet", "w1", false},
	} {
		if c, ok := d.Channel("acme", id); !ok || c != want {
			t.Errorf("channel %s = %+v, %v", id, c, ok)
		}
	}

	u, ok := d.User("acme", "u1")
	want := map[string]Role{"project/" + project: RoleAdmin, "workspace/w1": RoleOwner, "channel/ops": RoleMember}
	if !ok || u.Email != "admin@acme.test" || u.Number != 7 || !reflect.DeepEqual(u.Roles, want) {
		t.Errorf("u1 = %+v, %v", u, ok)
	}
	if _, ok := d.User("bare", "u1"); ok {
		t.Error("another tenant's user was found")
	}
	p, ok := d.Principal("other", "u1")
	if !ok || p.Tenant != "other" || p.Kind != KindUser || !reflect.DeepEqual(p.Roles, map[string]Role{"tenant/other": RoleMember}) {
		t.Errorf("principal = %+v, %v", p, ok)
	}
	if _, ok := d.Principal("bare", "u1"); ok {
		t.Error("another tenant's principal was found")
	}
}

func TestNumber(t *testing.T) {
	d := directory(t, sample)
	if n := d.Number("acme", "u1"); n != 7 {
		t.Errorf("the given number is 7, got %d", n)
	}
	// The literal pins the derivation: numbers that clients keep must not change with a release.
	const derived = 566010358047077
	if n := d.Number("acme", "u2"); n != derived || n != DerivedNumber("u2") || n != d.Number("bare", "u2") {
		t.Errorf("derived number of u2 is %d", n)
	}
	for i := range 10_000 {
		if n := DerivedNumber(fmt.Sprint(i)); n < 1 || n > file.MaxNumber {
			t.Fatalf("DerivedNumber(%d) = %d", i, n)
		}
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{
		"1": 1, "1B": 1, "100MB": 100e6, "100 MB": 100e6, "1MiB": 1 << 20, "1mib": 1 << 20, "2GB": 2e9, "3TiB": 3 << 40, "9KB": 9000, "unlimited": Unlimited,
		"": 0, "0": 0, "-1": 0, "+1": 0, "1.5GB": 0, "1 000": 0, "MB": 0, "1XB": 0, "1BM": 0, "0x10": 0, "1e3": 0, "9999999TB": 0, "9223372036854775808": 0, " 1": 0,
	} {
		got, err := parseSize(in)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("parseSize(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
}

func TestDirectoryProblems(t *testing.T) {
	const tenants = "tenants: [{id: a, projects: [p]}, {id: b}]\n"
	for name, c := range map[string]struct{ text, want string }{
		"empty":               {"", "tenants: at least one is needed"},
		"comment only":        {"# soon", "tenants: at least one"},
		"not a map":           {"[]", "line 1: cannot unmarshal !!seq"},
		"no YAML":             {"tenants: [", "line 1"},
		"unknown key":         {tenants + "user: []", "line 2: field user not found"},
		"unknown nested key":  {"tenants:\n  - id: a\n    projets: [p]", "line 3: field projets not found"},
		"field twice":         {"tenants: [{id: a, id: b}]", "already defined"},
		"wrong type":          {"tenants: a", "line 1: cannot unmarshal !!str"},
		"secret as a list":    {"api_keys: 0123456789abcdef", "line 1: cannot unmarshal !!str"},
		"two documents":       {tenants + "---\n" + tenants, "more than one document"},
		"null entry":          {"tenants: [null]", "tenants: at least one"},
		"tenant id":           {"tenants: [{id: Acme}]", "tenants[0].id: a tenant's id"},
		"long tenant id":      {"tenants: [{id: " + strings.Repeat("a", 64) + "}]", "tenants[0].id: a tenant's id"},
		"tenant twice":        {"tenants: [{id: a}, {id: a}]", "tenants[1].id: appears twice"},
		"plan":                {"tenants: [{id: a, plan: gold}]", "tenants[0].plan: the plans are enterprise, pro, unlimited"},
		"size":                {"tenants: [{id: a, limits: {max_file_size: lots}}]", "tenants[0].limits.max_file_size: a size"},
		"no storage":          {"tenants: [{id: a, limits: {max_storage: 0}}]", "tenants[0].limits.max_storage: a size"},
		"fractional rate":     {"tenants: [{id: a, limits: {rate: {per_hour: 1.5}}}]", "tenants[0].limits.rate.per_hour: a whole number"},
		"project id":          {"tenants: [{id: a, projects: [../x]}]", "tenants[0].projects[0]: an id"},
		"project twice":       {"tenants: [{id: a, projects: [p, p]}]", "tenants[0].projects[1]: appears twice"},
		"bot of no project":   {"tenants: [{id: a, projects: [p], bots: [{id: x, project: q}]}]", "tenants[0].bots[0].project: not among"},
		"bot twice":           {"tenants: [{id: a, projects: [p], bots: [{id: x, project: p}, {id: x, project: p}]}]", "tenants[0].bots[1].id: appears twice"},
		"visibility":          {"tenants: [{id: a, workspaces: [{id: w, channels: [{id: c, visibility: secret}]}]}]", "channels[0].visibility: public or private"},
		"channel twice":       {"tenants: [{id: a, workspaces: [{id: v, channels: [{id: c}]}, {id: w, channels: [{id: c}]}]}]", "tenants[0].workspaces[1].channels[0].id: appears twice"},
		"workspace without":   {"tenants: [{id: a, workspaces: [{channels: []}]}]", "tenants[0].workspaces[0].id: an id"},
		"user's tenant":       {tenants + "users: [{id: u, tenant: c}]", "users[0].tenant: not among the tenants"},
		"user id":             {tenants + "users: [{id: a/b, tenant: a}]", "users[0].id: an id"},
		"user id of a key":    {tenants + "users: [{id: key:ci, tenant: a}]", "users[0].id: an id that begins with key:"},
		"user twice":          {tenants + "users: [{id: u, tenant: a}, {id: u, tenant: a}]", "users[1].id: appears twice"},
		"number":              {tenants + "users: [{id: u, tenant: a, number: -1}]", "users[0].number: a whole number"},
		"huge number":         {tenants + "users: [{id: u, tenant: a, number: 9007199254740992}]", "users[0].number: a whole number"},
		"fractional number":   {tenants + "users: [{id: u, tenant: a, number: 1.5}]", "users[0].number: a whole number"},
		"number twice":        {tenants + "users: [{id: u, tenant: a, number: 1}, {id: v, tenant: a, number: 1}]", "users[1].number: appears twice"},
		"email":               {tenants + "users: [{id: u, tenant: a, email: me}]", "users[0].email: not an e-mail address"},
		"email twice":         {tenants + "users: [{id: u, tenant: a, email: x@y}, {id: u, tenant: b, email: X@Y}]", "users[1].email: appears twice"},
		"password alone":      {tenants + "users: [{id: u, tenant: a, password: x}]", "users[0].password: is of no use without an email"},
		"damaged hash":        {tenants + `users: [{id: u, tenant: a, email: x@y, password: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA"}]`, "users[0].password: what begins with $"},
		"other hash":          {tenants + "users: [{id: u, tenant: a, email: x@y, password: $2a$10$abcdefghijklmnopqrstuv}]", "users[0].password: what begins with $"},
		"role's kind":         {tenants + "users: [{id: u, tenant: a, roles: {planet/x: admin}}]", `users[0].roles["planet/x"]: a role is on system or on one of`},
		"role's resource":     {tenants + "users: [{id: u, tenant: a, roles: {project: admin}}]", `users[0].roles["project"]: an id`},
		"part of the system":  {tenants + "users: [{id: u, tenant: a, roles: {system/x: owner}}]", `users[0].roles["system/x"]: a role is on system`},
		"role":                {tenants + "users: [{id: u, tenant: a, roles: {project/p: boss}}]", `users[0].roles["project/p"]: unknown role "boss"`},
		"role none":           {tenants + "users: [{id: u, tenant: a, roles: {project/p: none}}]", "unknown role"},
		"foreign tenant role": {tenants + "users: [{id: u, tenant: a, roles: {tenant/b: admin}}]", `users[0].roles["tenant/b"]: a user has no role`},
		"key's tenant":        {tenants + "api_keys: [{name: k, tenant: c, key: 0123456789abcdef, scopes: [files:read]}]", "api_keys[0].tenant: not among"},
		"key's user":          {tenants + "users: [{id: u, tenant: b}]\napi_keys: [{name: k, tenant: a, key: 0123456789abcdef, user: u, scopes: [files:read]}]", "api_keys[0].user: not among"},
		"key's name":          {tenants + "api_keys: [{tenant: a, key: 0123456789abcdef, scopes: [files:read]}]", "api_keys[0].name: 1 to 64"},
		"short key":           {tenants + "api_keys: [{name: k, tenant: a, key: short, scopes: [files:read]}]", "api_keys[0].key: 16 to 128"},
		"dotted key":          {tenants + "api_keys: [{name: k, tenant: a, key: 0123456789.abcdef, scopes: [files:read]}]", "api_keys[0].key: 16 to 128"},
		"key twice":           {tenants + "api_keys: [{name: k, tenant: a, key: 0123456789abcdef, scopes: [files:read]}, {name: k, tenant: b, key: 0123456789abcdef, scopes: [files:read]}]", "api_keys[1].key: appears twice"},
		"name twice":          {tenants + "api_keys: [{name: k, tenant: a, key: 0123456789abcdef, scopes: [files:read]}, {name: k, tenant: a, key: 0123456789abcdeg, scopes: [files:read]}]", "api_keys[1].name: appears twice"},
		"no scope":            {tenants + "api_keys: [{name: k, tenant: a, key: 0123456789abcdef}]", "api_keys[0].scopes: at least one"},
		"scope":               {tenants + "api_keys: [{name: k, tenant: a, key: 0123456789abcdef, scopes: [files:read, all]}]", "api_keys[0].scopes[1]: the scopes are"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseDirectory([]byte(c.text))
			if !file.Is(err, file.Invalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "01234") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

func TestDirectoryReportsEveryProblem(t *testing.T) {
	_, err := ParseDirectory([]byte("tenants: [{id: a, plan: x}, {id: B}]\nusers: [{id: u, tenant: c}]\napi_keys: [{tenant: a}]"))
	for _, want := range []string{"tenants[0].plan", "tenants[1].id", "users[0].tenant", "api_keys[0].name", "api_keys[0].key", "api_keys[0].scopes"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing in %v", want, err)
		}
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	// A new file under the old name, as most tools do it: even within one tick of the file system's clock it is another inode.
	tmp := path + ".new"
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, path); err != nil {
		t.Fatal(err)
	}
}

func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.yaml")
	if _, err := OpenDirectory(path); !file.Is(err, file.NotFound) {
		t.Fatalf("opening what does not exist: %v", err)
	}
	writeFile(t, path, "tenants: [{id: a}]")
	d, err := OpenDirectory(path)
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name    string
		do      func()
		changed bool
		kind    file.Kind
		tenant  file.Tenant // in force after the step
	}{
		{"unchanged", func() {}, false, "", "a"},
		{"other file", func() { writeFile(t, path, "tenants: [{id: b}]") }, true, "", "b"},
		{"broken", func() { writeFile(t, path, "tenants: [{id: B}]") }, false, file.Invalid, "b"},
		{"still broken", func() {}, false, "", "b"},
		{"mended", func() { writeFile(t, path, "tenants: [{id: c}]") }, true, "", "c"},
		{"rewritten in place", func() { rewrite(t, path, "tenants: [{id: dd}]") }, true, "", "dd"},
		{"in place, as long", func() { rewrite(t, path, "tenants: [{id: ee}]") }, true, "", "ee"},
		{"gone", func() { _ = os.Remove(path) }, false, file.NotFound, "ee"},
		{"still gone", func() {}, false, "", "ee"},
		{"back", func() { writeFile(t, path, "tenants: [{id: e}]") }, true, "", "e"},
	}
	for _, s := range steps {
		s.do()
		changed, err := d.Reload()
		if changed != s.changed || file.KindOf(err) != s.kind {
			t.Fatalf("%s: changed %v, error %v", s.name, changed, err)
		}
		if _, ok := d.Tenant(s.tenant); !ok || len(d.Tenants()) != 1 {
			t.Fatalf("%s: the tenants are %v", s.name, d.Tenants())
		}
	}
}

func rewrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// The next tick of the file system's clock.
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// levels hands on the level of each record that is logged.
type levels struct {
	slog.Handler
	to chan slog.Level
}

func (l levels) Handle(_ context.Context, r slog.Record) error {
	l.to <- r.Level
	return nil
}

func TestWatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.yaml")
	writeFile(t, path, "tenants: [{id: a}]")
	d, err := OpenDirectory(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	tick, logged, done := make(chan time.Time), make(chan slog.Level, 10), make(chan struct{})
	go func() {
		defer close(done)
		d.watch(ctx, tick, slog.New(levels{slog.NewTextHandler(os.Stderr, nil), logged}))
	}()
	look := func() { tick <- time.Time{}; tick <- time.Time{} } // the second is taken when the first has been dealt with

	look()
	writeFile(t, path, "tenants: [{id: b}]")
	look()
	if _, ok := d.Tenant("b"); !ok {
		t.Error("the new file was not read")
	}
	writeFile(t, path, "tenants: 1")
	look()
	look()
	cancel()
	<-done
	close(logged)
	var got []slog.Level
	for l := range logged {
		got = append(got, l)
	}
	if !slices.Equal(got, []slog.Level{slog.LevelInfo, slog.LevelError}) {
		t.Errorf("logged %v: one change and one bad file are to be logged once each", got)
	}
}

func TestWatchEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := directory(t, sample).Watch(ctx, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
}

func TestBootstrap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "directory.yaml")
	c, err := Bootstrap(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), c.APIKey) || strings.Contains(string(text), c.Password) {
		t.Errorf("the file must hold the key and not the password: %s", text)
	}
	if len(c.APIKey) < len("tagd_live_")+32 || !strings.HasPrefix(c.APIKey, "tagd_live_") {
		t.Errorf("key %q", c.APIKey)
	}
	d, err := OpenDirectory(path)
	if err != nil {
		t.Fatal(err)
	}
	a := authenticator(t, d, Config{})
	p, err := a.Authenticate(t.Context(), basic(c.Email, c.Password))
	if err != nil || p.Tenant != c.Tenant || p.ID != c.User || p.RoleOn(file.Parent{}) != RoleOwner || !p.Operates() {
		t.Errorf("the password gives %+v, %v", p, err)
	}
	p, err = a.Authenticate(t.Context(), Request{APIKey: []string{c.APIKey}})
	if err != nil || p.ID != c.User || !slices.Equal(p.Scopes, scopes) || !p.Operates() {
		t.Errorf("the key gives %+v, %v", p, err)
	}
	if tenant, _ := d.Tenant(c.Tenant); tenant.Plan != "unlimited" {
		t.Errorf("tenant %+v", tenant)
	}
	if channel, ok := d.Channel(c.Tenant, c.Channel); !ok || !channel.Public || !d.HasProject(c.Tenant, c.Project) {
		t.Errorf("the samples are %+v and %v", channel, d.HasProject(c.Tenant, c.Project))
	}

	if _, err := Bootstrap(path); !file.Is(err, file.Conflict) {
		t.Errorf("a second time: %v", err)
	}
	if again, _ := os.ReadFile(path); string(again) != string(text) {
		t.Error("the second time changed the file")
	}
	if _, err := Bootstrap(filepath.Join(path, "x")); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("below a file: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func FuzzParseDirectory(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("tenants: [{id: a, limits: {max_file_size: 1KiB}}]"))
	f.Add([]byte("tenants: &x [{id: a, projects: *x}]\n---\n"))
	f.Add([]byte("users: [{password: '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA'}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := decode(text) // what parse does, but for the cost of hashing
		if err != nil {
			return
		}
		b := newBuilder()
		b.hash = cheapHash
		b.build(doc)
		if len(b.problems) > 0 {
			return
		}
		s := b.snapshot
		for id, tenant := range s.tenants {
			if !tenantPattern.MatchString(string(id)) || tenant.Limits.MaxFile <= 0 || tenant.Limits.MaxStorage <= 0 {
				t.Errorf("tenant %q has %+v", id, tenant.Limits)
			}
		}
		for e, u := range s.users {
			if s.tenants[e.tenant] == nil || u.Number < 1 || u.Number > file.MaxNumber || !validID(e.id) {
				t.Errorf("user %+v", u)
			}
		}
	})
}
