package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/peers"
)

func events(t *testing.T) *Events {
	t.Helper()
	e, err := LoadEvents(EventsDocument())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// samples are the events that were published once.
func samples(t *testing.T) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(peers.Root(), "pkg", "event", "testdata", "*.json"))
	if err != nil || len(files) < len(event.Facts) {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	all := make([][]byte, len(files))
	for i, path := range files {
		if all[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestSamplesAreAsDocumented(t *testing.T) {
	e := events(t)
	for _, sample := range samples(t) {
		if err := e.Check(sample); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryFactIsDocumented(t *testing.T) {
	var want []string
	for _, f := range event.Facts {
		want = append(want, event.Prefix+string(f))
	}
	want = append(want, event.Prefix+"webhook.test")
	got := events(t).Types()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the document has %v, the facts are %v", got, want)
	}
}

func TestEventsThatAreNotDescribed(t *testing.T) {
	e := events(t)
	sample := samples(t)[0]
	for name, edit := range map[string][2]string{
		"one more member":   {`"rev":3`, `"rev":3,"token":"x"`},
		"another version":   {`"specversion":"1.0"`, `"specversion":"2.0"`},
		"no subject":        {`"subject":`, `"about":`},
		"no time":           {`"time":"2026-01-15T10:30:00Z"`, `"time":"today"`},
		"an unknown fact":   {`"type":"inlet.v1.file.`, `"type":"inlet.v1.folder.`},
		"a number as text":  {`"size":524288`, `"size":"524288"`},
		"what is not JSON":  {`{"specversion"`, `{specversion`},
		"one more in files": {`"number":418`, `"number":418,"email":"a@b.test"`},
	} {
		bad := bytes.Replace(sample, []byte(edit[0]), []byte(edit[1]), 1)
		if bytes.Equal(bad, sample) {
			t.Errorf("%s: the sample does not have %s", name, edit[0])
		}
		if e.Check(bad) == nil {
			t.Errorf("%s: nothing is found", name)
		}
	}
}

// The names of headers on NATS are their own, down to the case.
func TestMessages(t *testing.T) {
	e := events(t)
	const kind, trace = "application/cloudevents+json", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	good := map[string][]string{"Content-Type": {kind}, "Nats-Msg-Id": {"01J"}, "traceparent": {trace}}
	for name, c := range map[string]struct {
		change map[string][]string // nil for none
		body   []byte
		ok     bool
	}{
		"as published":    {nil, samples(t)[0], true},
		"without a trace": {map[string][]string{"traceparent": nil}, samples(t)[0], true},
		"no id":           {map[string][]string{"Nats-Msg-Id": nil}, samples(t)[0], false},
		"an empty id":     {map[string][]string{"Nats-Msg-Id": {""}}, samples(t)[0], false},
		"no type":         {map[string][]string{"Content-Type": nil}, samples(t)[0], false},
		"another type":    {map[string][]string{"Content-Type": {"application/json"}}, samples(t)[0], false},
		"no trace":        {map[string][]string{"traceparent": {"1"}}, samples(t)[0], false},
		"another case":    {map[string][]string{"traceparent": nil, "Traceparent": {trace}}, samples(t)[0], false},
		"one more":        {map[string][]string{"Inlet-Tenant": {"acme"}}, samples(t)[0], false},
		"for a webhook":   {nil, []byte(testEvent), false},
		"no event at all": {nil, []byte("{}"), false},
	} {
		header := maps.Clone(good)
		for key, values := range c.change {
			if header[key] = values; values == nil {
				delete(header, key)
			}
		}
		if err := e.CheckMessage(header, c.body); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const testEvent = `{"specversion":"1.0","id":"01JQ3KMN7XFGY4P6WBR2SZTA9V","source":"inlet/acme","type":"inlet.v1.webhook.test","subject":"wh_1",` +
	`"time":"2026-01-15T10:30:00Z","datacontenttype":"application/json","data":{"webhook":"wh_1","tenant":"acme"}}`

// An event to try a webhook with goes to webhooks, and nowhere else.
func TestDeliveries(t *testing.T) {
	e := events(t)
	good := http.Header{
		"Content-Type": {"application/cloudevents+json; charset=utf-8"}, "User-Agent": {"Inlet"}, "Content-Length": {"400"},
		"Webhook-Id": {"01J"}, "Webhook-Timestamp": {"1768473000"}, "X-Tagd-Ai-Signature": {"sha256=" + strings.Repeat("0f", 32)},
		"Webhook-Signature": {"v1," + strings.Repeat("A", 43) + "= v1," + strings.Repeat("b", 43) + "="},
	}
	for _, body := range [][]byte{[]byte(testEvent), samples(t)[0]} {
		if err := e.CheckDelivery(good, body); err != nil {
			t.Error(err)
		}
		for name, change := range map[string]func(http.Header){
			"no id":    func(h http.Header) { h.Del("webhook-id") },
			"no agent": func(h http.Header) { h.Del("User-Agent") },
			"a date":   func(h http.Header) { h.Set("webhook-timestamp", "2026-01-15T10:30:00Z") },
			"another version": func(h http.Header) {
				h.Set("webhook-signature", strings.Replace(h.Get("webhook-signature"), " v1,", " v2,", 1))
			},
			"no prefix":           func(h http.Header) { h.Set("X-tagd-ai-Signature", strings.Repeat("0f", 32)) },
			"another media type":  func(h http.Header) { h.Set("Content-Type", "application/json") },
			"one more":            func(h http.Header) { h.Set("X-Tenant", "acme") },
			"nothing in its name": func(h http.Header) { h["Webhook-Id"] = []string{""} },
		} {
			bad := good.Clone()
			change(bad)
			if e.CheckDelivery(bad, body) == nil {
				t.Errorf("%s: nothing is found", name)
			}
		}
	}
	if e.Check([]byte(testEvent)) == nil {
		t.Error("a test may be on NATS")
	}
	for _, edit := range [][2]string{{`"wh_1","tenant"`, `"wh_1","secret":"x","tenant"`}, {`"subject":"wh_1",`, ``}, {`webhook.test`, `webhook.tested`}} {
		if e.CheckDelivery(good, []byte(strings.Replace(testEvent, edit[0], edit[1], 1))) == nil {
			t.Errorf("%s for %s: nothing is found", edit[1], edit[0])
		}
	}
}

// What a stream says that the document does not describe ends in an error, and is not seen. What came before is.
func TestStreams(t *testing.T) {
	e := events(t)
	var sample bytes.Buffer
	if err := json.Compact(&sample, samples(t)[0]); err != nil {
		t.Fatal(err)
	}
	decoded, err := event.Decode(sample.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	good := "id: " + decoded.ID + "\nevent: " + string(decoded.Fact()) + "\ndata: " + sample.String() + "\n\n"
	const begin = "retry: 2000\n\n: ping\n\n"
	for name, c := range map[string]struct {
		stream string
		ok     bool
	}{
		"an event":              {good, true},
		"a gap":                 {"event: gap\ndata: {\"reason\":\"lost\"}\n\n" + good, true},
		"two events":            {good + good, true},
		"half an event":         {good[:len(good)-9], true},
		"a gap with an id":      {"id: 1\nevent: gap\ndata: {\"reason\":\"lost\"}\n\n", false},
		"another reason":        {"event: gap\ndata: {\"reason\":\"lunch\"}\n\n", false},
		"another id":            {strings.Replace(good, "id: ", "id: 1", 1), false},
		"another fact":          {strings.Replace(good, "event: file.", "event: file.un", 1), false},
		"no id":                 {good[strings.Index(good, "event: "):], false},
		"a field of its own":    {"tenant: acme\n" + good, false},
		"one more member":       {strings.Replace(good, `"rev":`, `"token":"x","rev":`, 1), false},
		"a test":                {"id: 01JQ3KMN7XFGY4P6WBR2SZTA9V\nevent: webhook.test\ndata: " + testEvent + "\n\n", false},
		"data without an event": {"data: {}\n\n", false},
		"what is not JSON":      {"event: gap\ndata: {\n\n", false},
	} {
		for _, size := range []int{1, 7, 1 << 16} {
			in := io.NopCloser(strings.NewReader(begin + c.stream))
			got, err := readBy(&checkedStream{ReadCloser: in, events: e}, size)
			if (err == nil) != c.ok || c.ok && got != begin+c.stream || !strings.HasPrefix(begin+c.stream, got) {
				t.Errorf("%s, by %d: %q, %v", name, size, got, err)
			}
		}
	}
}

// readBy reads to the end, some bytes at a time.
func readBy(r io.Reader, size int) (string, error) {
	var all []byte
	p := make([]byte, size)
	for {
		n, err := r.Read(p)
		all = append(all, p[:n]...)
		if errors.Is(err, io.EOF) {
			return string(all), nil
		}
		if err != nil {
			return string(all), err
		}
	}
}

// A document without what is checked is none.
func TestEventsDocumentsThatAreNotWhole(t *testing.T) {
	text, err := os.ReadFile(EventsDocument())
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string][2]string{
		"another version":      {"asyncapi: 3.0.0", "asyncapi: 2.6.0"},
		"another address":      {"address: 'inlet.v1.file.stored.{tenant}'", "address: 'inlet.v1.file.kept.{tenant}'"},
		"no channel":           {", webhook_test: {$ref: '#/components/messages/webhook_test'}}", "}"},
		"another message":      {"messages: {stored: {$ref: '#/components/messages/stored'}}", "messages: {stored: {$ref: '#/components/messages/failed'}}"},
		"no server":            {"    servers: [{$ref: '#/servers/api'}]\n", ""},
		"a schema that is not": {"{$ref: '#/components/schemas/TestEvent'}", "{$ref: '#/components/schemas/Nothing'}"},
	} {
		bad := bytes.Replace(text, []byte(edit[0]), []byte(edit[1]), 1)
		if bytes.Equal(bad, text) {
			t.Errorf("%s: the document does not have %s", name, edit[0])
		}
		path := filepath.Join(t.TempDir(), "asyncapi.yaml")
		if err := os.WriteFile(path, bad, 0o600); err != nil { //nolint:gosec // in the test's folder
			t.Fatal(err)
		}
		if _, err := LoadEvents(path); err == nil {
			t.Errorf("%s: nothing is found", name)
		}
	}
}
