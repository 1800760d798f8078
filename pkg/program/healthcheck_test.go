package program

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAskReady(t *testing.T) {
	tests := []struct {
		name   string
		status int
		ok     bool
	}{
		{"ready", http.StatusOK, true},
		{"a dependency is out", http.StatusServiceUnavailable, false},
		{"no admin listener", http.StatusNotFound, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var asked string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.Method + " " + r.URL.Path
				w.WriteHeader(tt.status)
			}))
			defer server.Close()
			addr := server.Listener.Addr().String()
			if err := askReady(context.Background(), addr); (err == nil) != tt.ok {
				t.Errorf("askReady = %v, want ok %v", err, tt.ok)
			}
			if asked != "GET /readyz" {
				t.Errorf("asked for %q", asked)
			}
			wildcard := ":" + addr[strings.LastIndex(addr, ":")+1:]
			if err := askReady(context.Background(), wildcard); (err == nil) != tt.ok {
				t.Errorf("askReady(%q) = %v, want ok %v", wildcard, err, tt.ok)
			}
		})
	}
	for _, addr := range []string{"off", "127.0.0.1:0", ""} {
		if err := askReady(context.Background(), addr); err == nil {
			t.Errorf("askReady(%q) = nil", addr)
		}
	}
}
