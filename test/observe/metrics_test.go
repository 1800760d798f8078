package observe

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
	"github.com/inlethq/inlet/test/peers"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew")

// metric is one as a scrape shows it.
type metric struct {
	kind, help string
	labels     map[string]bool
	samples    map[string]bool // names: those of a histogram have endings
}

var (
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? `)
	labelName  = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="(?:[^"\\]|\\.)*"`)
)

// parse reads the text format (https://prometheus.io/docs/instrumenting/exposition_formats/).
func parse(text string) map[string]*metric {
	all := map[string]*metric{}
	var last *metric
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, help, _ := strings.Cut(rest, " ")
			last = &metric{help: help, labels: map[string]bool{}, samples: map[string]bool{}}
			all[name] = last
		} else if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			_, last.kind, _ = strings.Cut(rest, " ")
		} else if m := sampleLine.FindStringSubmatch(line); m != nil {
			last.samples[m[1]] = true
			for _, l := range labelName.FindAllStringSubmatch(m[2], -1) {
				if l[1] != "le" && l[1] != "quantile" {
					last.labels[l[1]] = true
				}
			}
		}
	}
	return all
}

// scrape has a server do one of each, and returns what it shows.
func scrape(t *testing.T, s *server) map[string]*metric {
	t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer receiver.Close()
	webhook(t, s.Client, receiver.URL+"/private-path")
	f := picture(t, s.Client, nil)
	if resp, err := s.Download(t.Context(), f.ID, nil); err != nil || resp.Status != http.StatusOK {
		t.Fatalf("%d, %v", resp.Status, err)
	}
	if resp, err := s.Send(t.Context(), api.Upload{Name: "empty.txt", Type: "text/plain"}); err != nil || resp.Status != http.StatusBadRequest {
		t.Fatalf("an empty file is answered %d, %v", resp.Status, err)
	}
	short, err := s.Upload(t.Context(), api.Upload{Name: "short.txt", Type: "text/plain", Data: []byte("soon gone"), Fields: map[string]string{"expires_in": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	var text string
	harness.Eventually(t, harness.Limit, func() error {
		var status int
		if status, text = s.get(t, "/metrics"); status != http.StatusOK {
			return fmt.Errorf("/metrics is %d", status)
		}
		if !strings.Contains(text, "inlet_expiry_lag_seconds_count 1") {
			return fmt.Errorf("%s is not counted as expired", short.ID)
		}
		if !delivered.MatchString(text) {
			return errors.New("not everything that happened is counted as delivered to the webhook")
		}
		return nil
	})
	if !strings.Contains(text, `inlet_webhook_deliveries_total{outcome="failed"} 0`) || strings.Contains(text, "inlet_webhook_attempt_duration_seconds_count 0") {
		t.Error("the deliveries are not counted as they went")
	}
	for _, private := range []string{f.Bare(), "admin@", "tenant=", receiver.URL, "private-path", "wh_"} {
		if strings.Contains(text, private) {
			t.Errorf("a metric shows %q", private)
		}
	}
	return parse(text)
}

// delivered is what a scrape shows when the webhook was told of all that scrape does: two files and what becomes of them.
var delivered = regexp.MustCompile(`(?m)^inlet_webhook_deliveries_total\{outcome="delivered"\} 6$`)

// webhook has everything that happens sent to a URL.
func webhook(t *testing.T, c *api.Client, url string) {
	t.Helper()
	resp, err := c.Do(t.Context(), api.Request{Method: http.MethodPost, Path: "/v1/webhooks",
		Body: strings.NewReader(fmt.Sprintf(`{"url":%q,"events":["*"]}`, url)), Header: http.Header{"Content-Type": {"application/json"}}})
	if err != nil || resp.Status != http.StatusCreated {
		t.Fatalf("%d %s, %v", resp.Status, resp.Body, err)
	}
}

func testMetrics(t *testing.T, s *server) {
	live := scrape(t, s)
	names := map[string]bool{}
	for _, m := range live {
		maps.Copy(names, m.samples)
	}
	t.Run("board", func(t *testing.T) { refersTo(t, names, board(t)) })
	t.Run("alerts", func(t *testing.T) { refersTo(t, names, alerts(t)) })
	t.Run("page", func(t *testing.T) { page(t, live) })
}

// names of metrics in a query, and nothing else that looks like one.
var metricName = regexp.MustCompile(`\b(?:inlet|go|process)_[a-z0-9_]+\b`)

// refersTo fails for every metric in the queries that is not among those that there are.
func refersTo(t *testing.T, there map[string]bool, queries []string) {
	t.Helper()
	if len(queries) < 10 {
		t.Fatalf("only %d queries were found", len(queries))
	}
	for _, q := range queries {
		found := metricName.FindAllString(q, -1)
		if len(found) == 0 && !strings.Contains(q, "up{") {
			t.Errorf("no metric in %s", q)
		}
		for _, name := range found {
			if !there[name] {
				t.Errorf("there is no %s, in %s", name, q)
			}
		}
	}
}

func board(t *testing.T) []string {
	t.Helper()
	var b struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(source(t, "deploy/grafana/dashboards/inlet.json"), &b); err != nil {
		t.Fatal(err)
	}
	var queries []string
	for _, p := range b.Panels {
		for _, q := range p.Targets {
			queries = append(queries, q.Expr)
		}
	}
	return queries
}

func alerts(t *testing.T) []string {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []struct{ Expr string }
		}
	}
	if err := yaml.Unmarshal(source(t, "deploy/prometheus/alerts.yml"), &file); err != nil {
		t.Fatal(err)
	}
	var queries []string
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			queries = append(queries, r.Expr)
		}
	}
	return queries
}

const metricsPage = "docs/metrics.md"

// The rows stand between these lines.
const (
	pageBegin = "<!-- begin: go -C test test ./observe -run Single -update -->\n"
	pageEnd   = "<!-- end -->\n"
)

// page compares the table of the page with what there is.
func page(t *testing.T, live map[string]*metric) {
	text := string(source(t, metricsPage))
	before, rest, ok := strings.Cut(text, pageBegin)
	_, after, ok2 := strings.Cut(rest, pageEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no table", metricsPage)
	}
	want := before + pageBegin + table(live) + pageEnd + after
	if *update {
		if err := os.WriteFile(filepath.Join(peers.Root(), metricsPage), []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if text != want {
		t.Errorf("%s is stale: go -C test test ./observe -run Single -update; there is now\n%s", metricsPage, table(live))
	}
}

func table(live map[string]*metric) string {
	var b strings.Builder
	b.WriteString("| metric | kind | labels | what |\n| --- | --- | --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(live)) {
		if !strings.HasPrefix(name, "inlet_") {
			continue
		}
		m := live[name]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, m.kind, strings.Join(slices.Sorted(maps.Keys(m.labels)), ", "), m.help)
	}
	return b.String()
}

// source reads a file of the repository.
func source(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(peers.Root(), name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
