package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/inlethq/inlet/test/harness/api"
)

// deskUpload is an upload through Teamwork Desk's API, which takes three steps: announce the file, post the form, say that this was done. See
// docs/dialects/desk.md.
type deskUpload struct {
	*striker
	entry *entry
	ref   struct {
		URL    string
		Params map[string]string
		File   struct{ ID json.Number }
	}
	id string
}

// deskUpload takes the three steps, each again until its outcome is known.
func (s *striker) deskUpload(ctx context.Context, e *entry) error {
	d := &deskUpload{striker: s, entry: e}
	for _, step := range []struct {
		what string
		do   func(ctx context.Context, again bool) error
		then func(*entry, outcome)
	}{
		{"desk ref", d.announce, func(*entry, outcome) {}},
		{"desk form", d.post, func(*entry, outcome) {}},
		{"desk patch", d.finish, func(e *entry, o outcome) { e.upload, e.id = o, d.id }},
	} {
		again := false
		err := untilKnown(ctx, func() (outcome, error) {
			o, err := s.trial.history.ask(step.what, e, func() error {
				ctx, cancel := context.WithTimeout(ctx, attemptLimit)
				defer cancel()
				return step.do(ctx, again)
			}, step.then)
			again = true
			if o == failed {
				s.trial.found.addf(refused, "%s of %s (%s): %v", step.what, e.key, d.id, err)
			}
			return o, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// announce asks for the form. The same key gives the same promise again.
func (d *deskUpload) announce(ctx context.Context, _ bool) error {
	sample := d.entry.sample()
	body, err := json.Marshal(map[string]string{"filename": d.entry.key + sample.Name, "mimeType": sample.Type})
	if err != nil {
		return err
	}
	resp, err := d.Do(ctx, api.Request{Method: http.MethodPost, Path: "/desk/api/v2/files/ref.json", Body: bytes.NewReader(body),
		Header: http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {d.entry.key}}})
	if err == nil {
		err = resp.Err()
	}
	if err != nil {
		return err
	}
	d.id = "file_" + resp.Header.Get("Inlet-File-Id")
	return json.Unmarshal(resp.Body, &d.ref)
}

// post sends the form. It is good for one file: after an attempt of unknown outcome, 403 says that this came through.
func (d *deskUpload) post(ctx context.Context, again bool) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, name := range slices.Sorted(maps.Keys(d.ref.Params)) {
		if err := form.WriteField(name, d.ref.Params[name]); err != nil {
			return err
		}
	}
	part, err := form.CreateFormFile("file", d.entry.key)
	if err != nil {
		return err
	}
	if _, err := part.Write(d.entry.bytes()); err != nil {
		return err
	}
	if err := form.Close(); err != nil {
		return err
	}
	resp, err := d.As("").Do(ctx, api.Request{Method: http.MethodPost, Path: strings.TrimPrefix(d.ref.URL, d.Base()), Body: &body,
		Header: http.Header{"Content-Type": {form.FormDataContentType()}}})
	if err != nil || again && resp.Status == http.StatusForbidden {
		return err
	}
	return resp.Err()
}

// finish says that the file was sent. That may be said again.
func (d *deskUpload) finish(ctx context.Context, _ bool) error {
	resp, err := d.Do(ctx, api.Request{Method: http.MethodPatch, Path: fmt.Sprintf("/desk/api/v2/files/%s.json", d.ref.File.ID)})
	if err != nil {
		return err
	}
	return resp.Err()
}
