package tiledesk

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/content"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// fileField is the part of the form that is the file.
const fileField = "file"

// kind is one of the three kinds of uploads.
type kind struct {
	class   file.Class
	policy  content.Policy
	message string // of the answer
	purpose string // at the end of a refusal by extension
	fault   string // the text for a fault of ours
	// place says where an upload goes, and for how long.
	place func(*gin.Context, access.Principal, *core.Upload)
}

// chat files belong to their project, whose members read what a visitor sends, and lie in the folder of who sent them.
func chat(cfg Config) *kind {
	life := time.Duration(cfg.ChatLife) * time.Second
	return &kind{
		class: file.ClassChat, policy: allow(cfg.Chat), message: "File uploaded successfully", fault: faultChat,
		place: func(g *gin.Context, p access.Principal, u *core.Upload) {
			u.Parent = file.Parent{Kind: projectKind, ID: g.Param(projectParam)}
			u.Folder = "uploads/users/" + p.ID + "/files"
			if p.Kind == access.KindKey && p.ID == "key:"+p.Name { // nobody's
				u.Folder = "uploads/public/files"
			}
			u.Life = life
		},
	}
}

// assets belong to their project and lie in its folder.
func assets(cfg Config) *kind {
	return &kind{
		class: file.ClassAsset, policy: allow(cfg.Assets), message: "File uploaded successfully", fault: faultAsset,
		place: func(g *gin.Context, _ access.Principal, u *core.Upload) {
			u.Parent = file.Parent{Kind: projectKind, ID: g.Param(projectParam)}
			u.Folder = "uploads/projects/" + u.Parent.ID + "/files"
			u.Life = expiration(g.Query("expiration"))
		},
	}
}

// avatars belong to a user or a bot, who has one at a time.
func avatars() *kind {
	return &kind{
		class: file.ClassAvatar, policy: content.TiledeskAvatar, message: "Image uploaded successfully", purpose: " for avatar", fault: faultAvatar,
		place: func(g *gin.Context, p access.Principal, u *core.Upload) {
			u.Parent = file.Parent{Kind: userKind, ID: p.ID}
			if p.Kind == access.KindBot {
				u.Parent.Kind = botKind
			}
			if id := g.Query(botParam); id != "" {
				u.Parent = file.Parent{Kind: botKind, ID: id}
			}
			u.Path = "uploads/users/" + u.Parent.ID + "/images/photo.jpg"
		},
	}
}

// expiration reads the life of an asset. As the vendor has it, what is no whole number of seconds above 0 is ignored: such an asset lives for
// ever. One beyond core.MaxLife is cut to that.
func expiration(s string) time.Duration {
	n, err := strconv.ParseUint(s, 10, 63)
	switch longest := uint64(core.MaxLife / time.Second); {
	case errors.Is(err, strconv.ErrRange) || err == nil && n > longest:
		return core.MaxLife
	case err != nil:
		return 0
	}
	return time.Duration(n) * time.Second
}

// upload takes in a file of one kind.
func (d *Dialect) upload(k *kind) gin.HandlerFunc {
	return func(g *gin.Context) {
		f, err := d.take(g, k)
		if err != nil {
			d.fail(g, err, k.fault)
			return
		}
		respond(g, http.StatusCreated, uploaded(k, f))
	}
}

// take stores the form's file and waits for its verdict. When time is short the file is returned without one.
func (d *Dialect) take(g *gin.Context, k *kind) (*file.File, error) {
	p := door.Principal(g)
	u := core.Upload{
		Tenant: p.Tenant, By: p.ID, Via: dialectName, Class: k.class, Policy: k.policy,
		Limits: door.Lower(d.Limits(p.Tenant), d.maxFile),
	}
	k.place(g, p, &u)
	leave, err := d.Enter(g.Request.Context(), p.Tenant)
	if err != nil {
		return nil, err
	}
	defer leave()
	if _, err := door.Form(g, fileField, &u, nil); err != nil {
		return nil, err
	}
	stored, err := d.Store(g, u)
	if err != nil {
		return nil, k.refusal(err, u.OriginalName)
	}
	f, err := d.Verdict(g.Request.Context(), stored.File, d.Wait)
	return f, k.refusal(err, u.OriginalName)
}
