package telemetry_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inlethq/inlet/pkg/telemetry"
)

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestReadyNamesWhatIsOut(t *testing.T) {
	var out error
	h := telemetry.Admin(telemetry.NewRegistry("v1"),
		telemetry.Check{Name: "records", Ping: func(context.Context) error { return out }, Without: "uploads are refused"},
		telemetry.Check{Name: "bus", Ping: func(context.Context) error { return nil }, Without: "events wait"},
	)
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{nil, http.StatusOK, "ok"},
		{errors.New("connection refused"), http.StatusServiceUnavailable, "out: connection refused; meanwhile uploads are refused"},
	} {
		out = c.err
		status, text := get(t, h, "/readyz")
		var body map[string]string
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			t.Fatal(err)
		}
		if status != c.status || body["records"] != c.want || body["bus"] != "ok" || len(body) != 2 {
			t.Errorf("%d %s, want %d and %q", status, text, c.status, c.want)
		}
	}
	if status, _ := get(t, h, "/livez"); status != http.StatusOK {
		t.Errorf("alive, and /livez is %d", status)
	}
}

// A dependency that hangs must not make those that answer look as if they were out, too.
func TestReadyAsksAtTheSameTime(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	answers := func(ctx context.Context) error { return ctx.Err() }
	h := telemetry.Admin(telemetry.NewRegistry("v1"), telemetry.Check{Name: "a", Ping: hang}, telemetry.Check{Name: "b", Ping: answers})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/readyz", nil))
	if text := w.Body.String(); w.Code != http.StatusServiceUnavailable || !strings.Contains(text, `"a":"out: `) || !strings.Contains(text, `"b":"ok"`) {
		t.Errorf("%d %s", w.Code, text)
	}
}

func TestMetricsOfEveryProgram(t *testing.T) {
	status, text := get(t, telemetry.Admin(telemetry.NewRegistry("v1.2.3")), "/metrics")
	for _, want := range []string{`inlet_build_info{`, `version="v1.2.3"`, "go_goroutines ", "process_open_fds "} {
		if status != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%d, without %s", status, want)
		}
	}
}
