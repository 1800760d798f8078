package sqlite

import (
	"reflect"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// TestScanDocuments: an index comes back as it was written, and as somebody has changed it.
func TestScanDocuments(t *testing.T) {
	s := open(t, Config{Path: temp(t)})
	full := record(1)
	full.Links = []file.Link{{Type: "tag", ID: "b"}, {Type: "tag", ID: "a"}}
	full.Idempotency.Key, full.Thumbnail, full.State = "key", file.ThumbnailOwed, file.Ready
	full.ExpiresAt, full.Outbox = start.Add(time.Hour), []file.OutboxEntry{{ID: "e", Fact: "file.stored", Rev: 1, At: start}}
	gone := record(2)
	gone.State, gone.Deleted.At = file.Gone, start
	for _, f := range []*file.File{full, gone, record(3)} {
		if err := s.Create(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	var all []meta.Document
	for after := file.ID(""); ; after = file.ID(all[len(all)-1].ID) {
		page, err := s.ScanDocuments(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, page...); len(page) < 2 {
			break
		}
	}
	for i, d := range all {
		if want := meta.FromFile(d.File()); !reflect.DeepEqual(d, want) {
			t.Errorf("record %d\n%+v\n%+v", i, d, want)
		}
	}
	if len(all) != 3 || !reflect.DeepEqual(all[0].File(), full) {
		t.Errorf("%d records, the first %+v", len(all), all[0])
	}
	release := holdWriter(t, s)
	release()
	if _, err := s.writer.conn.ExecContext(t.Context(), "UPDATE files SET charged = 99, due_expiry = NULL WHERE number = 1"); err != nil {
		t.Fatal(err)
	}
	page, err := s.ScanDocuments(t.Context(), "", 1)
	if err != nil || len(page) != 1 || page[0].Charged != 99 || page[0].DueExpiry != 0 {
		t.Errorf("%+v, %v", page, err)
	}
	if _, err := s.ScanDocuments(t.Context(), "", 0); !file.Is(err, file.Invalid) {
		t.Errorf("without a limit: %v", err)
	}
}

func TestReservations(t *testing.T) {
	s := open(t, Config{Path: temp(t)})
	reserve(t, s, 1, 10)
	if err := s.Create(t.Context(), record(2)); err != nil { // saves it
		t.Fatal(err)
	}
	list, err := s.Reservations(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if r := list[0]; r.Tenant != acme || r.ID != record(1).ID || r.Bytes != 10 || r.Until.IsZero() {
		t.Errorf("%+v", r)
	}
}
