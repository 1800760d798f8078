package access

import (
	"strings"

	"github.com/inlethq/inlet/pkg/file"
)

// RoleOn is the strongest role that the principal has on a resource of its tenant:
//   - that it was given on that resource, or on the tenant as a whole;
//   - owner of what is its own: a user's avatar has that user as its parent;
//   - on a public channel, that on its workspace; on a private one, or one that the directory does not know, no other;
//   - agent, for a bot, on the project that it belongs to;
//   - on a bot, that on its project from admin up.
//
// An API key has none.
func (p Principal) RoleOn(r file.Parent) Role {
	if p.Kind == KindKey {
		return RoleNone
	}
	if r.ID != "" && r.ID == p.ID && r.Kind == p.ownKind() {
		return RoleOwner
	}
	return max(p.roleNamed(tenantKind, string(p.Tenant)), p.roleNamed(r.Kind, r.ID), p.inherited(r))
}

// BelongsTo reports whether the principal has any role on a project, be it a guest's. A role on the tenant and an API key's scope
// hold for every project: whether there is one of that id is Directory.HasProject's to say.
func (p Principal) BelongsTo(project string) bool {
	return p.hasAnyScope() || p.RoleOn(file.Parent{Kind: projectKind, ID: project}) != RoleNone
}

// InChannel reports whether a channel is known, to the directory or by a role that the principal has on it, and whether the principal
// is a member of it as Enzyme means it: with at least the role of member on the channel, on its workspace if it is public, or on
// the tenant. An API key is one by any scope; what the scope allows is for CanRead and its like to say. Nobody is a member of a
// channel that is not known.
func (p Principal) InChannel(id string) (known, member bool) {
	_, known = p.knows().channels[entity{p.Tenant, id}]
	known = known || p.roleNamed(channelKind, id) != RoleNone
	return known, known && (p.hasAnyScope() || p.isMember(channelKind, id))
}

// knows is the directory that p was made from, or an empty one.
func (p Principal) knows() *snapshot {
	if p.directory == nil {
		return &snapshot{}
	}
	return p.directory
}

// ownKind is the kind of parent that stands for the principal itself.
func (p Principal) ownKind() string {
	if p.Kind == KindBot {
		return botKind
	}
	return userKind
}

// roleNamed is the role that p was given on exactly this resource.
func (p Principal) roleNamed(kind, id string) Role { return p.Roles[resource(kind, id)] }

// inherited is the role on r that follows from where the directory has r, or p.
func (p Principal) inherited(r file.Parent) Role {
	s := p.knows()
	switch r.Kind {
	case channelKind:
		if s.channels[entity{p.Tenant, r.ID}].Public {
			return p.roleOnWorkspaceOf(r)
		}
	case projectKind:
		if bot, ok := s.bots[entity{p.Tenant, p.ID}]; ok && p.Kind == KindBot && bot.Project == r.ID {
			return RoleAgent
		}
	case botKind:
		// Whoever is less than an admin only sees the bot: see sharesProject.
		if role := p.roleOnProjectOf(r.ID); role.AtLeast(RoleAdmin) {
			return role
		}
	}
	return RoleNone
}

// roleOnWorkspaceOf is p's role on the workspace of a channel that the directory knows, public or private; RoleNone for all else.
func (p Principal) roleOnWorkspaceOf(r file.Parent) Role {
	channel, ok := p.knows().channels[entity{p.Tenant, r.ID}]
	if !ok || r.Kind != channelKind {
		return RoleNone
	}
	return p.RoleOn(file.Parent{Kind: workspaceKind, ID: channel.Workspace})
}

// roleOnProjectOf is p's role on the project of a bot; RoleNone if the directory does not know the bot.
func (p Principal) roleOnProjectOf(botID string) Role {
	bot, ok := p.knows().bots[entity{p.Tenant, botID}]
	if !ok {
		return RoleNone
	}
	return p.RoleOn(file.Parent{Kind: projectKind, ID: bot.Project})
}

// sharesProject reports whether r is a bot of a project that p is a member of, or a user with any role on one, as the directory has
// them. Members see each other's avatars.
func (p Principal) sharesProject(r file.Parent) bool {
	switch r.Kind {
	case botKind:
		return p.roleOnProjectOf(r.ID).AtLeast(RoleMember)
	case userKind:
		u := p.knows().users[entity{p.Tenant, r.ID}]
		if u == nil {
			return false
		}
		for on := range u.Roles {
			if kind, id, _ := strings.Cut(on, "/"); kind == projectKind && p.isMember(projectKind, id) {
				return true
			}
		}
	}
	return false
}

func (p Principal) isMember(kind, id string) bool {
	return p.RoleOn(file.Parent{Kind: kind, ID: id}).AtLeast(RoleMember)
}

// hasAnyScope reports whether p is an API key that may do something with files.
func (p Principal) hasAnyScope() bool {
	return p.Kind == KindKey && (p.hasScope(FilesRead) || p.hasScope(FilesWrite))
}
