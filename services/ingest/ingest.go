// Package ingest is the HTTP door of Inlet: it takes files in, lists them and hands them out, in the dialects that are switched on.
//
// It decides nothing about a file; pkg/core does. It links no image library.
package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/bus"
	"github.com/inlethq/inlet/pkg/config"
	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/egress"
	"github.com/inlethq/inlet/pkg/httpserver"
	"github.com/inlethq/inlet/pkg/sign"
	"github.com/inlethq/inlet/pkg/telemetry"
	"github.com/inlethq/inlet/services/ingest/console"
	"github.com/inlethq/inlet/services/ingest/docs"
	"github.com/inlethq/inlet/services/ingest/internal/cors"
	"github.com/inlethq/inlet/services/ingest/internal/dialect/desk"
	"github.com/inlethq/inlet/services/ingest/internal/dialect/enzyme"
	"github.com/inlethq/inlet/services/ingest/internal/dialect/native"
	"github.com/inlethq/inlet/services/ingest/internal/dialect/sonar"
	"github.com/inlethq/inlet/services/ingest/internal/dialect/tiledesk"
	"github.com/inlethq/inlet/services/ingest/internal/door"
	"github.com/inlethq/inlet/services/ingest/internal/fetch"
	"github.com/inlethq/inlet/services/ingest/internal/live"
	"github.com/inlethq/inlet/services/ingest/internal/router"
)

// Name is the service's.
const Name = "ingest"

// Config holds the service's settings.
type Config struct {
	Addr       string        `env:"INLET_ADDR" envDefault:":8080" desc:"public listener"`
	PublicURL  string        `env:"INLET_PUBLIC_URL" desc:"URL that clients reach the public listener at; empty takes it from each request"`
	Dialects   []string      `env:"INLET_DIALECTS" envDefault:"native,tiledesk,enzyme,desk,sonar" desc:"APIs to serve, separated by commas"`
	Directory  string        `env:"INLET_DIRECTORY" desc:"YAML file of tenants, users and API keys; inlet serve makes one in INLET_DATA"`
	Wait       time.Duration `env:"INLET_WAIT" envDefault:"10s" desc:"longest that an upload waits for its verdict before it is answered with 202"`
	MaxFile    int64         `env:"INLET_MAX_FILE_SIZE" envDefault:"0" desc:"bytes of one file, for every tenant; 0 leaves it to the plans"`
	MaxUploads int           `env:"INLET_MAX_UPLOADS" envDefault:"256" desc:"uploads at once; one more is answered with 503"`
	MaxShare   int           `env:"INLET_MAX_UPLOADS_TENANT" envDefault:"0" desc:"uploads at once of one tenant; one more is answered with 429; 0 is half of INLET_MAX_UPLOADS"`
	JWTSecret  string        `env:"INLET_JWT_SECRET" secret:"true" desc:"secret of tokens signed with HS256, 32 bytes or more"`
	JWKSURL    string        `env:"INLET_JWKS_URL" desc:"keys of tokens signed with RS, PS, ES or EdDSA"`
	Audience   string        `env:"INLET_JWT_AUDIENCE" desc:"what a token's aud must hold, when set"`
	Issuer     string        `env:"INLET_JWT_ISSUER" desc:"what a token's iss must be, when set"`
	Keys       string        `env:"INLET_SIGNING_KEYS" secret:"true" desc:"keys of signed URLs and of browsers' sessions: id:base64 of 32 random bytes, separated by commas, the newest first; inlet serve makes one in INLET_DATA"`
	Origins    []string      `env:"INLET_CORS_ORIGINS" desc:"origins whose pages may call the APIs from a browser, with a key or a token of their own, separated by commas: https://app.example.com; * for all; empty for none"`
	FetchAllow []string      `env:"INLET_FETCH_ALLOW" desc:"addresses and ranges that are not public and that files may be fetched from by URL, on any port, separated by commas: 10.1.2.3,10.8.0.0/16"`
	HookAllow  []string      `env:"INLET_WEBHOOK_ALLOW" desc:"as in notifier: a webhook at another address that is not public is refused when it is made"`
	UploadLife time.Duration `env:"INLET_UPLOAD_LIFE" envDefault:"24h" desc:"how long a resumable upload waits for its next bytes before it ends"`
	Console    string        `env:"INLET_CONSOLE" envDefault:"on" desc:"on or off: the web console at /"`
	Docs       string        `env:"INLET_DOCS" envDefault:"on" desc:"on or off: the documents of the APIs and of the events, at /docs/"`
	Events     live.Settings
	Tiledesk   tiledesk.Config
}

