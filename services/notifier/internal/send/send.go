// Package send makes one attempt to deliver an event to a webhook: it signs it, posts it to a URL that a stranger chose, and says how that ended.
//
// It keeps no state, retries nothing and knows no record. It lets a receiver neither reach what only this machine can (pkg/egress), nor
// hold it for long, nor fill its memory.
package send

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/egress"
)

const (
	idleTimeout     = 30 * time.Second // of a connection that is kept for the next attempt
	maxAnswerBytes  = 64 << 10         // of a body, which is read to keep the connection and not looked at
	contentType     = "application/cloudevents+json; charset=utf-8"
	idlePerReceiver = 4
)

// Config is what a Sender needs; its zero value reaches public addresses only.
type Config struct {
	Allow     []netip.Prefix   // ranges that are not public and may be reached, on any port (INLET_WEBHOOK_ALLOW)
	UserAgent string           // "Inlet" when empty
	Now       func() time.Time // for the signature; time.Now when nil. It is not the records' clock: receivers compare it with their own
}

// Sender sends. It is safe for concurrent use.
type Sender struct {
	http  *http.Client
	agent string
	now   func() time.Time
}

// New makes a Sender. Close it in the end.
func New(c Config) *Sender {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.UserAgent == "" {
		c.UserAgent = "Inlet"
	}
	transport := egress.New(c.Allow, core.WebhookPorts).Transport(nil)
	transport.MaxIdleConnsPerHost = idlePerReceiver
	transport.IdleConnTimeout = idleTimeout
	transport.ForceAttemptHTTP2 = true
	return &Sender{
		agent: c.UserAgent, now: c.Now,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Close lets go of the connections that are kept.
func (s *Sender) Close() { s.http.CloseIdleConnections() }

var _ core.Send = (*Sender)(nil).Send

// Send implements core.Send.
func (s *Sender) Send(ctx context.Context, d core.Sending) core.Sent {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, strings.NewReader(d.Body))
	if err != nil {
		return core.Sent{Text: "the URL is not valid"}
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", s.agent)
	if err := sign(req.Header, d.Secrets, d.EventID, s.now(), d.Body); err != nil {
		return core.Sent{Text: err.Error()}
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return core.Sent{Text: reason(err)}
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswerBytes)) // the status has said it all
	return s.outcome(resp)
}

// outcome reads a status: 2xx is a success, 410 is the end (Standard Webhooks, "Delivery"), all else is worth another attempt. A redirect is
// not followed.
func (s *Sender) outcome(resp *http.Response) core.Sent {
	sent := core.Sent{Status: resp.StatusCode}
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		sent.Delivered = true
		return sent
	case resp.StatusCode == http.StatusGone:
		sent.Gone = true
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		sent.Text = fmt.Sprintf("status %d: redirects are not followed", resp.StatusCode)
		return sent
	}
	sent.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), s.now())
	sent.Text = fmt.Sprintf("status %d", resp.StatusCode)
	return sent
}

// retryAfter reads the header (RFC 9110, 10.2.3): seconds or a date; 0 for none, and for one that is neither.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		return max(0, time.Duration(n)*time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// reason says why nothing was answered. It is for the owner of the webhook and names no address, and of what is not public it tells no more than
// that.
func reason(err error) string {
	var dns *net.DNSError
	var timeout net.Error
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case egress.Refused(err):
		return "the address is not public, or its port is not allowed"
	case errors.As(err, &dns):
		return "the host was not found"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.Canceled):
		return "the receiver took too long"
	case errors.As(err, &cert):
		return "the receiver's certificate is not valid"
	case errors.As(err, &record):
		return "the receiver does not speak TLS"
	}
	return "the connection failed"
}
