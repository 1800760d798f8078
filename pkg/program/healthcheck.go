package program

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/inlethq/inlet/pkg/config"
)

// healthLimit is longer than what the answer of /readyz may take.
const healthLimit = 3 * time.Second

// healthcheck asks the program that runs with the same settings whether it is ready; nil means that it is. It is for the health
// check of a container, whose image holds nothing else that could ask.
func healthcheck(ctx context.Context) error {
	var s Settings
	if err := config.Load(&s); err != nil {
		return err
	}
	return askReady(ctx, s.AdminAddr)
}

// askReady asks the admin listener at addr.
func askReady(ctx context.Context, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("INLET_ADMIN_ADDR=%s: %w", addr, err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{}} // no proxy stands between a process and itself
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is not ready: %s", addr, resp.Status)
	}
	return nil
}
