package tiledesk

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// The kinds of parent that Tiledesk's files have.
const (
	projectKind = "project"
	userKind    = "user"
	botKind     = "bot"
)

// The vendor's texts for who may not use a route.
const (
	msgHeader = "Unauthorized."
	msgMember = "you dont belong to the project."
	msgRole   = "you dont have the required role."
)

// challenge is what a 401 asks for (RFC 9110, 11.6.1).
const challenge = `Basic realm="inlet", Bearer realm="inlet"`

var projectID = regexp.MustCompile(`^[0-9A-Fa-f]{24}$`)

func isProjectID(s string) bool { return projectID.MatchString(s) }

// checkProject refuses what cannot be the id of a project, before it is known who asks.
func (d *Dialect) checkProject(g *gin.Context) {
	if id := g.Param(projectParam); !isProjectID(id) {
		refuse(g, http.StatusBadRequest, projectBody{Error: "Invalid project id: " + id})
	}
}

// authenticate lets known callers through. One whom nobody knows is told so in plain text, as passport does.
func (d *Dialect) authenticate(g *gin.Context) {
	p, err := d.Authenticate(g.Request)
	switch {
	case file.Is(err, file.Unauthorized):
		g.Header("WWW-Authenticate", challenge)
		g.String(http.StatusUnauthorized, "Unauthorized")
		g.Abort()
	case err != nil:
		d.fail(g, err, faultRequest)
	case !twoParts(g.GetHeader("Authorization")):
		deny(g, msgHeader)
	default:
		door.Identify(g, p)
	}
}

// twoParts reports whether a header is a scheme and a credential with one space between them; or is not there, where an API key stands in
// a header of its own.
func twoParts(authorization string) bool {
	return authorization == "" || strings.Count(authorization, " ") == 1
}

// checkMember lets those through who belong to the project. One that does not exist is one that nobody belongs to.
func (d *Dialect) checkMember(g *gin.Context) {
	p, id := door.Principal(g), g.Param(projectParam)
	named := p.Roles[projectKind+"/"+id] != access.RoleNone // a token may speak of a project that the directory does not know
	if !named && !d.Directory.HasProject(p.Tenant, id) || !p.BelongsTo(id) {
		deny(g, msgMember)
	}
}

// require lets those members of the project through who have at least a role on it. Bots and subscriptions need none, and an API key that
// may write is as good as an admin.
func (d *Dialect) require(least access.Role) gin.HandlerFunc {
	return func(g *gin.Context) {
		p, project := door.Principal(g), file.Parent{Kind: projectKind, ID: g.Param(projectParam)}
		switch p.Kind {
		case access.KindBot, access.KindSubscription:
			return
		case access.KindKey:
			if p.CanUpload(p.Tenant, project) {
				return
			}
		default:
			if p.RoleOn(project).AtLeast(least) {
				return
			}
		}
		deny(g, msgRole)
	}
}

// botParam is the query parameter that names the bot whose avatar is sent.
const botParam = "bot_id"

// requireBot lets those through who may change the bot that the query names, if it names one: an admin of its project, the bot itself, or an
// API key that may write. (The vendor looks only when the picture has been written.)
func (d *Dialect) requireBot(g *gin.Context) {
	id := g.Query(botParam)
	if id == "" {
		return
	}
	p, parent := door.Principal(g), file.Parent{Kind: botKind, ID: id}
	bot, known := d.Directory.Bot(p.Tenant, id)
	role := p.RoleOn(parent)
	switch {
	case !known && p.Roles[botKind+"/"+id] == access.RoleNone:
		refuse(g, http.StatusNotFound, errorBody{Error: "Chatbot not found"})
	case known && role == access.RoleNone && !p.BelongsTo(bot.Project):
		g.Header("WWW-Authenticate", challenge)
		refuse(g, http.StatusUnauthorized, errorBody{Error: "You don't belong to the chatbot's project"})
	case !role.AtLeast(access.RoleAdmin) && (p.Kind != access.KindKey || !p.CanUpload(p.Tenant, parent)):
		refuse(g, http.StatusForbidden, errorBody{Error: "You don't have the role required to modify the chatbot"})
	}
}
