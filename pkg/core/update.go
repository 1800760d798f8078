package core

import (
	"context"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

// Patch is a change to what people read of a file. nil leaves a field as it is.
type Patch struct {
	Name        *string // "" goes back to the original name
	Description *string
	// IfMatch, when set, must be the SHA-256 of the bytes; otherwise Precondition.
	IfMatch func(sha256 string) bool
}

// Update changes the names of a file and tells subscribers. It returns the changed record.
func (c *Core) Update(ctx context.Context, t file.Tenant, ref file.Ref, by string, p Patch) (*file.File, error) {
	if err := p.normalise(); err != nil {
		return nil, err
	}
	return c.modify(ctx, t, ref, func(f *file.File) error {
		if !f.Live(c.now()) {
			return file.Errorf(file.NotFound, "update", "File not found")
		}
		if p.IfMatch != nil && !p.IfMatch(f.SHA256) {
			return file.Errorf(file.Precondition, "update", "The file is not the one that If-Match names")
		}
		before := [2]string{f.Name, f.Description}
		if p.Name != nil {
			if f.Name = *p.Name; f.Name == "" {
				f.Name = f.OriginalName
			}
		}
		if p.Description != nil {
			f.Description = *p.Description
		}
		if before == [2]string{f.Name, f.Description} {
			return errUnchanged
		}
		f.Updated = file.Actor{ID: by, At: c.now()}
		c.owe(f, event.Updated)
		return nil
	})
}

func (p *Patch) normalise() error {
	if p.Name != nil {
		s, err := displayText("name", *p.Name, file.MaxNameBytes)
		if err != nil {
			return err
		}
		p.Name = &s
	}
	if p.Description != nil {
		s, err := displayText("description", *p.Description, file.MaxDescriptionBytes)
		if err != nil {
			return err
		}
		p.Description = &s
	}
	return nil
}
