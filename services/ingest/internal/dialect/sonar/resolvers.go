package sonar

import (
	"context"
	"slices"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/dialect/sonar/graph"
)

// Bounds of what one field reads or writes.
const (
	defaultPage  = 20
	maxPage      = 100
	maxPageIndex = 10_000
	maxLinked    = 100 // files in one mutation
)

// readOnly are the types whose files the system itself makes.
var readOnly = []graph.FileableType{
	graph.FileableTypeSystemBackup, graph.FileableTypeTestReadOnlyFileModel,
	graph.FileableTypeCallDataRecordImport, graph.FileableTypeCallDetailRecordImport, graph.FileableTypeVoiceProviderRateImport,
	graph.FileableTypeFccForm477Report,
}

type (
	resolvers struct{ *Dialect }
	queries   struct{ *Dialect }
	mutations struct{ *Dialect }
)

var (
	_ graph.ResolverRoot     = resolvers{}
	_ graph.QueryResolver    = queries{}
	_ graph.MutationResolver = mutations{}
)

// Query implements graph.ResolverRoot.
func (r resolvers) Query() graph.QueryResolver { return queries(r) }

// Mutation implements graph.ResolverRoot.
func (r resolvers) Mutation() graph.MutationResolver { return mutations(r) }

// File returns one file.
func (q queries) File(ctx context.Context, id graph.Int64Bit) (*graph.File, error) {
	f, err := q.byNumber(ctx, id, access.Principal.CheckRead)
	if err != nil {
		return nil, err
	}
	return q.graphFile(f), nil
}

// Files returns a page of the files of an entity. One that the caller may not read is left out.
func (q queries) Files(ctx context.Context, t *graph.FileableType, id *graph.Int64Bit, paging *graph.Paginator) (*graph.FileConnection, error) {
	if t == nil || id == nil {
		return nil, file.Errorf(file.Invalid, "sonar.files", "fileable_type and fileable_id are needed")
	}
	info := &graph.PageInfo{Page: 1, RecordsPerPage: defaultPage}
	if paging != nil {
		info.Page, info.RecordsPerPage = paging.Page, paging.RecordsPerPage
	}
	if info.Page < 1 || info.Page > maxPageIndex || info.RecordsPerPage < 1 || info.RecordsPerPage > maxPage {
		return nil, file.Errorf(file.Invalid, "sonar.files", "page must be between 1 and %d, and records_per_page between 1 and %d", maxPageIndex, maxPage)
	}
	p, link := caller(ctx), entity(*t, *id)
	page, err := q.Core.List(ctx, core.List{
		Tenant: p.Tenant, Link: &link, Offset: (info.Page - 1) * info.RecordsPerPage, Limit: info.RecordsPerPage,
	})
	if err != nil {
		return nil, err
	}
	out := &graph.FileConnection{Entities: []*graph.File{}, PageInfo: info}
	for _, f := range page.Files {
		if p.CanRead(f) {
			out.Entities = append(out.Entities, q.graphFile(f))
		}
	}
	if p.CanRead(&file.File{Tenant: p.Tenant}) { // and therefore all files: the count tells nothing new
		total := int(page.Total)
		pages := (total + info.RecordsPerPage - 1) / info.RecordsPerPage
		info.TotalCount, info.TotalPages = &total, &pages
	}
	return out, nil
}

// LinkFileToEntity links files that are linked to nothing. It looks at all before it links the first. A file that is linked to this
// very entity counts as linked now, so that a request can be repeated.
func (m mutations) LinkFileToEntity(ctx context.Context, input graph.LinkFileToEntityMutationInput) (*graph.File, error) {
	switch {
	case len(input.Files) < 1 || len(input.Files) > maxLinked:
		return nil, file.Errorf(file.Invalid, "sonar.link", "files must hold between 1 and %d files", maxLinked)
	case input.FileableID < 1:
		return nil, file.Errorf(file.Invalid, "sonar.link", "fileable_id must be 1 or more")
	case slices.Contains(readOnly, input.FileableType):
		return nil, file.Errorf(file.Invalid, "sonar.link", "The files of a %s are made by the system", input.FileableType)
	}
	link := entity(input.FileableType, input.FileableID)
	files := make([]*file.File, len(input.Files))
	for i, a := range input.Files {
		f, err := m.byNumber(ctx, a.FileID, access.Principal.CheckWrite)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(f.Links, func(l file.Link) bool { return l.Type != link.Type || l.ID != link.ID }) {
			return nil, associated(a.FileID, nil)
		}
		files[i] = f
	}
	for i, a := range input.Files {
		f, err := m.link(ctx, files[i], link, a)
		if err != nil {
			return nil, err
		}
		files[i] = f
	}
	return m.graphFile(files[0]), nil
}

func (m mutations) link(ctx context.Context, f *file.File, l file.Link, a *graph.AssociateFile) (*file.File, error) {
	p := caller(ctx)
	l.Primary = a.PrimaryImage != nil && *a.PrimaryImage || a.PrimaryImage == nil && len(f.Links) > 0 && f.Links[0].Primary
	got, err := m.Core.Link(ctx, p.Tenant, file.ByID(f.ID), l, p.ID, core.LinkOptions{Alone: true, Description: a.Description})
	if file.CodeOf(err) == "already_linked" { // since it was looked at
		return nil, associated(a.FileID, err)
	}
	return got, err
}

func associated(id graph.Int64Bit, cause error) error {
	e := file.Errorf(file.Conflict, "sonar.link", "File %d is associated with something else", id)
	e.Code, e.Err = codeAssociated, cause
	return e
}

// UnlinkFileFromEntity ends a link.
func (m mutations) UnlinkFileFromEntity(ctx context.Context, input graph.UnlinkFileFromEntityMutationInput) (*graph.File, error) {
	f, err := m.byNumber(ctx, input.FileID, access.Principal.CheckWrite)
	if err != nil {
		return nil, err
	}
	p := caller(ctx)
	f, err = m.Core.Unlink(ctx, p.Tenant, file.ByID(f.ID), entity(input.FileableType, input.FileableID), p.ID)
	if err != nil {
		return nil, err
	}
	return m.graphFile(f), nil
}

// UpdateFile changes what the vendor has for updatable. What is nil stays.
func (m mutations) UpdateFile(ctx context.Context, id graph.Int64Bit, input graph.UpdateFileMutationInput) (*graph.File, error) {
	f, err := m.byNumber(ctx, id, access.Principal.CheckWrite)
	if err != nil {
		return nil, err
	}
	p := caller(ctx)
	if input.PrimaryImage == nil {
		f, err = m.Core.Update(ctx, p.Tenant, file.ByID(f.ID), p.ID, core.Patch{Description: input.Description})
	} else {
		l, linked := association(f)
		if !linked {
			return nil, file.Errorf(file.Invalid, "sonar.update", "primary_image is of a file that is linked")
		}
		l.Primary = *input.PrimaryImage
		f, err = m.Core.Link(ctx, p.Tenant, file.ByID(f.ID), l, p.ID, core.LinkOptions{Description: input.Description})
	}
	if err != nil {
		return nil, err
	}
	return m.graphFile(f), nil
}

// byNumber reads a file that the caller has the right to.
func (d *Dialect) byNumber(ctx context.Context, id graph.Int64Bit, check func(access.Principal, *file.File) error) (*file.File, error) {
	if id < 1 {
		return nil, noFile() // a number that nothing has
	}
	return d.find(ctx, caller(ctx), file.ByNumber(int64(id)), check)
}
