// Package client is the Go SDK of Inlet: the native HTTP API (docs/api.md) as typed calls.
//
//	c, err := client.New("https://files.example.com", client.WithAPIKey(os.Getenv("INLET_API_KEY")))
//	f, err := c.Upload(ctx, body, client.UploadOptions{Filename: "photo.jpg"})
//
// Every call takes a context and has no other limit in time: a transfer may take hours, but ends when nothing has moved for a while
// (WithIdleTimeout). What a lost connection or a busy server may have cut off is sent again where that can do no harm; an upload goes under one
// Idempotency-Key, so however often it is sent there is one file. What the server refuses is an *Error.
//
// The package needs the standard library and the contract of events alone. It speaks HTTP: subscribers of NATS find theirs in client/events.
package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Defaults of a Client.
const (
	defaultRetries = 5
	defaultIdle    = 60 * time.Second // longer than a server waits for a verdict before it answers
	dialTimeout    = 10 * time.Second
)

// Client calls one Inlet. Its methods may be called from many goroutines.
type Client struct {
	base    *url.URL // without a trailing slash
	http    *http.Client
	token   string
	agent   string
	retries int
	idle    time.Duration
	backoff backoff
}

// Option sets one thing of a new Client.
type Option func(*Client)

// WithAPIKey sends an API key with every request.
func WithAPIKey(key string) Option { return WithToken(key) }

// WithToken sends a bearer token with every request: a JWT, or an API key.
func WithToken(token string) Option { return func(c *Client) { c.token = token } }

// WithHTTPClient uses h in place of the SDK's own client. A Timeout of h would end long transfers.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { c.http = h } }

// WithUserAgent names the program in the server's log.
func WithUserAgent(agent string) Option { return func(c *Client) { c.agent = agent } }

// WithRetries sets how often a request is sent again after the first time (5 by default). Each repetition waits longer, 5 s at most, or as long as the
// server says.
func WithRetries(n int) Option { return func(c *Client) { c.retries = max(n, 0) } }

// WithIdleTimeout sets how long a request may stand still before it counts as cut off (a minute by default): no byte sent, none received.
func WithIdleTimeout(d time.Duration) Option { return func(c *Client) { c.idle = d } }

// New makes a client of the server at base, an http or https URL. It sends nothing.
func New(base string, opts ...Option) (*Client, error) {
	u, err := url.Parse(strings.TrimRight(base, "/"))
	if err != nil {
		return nil, fmt.Errorf("inlet: the address of the server: %w", err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("inlet: the address of the server must be an http or https URL, not %q", base)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("inlet: the address of the server must be without user, query and fragment")
	}
	c := &Client{base: u, http: &http.Client{Transport: transport()}, agent: "inlet-go", retries: defaultRetries, idle: defaultIdle, backoff: defaultBackoff}
	for _, o := range opts {
		o(c)
	}
	own := *c.http
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // no credential goes where nobody sent it
	c.http = &own
	return c, nil
}

// URL is the address of the server.
func (c *Client) URL() string { return c.base.String() }

// manyConnections is how many connections stay open for the next requests: as many as files are commonly sent at once.
const manyConnections = 32

func transport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxIdleConnsPerHost = manyConnections
	t.DisableCompression = true // sizes and digests are those of the bytes on the wire
	t.ExpectContinueTimeout = time.Second
	t.TLSHandshakeTimeout = dialTimeout
	return t
}
