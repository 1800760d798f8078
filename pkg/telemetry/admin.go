package telemetry

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check reports whether a dependency can be used now.
type Check struct {
	Name string
	// Without says in a few words what does not work while the dependency is out, and what goes on.
	Without string
	// Ping returns nil when it can be used. Its error is shown to operators as it is.
	Ping func(context.Context) error
}

// checkLimit is how long the checks may take. They run at the same time: one that hangs is the only one that is out.
const checkLimit = 2 * time.Second

// Admin serves /livez, /readyz, /metrics and /debug/pprof. It is for operators, never for the public listener.
//
// /livez is 200 as long as the process answers: it depends on nothing else. /readyz is 503 while a check fails: an object with a line for each
// dependency, "ok", or why it is out and what that means.
func Admin(metrics prometheus.Gatherer, checks ...Check) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		status, body := http.StatusOK, map[string]string{}
		for i, err := range ping(r.Context(), checks) {
			body[checks[i].Name] = "ok"
			if err != nil {
				status, body[checks[i].Name] = http.StatusServiceUnavailable, "out: "+err.Error()+"; meanwhile "+checks[i].Without
			}
		}
		answer(w, status, body)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	return mux
}

// ping runs the checks and returns what each says.
func ping(ctx context.Context, checks []Check) []error {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	said := make([]error, len(checks))
	var running sync.WaitGroup
	for i, c := range checks {
		running.Go(func() { said[i] = c.Ping(ctx) })
	}
	running.Wait()
	return said
}

func answer(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone: nobody to tell
}
