package enzyme

import (
	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/file"
)

// known reports whether the caller of a request is: whoever is has a tenant.
func known(p access.Principal) bool { return p.Tenant != "" }

// checkUpload lets members of a channel add files to it. A channel that is not known, be it another tenant's, is NotFound.
func (d *Dialect) checkUpload(p access.Principal, channel file.Parent) error {
	exists, member := p.InChannel(channel.ID)
	switch {
	case !exists:
		return &file.Error{Kind: file.NotFound, Op: "enzyme.upload"}
	case !member:
		return d.notMember(p.Tenant, channel)
	case !p.CanUpload(p.Tenant, channel):
		return &file.Error{Kind: file.Forbidden, Op: "enzyme.upload"}
	}
	return nil
}

// checkDownload lets those read a file who may. In a channel these are its members, as they are now.
func (d *Dialect) checkDownload(p access.Principal, f *file.File) error {
	if p.CanRead(f) {
		return nil
	}
	if f.Parent.Kind == channelKind {
		if _, member := p.InChannel(f.Parent.ID); !member {
			return d.notMember(p.Tenant, f.Parent)
		}
	}
	return &file.Error{Kind: file.Forbidden, Op: "enzyme.download"}
}

// checkSign lets those sign who may read.
func (d *Dialect) checkSign(p access.Principal, f *file.File) error {
	if p.CanRead(f) {
		return nil
	}
	return denied("enzyme.sign")
}

// checkDelete is "only the file uploader or a workspace admin/owner can delete files", as the vendor's page has it: an admin of the channel alone
// is not one. Files that came through other APIs follow the general rule.
func (d *Dialect) checkDelete(p access.Principal, f *file.File) error {
	allowed := p.CanDelete(f)
	if f.Parent.Kind == channelKind && p.Kind != access.KindKey && p.ID != f.Created.ID {
		channel, _ := d.Directory.Channel(p.Tenant, f.Parent.ID)
		allowed = allowed && p.RoleOn(file.Parent{Kind: workspaceKind, ID: channel.Workspace}).AtLeast(access.RoleAdmin)
	}
	if !allowed {
		return denied("enzyme.delete")
	}
	return nil
}

func denied(op string) error { return file.Errorf(file.Forbidden, op, "Permission denied") }

// notMember says what the caller would have to be a member of: a public channel is open to all of its workspace.
func (d *Dialect) notMember(t file.Tenant, channel file.Parent) error {
	of := "channel"
	if c, ok := d.Directory.Channel(t, channel.ID); ok && c.Public {
		of = "workspace"
	}
	return &file.Error{Kind: file.Forbidden, Op: "enzyme.member", Code: codeNotMember, Public: "Not a member of this " + of}
}
