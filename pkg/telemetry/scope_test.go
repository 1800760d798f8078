package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/telemetry"
	"github.com/inlethq/inlet/pkg/telemetry/traceparent"
)

const (
	sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	dropped = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
)

func TestLinesSayWhatTheirContextKnows(t *testing.T) {
	scope := telemetry.Scope(t.Context(), slog.String("request_id", "r1"))
	telemetry.Note(scope, slog.String("tenant", "acme"))
	telemetry.Note(scope, slog.String("tenant", "globex"))
	telemetry.Note(t.Context(), slog.String("file", "lost")) // outside of any scope: no panic, and nowhere to be seen
	for name, c := range map[string]struct {
		ctx  context.Context
		want map[string]string
	}{
		"none":    {t.Context(), map[string]string{"file": "f1"}},
		"scope":   {scope, map[string]string{"request_id": "r1", "tenant": "globex", "file": "f1"}},
		"trace":   {traceparent.With(scope, sampled), map[string]string{"trace_id": sampled[3:35], "span_id": sampled[36:52], "request_id": "r1"}},
		"dropped": {traceparent.With(scope, dropped), map[string]string{"request_id": "r1"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log := telemetry.NewLogger(&out, telemetry.LogConfig{Format: "json"}, "test").With("component", "x")
			log.InfoContext(c.ctx, "hello", "file", "f1")
			var line map[string]any
			if err := json.Unmarshal(out.Bytes(), &line); err != nil {
				t.Fatalf("%v: %s", err, &out)
			}
			for key, want := range c.want {
				if line[key] != want {
					t.Errorf("%s is %v, want %s, in %s", key, line[key], want, &out)
				}
			}
			if _, traced := c.want["trace_id"]; !traced && line["trace_id"] != nil {
				t.Errorf("a trace that nobody keeps is named: %s", &out)
			}
		})
	}
}

func TestALineSaysNothingTwice(t *testing.T) {
	ctx := telemetry.Scope(t.Context(), slog.String("file", "of the scope"))
	var out bytes.Buffer
	telemetry.NewLogger(&out, telemetry.LogConfig{Format: "text"}, "test").InfoContext(ctx, "hello", "file", "own")
	if text := out.String(); strings.Count(text, "file=") != 1 || !strings.Contains(text, "file=own") {
		t.Error(text)
	}
}
