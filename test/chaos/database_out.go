package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inlethq/inlet/test/harness/api"
)

const (
	quickAway  = 4 * time.Second // each of three; the database is refused and hangs for the time in which it is out
	fullAway   = 60 * time.Second
	outClients = 2
	outFiles   = 10                     // accepted right before
	routeRound = 200 * time.Millisecond // all routes are asked again so often
	routeLimit = 20 * time.Second       // for one answer
	returnStep = 50 * time.Millisecond
	probeKey   = "probe" // of files that are not in the history
)

// takeAway lets the database answer slowly, refuse connections, and hang. Every route of every API is asked meanwhile, without its body being read.
func (d *databaseTest) takeAway(ctx context.Context, n int) (string, error) {
	routes, err := d.newRoutes(ctx)
	if err != nil {
		return "", err
	}
	length := quickAway
	if d.full {
		length = fullAway
	}
	var said []string
	for i, f := range []struct {
		mongoFault
		what   string
		length time.Duration
	}{{mongoSlow, "slow", min(length, 20*time.Second)}, {mongoGone, "refused", length}, {mongoHung, "hung", length}} {
		if err := d.accept(ctx, fmt.Sprintf("before-%s", f.what)); err != nil {
			return "", err
		}
		var answers outAnswers
		if err := d.underLoad(ctx, n+i, outClients, func() error { return d.outage(ctx, f.mongoFault, f.length, routes, &answers) }); err != nil {
			return "", err
		}
		said = append(said, fmt.Sprintf("%s for %d s: %s", f.what, int(f.length.Seconds()), &answers))
	}
	return strings.Join(said, "; "), d.removeProbes(ctx)
}

// accept has some files acknowledged that then wait for their verdict.
func (d *databaseTest) accept(ctx context.Context, key string) error {
	for i := range outFiles {
		e := d.history.add(fmt.Sprintf("%s-%d", key, i), newContent(d.rng.Uint64()))
		if err := settleUpload(ctx, d.trial, d.server.Client, e, respondAsync()); err != nil {
			return err
		}
	}
	return nil
}

