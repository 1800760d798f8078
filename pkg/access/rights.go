package access

import "github.com/inlethq/inlet/pkg/file"

// The rights below are the general rule: by the role on the file's parent, as RoleOn has it, or by an API key's scopes.
// A vendor's own rules, where it states some, are its dialect's and come before.

// CanRead reports whether p may read the file and its variants: as a member, as its uploader, as one who shares a project with the
// user or bot whose file it is, or with files:read. In a channel uploading it is not enough: who has left reads nothing there any
// more, as Enzyme has it.
func (p Principal) CanRead(f *file.File) bool {
	if p.may(FilesRead, f.Tenant, f.Parent) {
		return true
	}
	return p.uploaded(f) && f.Parent.Kind != channelKind || p.in(f.Tenant) && p.sharesProject(f.Parent)
}

// CanWrite reports whether p may change the file's record: as a member, or with files:write.
func (p Principal) CanWrite(f *file.File) bool { return p.may(FilesWrite, f.Tenant, f.Parent) }

// CanUpload reports whether p may add a file under parent: as a member, or with files:write.
func (p Principal) CanUpload(t file.Tenant, parent file.Parent) bool {
	return p.may(FilesWrite, t, parent)
}

// CanDelete reports whether p may delete the file: as its uploader, as an admin, or with files:write. In a channel an admin of the
// channel's workspace may too, even where it is private and he cannot read it, as Enzyme has it.
func (p Principal) CanDelete(f *file.File) bool {
	if !p.in(f.Tenant) {
		return false
	}
	if p.Kind == KindKey {
		return p.hasScope(FilesWrite)
	}
	return p.uploaded(f) || p.RoleOn(f.Parent).AtLeast(RoleAdmin) || p.roleOnWorkspaceOf(f.Parent).AtLeast(RoleAdmin)
}

// CheckRead returns nil if p may read the file. Otherwise the error is NotFound for a file of another tenant, whose very
// existence is none of p's business, and Forbidden in p's own. So do the other checks.
func (p Principal) CheckRead(f *file.File) error {
	return p.verdict("access.read", f.Tenant, p.CanRead(f))
}

// CheckWrite returns nil if p may change the file's record.
func (p Principal) CheckWrite(f *file.File) error {
	return p.verdict("access.write", f.Tenant, p.CanWrite(f))
}

// CheckDelete returns nil if p may delete the file.
func (p Principal) CheckDelete(f *file.File) error {
	return p.verdict("access.delete", f.Tenant, p.CanDelete(f))
}

// CheckUpload returns nil if p may add a file under parent.
func (p Principal) CheckUpload(t file.Tenant, parent file.Parent) error {
	return p.verdict("access.upload", t, p.CanUpload(t, parent))
}

// Operates reports whether p looks after the installation: as an admin of the system, which only the directory file can make one, or
// with system:operate. That reaches past p's tenant, and gives no right to any file.
func (p Principal) Operates() bool {
	switch {
	case p.Tenant == "":
		return false
	case p.Kind == KindKey:
		return p.hasScope(SystemOperate)
	}
	return p.Roles[systemResource].AtLeast(RoleAdmin)
}

// ManagesWebhooks reports whether p may see and change the webhooks of its tenant: as an admin of the tenant, or with webhooks:write.
func (p Principal) ManagesWebhooks() bool {
	switch {
	case p.Tenant == "":
		return false
	case p.Kind == KindKey:
		return p.hasScope(WebhooksWrite)
	}
	return p.roleNamed(tenantKind, string(p.Tenant)).AtLeast(RoleAdmin)
}

func (p Principal) in(t file.Tenant) bool { return p.Tenant != "" && p.Tenant == t }

// uploaded reports whether p has brought the file itself. A key never has: its scopes alone say what it may.
func (p Principal) uploaded(f *file.File) bool {
	return p.in(f.Tenant) && p.Kind != KindKey && p.ID != "" && p.ID == f.Created.ID
}

func (p Principal) may(s Scope, t file.Tenant, parent file.Parent) bool {
	if !p.in(t) {
		return false
	}
	if p.Kind == KindKey {
		return p.hasScope(s)
	}
	return p.RoleOn(parent).AtLeast(RoleMember)
}

func (p Principal) verdict(op string, t file.Tenant, allowed bool) error {
	switch {
	case allowed:
		return nil
	case p.in(t):
		return file.Errorf(file.Forbidden, op, "you do not have permission to do this")
	default:
		return file.Errorf(file.NotFound, op, "not found")
	}
}
