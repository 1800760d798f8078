package meta

import (
	"context"

	"github.com/inlethq/inlet/pkg/file"
)

// Auditor is a Repo that shows what it keeps to itself, to whoever checks it. It changes nothing, and its errors are those of Repo.
type Auditor interface {
	// ScanDocuments is Scan with each record's Index as it is stored.
	ScanDocuments(ctx context.Context, after file.ID, limit int) ([]Document, error)
	// Reservations lists those of all tenants, in no order; Until is when each ends, or has ended.
	Reservations(ctx context.Context) ([]Reservation, error)
	// Total returns the storage of all tenants together. It names no tenant.
	Total(ctx context.Context) (Account, error)
}
