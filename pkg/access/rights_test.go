package access

import (
	"testing"

	"github.com/inlethq/inlet/pkg/file"
)

func TestRoleLadder(t *testing.T) {
	ladder := []string{"guest", "member", "teammate", "agent", "supervisor", "admin", "owner"}
	for i, low := range ladder {
		l, err := ParseRole(low)
		if err != nil || l.String() != low {
			t.Fatalf("ParseRole(%s) = %v, %v", low, l, err)
		}
		for j, high := range ladder {
			if h, _ := ParseRole(high); h.AtLeast(l) != (j >= i) {
				t.Errorf("%s at least %s: %v", high, low, h.AtLeast(l))
			}
		}
		if RoleNone.AtLeast(l) {
			t.Errorf("nobody is at least %s", low)
		}
	}
	if r, err := ParseRole("user"); err != nil || r != RoleMember {
		t.Errorf("user is %v, %v; it is another word for member", r, err)
	}
	if RoleNone.AtLeast(RoleNone) {
		t.Error("no role is enough for nothing")
	}
	for _, bad := range []string{"", "none", "Admin", "root"} {
		if r, err := ParseRole(bad); err == nil || r != RoleNone {
			t.Errorf("ParseRole(%q) = %v, %v", bad, r, err)
		}
	}
}

// TestRightsMatrix crosses kinds of principals with what they want to do to a file in channel c of tenant acme that u1 uploaded.
func TestRightsMatrix(t *testing.T) {
	f := &file.File{Tenant: "acme", Parent: file.Parent{Kind: "channel", ID: "c"}, Created: file.Actor{ID: "u1"}}
	user := func(id string, roles map[string]Role) Principal {
		return Principal{Tenant: "acme", ID: id, Kind: KindUser, Roles: roles}
	}
	on := func(resource string, r Role) map[string]Role { return map[string]Role{resource: r} }
	key := func(s ...Scope) Principal {
		return Principal{Tenant: "acme", ID: "u1", Kind: KindKey, KeyID: "k", Scopes: s, Roles: on("tenant/acme", RoleOwner)}
	}
	foreign := user("u1", map[string]Role{"tenant/acme": RoleOwner, "tenant/evil": RoleOwner, "channel/c": RoleOwner})
	foreign.Tenant = "evil"
	foreignKey := key(FilesRead, FilesWrite)
	foreignKey.Tenant = "evil"
	const (
		yes = file.Kind("")
		no  = file.Forbidden
		un  = file.NotFound
	)
	for name, c := range map[string]struct {
		p                           Principal
		read, write, upload, delete file.Kind
	}{
		"nobody":                     {Principal{}, un, un, un, un},
		"stranger":                   {user("u9", nil), no, no, no, no},
		"guest":                      {user("u9", on("channel/c", RoleGuest)), no, no, no, no},
		"member":                     {user("u9", on("channel/c", RoleMember)), yes, yes, yes, no},
		"supervisor":                 {user("u9", on("channel/c", RoleSupervisor)), yes, yes, yes, no},
		"admin":                      {user("u9", on("channel/c", RoleAdmin)), yes, yes, yes, yes},
		"owner":                      {user("u9", on("channel/c", RoleOwner)), yes, yes, yes, yes},
		"member of the tenant":       {user("u9", on("tenant/acme", RoleMember)), yes, yes, yes, no},
		"admin of the tenant":        {user("u9", on("tenant/acme", RoleAdmin)), yes, yes, yes, yes},
		"owner of another channel":   {user("u9", on("channel/d", RoleOwner)), no, no, no, no},
		"owner of the like-named":    {user("u9", on("project/c", RoleOwner)), no, no, no, no},
		"role on another tenant":     {user("u9", on("tenant/evil", RoleOwner)), no, no, no, no},
		"uploader without a role":    {user("u1", nil), no, no, no, yes},
		"uploading member":           {user("u1", on("channel/c", RoleMember)), yes, yes, yes, yes},
		"key that reads":             {key(FilesRead), yes, no, no, no},
		"key that writes":            {key(FilesWrite), no, yes, yes, yes},
		"key that does both":         {key(FilesRead, FilesWrite), yes, yes, yes, yes},
		"key without scopes":         {key(), no, no, no, no},
		"owner of another tenant":    {foreign, un, un, un, un},
		"all keys of another tenant": {foreignKey, un, un, un, un},
	} {
		t.Run(name, func(t *testing.T) {
			for what, got := range map[string]struct {
				can  bool
				err  error
				want file.Kind
			}{
				"read":   {c.p.CanRead(f), c.p.CheckRead(f), c.read},
				"write":  {c.p.CanWrite(f), c.p.CheckWrite(f), c.write},
				"upload": {c.p.CanUpload(f.Tenant, f.Parent), c.p.CheckUpload(f.Tenant, f.Parent), c.upload},
				"delete": {c.p.CanDelete(f), c.p.CheckDelete(f), c.delete},
			} {
				if got.can != (got.want == yes) || file.KindOf(got.err) != got.want {
					t.Errorf("%s: %v, %v; want %q", what, got.can, got.err, got.want)
				}
			}
		})
	}
}

