package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/samples"
)

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

func testRawBodies(t *testing.T, s *harness.System) {
	tag := newTag(t)
	text := samples.Text(4<<10, 5).Data
	named := []string{"Content-Disposition", `attachment; filename="notes.txt"`, "Content-Type", "text/plain"}
	with := func(more ...string) http.Header { return headers(append(named[:4:4], more...)...) }
	for _, x := range []struct {
		name   string
		query  string
		header http.Header
		body   io.Reader
		status int
		code   string
	}{
		{"plain", "?name=Shown&description=Words", with(), bytes.NewReader(text), http.StatusCreated, ""},
		{"of unknown length", "", with(), io.MultiReader(bytes.NewReader(text)), http.StatusCreated, ""},
		{"with its digest", "", with("Content-Digest", digest(text)), bytes.NewReader(text), http.StatusCreated, ""},
		{"with another digest", "", with("Content-Digest", digest([]byte("x"))), bytes.NewReader(text), http.StatusBadRequest, "digest_mismatch"},
		{"with a malformed digest", "", with("Content-Digest", "sha-256=:abc:"), bytes.NewReader(text), http.StatusBadRequest, "invalid_request"},
		{"without a name", "", headers("Content-Type", "text/plain"), bytes.NewReader(text), http.StatusBadRequest, "filename_missing"},
		{"compressed", "", with("Content-Encoding", "gzip"), bytes.NewReader(text), http.StatusUnsupportedMediaType, "unsupported_file_type"},
		{"without bytes", "", with(), http.NoBody, http.StatusBadRequest, "empty_file"},
		{"with a bad life", "?expires_in=-1", with(), bytes.NewReader(text), http.StatusBadRequest, "invalid_request"},
	} {
		t.Run(x.name, func(t *testing.T) {
			resp := do(t, s.Client, api.Request{Method: http.MethodPost, Path: "/v1/tags/" + tag + "/files" + x.query, Header: x.header, Body: x.body})
			if x.code != "" {
				wantError(t, resp.Err(), x.status, x.code)
				return
			}
			var f api.File
			if err := resp.Err(); err != nil || resp.Status != x.status {
				t.Fatalf("%d, want %d: %v", resp.Status, x.status, err)
			}
			if err := api.Decode(resp, &f); err != nil {
				t.Fatal(err)
			}
			if x.query != "" && (f.Name != "Shown" || f.Description != "Words" || f.OriginalName != "notes.txt") {
				t.Errorf("the record is named %q, %q, %q", f.Name, f.Description, f.OriginalName)
			}
		})
	}
	page, err := s.List(t.Context(), tag, nil)
	if err != nil || len(page.Files) != 3 {
		t.Errorf("%d files are left of them, want 3: %v", len(page.Files), err)
	}
}

func testPrefer(t *testing.T, s *harness.System) {
	tag := newTag(t)
	for _, x := range []struct {
		prefer  string
		status  int
		applied string
	}{
		{"", http.StatusCreated, ""},
		{"respond-async", http.StatusAccepted, "respond-async"},
		{"wait=0", http.StatusAccepted, "wait=0"},
		{"wait=9", http.StatusCreated, "wait=9"},
		{"wait=soon", http.StatusCreated, ""},
	} {
		t.Run("prefer "+x.prefer, func(t *testing.T) {
			u := upload(tag, samples.JPEG(640, 480, 3))
			if x.prefer != "" {
				u.Header = headers("Prefer", x.prefer)
			}
			resp, err := s.Send(t.Context(), u)
			if err != nil {
				t.Fatal(err)
			}
			if resp.Status != x.status || resp.Header.Get("Preference-Applied") != x.applied {
				t.Errorf("%d with %q applied, want %d with %q", resp.Status, resp.Header.Get("Preference-Applied"), x.status, x.applied)
			}
			var f api.File
			if err := api.Decode(resp, &f); err != nil {
				t.Fatal(err)
			}
			if want := s.Base() + "/v1/files/" + f.ID; s.Mode != harness.ModeRemote && resp.Header.Get("Location") != want {
				t.Errorf("Location is %q, want %q", resp.Header.Get("Location"), want)
			}
			if x.status == http.StatusAccepted && f.State != "pending" {
				t.Errorf("accepted, and %s", f.State)
			}
			s.WaitState(t, s.Client, f.ID, "ready")
		})
	}
}

func testIdempotency(t *testing.T, s *harness.System) {
	t.Run("replay", func(t *testing.T) {
		tag := newTag(t)
		u := upload(tag, samples.Text(2000, 8))
		u.Header = headers("Idempotency-Key", rand.Text())
		first := mustUpload(t, s, s.Client, u)
		resp, err := s.Send(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		var again api.File
		if err := api.Decode(resp, &again); err != nil {
			t.Fatal(err)
		}
		if resp.Status != http.StatusCreated || again.ID != first.ID || resp.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("the replay is %d %s, replayed %q; the first was %s", resp.Status, again.ID, resp.Header.Get("Idempotent-Replayed"), first.ID)
		}
		u.Data = samples.Text(2000, 9).Data
		_, err = s.Upload(t.Context(), u)
		wantError(t, err, http.StatusUnprocessableEntity, "idempotency_key_reused")
		wantOnly(t, s, s.Client, tag, first)
	})
	t.Run("in parallel", func(t *testing.T) {
		tag := newTag(t)
		u := upload(tag, samples.Text(2000, 10))
		u.Header = headers("Idempotency-Key", rand.Text())
		var mu sync.Mutex
		ids := map[string]bool{}
		var g errgroup.Group
		for range 8 {
			g.Go(func() error {
				f, err := s.Upload(t.Context(), u)
				mu.Lock()
				defer mu.Unlock()
				ids[f.ID] = true
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
		if len(ids) != 1 {
			t.Fatalf("one key made %d files", len(ids))
		}
		for id := range ids {
			wantOnly(t, s, s.Client, tag, api.File{ID: id})
			wantFacts(t, s, id, event.Stored, event.Verified)
		}
	})
	t.Run("too long", func(t *testing.T) {
		u := upload(newTag(t), samples.Text(100, 1))
		u.Header = headers("Idempotency-Key", string(bytes.Repeat([]byte{'k'}, 256)))
		_, err := s.Upload(t.Context(), u)
		wantError(t, err, http.StatusBadRequest, "invalid_request")
	})
}
