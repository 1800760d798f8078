package e2e

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

const (
	quotaStorage = 50_000
	raceFile     = 10_000
	raceRoom     = 10 // files
	raceUploads  = 64
	busyRate     = 5 // requests a minute
)

func testQuota(t *testing.T, s *harness.System) {
	c := s.Tenant(t, "quota")
	tag := newTag(t)
	_, err := c.Upload(t.Context(), upload(tag, samples.Text(quotaStorage+1, 1)))
	wantError(t, err, http.StatusInsufficientStorage, "storage_limit_exceeded")
	half := mustUpload(t, s, c, upload(tag, samples.Text(quotaStorage/2, 1)))
	_, err = c.Upload(t.Context(), upload(tag, samples.Text(quotaStorage/2+1, 2)))
	wantError(t, err, http.StatusInsufficientStorage, "storage_limit_exceeded")
	rest := mustUpload(t, s, c, upload(tag, samples.Text(quotaStorage/2, 2))) // up to the last byte
	_, err = c.Upload(t.Context(), upload(tag, samples.Text(1, 3)))
	wantError(t, err, http.StatusInsufficientStorage, "storage_limit_exceeded")
	wantOnly(t, s, c, tag, half, rest)

	if err := c.Delete(t.Context(), half.ID); err != nil {
		t.Fatal(err)
	}
	mustUpload(t, s, c, upload(tag, samples.Text(quotaStorage/2, 4))) // what was deleted is free again
}

func testQuotaRace(t *testing.T, s *harness.System) {
	c := s.Tenant(t, "race")
	tag := newTag(t)
	var let, refused atomic.Int64
	var g errgroup.Group
	for i := range raceUploads {
		g.Go(func() error {
			u := upload(tag, samples.Text(raceFile, uint64(i)))
			u.Header = headers("Prefer", "respond-async")
			_, err := c.Upload(t.Context(), u)
			switch api.Status(err) {
			case http.StatusInsufficientStorage:
				refused.Add(1)
				return nil
			case 0:
				if err == nil {
					let.Add(1)
				}
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if let.Load() != raceRoom {
		t.Errorf("%d uploads were let in and %d refused; there is room for %d", let.Load(), refused.Load(), raceRoom)
	}
	page, err := c.List(t.Context(), tag, nil)
	if err != nil || page.Pagination.Total != raceRoom {
		t.Errorf("%d files are listed, want %d: %v", page.Pagination.Total, raceRoom, err)
	}
}

func testRate(t *testing.T, s *harness.System) {
	c := s.Tenant(t, "busy")
	let := 0
	for range 2*busyRate + 1 { // a window may end meanwhile
		resp := do(t, c, get("/v1/files"))
		if resp.Status == http.StatusTooManyRequests {
			wantError(t, resp.Err(), http.StatusTooManyRequests, "rate_limit_exceeded")
			if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err != nil || n < 1 || n > 60 {
				t.Errorf("Retry-After is %q", resp.Header.Get("Retry-After"))
			}
			break
		}
		let++
		remaining, err := strconv.Atoi(resp.Header.Get("X-RateLimit-Remaining"))
		if resp.Header.Get("X-RateLimit-Limit") != strconv.Itoa(busyRate) || err != nil || remaining < 0 || remaining >= busyRate || resp.Header.Get("X-RateLimit-Reset") == "" {
			t.Errorf("the headers of request %d are %v", let, resp.Header)
		}
	}
	if let < busyRate || let > 2*busyRate {
		t.Errorf("%d requests passed, want %d", let, busyRate)
	}
	if resp := do(t, s.Client, get("/v1/files")); resp.Header.Get("X-RateLimit-Limit") != "" {
		t.Error("a tenant without a rate is told of one")
	}
}
