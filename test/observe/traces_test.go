package observe

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/harness/api"
)

// span is one as stdouttrace writes it, as far as it is of interest.
type span struct {
	Name        string
	SpanContext struct{ TraceID, SpanID string }
	Parent      struct{ SpanID string }
	Attributes  []struct {
		Key   string
		Value struct{ Value any }
	}
}

// file is the file that a span is about.
func (s span) file() string {
	for _, a := range s.Attributes {
		if a.Key == "inlet.file" {
			return fmt.Sprint(a.Value.Value)
		}
	}
	return ""
}

// The client's own span.
const (
	clientTrace = "0af7651916cd43dd8448eb211c80319c"
	clientSpan  = "b7ad6b7169203331"
)

// fromUpload is the way from a rendering back to who has sent the picture.
var fromUpload = []string{
	"render", "thumbnail", // thumbnailer
	"publish file.verified", "records.update", "verify", // verifier
	"publish file.stored", "records.create", "upload", "POST /v1/files", // ingest
}

// testTrace follows one upload of a client through all the services: spans of all of them are in the file.
func testTrace(t *testing.T, client *api.Client, path string) {
	// What the client says about sampling is not what counts.
	f := picture(t, client, http.Header{"Traceparent": {"00-" + clientTrace + "-" + clientSpan + "-00"}})
	var way []string
	harness.Eventually(t, harness.Limit, func() error {
		spans, err := read(path)
		if err == nil {
			way, err = follow(spans, f.Bare())
		}
		return err
	})
	if !slices.Equal(way, fromUpload) {
		t.Errorf("got  %q\nwant %q", way, fromUpload)
	}
}

// read returns the spans that were written so far. A line that is not whole yet is none.
func read(path string) ([]span, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var spans []span
	for line := range strings.Lines(string(text)) {
		var s span
		if json.Unmarshal([]byte(line), &s) == nil {
			spans = append(spans, s)
		}
	}
	return spans, nil
}

// follow returns the names of the spans from the rendering of a file up to the client's, all of the client's trace.
func follow(spans []span, file string) ([]string, error) {
	byID := map[string]span{}
	var at span
	for _, s := range spans {
		byID[s.SpanContext.SpanID] = s
		if s.Name == "thumbnail" && s.file() == file {
			at = s
		}
	}
	for _, s := range spans {
		if s.Name == "render" && at.SpanContext.SpanID != "" && s.Parent.SpanID == at.SpanContext.SpanID {
			at = s
		}
	}
	if at.Name != "render" {
		return nil, errors.New("nothing was rendered yet")
	}
	var names []string
	for at.SpanContext.SpanID != "" {
		if at.SpanContext.TraceID != clientTrace {
			return nil, fmt.Errorf("%s is in another trace, after %q", at.Name, names)
		}
		names = append(names, at.Name)
		if at.Parent.SpanID == clientSpan {
			return names, nil
		}
		at = byID[at.Parent.SpanID]
	}
	return nil, fmt.Errorf("a span is missing after %q", names)
}