func TestOwnResources(t *testing.T) {
	parent := func(kind string) *file.File {
		return &file.File{Tenant: "acme", Parent: file.Parent{Kind: kind, ID: "x"}}
	}
	for _, c := range []struct {
		kind Kind
		of   string
		want bool
	}{
		{KindUser, "user", true},
		{KindGuest, "user", true},
		{KindSubscription, "user", true},
		{KindBot, "bot", true},
		{KindBot, "user", false},
		{KindUser, "bot", false},
		{KindUser, "channel", false},
		{KindKey, "user", false},
	} {
		p := Principal{Tenant: "acme", ID: "x", Kind: c.kind}
		if got := p.CanRead(parent(c.of)); got != c.want {
			t.Errorf("%s x may read what is %s x's: %v", c.kind, c.of, got)
		}
	}
	if (Principal{Tenant: "acme", Kind: KindUser}).CanRead(&file.File{Tenant: "acme", Parent: file.Parent{Kind: "user"}}) {
		t.Error("without an id nothing is one's own")
	}
	if (Principal{Tenant: "acme", ID: "x", Kind: KindKey, Roles: map[string]Role{"tenant/acme": RoleOwner}}).RoleOn(file.Parent{Kind: "user", ID: "x"}) != RoleNone {
		t.Error("a key has no role")
	}
	if nobody := (Principal{}); !file.Is(nobody.CheckRead(&file.File{}), file.NotFound) {
		t.Error("nobody belongs to no tenant")
	}
	if (Principal{Tenant: "acme", Kind: KindUser}).CanDelete(&file.File{Tenant: "acme"}) {
		t.Error("without an id nobody is the uploader")
	}
}

// TestRightsPastFiles crosses kinds of principals with what they may do besides files.
func TestRightsPastFiles(t *testing.T) {
	d := directory(t, `
tenants: [{id: acme}, {id: other}]
users:
  - {id: op, tenant: acme, roles: {system: admin}}
  - {id: helper, tenant: acme, roles: {system: supervisor}}
  - {id: boss, tenant: acme, roles: {tenant/acme: owner, project/system: owner}}
  - {id: admin, tenant: acme, roles: {tenant/acme: admin}}
  - {id: agent, tenant: acme, roles: {tenant/acme: supervisor, project/p: owner}}
api_keys:
  - {name: files, tenant: acme, key: tagd_live_files000000000, user: op, scopes: [files:read, files:write]}
  - {name: hooks, tenant: acme, key: tagd_live_hooks000000000, user: boss, scopes: [webhooks:write]}
  - {name: care, tenant: acme, key: tagd_live_care0000000000, scopes: [system:operate]}
`)
	for id, want := range map[string]struct{ operates, webhooks bool }{
		"op":        {true, false},
		"helper":    {false, false},
		"boss":      {false, true},
		"admin":     {false, true},
		"agent":     {false, false},
		"key:files": {false, false},
		"key:hooks": {false, true},
		"key:care":  {true, false},
		"key:gone":  {false, false},
	} {
		p, ok := d.Principal("acme", id)
		if !ok || p.Operates() != want.operates || p.ManagesWebhooks() != want.webhooks {
			t.Errorf("%s: operates %v, manages webhooks %v", id, p.Operates(), p.ManagesWebhooks())
		}
		if f := (&file.File{Tenant: "acme", Parent: file.Parent{Kind: "tag", ID: "x"}}); id == "key:hooks" && (p.CanRead(f) || p.CanWrite(f)) {
			t.Error("a key for webhooks has a right to files")
		}
	}
	nobody := Principal{Roles: map[string]Role{"system": RoleOwner, "tenant/": RoleOwner}}
	if nobody.Operates() || nobody.ManagesWebhooks() {
		t.Error("nobody may do something")
	}
}
