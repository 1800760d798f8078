package access

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/inlethq/inlet/pkg/file"
)

const (
	readerKey = "tagd_live_reader01234567"
	writerKey = "tagd_live_writer01234567"
)

// house is a directory with everything that a file can be in. Roles on one thing are kept apart from roles on another, so that a test
// sees which of them it was that let somebody in.
var house = `
tenants:
  - id: acme
    projects: [p1, p2]
    bots: [{id: b1, project: p1}, {id: b2, project: p1}, {id: b9, project: p2}]
    workspaces:
      - {id: w1, channels: [{id: open, visibility: public}, {id: closed, visibility: private}]}
      - {id: w2}
  - id: other
    projects: [p1]
    bots: [{id: b1, project: p1}]
    workspaces: [{id: w1, channels: [{id: open, visibility: public}]}]
users:
  - {id: sam, tenant: acme, roles: {project/p1: guest}}
  - {id: uploader, tenant: acme}
  - {id: neighbour, tenant: acme, roles: {tag/t: owner, tag/p1: owner}}
  - {id: guest, tenant: acme, roles: {project/p1: guest, tag/t: guest, channel/open: guest, channel/closed: guest}}
  - {id: member, tenant: acme, email: member@acme.test, password: "` + cheapHash(secret).String() + `",
     roles: {project/p1: member, tag/t: member, channel/open: member, channel/closed: member}}
  - {id: admin, tenant: acme, roles: {project/p1: admin, tag/t: admin, channel/open: admin, channel/closed: admin}}
  - {id: owner, tenant: acme, roles: {project/p1: owner, tag/t: owner, channel/open: owner, channel/closed: owner}}
  - {id: elsewhere, tenant: acme, roles: {project/p2: owner, tag/u: owner, workspace/w2: owner}}
  - {id: workspace-guest, tenant: acme, roles: {workspace/w1: guest}}
  - {id: workspace-member, tenant: acme, email: colleague@acme.test, password: "` + cheapHash(secret).String() + `", roles: {workspace/w1: member}}
  - {id: workspace-admin, tenant: acme, roles: {workspace/w1: admin}}
  - {id: tenant-guest, tenant: acme, roles: {tenant/acme: guest}}
  - {id: tenant-member, tenant: acme, roles: {tenant/acme: member}}
  - {id: tenant-admin, tenant: acme, roles: {tenant/acme: admin}}
  - {id: boss, tenant: other, roles: {tenant/other: owner, project/p1: owner, workspace/w1: owner, channel/open: owner, channel/closed: owner, tag/t: owner}}
api_keys:
  - {name: reader, tenant: acme, key: ` + readerKey + `, scopes: [files:read]}
  - {name: writer, tenant: acme, key: ` + writerKey + `, user: uploader, scopes: [files:write]}
`

// callers makes principals of the house in the ways that a caller gets one.
type callers struct {
	t             testing.TB
	clock         *clock
	authenticator *Authenticator
}

func newCallers(t testing.TB, d *Directory) callers {
	t.Helper()
	c := newClock()
	return callers{t, c, authenticator(t, d, Config{JWTSecret: jwtSecret, Now: c.now})}
}

