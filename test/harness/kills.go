package harness

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/test/harness/api"
)

// uploadsAtOnce is how many clients UploadAmidKills is.
const uploadsAtOnce = 4

// UploadAmidKills uploads n files, and on the way kills each victim in its turn with SIGKILL and starts it again. It does what a client with an
// Idempotency-Key does, which each upload needs: it tries each until it has an answer, for at most limit. It returns the answers, as they came.
func (s *System) UploadAmidKills(t *testing.T, c *api.Client, n int, limit time.Duration, upload func(i int) api.Upload, victims []string) []api.File {
	t.Helper()
	var all []api.File
	killed := 0
	for f := range uploadAll(t, c, n, limit, upload) {
		all = append(all, f)
		if killed < len(victims) && len(all) > n*(killed+1)/(len(victims)+1) {
			s.Kill9(t, victims[killed])
			s.Start(t, victims[killed])
			killed++
		}
	}
	if len(all) != n || killed != len(victims) {
		t.Fatalf("%d of %d files were acknowledged, over %d of %d kills", len(all), n, killed, len(victims))
	}
	return all
}

// uploadAll uploads files, a few at a time, and gives the answers as they come. The channel is closed after the last.
func uploadAll(t *testing.T, c *api.Client, n int, limit time.Duration, upload func(i int) api.Upload) <-chan api.File {
	acked := make(chan api.File, n)
	go func() {
		defer close(acked)
		var g errgroup.Group
		g.SetLimit(uploadsAtOnce)
		for i := range n {
			g.Go(func() error {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				err := Retry(ctx, func() error {
					f, err := c.Upload(ctx, upload(i))
					if err == nil {
						acked <- f
					}
					return err
				})
				if err != nil {
					t.Errorf("file %d: %v", i, err)
				}
				return nil
			})
		}
		_ = g.Wait() // its functions return nil
	}()
	return acked
}
