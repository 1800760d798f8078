// Package fetch gets a file from a URL that a stranger chose, without letting the stranger reach what only this machine can.
//
// The address is judged when the connection is made, on every hop, so neither a redirect nor a name that changes its mind leads
// inside. It gives bytes, and hints about them: it cleans no name, trusts no type, limits no size and stores nothing.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/egress"
	"github.com/inlethq/inlet/pkg/file"
)

const (
	defaultTimeout = 30 * time.Second
	headerTimeout  = 10 * time.Second
	maxRedirects   = 3
)

// Config is what a Client needs; its zero value reaches public addresses only.
type Config struct {
	Allow    []netip.Prefix // ranges that are not public and may be reached, on any port (INLET_FETCH_ALLOW)
	Timeout  time.Duration  // of a whole fetch, from Get to the end of the body; 30 s when 0
	Resolver *net.Resolver  // net.DefaultResolver when nil
	Log      *slog.Logger   // told why a fetch failed, which the client is not; nowhere when nil
}

// Client fetches files. It keeps neither connections nor cookies, and is safe for concurrent use.
type Client struct {
	http    *http.Client
	timeout time.Duration
	log     *slog.Logger
}

// New makes a Client.
func New(cfg Config) *Client {
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	transport := egress.New(cfg.Allow, egress.Web).Transport(cfg.Resolver)
	transport.ResponseHeaderTimeout = headerTimeout
	transport.DisableKeepAlives = true
	return &Client{
		http:    &http.Client{Transport: transport, CheckRedirect: checkRedirect},
		timeout: cfg.Timeout,
		log:     cfg.Log,
	}
}

// Body is a file that is being fetched. Its Read gives *file.Error for everything but io.EOF, which comes only after as many bytes as
// were announced. Whoever got it closes it; that ends the fetch, read or not.
type Body struct {
	io.ReadCloser
	Name   string // what the other side calls it, not cleaned; may be empty
	Type   string // Content-Type as sent: a hint
	Length int64  // bytes announced; -1 when none were
}

// Get asks for rawURL and returns its body once the header of a 200 has come. The fetch goes on until the body is closed, ctx ends or
// the time is up.
//
// Whatever is wrong with the URL or with what answers there is one and the same Invalid error with the code invalid_url, lest the
// answers map a network that the client cannot see. Too late is Invalid with fetch_timeout, a body that breaks off is Invalid with
// fetch_failed, and the end of ctx is Cancelled.
func (c *Client) Get(ctx context.Context, rawURL string) (*Body, error) {
	f := &fetch{caller: ctx, log: c.log}
	u, err := checkURL(rawURL)
	if err != nil {
		return nil, f.refused(err)
	}
	f.host = u.Hostname()
	ctx, f.cancel = context.WithTimeout(ctx, c.timeout)
	resp, err := c.send(ctx, u) //nolint:bodyclose // by Body.Close
	if err != nil {
		f.cancel()
		return nil, f.refused(err)
	}
	return &Body{
		ReadCloser: &body{fetch: f, from: resp.Body},
		Name:       fileName(resp.Header, resp.Request.URL),
		Type:       resp.Header.Get("Content-Type"),
		Length:     resp.ContentLength,
	}, nil
}

// send returns the answer at the end of the redirects if it can be used. Nothing of the caller's own request goes out with it.
func (c *Client) send(ctx context.Context, u *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "Inlet")
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	if err := checkResponse(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// checkRedirect judges the next hop as the first one was, and keeps from it where the fetch comes from.
func checkRedirect(next *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	next.Header.Del("Referer")
	_, err := checkURL(next.URL.String())
	return err
}

// checkResponse refuses what is not the file itself: another status, or bytes in a coding that was not asked for and that nobody here undoes.
func checkResponse(resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	for _, coding := range resp.Header.Values("Content-Encoding") {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return fmt.Errorf("content encoding %q", coding)
		}
	}
	return nil
}

// withoutURL takes the URL out of an error of net/url or net/http: it may hold a signature or a password, and errors are logged.
func withoutURL(err error) error {
	var with *url.Error
	if errors.As(err, &with) {
		return with.Err
	}
	return err
}

// fetch is one Get, for as long as its body is open. It is not safe for concurrent use.
type fetch struct {
	caller context.Context // as given to Get, without the timeout
	cancel context.CancelFunc
	host   string // that was asked for; "" before that is known
	log    *slog.Logger
}

// refused is the error of a fetch that never came to a body.
func (f *fetch) refused(err error) error {
	return f.fail("fetch.get", err, "invalid_url", "The URL cannot be fetched")
}

// broken is the error of a body that came to no good end.
func (f *fetch) broken(err error) error {
	return f.fail("fetch.read", err, "fetch_failed", "The URL could not be read to its end")
}

// fail says in our terms why a fetch ended: the caller went away, the time was up, or else what code and public say. It logs the last two.
func (f *fetch) fail(op string, err error, code, public string) error {
	if f.caller.Err() != nil {
		return file.Wrap(file.Cancelled, op, context.Cause(f.caller))
	}
	if timedOut(err) {
		code, public = "fetch_timeout", "The URL took too long"
	}
	f.log.InfoContext(f.caller, "a URL was not fetched", "host", f.host, "code", code, "err", err)
	return &file.Error{Kind: file.Invalid, Op: op, Code: code, Public: public, Err: err}
}

// timedOut tells a target that is slow. A name server that is slow is no different from a name that does not exist.
func timedOut(err error) bool {
	var name *net.DNSError
	var timeout net.Error
	return !errors.As(err, &name) && errors.As(err, &timeout) && timeout.Timeout()
}

// body reads what answered a fetch.
type body struct {
	fetch *fetch
	from  io.ReadCloser
	err   error // that ended it; it stays
}

var _ io.ReadCloser = (*body)(nil)

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.from.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // bare by contract
		err = b.fetch.broken(err)
	}
	b.err = err
	return n, err
}

func (b *body) Close() error {
	defer b.fetch.cancel()
	return b.from.Close()
}
