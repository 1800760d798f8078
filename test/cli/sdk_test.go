package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/client"
	"github.com/inlethq/inlet/pkg/client/events"
	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/launch"
)

// TestSDK holds pkg/client against the server: what its unit tests say of the wire must be so.
func TestSDK(t *testing.T) {
	if testing.Short() {
		t.Skip("starts programs")
	}
	t.Parallel()
	addrs, err := launch.FreeAddrs()
	if err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(t.TempDir(), "directory.yaml")
	if err := os.WriteFile(users, []byte(directory), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{"INLET_DIRECTORY": users, "INLET_LOG_LEVEL": "error"}
	server, err := launch.Start(launch.Serve(harness.Binary(t, "inlet"), filepath.Join(t.TempDir(), "data"), addrs, settings, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	if err := server.Ready(harness.Context(t)); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(addrs.URL(), client.WithAPIKey(sdkKey))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("files", func(t *testing.T) { sdkFiles(t, c) })
	t.Run("resumable", func(t *testing.T) { sdkResumable(t, c) })
	t.Run("account and system", func(t *testing.T) { sdkAccount(t, c) })
	t.Run("webhooks", func(t *testing.T) { sdkWebhooks(t, c) })
	t.Run("events", func(t *testing.T) { sdkEvents(t, c, addrs.EventsURL()) })
}

const (
	sdkKey    = "tagd_test_sdk_00000000000000000000000000"
	directory = `tenants:
  - {id: sdk, plan: unlimited}
users:
  - {id: operator, tenant: sdk, roles: {tenant/sdk: owner, system: owner}}
api_keys:
  - {name: sdk, tenant: sdk, key: ` + sdkKey + `, user: operator, scopes: [files:read, files:write, webhooks:write, system:operate]}
`
)

func sdkFiles(t *testing.T, c *client.Client) {
	ctx := harness.Context(t)
	o := client.UploadOptions{Filename: "ünï \"code\".txt", Name: "Shown", Description: "said", Tag: "sdk", ExpiresIn: time.Hour, Key: "key"}
	f, err := c.Upload(ctx, strings.NewReader("hello, world"), o)
	if err != nil || f.State != "ready" || f.OriginalName != o.Filename || f.Name != "Shown" || f.Description != "said" || f.ExpiresAt.IsZero() {
		t.Fatalf("%+v, %v", f, err)
	}
	if again, err := c.Upload(ctx, strings.NewReader("hello, world"), o); err != nil || again.ID != f.ID {
		t.Errorf("under the same key %s, %v", again.ID, err)
	}
	if _, err := c.Upload(ctx, strings.NewReader("another"), o); !errors.Is(err, client.ErrKeyReused) {
		t.Errorf("another under the same key: %v", err)
	}
	if _, err := c.Upload(ctx, strings.NewReader("no picture"), client.UploadOptions{Filename: "a.png"}); !errors.Is(err, client.ErrRejected) {
		t.Errorf("what is not what it claims: %v", err)
	}
	if _, err := c.Upload(ctx, strings.NewReader("x"), client.UploadOptions{Filename: "a.txt", SHA256: strings.Repeat("0", 64)}); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("another digest: %v", err)
	}
	streamed, err := c.Upload(ctx, io.MultiReader(strings.NewReader("of unknown length")), client.UploadOptions{Filename: "b.txt", Tag: "sdk", Async: true})
	if err != nil {
		t.Fatal(err)
	}
	if streamed, err = c.Wait(ctx, streamed.ID); err != nil || streamed.Size != 17 {
		t.Errorf("%+v, %v", streamed, err)
	}

	var listed []string
	for x, err := range c.List(ctx, client.ListOptions{Tag: "sdk", PageSize: 1, NewestFirst: true, Type: "text/*"}) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, x.ID)
	}
	if !slices.Equal(listed, []string{streamed.ID, f.ID}) {
		t.Errorf("listed %v", listed)
	}
	name := "Renamed"
	if f, err = c.Update(ctx, f.ID, client.Patch{Name: &name}); err != nil || f.Name != name || f.TagID != "sdk" {
		t.Errorf("%+v, %v", f, err)
	}
	if steps, err := c.Timeline(ctx, f.ID); err != nil || len(steps) < 2 {
		t.Errorf("%+v, %v", steps, err)
	}
	d, err := c.Download(ctx, f.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if text, err := io.ReadAll(d); string(text) != "hello, world" || err != nil || d.Name != o.Filename || d.SHA256 != f.SHA256 {
		t.Errorf("%q, %v, %+v", text, err, d)
	}
	if _, err := c.DownloadFile(ctx, f.ID, filepath.Join(t.TempDir(), "x"), nil); err != nil {
		t.Error(err)
	}
	if signed, err := c.Sign(ctx, f.ID, 2*time.Hour); err != nil || time.Until(signed.ExpiresAt) < time.Hour {
		t.Errorf("%+v, %v", signed, err)
	}
	if err := c.Delete(ctx, f.ID); err != nil {
		t.Error(err)
	}
	if _, err := c.Get(ctx, f.ID); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("of a deleted file: %v", err)
	}
}

