package core

import (
	"context"
	"slices"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// Bounds of a link, in bytes.
const (
	maxLinkType = 64
	maxLinkID   = 128
)

// LinkOptions refine Link.
type LinkOptions struct {
	// Alone refuses, as a Conflict, to link a file that is linked to anything else.
	Alone bool
	// Description replaces the file's, when set.
	Description *string
}

// Link ties a file to an entity of the host product and tells subscribers. Linking twice changes at most l.Primary. It returns the changed record.
func (c *Core) Link(ctx context.Context, t file.Tenant, ref file.Ref, l file.Link, by string, o LinkOptions) (*file.File, error) {
	if err := checkLink(l); err != nil {
		return nil, err
	}
	if o.Description != nil {
		text, err := displayText("description", *o.Description, file.MaxDescriptionBytes)
		if err != nil {
			return nil, err
		}
		o.Description = &text
	}
	return c.modify(ctx, t, ref, func(f *file.File) error {
		if !f.Live(c.now()) {
			return file.Errorf(file.NotFound, "link", "File not found")
		}
		i := slices.IndexFunc(f.Links, sameLink(l))
		switch {
		case o.Alone && len(f.Links) > 0 && (i < 0 || len(f.Links) > 1):
			return &file.Error{Kind: file.Conflict, Op: "link", Code: "already_linked", Public: "The file is linked to something else"}
		case i < 0 && len(f.Links) >= file.MaxLinks:
			return file.Errorf(file.Invalid, "link", "A file has at most %d links", file.MaxLinks)
		}
		described := o.Description != nil && *o.Description != f.Description
		if i >= 0 && f.Links[i].Primary == l.Primary && !described {
			return errUnchanged
		}
		now := c.now()
		if i >= 0 {
			f.Links[i].Primary = l.Primary
		} else {
			l.At = now
			f.Links = append(f.Links, l)
		}
		if described {
			f.Description = *o.Description
		}
		f.Updated = file.Actor{ID: by, At: now}
		c.owe(f, event.Linked)
		return nil
	})
}

// Unlink removes a link and tells subscribers. A file without that link is NotFound.
func (c *Core) Unlink(ctx context.Context, t file.Tenant, ref file.Ref, l file.Link, by string) (*file.File, error) {
	return c.modify(ctx, t, ref, func(f *file.File) error {
		i := slices.IndexFunc(f.Links, sameLink(l))
		if i < 0 || !f.Live(c.now()) {
			return file.Errorf(file.NotFound, "unlink", "The file has no such link")
		}
		f.Links = slices.Delete(f.Links, i, i+1)
		f.Updated = file.Actor{ID: by, At: c.now()}
		c.owe(f, event.Unlinked)
		return nil
	})
}

func sameLink(l file.Link) func(file.Link) bool {
	return func(other file.Link) bool { return other.Type == l.Type && other.ID == l.ID }
}

// checkLink bounds what a link may hold: its type is a word, its id is printable.
func checkLink(l file.Link) error {
	if !word(l.Type, maxLinkType) {
		return file.Errorf(file.Invalid, "link", "The type of a link is a word of at most %d letters, digits, - and _", maxLinkType)
	}
	if l.ID == "" || len(l.ID) > maxLinkID || slices.ContainsFunc([]byte(l.ID), func(c byte) bool { return c <= ' ' || c > '~' }) {
		return file.Errorf(file.Invalid, "link", "The id of a link has 1 to %d printable characters", maxLinkID)
	}
	return nil
}

// word reports whether s has 1 to limit letters, digits, dashes and underscores of ASCII.
func word(s string, limit int) bool {
	return s != "" && len(s) <= limit && !slices.ContainsFunc([]byte(s), func(c byte) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	})
}
