package access

import (
	"fmt"
	"slices"
	"strings"
)

// Role is a rung of the ladder guest < user = member < teammate < agent < supervisor < admin < owner.
// A role includes all below it.
type Role uint8

// The roles, the weakest first. What one vendor calls user another calls member.
const (
	RoleNone Role = iota
	RoleGuest
	RoleMember
	RoleTeammate
	RoleAgent
	RoleSupervisor
	RoleAdmin
	RoleOwner

	RoleUser = RoleMember
)

var roleNames = [...]string{"none", "guest", "member", "teammate", "agent", "supervisor", "admin", "owner"}

// ParseRole reads a role's name: lower case, one of the ladder.
func ParseRole(s string) (Role, error) {
	if s == "user" {
		return RoleUser, nil
	}
	if i := slices.Index(roleNames[:], s); i > 0 {
		return Role(i), nil //nolint:gosec // an index of a short array
	}
	return RoleNone, fmt.Errorf("unknown role %q; the roles are %s and user", s, strings.Join(roleNames[1:], ", "))
}

// AtLeast reports whether r includes least. RoleNone includes nothing, not even itself.
func (r Role) AtLeast(least Role) bool { return r != RoleNone && r >= least }

func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return roleNames[RoleNone]
}

// The kinds of resource, as roles and the parents of files name them.
const (
	tenantKind    = "tenant"
	projectKind   = "project"
	workspaceKind = "workspace"
	channelKind   = "channel"
	tagKind       = "tag"
	userKind      = "user"
	botKind       = "bot"
)

// systemResource stands for the installation, in roles of the directory file only. It is no kind: nothing belongs to it.
const systemResource = "system"

// resourceKinds are what a role can be on: the tenant, and whatever can be the parent of a file.
var resourceKinds = []string{tenantKind, projectKind, workspaceKind, channelKind, tagKind, userKind, botKind}

// resource is the form of a role's resource: "kind/id".
func resource(kind, id string) string { return kind + "/" + id }

// parseResource splits "kind/id" and checks both.
func parseResource(s string) (kind, id string, err error) {
	kind, id, _ = strings.Cut(s, "/")
	if !slices.Contains(resourceKinds, kind) {
		return "", "", fmt.Errorf("a role is on system or on one of %s, as in project/p1", strings.Join(resourceKinds, ", "))
	}
	if !validID(id) {
		return "", "", errID
	}
	return kind, id, nil
}