func sdkResumable(t *testing.T, c *client.Client) {
	ctx := harness.Context(t)
	text := bytes.Repeat([]byte(rand.Text()+"\n"), 1000)
	o := client.ResumableOptions{UploadOptions: client.UploadOptions{Filename: "r.txt", Name: "Shown", Tag: "resumable", ExpiresIn: time.Hour}, Chunk: 5000}
	enough, cancel := context.WithCancel(ctx)
	o.OnURL = func(url string) error { o.URL = url; return nil }
	o.Progress = func(sent, _ int64) {
		if sent > 12_000 {
			cancel()
		}
	}
	if _, err := c.UploadResumable(enough, bytes.NewReader(text), o); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	least := int64(len(text))
	o.Progress = func(sent, _ int64) { least = min(least, sent) }
	f, err := c.UploadResumable(ctx, bytes.NewReader(text), o)
	if err != nil || f.State != "ready" || f.Size != int64(len(text)) || f.Name != "Shown" || f.TagID != "resumable" || f.ExpiresAt.IsZero() {
		t.Errorf("%+v, %v", f, err)
	}
	if least < 10_000 {
		t.Errorf("it went on at %d", least)
	}
	o.Progress = nil
	if again, err := c.UploadResumable(ctx, bytes.NewReader(text), o); err != nil || again.ID != f.ID {
		t.Errorf("once more: %s, %v", again.ID, err)
	}
	o = client.ResumableOptions{UploadOptions: client.UploadOptions{Filename: "r.png"}}
	if _, err := c.UploadResumable(ctx, bytes.NewReader(text), o); !errors.Is(err, client.ErrRejected) {
		t.Errorf("what is no picture: %v", err)
	}
}

func sdkAccount(t *testing.T, c *client.Client) {
	ctx := harness.Context(t)
	if me, err := c.Me(ctx); err != nil || me.Tenant != "sdk" || me.ID == "" || len(me.Dialects) == 0 || len(me.Scopes) != 4 {
		t.Errorf("%+v, %v", me, err)
	}
	if room, err := c.Storage(ctx); err != nil || room.Used == 0 {
		t.Errorf("%+v, %v", room, err)
	}
	if how, err := c.System(ctx); err != nil || !how.Bus.OK || len(how.Queues) == 0 || len(how.Due) == 0 {
		t.Errorf("%+v, %v", how, err)
	}
	for letter, err := range c.DeadLetters(ctx) {
		t.Errorf("%+v, %v", letter, err)
	}
	if _, err := c.ReplayDeadLetter(ctx, "1"); !errors.Is(err, client.ErrNotFound) {
		t.Error(err)
	}
}

func sdkWebhooks(t *testing.T, c *client.Client) {
	ctx := harness.Context(t)
	w, err := c.CreateWebhook(ctx, client.NewWebhook{URL: "https://example.com/hook", Events: []string{"file.verified"}})
	if err != nil || !strings.HasPrefix(w.Secret, "whsec_") || !w.Active {
		t.Fatalf("%+v, %v", w, err)
	}
	off := false
	if w, err := c.UpdateWebhook(ctx, w.ID, client.WebhookPatch{Active: &off}); err != nil || w.Active {
		t.Errorf("%+v, %v", w, err)
	}
	if turned, err := c.RotateWebhook(ctx, w.ID, time.Hour); err != nil || turned.Secret == w.Secret || len(turned.Secrets) != 2 {
		t.Errorf("%+v, %v", turned, err)
	}
	if got, err := c.Webhook(ctx, w.ID); err != nil || got.Secret != "" {
		t.Errorf("%+v, %v", got, err)
	}
	n := 0
	for _, err := range c.Webhooks(ctx) {
		if n++; err != nil {
			t.Error(err)
		}
	}
	for d, err := range c.Deliveries(ctx, w.ID, "failed") {
		t.Errorf("%+v, %v", d, err)
	}
	if err := c.DeleteWebhook(ctx, w.ID); err != nil || n != 1 {
		t.Errorf("%d webhooks, %v", n, err)
	}
}

// sdkEvents looks whether HTTP and NATS tell the same.
func sdkEvents(t *testing.T, c *client.Client, bus string) {
	ctx := harness.Context(t)
	f, err := c.Upload(ctx, strings.NewReader("told"), client.UploadOptions{Filename: "told.txt"})
	if err != nil {
		t.Fatal(err)
	}
	hourAgo := time.Now().Add(-time.Hour)
	var http, nats []string
	for e, err := range c.Events(ctx, client.EventFilter{File: f.ID, Since: hourAgo}) {
		if err != nil {
			t.Fatal(err)
		}
		if http = append(http, e.ID); len(http) == 2 {
			break
		}
	}
	enough, cancel := context.WithCancel(ctx)
	err = events.Subscribe(enough, bus, events.Filter{Tenant: "sdk", Since: hourAgo}, func(_ context.Context, e event.Event) error {
		if "file_"+string(e.Data.File.ID) == f.ID {
			nats = append(nats, e.ID)
		}
		if len(nats) == 2 {
			cancel()
		}
		return nil
	})
	if !slices.Equal(http, nats) || !errors.Is(err, context.Canceled) {
		t.Errorf("HTTP tells %v, NATS %v, %v", http, nats, err)
	}
	for e, err := range c.Events(ctx, client.EventFilter{File: f.ID, After: http[0]}) {
		if err != nil || e.ID != http[1] {
			t.Errorf("after the first it tells %s, %v", e.ID, err)
		}
		break
	}
}
