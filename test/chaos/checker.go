package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/test/harness/api"
)

// seen is what the API shows of one file.
type seen struct {
	status   int // of the record
	file     api.File
	download int    // status of the bytes
	digest   string // of the bytes, when they came
}

// judge compares what is shown of a file with its history. final is true when everything has had its time.
//
// A request of unknown outcome was done or was not: both are right. A file whose upload is unknown cannot be judged; send it again first.
func judge(e entry, s seen, final bool) []violation {
	var found []violation
	report := func(b breach, format string, args ...any) {
		found = append(found, violation{b, fmt.Sprintf("%s (%s): ", e.key, e.id) + fmt.Sprintf(format, args...)})
	}
	served := s.download == http.StatusOK
	switch {
	case e.upload != ok:
		return nil
	case e.remove == ok:
		if s.status == http.StatusOK || served {
			report(resurrected, "its delete was acknowledged; its record answers %d, its bytes %d", s.status, s.download)
		}
		return found
	case s.status == http.StatusNotFound:
		if e.remove == "" {
			report(lost, "its upload was acknowledged; it is not there")
		}
		return found
	}
	if s.file.SHA256 != e.sha256 || s.file.Size != e.size {
		report(changed, "its record says %d bytes, %s; sent were %d, %s", s.file.Size, s.file.SHA256, e.size, e.sha256)
	}
	if !slices.Contains(e.notes, s.file.Description) {
		report(changed, "its description is %q, not one of %q", s.file.Description, e.notes)
	}
	if served && s.digest != e.sha256 {
		report(changed, "its bytes are others")
	}
	if served && (s.file.State != "ready" || e.kind == broken) {
		report(unverified, "its bytes are served in state %s", s.file.State)
	}
	if s.file.State == "ready" && !served && e.remove == "" {
		report(lost, "it is ready; its bytes answer %d", s.download)
	}
	if final && e.remove == "" {
		found = append(found, e.judgeEnd(s)...)
	}
	return found
}

// judgeEnd looks whether a file has ended as it must.
func (e entry) judgeEnd(s seen) []violation {
	want := "ready"
	if e.kind == broken {
		want = "rejected"
	}
	switch {
	case s.file.State != want:
		return []violation{{stuck, fmt.Sprintf("%s (%s): it is %s for %q, not %s", e.key, e.id, s.file.State, s.file.Reason, want)}}
	case e.kind.shown() && s.file.ThumbnailURL == "":
		return []violation{{stuck, fmt.Sprintf("%s (%s): it has no thumbnail", e.key, e.id)}}
	}
	return nil
}

// checker reads the public API and compares it with the history. It may be used by many goroutines.
type checker struct {
	*api.Client
	trial *trial
	looks atomic.Int64
}

func newChecker(t *trial, c *api.Client) *checker { return &checker{Client: c, trial: t} }

// look judges one file. Where its history moved on meanwhile there is nothing to compare. An error means that there was no answer.
func (c *checker) look(ctx context.Context, e *entry, final bool) error {
	before := c.trial.history.snapshot(e)
	if before.upload != ok {
		return nil
	}
	s, err := c.see(ctx, before.id)
	if err != nil || c.trial.history.snapshot(e).rev != before.rev {
		return err
	}
	c.looks.Add(1)
	c.trial.found.add(judge(before, s, final)...)
	return nil
}

// see asks for a file's record and its bytes.
func (c *checker) see(ctx context.Context, id string) (seen, error) {
	var s seen
	if err := c.record(ctx, id, &s); err != nil {
		return s, err
	}
	resp, err := c.Download(ctx, id, nil)
	if err != nil {
		return s, err
	}
	if resp.Status == http.StatusServiceUnavailable { // asks to try again; a 500 is what lost bytes look like
		return s, resp.Err()
	}
	if s.download = resp.Status; s.download == http.StatusOK {
		s.digest = digest(resp.Body)
	}
	if (s.file.State == "ready") != (s.download == http.StatusOK) { // the verdict may have come between the two
		return s, c.record(ctx, id, &s)
	}
	return s, nil
}

func (c *checker) record(ctx context.Context, id string, s *seen) error {
	f, err := c.Get(ctx, id)
	switch api.Status(err) {
	case http.StatusNotFound:
		s.status, s.file = http.StatusNotFound, api.File{}
		return nil
	case 0:
		if err == nil {
			s.status, s.file = http.StatusOK, f
			return nil
		}
	}
	return err
}

// checkers is how many files are looked at at a time.
const checkers = 8

// lookAll judges files, of a server that runs.
func (c *checker) lookAll(ctx context.Context, entries []*entry, final bool) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(checkers)
	for _, e := range entries {
		g.Go(func() error { return untilServed(ctx, func() error { return c.look(ctx, e, final) }) })
	}
	return g.Wait()
}

