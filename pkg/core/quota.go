package core

import (
	"context"
	"io"
	"math"
	"time"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// Limits are the bounds of a tenant's plan, in bytes. Zero or less means none.
type Limits struct {
	MaxFile    int64
	MaxStorage int64
}

func (l Limits) storage() int64 {
	if l.MaxStorage <= 0 {
		return math.MaxInt64
	}
	return l.MaxStorage
}

func (l Limits) tooLarge(n int64) error {
	if l.MaxFile > 0 && n > l.MaxFile {
		return &file.Error{Kind: file.TooLarge, Op: "upload.size", Code: "file_too_large",
			Public: "File exceeds maximum size of " + Megabytes(l.MaxFile)}
	}
	return nil
}

const (
	reserveStep = 8 << 20 // the most bytes that an upload takes in before they are reserved
	// reserveLease is how long a reservation outlives its upload. One that goes on renews it at half. What comes after the last byte must end
	// within it, and the longest silence that a sender is allowed.
	reserveLease = 5 * time.Minute
)

// meter passes an upload's bytes on. It ends the upload where it grows over the limit of a file, and reserves storage as the
// bytes arrive: in steps, and at the end exactly what is there. So of many uploads just those are let in that fit.
type meter struct {
	ctx      context.Context //nolint:containedctx // lives for one upload, as an io.Reader must
	core     *Core
	tenant   file.Tenant
	id       file.ID
	limits   Limits
	src      io.Reader
	read     int64
	reserved int64
	renewAt  time.Time
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.src.Read(p)
	m.read += int64(n)
	if tooLarge := m.limits.tooLarge(m.read); tooLarge != nil {
		return 0, tooLarge
	}
	due := m.read-m.reserved >= reserveStep || !m.renewAt.IsZero() && m.core.now().After(m.renewAt)
	if err == io.EOF || due {
		if e := m.reserve(); e != nil {
			return 0, e
		}
	}
	return n, err
}

func (m *meter) reserve() error {
	missing := m.read - m.reserved
	if missing == 0 && m.renewAt.IsZero() {
		return nil
	}
	if err := m.core.reserve(m.ctx, m.tenant, m.id, missing, m.limits); err != nil {
		return err
	}
	m.reserved = m.read
	m.renewAt = m.core.now().Add(reserveLease / 2)
	return nil
}

func (c *Core) reserve(ctx context.Context, t file.Tenant, id file.ID, n int64, l Limits) error {
	ctx, k := c.calling(ctx, "records", "reserve")
	err := c.meta.Reserve(ctx, meta.Reservation{Tenant: t, ID: id, Bytes: n, Until: c.now().Add(reserveLease)}, l.storage())
	k.end(err)
	if file.Is(err, file.OverQuota) {
		return overQuota(err)
	}
	return err
}

// room refuses an upload that cannot fit before its body is read. Announced is the least that it will store.
func (c *Core) room(ctx context.Context, t file.Tenant, l Limits, announced int64) error {
	if l.MaxStorage <= 0 {
		return nil
	}
	ctx, k := c.calling(ctx, "records", "account")
	a, err := c.meta.Account(ctx, t)
	k.end(err)
	if err != nil {
		return err
	}
	if announced > l.MaxStorage-a.Used || a.Used >= l.MaxStorage {
		return overQuota(nil)
	}
	return nil
}

func overQuota(cause error) error {
	return &file.Error{Kind: file.OverQuota, Op: "upload.quota", Code: "storage_limit_exceeded",
		Public: "Account storage limit exceeded", Err: cause}
}

// Usage returns how many bytes a tenant stores.
func (c *Core) Usage(ctx context.Context, t file.Tenant) (meta.Account, error) {
	return c.meta.Account(ctx, t)
}