// dialects lists the APIs in the order in which a request that none has a route for is offered to them.
var dialects = []struct {
	name string
	open func(*door.Door, *Config, Needs) router.Dialect
}{
	{"native", func(d *door.Door, c *Config, n Needs) router.Dialect {
		return native.New(native.Config{Door: d, Fetch: c.fetcher(d.Log), UploadLife: c.UploadLife, About: native.About{Version: n.Version, Dialects: c.Dialects},
			Webhooks: c.webhookGuard(), Live: live.NewHub(c.Events, n.Bus, n.Log), System: core.NewSystem(n.Core, n.Bus)})
	}},
	{"tiledesk", func(d *door.Door, c *Config, _ Needs) router.Dialect { return tiledesk.New(d, c.Tiledesk) }},
	{"sonar", func(d *door.Door, _ *Config, _ Needs) router.Dialect { return sonar.New(d) }},
	{"enzyme", func(d *door.Door, _ *Config, _ Needs) router.Dialect { return enzyme.New(d) }},
	{"desk", func(d *door.Door, _ *Config, _ Needs) router.Dialect { return desk.New(d) }},
}

// open makes the dialects that are switched on.
func (c *Config) open(d *door.Door, n Needs) []router.Dialect {
	var all []router.Dialect
	for _, dialect := range dialects {
		if slices.Contains(c.Dialects, dialect.name) {
			all = append(all, dialect.open(d, c, n))
		}
	}
	return all
}

// pages makes what a browser is shown.
func (c *Config) pages() ([]router.Pages, error) {
	var all []router.Pages
	if c.Console == "on" {
		pages, err := console.New()
		if err != nil {
			return nil, err
		}
		all = append(all, pages)
	}
	if c.Docs == "on" {
		pages, err := docs.New()
		if err != nil {
			return nil, err
		}
		all = append(all, pages)
	}
	return all, nil
}

// fetcher makes what files are fetched from URLs with.
func (c *Config) fetcher(log *slog.Logger) *fetch.Client {
	allow, _ := egress.ParseAllow(c.FetchAllow) // Validate has checked it; what is malformed allows nothing
	return fetch.New(fetch.Config{Allow: allow, Log: log})
}

// webhookGuard judges where webhooks may be.
func (c *Config) webhookGuard() *egress.Guard {
	allow, _ := egress.ParseAllow(c.HookAllow) // Validate has checked it
	return egress.New(allow, core.WebhookPorts)
}

// Validate implements config.Validator.
func (c *Config) Validate() error {
	var known []string
	for _, d := range dialects {
		known = append(known, d.name)
	}
	for _, d := range c.Dialects {
		if !slices.Contains(known, d) {
			return config.Bad("INLET_DIALECTS", d, "a list of "+strings.Join(known, ", "))
		}
	}
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.HasSuffix(c.PublicURL, "/")) {
		return config.Bad("INLET_PUBLIC_URL", c.PublicURL, "an http or https URL without a slash at its end")
	}
	if err := cors.Check(c.Origins); err != nil {
		return config.Bad("INLET_CORS_ORIGINS", strings.Join(c.Origins, ","), "a list of origins: "+err.Error())
	}
	if _, err := egress.ParseAllow(c.FetchAllow); err != nil {
		return config.Bad("INLET_FETCH_ALLOW", strings.Join(c.FetchAllow, ","), "a list of addresses and of ranges such as 10.0.0.0/8: "+err.Error())
	}
	if _, err := egress.ParseAllow(c.HookAllow); err != nil {
		return config.Bad("INLET_WEBHOOK_ALLOW", strings.Join(c.HookAllow, ","), "a list of addresses and of ranges such as 10.0.0.0/8: "+err.Error())
	}
	switch {
	case c.Wait < 0 || c.Wait > time.Minute:
		return config.Bad("INLET_WAIT", c.Wait.String(), "between 0s and 1m")
	case c.MaxFile < 0:
		return config.Bad("INLET_MAX_FILE_SIZE", fmt.Sprint(c.MaxFile), "0 or more")
	case c.MaxUploads < 1:
		return config.Bad("INLET_MAX_UPLOADS", fmt.Sprint(c.MaxUploads), "1 or more")
	case c.MaxShare < 0:
		return config.Bad("INLET_MAX_UPLOADS_TENANT", fmt.Sprint(c.MaxShare), "0 or more")
	case c.Console != "on" && c.Console != "off":
		return config.Bad("INLET_CONSOLE", c.Console, "on or off")
	case c.Docs != "on" && c.Docs != "off":
		return config.Bad("INLET_DOCS", c.Docs, "on or off")
	case c.UploadLife <= 0:
		return config.Bad("INLET_UPLOAD_LIFE", c.UploadLife.String(), "longer than 0s")
	case c.JWTSecret != "" && len(c.JWTSecret) < 32:
		return config.Bad("INLET_JWT_SECRET", "(hidden)", "32 bytes or more")
	}
	if err := c.Events.Validate(); err != nil {
		return err
	}
	return c.Tiledesk.Validate()
}