// list reads the whole list of a tenant's files. Without a word the API leaves out those that were rejected.
func (c *checker) list(ctx context.Context) ([]api.File, error) {
	var all []api.File
	q := url.Values{"limit": {"100"}, "state": {"pending,ready,rejected,failed"}}
	for {
		page, err := c.List(ctx, "", q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Files...)
		if !page.Pagination.HasMore {
			return all, nil
		}
		q.Set("cursor", page.Pagination.Next)
	}
}

// lookForPhantoms compares the list with the history: every file in it was sent, was not refused, is there once, and was not deleted; and every file
// that must be there is. Nothing may be under way.
func (c *checker) lookForPhantoms(ctx context.Context) error {
	var files []api.File
	err := untilServed(ctx, func() (err error) {
		files, err = c.list(ctx)
		return err
	})
	if err != nil {
		return err
	}
	c.trial.found.add(judgeList(c.trial.history.from(0), files)...)
	return nil
}

// keyOf returns the key under which a file was sent, from its name.
func keyOf(f api.File) string {
	key, _, _ := strings.Cut(f.OriginalName, ".")
	return key
}

func judgeList(entries []*entry, files []api.File) []violation {
	var found []violation
	missing := make(map[string]*entry, len(entries))
	for _, e := range entries {
		missing[e.key] = e
	}
	listed := map[string]string{}
	for _, f := range files {
		key := keyOf(f)
		e := missing[key]
		switch twin := listed[key]; {
		case twin != "":
			found = append(found, violation{phantom, fmt.Sprintf("%s is listed as %s and as %s", key, twin, f.ID)})
		case e == nil:
			found = append(found, violation{phantom, fmt.Sprintf("%s (%s) is listed, and nobody has sent it", f.ID, f.OriginalName)})
		case e.upload == failed || e.upload == ok && e.id != f.ID:
			found = append(found, violation{phantom, fmt.Sprintf("%s is listed; the upload of %s had outcome %q and gave %q", f.ID, key, e.upload, e.id)})
		case e.remove == ok:
			found = append(found, violation{resurrected, fmt.Sprintf("%s (%s) is listed, and its delete was acknowledged", key, f.ID)})
		}
		listed[key] = f.ID
		delete(missing, key)
	}
	for _, key := range slices.Sorted(maps.Keys(missing)) {
		if e := missing[key]; e.upload == ok && e.remove == "" {
			found = append(found, violation{lost, fmt.Sprintf("%s (%s) is not listed", key, e.id)})
		}
	}
	return found
}

const (
	settleLimit = 60 * time.Second // from when the server is back until every file has its end: what is promised
	settlePause = 100 * time.Millisecond
)

// settle sends again what is of unknown outcome, and waits until no file waits for its verdict or its thumbnail. What still does after settleLimit is
// for the final look to tell.
func (c *checker) settle(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	for _, e := range c.trial.history.from(0) {
		if c.trial.history.snapshot(e).upload == unknown {
			limited, cancel := context.WithTimeout(ctx, settleLimit)
			err := settleUpload(limited, c.trial, c.Client, e, respondAsync())
			cancel()
			if err != nil {
				return 0, fmt.Errorf("%s is still unknown: %w", e.key, err)
			}
		}
	}
	pictures := c.pictures()
	tick := time.NewTicker(settlePause)
	defer tick.Stop()
	for time.Since(start) < settleLimit {
		page, err := c.List(ctx, "", pending())
		waits := api.Status(err) == http.StatusServiceUnavailable // which asks to try again
		if err != nil && !waits {
			return 0, err
		}
		for len(pictures) > 0 && c.complete(ctx, pictures[0]) {
			pictures = pictures[1:]
		}
		if !waits && page.Pagination.Total == 0 && len(pictures) == 0 {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return time.Since(start), nil
}

// pending asks for how many files wait for their verdict.
func pending() url.Values { return url.Values{"limit": {"1"}, "state": {"pending"}} }

// pictures returns the ids of all pictures that must have a thumbnail in the end.
func (c *checker) pictures() []string {
	var ids []string
	for _, e := range c.trial.history.from(0) {
		if now := c.trial.history.snapshot(e); now.kind.shown() && now.upload == ok && now.remove == "" {
			ids = append(ids, now.id)
		}
	}
	return ids
}

// complete reports whether a picture waits for nothing more. Why it is not there, or has failed, is for the final look to tell.
func (c *checker) complete(ctx context.Context, id string) bool {
	f, err := c.Get(ctx, id)
	return api.Status(err) == http.StatusNotFound || err == nil && (f.ThumbnailURL != "" || f.State != "ready" && f.State != "pending")
}
