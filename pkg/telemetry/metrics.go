package telemetry

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Namespace begins the name of every metric of Inlet's own.
const Namespace = "inlet"

// NewRegistry makes the registry of a program, with what every one shows: its version, the Go runtime and the process.
//
// Whoever has metrics takes a prometheus.Registerer and makes them with promauto.With, which keeps them to itself where it is nil, as in tests. A label
// takes few values, and all of them from the program: routes, not paths; kinds of errors, not their texts; never a tenant, a file or a person.
func NewRegistry(version string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	promauto.With(r).NewGauge(prometheus.GaugeOpts{
		Namespace: Namespace, Name: "build_info", Help: "1, with the version that runs.",
		ConstLabels: prometheus.Labels{"version": version, "go_version": runtime.Version()},
	}).Set(1)
	return r
}