func (c callers) login(r Request) Principal {
	c.t.Helper()
	p, err := c.authenticator.Authenticate(c.t.Context(), r)
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

func (c callers) user(id string) Principal {
	c.t.Helper()
	return c.token(KindUser, id, nil)
}

func (c callers) token(kind Kind, id string, roles map[string]string) Principal {
	c.t.Helper()
	return c.login(authorization("Bearer " + hs256(c.t, with(c.clock, jwt.MapClaims{"sub": id, "kind": kind, "roles": roles}))))
}

func (c callers) of(tenant, id string) Principal {
	c.t.Helper()
	return c.login(authorization("Bearer " + hs256(c.t, with(c.clock, jwt.MapClaims{"sub": id, "tenant": tenant}))))
}

func (c callers) key(key string) Principal {
	c.t.Helper()
	return c.login(Request{APIKey: []string{key}})
}

// removed is the principal of a key that is not in the directory any more.
func (c callers) removed(id string) Principal {
	c.t.Helper()
	p, ok := c.authenticator.directory.Principal("acme", id)
	if !ok {
		c.t.Fatalf("the directory does not judge %s", id)
	}
	return p
}

// TestRightsByParent crosses who asks with where a file of the tenant acme is that uploader has brought. Each cell holds what is
// allowed: to read, write, upload, delete.
func TestRightsByParent(t *testing.T) {
	parents := []file.Parent{
		{}, {Kind: "tag", ID: "t"}, {Kind: "channel", ID: "open"}, {Kind: "channel", ID: "closed"},
		{Kind: "project", ID: "p1"}, {Kind: "user", ID: "sam"}, {Kind: "bot", ID: "b1"},
	}
	c := newCallers(t, directory(t, house))
	for _, row := range []struct {
		cells string
		name  string
		p     Principal
	}{
		// tnt tag  open clsd proj user bot
		{"---- ---- ---- ---- ---- ---- ----", "nobody", Principal{}},
		{"---- ---- ---- ---- ---- ---- ----", "owner of another tenant", c.of("other", "boss")},
		{"---- ---- ---- ---- ---- ---- ----", "stranger", c.user("stranger")},
		{"---- ---- ---- ---- ---- ---- ----", "owner elsewhere", c.user("elsewhere")},
		{"r--d r--d ---d ---d r--d r--d r--d", "uploader", c.user("uploader")},
		{"---- ---- ---- ---- ---- ---- ----", "guest", c.user("guest")},
		{"---- rwu- rwu- rwu- rwu- r--- r---", "member", c.user("member")},
		{"---- rwud rwud rwud rwud r--- rwud", "admin", c.user("admin")},
		{"---- rwud rwud rwud rwud r--- rwud", "owner", c.user("owner")},
		{"---- ---- ---- ---- ---- ---- ----", "guest of the workspace", c.user("workspace-guest")},
		{"---- ---- rwu- ---- ---- ---- ----", "member of the workspace", c.user("workspace-member")},
		{"---- ---- rwud ---d ---- ---- ----", "admin of the workspace", c.user("workspace-admin")},
		{"---- ---- ---- ---- ---- ---- ----", "guest of the tenant", c.user("tenant-guest")},
		{"rwu- rwu- rwu- rwu- rwu- rwu- rwu-", "member of the tenant", c.user("tenant-member")},
		{"rwud rwud rwud rwud rwud rwud rwud", "admin of the tenant", c.user("tenant-admin")},
		{"---- ---- ---- ---- ---- rwud ----", "the user", c.user("sam")},
		{"---- ---- ---- ---- rwu- r--- rwud", "the bot", c.token(KindBot, "b1", nil)},
		{"---- ---- ---- ---- rwu- r--- r---", "bot of the project", c.token(KindBot, "b2", nil)},
		{"---- ---- ---- ---- ---- ---- ----", "bot of another project", c.token(KindBot, "b9", nil)},
		{"---- ---- ---- ---- ---- ---- ----", "unknown bot", c.token(KindBot, "b0", nil)},
		{"---- ---- ---- ---- ---- ---- ----", "user of a bot's id", c.user("b2")},
		{"r--- r--- r--- r--- r--- r--- r---", "key that reads", c.key(readerKey)},
		{"-wud -wud -wud -wud -wud -wud -wud", "key that writes", c.key(writerKey)},
		{"---- ---- ---- ---- ---- ---- ----", "key without scopes", c.removed("key:gone")},
	} {
		t.Run(row.name, func(t *testing.T) {
			denied := file.Forbidden
			if row.p.Tenant != "acme" {
				denied = file.NotFound
			}
			cells := strings.Fields(row.cells)
			if len(cells) != len(parents) {
				t.Fatalf("%d cells for %d parents", len(cells), len(parents))
			}
			for i, parent := range parents {
				f := &file.File{Tenant: "acme", Parent: parent, Created: file.Actor{ID: "uploader"}}
				for right, got := range map[string]struct {
					can bool
					err error
				}{
					"r": {row.p.CanRead(f), row.p.CheckRead(f)},
					"w": {row.p.CanWrite(f), row.p.CheckWrite(f)},
					"u": {row.p.CanUpload(f.Tenant, parent), row.p.CheckUpload(f.Tenant, parent)},
					"d": {row.p.CanDelete(f), row.p.CheckDelete(f)},
				} {
					want := file.Kind("")
					if !strings.Contains(cells[i], right) {
						want = denied
					}
					if got.can != (want == "") || file.KindOf(got.err) != want {
						t.Errorf("%s on %v: %v, %v; want %q", right, parent, got.can, got.err, want)
					}
				}
			}
		})
	}
}

// TestRightsOnTheLikeNamed: what the directory has as one thing says nothing of another that only shares its id.
func TestRightsOnTheLikeNamed(t *testing.T) {
	c := newCallers(t, directory(t, house))
	for _, id := range []string{"open", "closed", "b1", "sam", "p1", "w1"} {
		f := &file.File{Tenant: "acme", Parent: file.Parent{Kind: "tag", ID: id}}
		for _, p := range []Principal{c.user("workspace-admin"), c.user("owner"), c.user("sam"), c.token(KindBot, "b1", nil)} {
			if p.CanRead(f) || p.CanWrite(f) || p.CanDelete(f) {
				t.Errorf("%s has a right in the tag %s", p.ID, id)
			}
		}
	}
	ofNeighbour := &file.File{Tenant: "acme", Parent: file.Parent{Kind: "user", ID: "neighbour"}}
	if c.user("member").CanRead(ofNeighbour) {
		t.Error("to share a tag is taken for sharing a project")
	}
}

// TestRightsWithoutDirectory: the roles of a principal made by hand count on what they name, and reach no further.
func TestRightsWithoutDirectory(t *testing.T) {
	p := Principal{Tenant: "acme", ID: "x", Kind: KindUser, Roles: map[string]Role{"workspace/w1": RoleOwner, "project/p1": RoleOwner, "tag/t": RoleMember}}
	for parent, want := range map[file.Parent]Role{
		{Kind: "workspace", ID: "w1"}: RoleOwner,
		{Kind: "tag", ID: "t"}:        RoleMember,
		{Kind: "user", ID: "x"}:       RoleOwner,
		{Kind: "channel", ID: "open"}: RoleNone,
		{Kind: "bot", ID: "b1"}:       RoleNone,
		{Kind: "user", ID: "sam"}:     RoleNone,
	} {
		if got := p.RoleOn(parent); got != want {
			t.Errorf("role on %v is %v, want %v", parent, got, want)
		}
	}
	if bot := (Principal{Tenant: "acme", Kind: KindBot}); bot.RoleOn(file.Parent{Kind: "project"}) != RoleNone {
		t.Error("nothing belongs to the project without an id")
	}
}

func TestRoleOnTakesTheStrongest(t *testing.T) {
	c := newCallers(t, directory(t, house))
	project, open, closed := file.Parent{Kind: "project", ID: "p1"}, file.Parent{Kind: "channel", ID: "open"}, file.Parent{Kind: "channel", ID: "closed"}
	for name, tc := range map[string]struct {
		p    Principal
		on   file.Parent
		want Role
	}{
		"workspace over channel":       {c.token(KindUser, "x", map[string]string{"workspace/w1": "admin", "channel/open": "member"}), open, RoleAdmin},
		"channel over workspace":       {c.token(KindUser, "x", map[string]string{"workspace/w1": "member", "channel/open": "admin"}), open, RoleAdmin},
		"private channel by its own":   {c.token(KindUser, "x", map[string]string{"workspace/w1": "owner", "channel/closed": "member"}), closed, RoleMember},
		"bot that is more than agent":  {c.token(KindBot, "b1", map[string]string{"project/p1": "admin"}), project, RoleAdmin},
		"bot that is less than agent":  {c.token(KindBot, "b1", map[string]string{"project/p1": "guest"}), project, RoleAgent},
		"bot with a role elsewhere":    {c.token(KindBot, "b9", map[string]string{"project/p1": "member"}), project, RoleMember},
		"channel that nobody knows of": {c.token(KindUser, "x", map[string]string{"workspace/w1": "owner"}), file.Parent{Kind: "channel", ID: "new"}, RoleNone},
		"like-named of another kind":   {c.user("workspace-admin"), file.Parent{Kind: "tag", ID: "open"}, RoleNone},
	} {
		if got := tc.p.RoleOn(tc.on); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// TestChatFiles: what a guest, whom only a token knows, sends in a chat is in the project.
func TestChatFiles(t *testing.T) {
	c := newCallers(t, directory(t, house))
	sent := &file.File{Tenant: "acme", Parent: file.Parent{Kind: "project", ID: "p1"}, Created: file.Actor{ID: "g1"}}
	inProject := map[string]string{"project/p1": "guest"}
	for name, tc := range map[string]struct {
		p    Principal
		want bool
	}{
		"the guest":             {c.token(KindGuest, "g1", inProject), true},
		"another guest":         {c.token(KindGuest, "g2", inProject), false},
		"an agent":              {c.token(KindUser, "x", map[string]string{"project/p1": "agent"}), true},
		"an agent elsewhere":    {c.token(KindUser, "x", map[string]string{"project/p2": "agent"}), false},
		"the project's bot":     {c.token(KindBot, "b1", nil), true},
		"a like-named stranger": {c.of("other", "g1"), false},
	} {
		if got := tc.p.CanRead(sent); got != tc.want {
			t.Errorf("%s may read it: %v", name, got)
		}
	}
}

func TestBelongsTo(t *testing.T) {
	c := newCallers(t, directory(t, house))
	for name, tc := range map[string]struct {
		p    Principal
		want bool
	}{
		"nobody":                 {Principal{}, false},
		"stranger":               {c.user("stranger"), false},
		"guest":                  {c.user("guest"), true},
		"guest by token":         {c.token(KindGuest, "g1", map[string]string{"project/p1": "guest"}), true},
		"owner elsewhere":        {c.user("elsewhere"), false},
		"guest of the tenant":    {c.user("tenant-guest"), true},
		"workspace of a tenant":  {c.user("workspace-admin"), false},
		"bot of the project":     {c.token(KindBot, "b2", nil), true},
		"bot of another":         {c.token(KindBot, "b9", nil), false},
		"unknown bot":            {c.token(KindBot, "b0", nil), false},
		"user of a bot's id":     {c.user("b2"), false},
		"subscription":           {c.token(KindSubscription, "s1", nil), false},
		"subscription with role": {c.token(KindSubscription, "s1", map[string]string{"project/p1": "member"}), true},
		"key that reads":         {c.key(readerKey), true},
		"key that writes":        {c.key(writerKey), true},
		"removed key":            {c.removed("key:gone"), false},
	} {
		if got := tc.p.BelongsTo("p1"); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestInChannel(t *testing.T) {
	const (
		unknown = iota
		outside
		member
	)
	c := newCallers(t, directory(t, house))
	inNew := map[string]string{"channel/new": "member", "workspace/w1": "owner"}
	for name, tc := range map[string]struct {
		p                 Principal
		open, closed, new int
	}{
		"nobody":              {Principal{}, unknown, unknown, unknown},
		"another tenant's":    {c.of("other", "stranger"), outside, unknown, unknown}, // it has an open channel of its own
		"stranger":            {c.user("stranger"), outside, outside, unknown},
		"guest":               {c.user("guest"), outside, outside, unknown},
		"member":              {c.user("member"), member, member, unknown},
		"workspace's guest":   {c.user("workspace-guest"), outside, outside, unknown},
		"workspace's member":  {c.user("workspace-member"), member, outside, unknown},
		"workspace's admin":   {c.user("workspace-admin"), member, outside, unknown},
		"another workspace's": {c.user("elsewhere"), outside, outside, unknown},
		"tenant's guest":      {c.user("tenant-guest"), outside, outside, unknown},
		"tenant's member":     {c.user("tenant-member"), member, member, unknown},
		"by token":            {c.token(KindUser, "x", inNew), member, outside, member},
		"guest by token":      {c.token(KindGuest, "x", map[string]string{"channel/new": "guest"}), outside, outside, outside},
		"by hand":             {Principal{Tenant: "acme", ID: "x", Kind: KindUser, Roles: map[string]Role{"channel/new": RoleMember}}, unknown, unknown, member},
		"key that reads":      {c.key(readerKey), member, member, unknown},
		"key that writes":     {c.key(writerKey), member, member, unknown},
		"removed key":         {c.removed("key:gone"), outside, outside, unknown},
	} {
		for channel, want := range map[string]int{"open": tc.open, "closed": tc.closed, "new": tc.new} {
			if known, in := tc.p.InChannel(channel); known != (want != unknown) || in != (want == member) {
				t.Errorf("%s in %s: known %v, member %v", name, channel, known, in)
			}
		}
	}
}

// TestEveryCredentialKnowsTheDirectory: a role on a workspace opens its public channel, however its owner has come in.
func TestEveryCredentialKnowsTheDirectory(t *testing.T) {
	c := newCallers(t, directory(t, house))
	const id, email = "workspace-member", "colleague@acme.test"
	direct, ok := c.authenticator.directory.Principal("acme", id)
	if !ok {
		t.Fatalf("no %s", id)
	}
	in := &file.File{Tenant: "acme", Parent: file.Parent{Kind: "channel", ID: "open"}}
	for _, tc := range []struct {
		name string
		p    Principal
	}{
		{"password", c.login(basic(email, secret))},
		{"password that is remembered", c.login(basic(email, secret))},
		{"token", c.user(id)},
		{"none", direct},
	} {
		if !tc.p.CanRead(in) {
			t.Errorf("%s: %s may not read", tc.name, tc.p.ID)
		}
	}
	for _, p := range []Principal{c.key(readerKey), c.removed("key:reader")} {
		if known, _ := p.InChannel("open"); !known {
			t.Errorf("key %s does not know the channel", p.KeyID)
		}
	}
}

// TestPrincipalOfKey: what acts for a key, by the id that it has, is judged by what the directory says of the key at that moment.
func TestPrincipalOfKey(t *testing.T) {
	const head = "tenants: [{id: acme}, {id: other}]\n"
	path := filepath.Join(t.TempDir(), "directory.yaml")
	writeFile(t, path, head+"api_keys: [{name: my ci, tenant: acme, key: "+readerKey+", scopes: [files:read]}]")
	d, err := OpenDirectory(path)
	if err != nil {
		t.Fatal(err)
	}
	made := newCallers(t, d).key(readerKey)
	f := &file.File{Tenant: "acme", Parent: file.Parent{Kind: "tag", ID: "t"}}
	if p, ok := d.Principal("other", made.ID); !ok || p.Tenant != "other" || len(p.Scopes) > 0 {
		t.Errorf("another tenant has no such key and gives %+v, %v", p, ok)
	}
	for _, step := range []struct {
		name, file string
		want       bool
	}{
		{"as made", "", true},
		{"another secret", "api_keys: [{name: my ci, tenant: acme, key: " + writerKey + ", scopes: [files:read]}]", true},
		{"other scopes", "api_keys: [{name: my ci, tenant: acme, key: " + readerKey + ", scopes: [files:write]}]", false},
		{"another tenant's", "api_keys: [{name: my ci, tenant: other, key: " + readerKey + ", scopes: [files:read]}]", false},
		{"given to a user", "users: [{id: u, tenant: acme}]\napi_keys: [{name: my ci, tenant: acme, key: " + readerKey + ", user: u, scopes: [files:read]}]", true},
		{"removed", "users: [{id: u, tenant: acme, roles: {tenant/acme: owner}}]", false},
	} {
		if step.file != "" {
			writeFile(t, path, head+step.file)
			if _, err := d.Reload(); err != nil {
				t.Fatal(err)
			}
		}
		p, ok := d.Principal(made.Tenant, made.ID)
		if !ok || p.Tenant != "acme" || p.Kind != KindKey || p.KeyID != "my ci" || p.CanRead(f) != step.want {
			t.Errorf("%s: %+v, %v; may read %v", step.name, p, ok, p.CanRead(f))
		}
	}
	if _, ok := d.Principal("acme", "nobody"); ok {
		t.Error("an id that may be a token's is taken for the directory's")
	}
}

// A signed URL of an API key rests on the key, not on the key's user.
func TestSigner(t *testing.T) {
	if got := (Principal{ID: "u1"}).Signer(); got != "u1" {
		t.Errorf("a user signs as %q", got)
	}
	if got := (Principal{ID: "u1", KeyID: "ci"}).Signer(); got != "key:ci" {
		t.Errorf("a key signs as %q", got)
	}
}
