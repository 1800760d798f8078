package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Tenant is a tenant of the directory file. A zero limit is none.
type Tenant struct {
	ID         string
	MaxFile    int64 // bytes
	MaxStorage int64 // bytes
	PerMinute  int   // requests
}

// writeDirectory writes the directory file and returns its path.
func (s *System) writeDirectory(o Options) string {
	text := o.Directory
	if text == "" {
		text = s.directory(o.Tenants)
	}
	path := filepath.Join(s.dir, "directory.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// directory makes a directory file with a user and an API key for each tenant, and notes the keys.
func (s *System) directory(tenants []Tenant) string {
	var t, u, k strings.Builder
	for _, tenant := range append([]Tenant{{ID: MainTenant}}, tenants...) {
		key := fmt.Sprintf("tagd_test_%s_%032d", tenant.ID, len(s.keys))
		s.keys[tenant.ID] = key
		fmt.Fprintf(&t, "  - {id: %s, plan: unlimited%s}\n", tenant.ID, tenant.limits())
		fmt.Fprintf(&u, "  - {id: %[1]s-user, tenant: %[1]s, roles: {tenant/%[1]s: owner}}\n", tenant.ID)
		fmt.Fprintf(&k, "  - {name: %[1]s, tenant: %[1]s, key: %[2]s, user: %[1]s-user, scopes: [files:read, files:write]}\n", tenant.ID, key)
	}
	return "tenants:\n" + t.String() + "users:\n" + u.String() + "api_keys:\n" + k.String()
}

func (t Tenant) limits() string {
	var l []string
	if t.MaxFile > 0 {
		l = append(l, fmt.Sprintf("max_file_size: %dB", t.MaxFile))
	}
	if t.MaxStorage > 0 {
		l = append(l, fmt.Sprintf("max_storage: %dB", t.MaxStorage))
	}
	if t.PerMinute > 0 {
		l = append(l, fmt.Sprintf("rate: {per_minute: %d}", t.PerMinute))
	}
	if l == nil {
		return ""
	}
	return ", limits: {" + strings.Join(l, ", ") + "}"
}