// Service is the public listener and what it needs.
type Service struct {
	core       *core.Core
	bus        bus.Watcher
	directory  *access.Directory
	server     *httpserver.Server
	background []runner
	log        *slog.Logger
}

// runner is what has work of its own besides answering. Run returns nil when ctx has ended.
type runner interface {
	Run(ctx context.Context) error
}

// Needs are what the service stands on. All are required but Metrics and Tracing; the caller closes them after the service.
type Needs struct {
	Core *core.Core
	Bus  bus.Bus
	Log  *slog.Logger

	Version string // of the program

	Metrics prometheus.Registerer // takes the metrics of requests; may be nil
	Tracing *telemetry.Tracing    // nil while it is off
}

// New binds the listener. ctx bounds the life of what fetches signing keys.
func New(ctx context.Context, cfg Config, n Needs) (*Service, error) {
	if cfg.Directory == "" {
		return nil, config.Bad("INLET_DIRECTORY", "", "the path of the directory file")
	}
	directory, err := access.OpenDirectory(cfg.Directory)
	if err != nil {
		return nil, fmt.Errorf("INLET_DIRECTORY=%s: %w", cfg.Directory, err)
	}
	auth, err := access.NewAuthenticator(ctx, directory, access.Config{
		JWTSecret: []byte(cfg.JWTSecret), JWKSURL: cfg.JWKSURL, Audience: cfg.Audience, Issuer: cfg.Issuer, Log: n.Log,
	})
	if err != nil {
		return nil, err
	}
	if cfg.Keys == "" {
		return nil, config.Bad("INLET_SIGNING_KEYS", "", "id:base64, as in k1:$(openssl rand -base64 32)")
	}
	keys, err := sign.ParseRing(cfg.Keys)
	if err != nil {
		return nil, fmt.Errorf("INLET_SIGNING_KEYS: %w", err)
	}
	open := cfg.open(door.New(door.Config{
		Core: n.Core, Auth: auth, Directory: directory, Limiter: access.NewLimiter(nil), Keys: keys,
		MaxUploads: cfg.MaxUploads, MaxShare: cfg.MaxShare, PublicURL: cfg.PublicURL, Wait: cfg.Wait, MaxFile: cfg.MaxFile, Log: n.Log,
	}), n)
	pages, err := cfg.pages()
	if err != nil {
		return nil, err
	}
	handler := router.New(router.Config{Pages: pages, Log: n.Log, Metrics: n.Metrics, Tracing: n.Tracing}, open...)
	server, err := httpserver.Listen(cfg.Addr, "INLET_ADDR", cors.Handler(cfg.Origins, handler), n.Log)
	if err != nil {
		return nil, err
	}
	s := &Service{core: n.Core, bus: n.Bus, directory: directory, server: server, log: n.Log}
	s.background = append(s.background, &tenants{directory: directory, hooks: core.NewWebhooks(n.Core, keys, nil), log: n.Log})
	for _, dialect := range open {
		if r, ok := dialect.(runner); ok {
			s.background = append(s.background, r)
		}
	}
	return s, nil
}

// Addr is where the service listens.
func (s *Service) Addr() net.Addr { return s.server.Addr() }

// Run serves until ctx ends and running requests have come to theirs. Work in the background ends with ctx.
func (s *Service) Run(ctx context.Context) error {
	stop, err := s.core.Watch(s.bus)
	if err != nil {
		return err
	}
	defer stop()
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { _ = s.directory.Watch(watching, s.log) }() // ends with its context and without an error
	g, running := errgroup.WithContext(ctx)
	for _, r := range s.background {
		g.Go(func() error { return r.Run(running) })
	}
	g.Go(func() error { return s.server.Run(running) })
	return g.Wait()
}
