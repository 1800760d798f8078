package dialects

import (
	"fmt"
	"strings"
)

// What the tenant acme has, and globex, which is nobody's business but its own.
const (
	project1 = "5ebd890292befe0019054973" // of acme, with bot1
	project2 = "65c5f3599faf2d04cd7da528" // of acme, with bot2
	project3 = "5ebd890292befe0019054974" // of globex, with bot3
	project4 = "5ebd890292befe0019054975" // of every small tenant

	acme   = "acme"
	globex = "globex"
)

// teamTag is a tag of acme on which the people of the first project have their roles too.
const teamTag = "team"

// smallFile and smallStorage bound every small tenant: a file, and all files together, in bytes.
const (
	smallFile    = 200_000
	smallStorage = 400_000
)

// password is that of everybody who has one.
const password = "correct horse battery"

// rungs are the users of acme who have the role of their name on project1, workspace w1 and its public channel general, and the tag
// team: all of one team. None has a role on anything else.
var rungs = []string{"member", "teammate", "agent", "supervisor", "admin", "owner"}

// users are all whom the directory knows, by tenant/id, with their roles. Each can log in as <id>@<tenant>.test with password.
func users() map[string]map[string]string {
	all := map[string]map[string]string{
		"acme/root":     {"tenant/acme": "owner"},
		"acme/manager":  {"tenant/acme": "admin"},
		"acme/staff":    {"tenant/acme": "member"},
		"acme/outsider": {}, // of acme, but of nothing in it
		"acme/insider":  {"workspace/w1": "member", "channel/ops": "member"},
		"acme/second":   {"project/" + project2: "owner", "workspace/w2": "owner"},
		"globex/alien":  {"tenant/globex": "owner", "project/" + project3: "owner", "workspace/g1": "owner"},
	}
	for _, role := range rungs {
		all["acme/"+role] = map[string]string{"project/" + project1: role, "workspace/w1": role, "tag/" + teamTag: role}
	}
	return all
}

// apiKeys are all API keys by their names, with what they may do. Every tenant's own key, named as the tenant, may do both; acme's is
// named rw and belongs to nobody.
var apiKeys = map[string]struct{ tenant, user, scopes string }{
	"rw":         {acme, "", "files:read, files:write"},
	"root":       {acme, "root", "files:read, files:write"}, // what it uploads is root's
	"read":       {acme, "", "files:read"},
	"write":      {acme, "", "files:write"},
	"globex":     {globex, "", "files:read, files:write"},
	"pro":        {"pro", "", "files:read, files:write"}, // each key of the plan pro has 60 requests a minute
	"pro-rate":   {"pro", "", "files:read, files:write"}, // for the one row that uses them up
	"enterprise": {"enterprise", "", "files:read, files:write"},
	"small":      {"small", "", "files:read, files:write"}, // for what goes through all doors
}

func init() {
	for _, s := range suites { // a tenant with limits for each vendor's rows
		name := "small-" + s.vendor
		apiKeys[name] = struct{ tenant, user, scopes string }{name, "", "files:read, files:write"}
	}
}

// keyText is an API key as it is sent.
func keyText(name string) string {
	return fmt.Sprintf("tagd_test_%s_%032d", strings.ReplaceAll(name, "-", "_"), 7)
}

// directory is the directory file of both systems.
func directory() string {
	var b strings.Builder
	fmt.Fprintf(&b, `tenants:
  - id: acme
    plan: unlimited
    projects: [%[1]q, %[2]q]
    bots: [{id: bot1, project: %[1]q}, {id: bot2, project: %[2]q}]
    workspaces:
      - {id: w1, channels: [{id: general, visibility: public}, {id: ops, visibility: private}]}
      - {id: w2, channels: [{id: other, visibility: public}]}
  - id: globex
    plan: unlimited
    projects: [%[3]q]
    bots: [{id: bot3, project: %[3]q}]
    workspaces: [{id: g1, channels: [{id: g-general, visibility: public}]}]
  - {id: pro, plan: pro, projects: [%[4]q], workspaces: [{id: p1, channels: [{id: p-general, visibility: public}]}]}
  - {id: enterprise, plan: enterprise}
`, project1, project2, project3, project4)
	for name, k := range sorted(apiKeys) {
		if strings.HasPrefix(name, "small") {
			fmt.Fprintf(&b, "  - {id: %s, limits: {max_file_size: %dB, max_storage: %dB}, projects: [%q], workspaces: [{id: s1, channels: [{id: s-general, visibility: public}]}]}\n",
				k.tenant, smallFile, smallStorage, project4)
		}
	}
	b.WriteString("users:\n")
	for id, roles := range sorted(users()) {
		tenant, user, _ := strings.Cut(id, "/")
		fmt.Fprintf(&b, "  - {id: %s, tenant: %s, email: %s@%s.test, password: %q, roles: {", user, tenant, user, tenant, password)
		for on, role := range sorted(roles) {
			fmt.Fprintf(&b, "%q: %s, ", on, role)
		}
		b.WriteString("}}\n")
	}
	b.WriteString("api_keys:\n")
	for name, k := range sorted(apiKeys) {
		fmt.Fprintf(&b, "  - {name: %s, tenant: %s, key: %s, user: %q, scopes: [%s]}\n", name, k.tenant, keyText(name), k.user, k.scopes)
	}
	return b.String()
}
