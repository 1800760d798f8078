package sqlite

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// TestOldRecordsAreFoundByName: what was written before names were searched is found too.
func TestOldRecordsAreFoundByName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	s, err := Open(t.Context(), Config{Path: path, Synchronous: Off})
	if err != nil {
		t.Fatal(err)
	}
	photo, deleted := record(1), record(2)
	photo.Name, photo.OriginalName, photo.DeclaredType = "Büro", "IMG_1.JPG", "image/jpeg; q=1"
	deleted.Name, deleted.State = "Büro", file.Deleting
	for _, f := range []*file.File{photo, deleted} {
		if err := s.Create(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	const version = 4 // of the schema without names
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"DROP TABLE spare", "DROP INDEX files_search", "DROP INDEX files_parent", "ALTER TABLE files DROP COLUMN name_index", "ALTER TABLE files DROP COLUMN type_index",
		"CREATE INDEX files_parent ON files (tenant, parent_kind, parent_id, number, state, expires_at, charged)", fmt.Sprintf("PRAGMA user_version = %d", version),
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), Config{Path: path, Synchronous: Off}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, q := range []meta.Query{{Name: "BÜRO"}, {Name: "img_"}, {Type: "image/*"}} {
		q.Tenant, q.Limit = photo.Tenant, 10
		found, err := s.Find(t.Context(), q)
		if err != nil || len(found) != 1 || found[0].ID != photo.ID {
			t.Errorf("%+v: %v, %v", q, found, err)
		}
	}
	stored, err := s.ScanDocuments(t.Context(), "", 10)
	if err != nil || len(stored) != 2 || stored[0].NameIndex != meta.FromFile(photo).NameIndex || stored[0].TypeIndex != meta.FromFile(photo).TypeIndex || stored[1].NameIndex != "" {
		t.Errorf("stored %+v, %v", stored, err)
	}
}