// outage lets a fault stand for some time, and waits until every route answers again.
func (d *databaseTest) outage(ctx context.Context, f mongoFault, length time.Duration, routes []route, answers *outAnswers) error {
	if err := d.proxy.set(f); err != nil {
		return err
	}
	over := time.Now().Add(length)
	for round := time.NewTicker(routeRound); time.Now().Before(over.Add(-outLimit)); {
		var g errgroup.Group
		for _, r := range routes {
			g.Go(func() error {
				a := d.ask(ctx, r)
				if f == mongoSlow && a.good() { // slow, and done all the same
					return nil
				}
				answers.answered(d.trial, r.String(), a.took, a.status, a.header)
				if a.read > 0 {
					d.found.addf(late, "the database was out: %d bytes of the body of %s were read", a.read, r)
				}
				return nil
			})
		}
		_ = g.Wait() // its functions return nil
		select {
		case <-round.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := pause(ctx, time.Until(over)); err != nil {
		return err
	}
	if err := d.proxy.set(mongoWell); err != nil {
		return err
	}
	return d.comeBack(ctx, routes, answers)
}

// comeBack asks each route until it is answered with success. The database is back for us with the last answer that was none.
func (d *databaseTest) comeBack(ctx context.Context, routes []route, answers *outAnswers) error {
	back := time.Now()
	refused := make([]time.Duration, len(routes))
	var g errgroup.Group
	for i, r := range routes {
		g.Go(func() error {
			for !d.ask(ctx, r).good() {
				refused[i] = time.Since(back)
				if err := pause(ctx, returnStep); err != nil || refused[i] > settleLimit {
					return err
				}
			}
			return nil
		})
	}
	err := g.Wait()
	answers.recovered(d.trial, slices.Max(refused))
	return err
}

// route is a request that needs the database.
type route struct {
	method, path string
	header       http.Header
	body         string
	held         bool // the body is sent when the server asks for it
}

func (r route) String() string { return r.method + " " + r.path }

// newRoutes uploads a picture and makes a request of each kind to it, through every API. Each is answered with success now.
func (d *databaseTest) newRoutes(ctx context.Context) ([]route, error) {
	picture := (content{kind: picture, seed: d.rng.Uint64()}).measured()
	f, err := d.server.Upload(ctx, api.Upload{Name: probeKey + ".png", Type: "image/png", Data: picture.bytes()})
	if err != nil {
		return nil, err
	}
	upload := api.Upload{Name: probeKey + ".txt", Type: "text/plain", Data: []byte("some text")}
	form, formType, err := upload.Form()
	if err != nil {
		return nil, err
	}
	json, multipart := http.Header{"Content-Type": {"application/json"}}, http.Header{"Content-Type": {formType}}
	raw := http.Header{"Content-Type": {"text/plain"}, "Content-Disposition": {`attachment; filename="` + upload.Name + `"`}, "Prefer": {"respond-async"}}
	number, path := fmt.Sprint(f.Number), url.Values{"path": {f.Path}}.Encode()
	several := bytes.ReplaceAll(form, []byte(`name="file"`), []byte(`name="files[]"`))
	routes := []route{
		{method: http.MethodGet, path: "/v1/files"},
		{method: http.MethodGet, path: "/v1/files/" + f.ID},
		{method: http.MethodGet, path: "/v1/files/" + f.ID + "/download"},
		{method: http.MethodGet, path: "/v1/files/" + f.ID + "/thumbnail"},
		{method: http.MethodGet, path: "/v1/files/" + f.ID + "/timeline"},
		{method: http.MethodPatch, path: "/v1/files/" + f.ID, header: json, body: `{"description":"looked at"}`},
		{method: http.MethodPost, path: "/v1/files", header: raw, body: string(upload.Data), held: true},
		{method: http.MethodPost, path: "/v1/files", header: multipart, body: string(form), held: true},
		{method: http.MethodGet, path: "/v3/files?" + path},
		{method: http.MethodGet, path: "/files/download?" + path},
		{method: http.MethodGet, path: "/api/files/" + f.Bare() + "/download"},
		{method: http.MethodPost, path: "/api/files/" + f.Bare() + "/sign-url"},
		{method: http.MethodGet, path: "/desk/api/v2/files.json"},
		{method: http.MethodGet, path: "/desk/api/v2/files/" + number + ".json"},
		{method: http.MethodGet, path: "/api/files/" + number},
		{method: http.MethodPost, path: "/api/files", header: multipart, body: string(several), held: true},
	}
	for _, r := range routes {
		a := d.ask(ctx, r)
		for begin := time.Now(); !a.good() && time.Since(begin) < settleLimit; a = d.ask(ctx, r) { // the picture waits for its verdict
			if err := pause(ctx, returnStep); err != nil {
				return nil, err
			}
		}
		if !a.good() {
			return nil, fmt.Errorf("%s is answered %d with the database there: %s", r, a.status, a.text)
		}
	}
	return routes, nil
}

// routeAnswer is what came of a request.
type routeAnswer struct {
	status int // 0 for no answer
	header http.Header
	text   string
	took   time.Duration
	read   int64 // bytes of the body that the server had asked for
}

func (a routeAnswer) good() bool { return a.status >= 200 && a.status < 300 }

// routeClient sends a body only when it is asked for, however long that takes.
var routeClient = func() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ExpectContinueTimeout = routeLimit
	transport.MaxIdleConnsPerHost = 32
	return &http.Client{Transport: transport}
}()

func (d *databaseTest) ask(ctx context.Context, r route) routeAnswer {
	ctx, cancel := context.WithTimeout(ctx, routeLimit)
	defer cancel()
	var asked atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got100Continue: func() { asked.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, r.method, d.server.Base()+r.path, strings.NewReader(r.body))
	if err != nil {
		return routeAnswer{text: err.Error()}
	}
	req.Header = r.header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("X-Api-Key", d.server.Key())
	if r.held {
		req.Header.Set("Expect", "100-continue")
	}
	start := time.Now()
	resp, err := routeClient.Do(req)
	took := time.Since(start)
	if err != nil {
		return routeAnswer{text: err.Error(), took: took}
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(resp.Body)
	a := routeAnswer{status: resp.StatusCode, header: resp.Header, text: text.String(), took: took}
	if err != nil {
		a.status, a.text = 0, err.Error()
	}
	if asked.Load() {
		a.read = req.ContentLength
	}
	return a
}

// removeProbes removes the files that the routes have uploaded.
func (d *databaseTest) removeProbes(ctx context.Context) error {
	var files []api.File
	err := untilServed(ctx, func() (err error) {
		files, err = newChecker(d.trial, d.server.Client).list(ctx)
		return err
	})
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(f api.File) bool { return keyOf(f) != probeKey })
	var g errgroup.Group
	g.SetLimit(checkers)
	for _, f := range files {
		g.Go(func() error {
			return untilServed(ctx, func() error {
				err := d.server.Delete(ctx, f.ID)
				if api.Status(err) == http.StatusNotFound { // an answer that asked to try again, and the file is gone
					return nil
				}
				return err
			})
		})
	}
	return g.Wait()
}
