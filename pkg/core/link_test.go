package core_test

import (
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/pkg/file"
)

func TestLinkAndUnlink(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	account := file.Link{Type: "Account", ID: "1"}
	description := "the contract"
	for range 2 { // a second time changes nothing
		got, err := b.Link(t.Context(), tenant, file.ByID(f.ID), account, "u2", core.LinkOptions{Alone: true, Description: &description})
		if err != nil || len(got.Links) != 1 || got.Links[0].At.IsZero() || got.Description != description || got.Updated.ID != "u2" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	ticket := file.Link{Type: "Ticket", ID: "9", Primary: true}
	if _, err := b.Link(t.Context(), tenant, file.ByID(f.ID), ticket, "u2", core.LinkOptions{Alone: true}); !file.Is(err, file.Conflict) || file.CodeOf(err) != "already_linked" {
		t.Errorf("a second link of a file that must have one: %v", err)
	}
	if _, err := b.Link(t.Context(), tenant, file.ByID(f.ID), ticket, "u2", core.LinkOptions{}); err != nil {
		t.Fatal(err)
	}
	page, err := b.List(t.Context(), core.List{Tenant: tenant, Link: &ticket, Limit: 10})
	if err != nil || page.Total != 1 || page.Files[0].ID != f.ID {
		t.Errorf("files of the ticket: %+v, %v", page, err)
	}
	if _, err := b.Unlink(t.Context(), tenant, file.ByID(f.ID), account, "u3"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Unlink(t.Context(), tenant, file.ByID(f.ID), account, "u3"); !file.Is(err, file.NotFound) {
		t.Errorf("unlinking twice: %v", err)
	}
	if got := b.get(f); len(got.Links) != 1 || got.Links[0].Type != "Ticket" || !got.Links[0].Primary {
		t.Errorf("links %+v", got.Links)
	}
	b.waitFacts(f.ID, event.Stored, event.Linked, event.Linked, event.Unlinked)
}

func TestLinkRefuses(t *testing.T) {
	b := newBench(t)
	f := b.upload(text("hello"))
	long := strings.Repeat("d", file.MaxDescriptionBytes+1)
	for name, c := range map[string]struct {
		link file.Link
		o    core.LinkOptions
	}{
		"no type":          {link: file.Link{ID: "1"}},
		"type of a path":   {link: file.Link{Type: "/", ID: "1"}},
		"long type":        {link: file.Link{Type: strings.Repeat("t", 65), ID: "1"}},
		"no id":            {link: file.Link{Type: "Ticket"}},
		"id with a space":  {link: file.Link{Type: "Ticket", ID: "1 2"}},
		"id of two lines":  {link: file.Link{Type: "Ticket", ID: "1\n2"}},
		"long id":          {link: file.Link{Type: "Ticket", ID: strings.Repeat("1", 129)}},
		"long description": {link: file.Link{Type: "Ticket", ID: "1"}, o: core.LinkOptions{Description: &long}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := b.Link(t.Context(), tenant, file.ByID(f.ID), c.link, "u1", c.o); !file.Is(err, file.Invalid) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := b.Link(t.Context(), "globex", file.ByID(f.ID), file.Link{Type: "Ticket", ID: "1"}, "u1", core.LinkOptions{}); !file.Is(err, file.NotFound) {
		t.Errorf("another tenant's file: %v", err)
	}
	if _, err := b.Delete(t.Context(), tenant, file.ByID(f.ID), "u1"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Link(t.Context(), tenant, file.ByID(f.ID), file.Link{Type: "Ticket", ID: "1"}, "u1", core.LinkOptions{}); !file.Is(err, file.NotFound) {
		t.Errorf("a deleted file: %v", err)
	}
}
