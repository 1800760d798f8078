package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/telemetry/traceparent"
)

// TraceConfig says where spans go and how many are kept.
type TraceConfig struct {
	To    string  `env:"INLET_TRACES" envDefault:"off" desc:"where traces go: off, otlp (to OTEL_EXPORTER_OTLP_ENDPOINT, by HTTP; OpenTelemetry's other variables hold, too), or file:PATH (a span a line, as JSON)"`
	Ratio float64 `env:"INLET_TRACES_RATIO" envDefault:"1" desc:"share of requests that are traced, 0 to 1; work that follows a request is traced with it"`
}

// Values of TraceConfig.To.
const (
	tracesOff  = "off"
	tracesOTLP = "otlp"
	tracesFile = "file:"
)

// Validate implements config.Validator.
func (c *TraceConfig) Validate() error {
	path, file := strings.CutPrefix(c.To, tracesFile)
	switch {
	case c.To != "" && c.To != tracesOff && c.To != tracesOTLP && (!file || path == ""):
		return config.Bad("INLET_TRACES", c.To, "off, otlp or file:PATH")
	case !(c.Ratio >= 0 && c.Ratio <= 1): // NaN is neither
		return config.Bad("INLET_TRACES_RATIO", strconv.FormatFloat(c.Ratio, 'g', -1, 64), "between 0 and 1")
	}
	return nil
}

// fileDelay is how long spans are gathered before they are written to a file.
const fileDelay = 200 * time.Millisecond

// Tracing makes spans and sends them away. A nil *Tracing makes spans that cost next to nothing and go nowhere; its methods may be called.
type Tracing struct {
	provider *sdktrace.TracerProvider
	file     io.Closer // nil for none
	ratio    float64
}

// StartTracing begins to send spans where c says; nil when they are off. A collector that does not answer costs spans, which the log tells, and
// nothing else.
func StartTracing(ctx context.Context, c TraceConfig, service, version string, log *slog.Logger) (*Tracing, error) {
	if c.To == "" || c.To == tracesOff {
		return nil, nil
	}
	t := &Tracing{ratio: c.Ratio}
	send, err := t.exporter(ctx, c.To)
	if err != nil {
		return nil, fmt.Errorf("INLET_TRACES=%s: %w", c.To, err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.namespace", "inlet"), attribute.String("service.name", service), attribute.String("service.version", version),
	), resource.WithFromEnv()) // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
	if err != nil {
		return nil, errors.Join(fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err), t.closeFile())
	}
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithResource(about), send, sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.Ratio))),
	)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.WarnContext(ctx, "spans were lost", "err", err) }))
	return t, nil
}

func (t *Tracing) exporter(ctx context.Context, to string) (sdktrace.TracerProviderOption, error) {
	path, file := strings.CutPrefix(to, tracesFile)
	if !file {
		exporter, err := otlptracehttp.New(ctx)
		if err != nil {
			return nil, err
		}
		return sdktrace.WithBatcher(exporter), nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the operator's file
	if err != nil {
		return nil, err
	}
	exporter, err := stdouttrace.New(stdouttrace.WithWriter(f))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	t.file = f
	return sdktrace.WithBatcher(exporter, sdktrace.WithBatchTimeout(fileDelay)), nil
}

// Tracer makes the spans of one package.
func (t *Tracing) Tracer(name string) trace.Tracer {
	if t == nil {
		return noop.NewTracerProvider().Tracer(name)
	}
	return t.provider.Tracer("github.com/inlethq/inlet/" + name)
}

// On reports whether any span goes anywhere.
func (t *Tracing) On() bool { return t != nil }

// Accept puts the traceparent that a stranger sent into ctx. The stranger's trace goes on here, so that a product finds our spans in its own trace,
// but whether it is kept is for our ratio alone to say, by a throw of dice: neither the flag nor a well chosen trace id makes us keep it.
func (t *Tracing) Accept(ctx context.Context, header string) context.Context {
	if t == nil {
		return ctx
	}
	sc := traceparent.Parse(header)
	if !sc.IsValid() {
		return ctx
	}
	keep := rand.Float64() < t.ratio //nolint:gosec // no secret
	return trace.ContextWithRemoteSpanContext(ctx, sc.WithTraceFlags(sc.TraceFlags().WithSampled(keep)))
}

// Close sends what is gathered, as far as ctx allows, and ends tracing.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return errors.Join(t.provider.Shutdown(ctx), t.closeFile())
}

func (t *Tracing) closeFile() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}
