// Package telemetry makes what an operator looks at: the logger, and the admin endpoints with metrics, liveness and readiness.
//
// It holds no metric of a particular service; those register themselves.
package telemetry

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// LogConfig says how to log.
type LogConfig struct {
	Level  slog.Level `env:"INLET_LOG_LEVEL" envDefault:"info" desc:"least level that is logged: debug, info, warn or error"`
	Format string     `env:"INLET_LOG_FORMAT" envDefault:"json" desc:"json or text; inlet serve takes text"`
}

// NewLogger makes the logger of a program. service is added to every line.
func NewLogger(w io.Writer, c LogConfig, service string) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(w, options)).With("service", service)
	}
	return slog.New(slog.NewJSONHandler(w, options)).With("service", service)
}

// Check reports whether a dependency can be used now.
type Check struct {
	Name string
	Ping func(context.Context) error
}

// checkLimit is how long one round of checks may take.
const checkLimit = 2 * time.Second

// Admin serves /livez, /readyz, /metrics and /debug/pprof. It is for operators, never for the public listener.
//
// /livez is 200 as long as the process answers: it depends on nothing else. /readyz is 503 while a check fails, and names it.
func Admin(checks ...Check) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), checkLimit)
		defer cancel()
		status, body := http.StatusOK, map[string]string{}
		for _, c := range checks {
			body[c.Name] = "ok"
			if err := c.Ping(ctx); err != nil {
				status, body[c.Name] = http.StatusServiceUnavailable, err.Error()
			}
		}
		answer(w, status, body)
	})
	mux.Handle("GET /metrics", promhttp.Handler())
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	return mux
}

func answer(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone: nobody to tell
}
