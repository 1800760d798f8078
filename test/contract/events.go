package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/peers"
)

// Events are the messages of the AsyncAPI document. They may be used by many goroutines.
type Events struct {
	messages map[string]message // by their keys in the document
	types    map[string]string  // keys by the type of the event
}

// message is what the document says of one.
type message struct {
	payload, headers *openapi3.Schema
}

// The messages that are not one fact each.
const (
	frameMessage    = "streamed"
	gapMessage      = "gap"
	deliveryMessage = "delivered"
	testMessage     = "webhook_test"
)

// EventsDocument is where the AsyncAPI document is.
func EventsDocument() string {
	return filepath.Join(peers.Root(), "services", "ingest", "docs", "asyncapi.yaml")
}

// asyncAPI is as much of an AsyncAPI 3 document as is checked.
type asyncAPI struct {
	AsyncAPI string `yaml:"asyncapi"`
	Channels map[string]struct {
		Address  string
		Servers  []reference
		Messages map[string]reference
	}
	Components struct {
		Messages map[string]struct {
			Name             string
			Headers, Payload any
		}
		Schemas map[string]any
	}
}

type reference struct {
	Ref string `yaml:"$ref"`
}

// onNATS is the server of the channels that carry one fact each.
const onNATS = "#/servers/nats"

// LoadEvents reads an AsyncAPI document. Each of its channels on NATS carries the message of its name, and has that message's type for an address; each
// message is carried by a channel.
func LoadEvents(path string) (*Events, error) {
	text, err := os.ReadFile(path) //nolint:gosec // a document of the repository, or of a test
	if err != nil {
		return nil, err
	}
	var doc asyncAPI
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	if doc.AsyncAPI != "3.0.0" {
		return nil, fmt.Errorf("the document is of AsyncAPI %q", doc.AsyncAPI)
	}
	carried := map[string]bool{}
	for name, c := range doc.Channels {
		for key, m := range c.Messages {
			if m.Ref != "#/components/messages/"+key {
				return nil, fmt.Errorf("the channel %s calls %s %s", name, m.Ref, key)
			}
			carried[key] = true
		}
		if len(c.Servers) != 1 {
			return nil, fmt.Errorf("the channel %s is on %d servers", name, len(c.Servers))
		}
		if m, ok := doc.Components.Messages[name]; c.Servers[0].Ref == onNATS && (!ok || !carried[name] || c.Address != m.Name+".{tenant}") {
			return nil, fmt.Errorf("the channel %s (%s) has not the message of its name", name, c.Address)
		}
	}
	for key := range doc.Components.Messages {
		if !carried[key] {
			return nil, fmt.Errorf("no channel carries the message %s", key)
		}
	}
	return doc.compile()
}

// compile reads payloads and headers as schemas of OpenAPI 3.1: both are JSON Schema 2020-12.
func (doc *asyncAPI) compile() (*Events, error) {
	schemas := doc.Components.Schemas
	for key, m := range doc.Components.Messages {
		schemas["payload."+key], schemas["headers."+key] = m.Payload, m.Headers
	}
	text, err := yaml.Marshal(map[string]any{
		"openapi": "3.1.0", "info": map[string]any{"title": "events", "version": "1"}, "paths": map[string]any{},
		"components": map[string]any{"schemas": schemas},
	})
	if err != nil {
		return nil, err
	}
	loaded, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	e := &Events{messages: map[string]message{}, types: map[string]string{}}
	for key, m := range doc.Components.Messages {
		e.messages[key] = message{loaded.Components.Schemas["payload."+key].Value, loaded.Components.Schemas["headers."+key].Value}
		if strings.HasPrefix(m.Name, event.Prefix) {
			e.types[m.Name] = key
		}
	}
	for _, key := range []string{frameMessage, gapMessage, deliveryMessage, testMessage} {
		if e.messages[key].payload == nil {
			return nil, fmt.Errorf("the document has no message %s", key)
		}
	}
	return e, nil
}

// Types lists the types of events that the document has, in no order.
func (e *Events) Types() []string { return slices.Collect(maps.Keys(e.types)) }

// Check returns nil for an event that happens to a file, in structured JSON, that the document describes.
func (e *Events) Check(event []byte) error {
	_, err := e.checkFact(event)
	return err
}

func (e *Events) checkFact(event []byte) (key string, err error) {
	key, err = e.check(event)
	if err == nil && key == testMessage {
		err = fmt.Errorf("contract: %s is for webhooks alone", key)
	}
	return key, err
}

// CheckMessage returns nil for a message on NATS that the document describes: such an event, and its headers, the case of whose names counts there.
func (e *Events) CheckMessage(header map[string][]string, body []byte) error {
	key, err := e.checkFact(body)
	if err != nil {
		return err
	}
	found := map[string]any{}
	for name, values := range header {
		found[name] = strings.Join(values, ", ")
	}
	if err := valid(e.messages[key].headers, found); err != nil {
		return fmt.Errorf("contract: the headers on NATS: %w", err)
	}
	return nil
}

// check returns the key of the message that an event is.
func (e *Events) check(event []byte) (string, error) {
	var v map[string]any
	if err := json.Unmarshal(event, &v); err != nil {
		return "", err
	}
	name, _ := v["type"].(string)
	key, ok := e.types[name]
	if !ok {
		return "", fmt.Errorf("contract: the document has no event %q", name)
	}
	if err := valid(e.messages[key].payload, v); err != nil {
		return "", fmt.Errorf("contract: event %s: %w", name, err)
	}
	return key, nil
}

// valid compares a value, as JSON has it, with a schema.
func valid(s *openapi3.Schema, v any) error {
	return s.VisitJSON(v, openapi3.EnableJSONSchema2020())
}

// sending are headers of HTTP itself, which no document of a webhook lists.
var sending = []string{"Accept-Encoding", "Connection", "Content-Length"}

// CheckDelivery returns nil for a request to a webhook that the document describes: an event, or one to try it with, and the headers.
func (e *Events) CheckDelivery(header http.Header, body []byte) error {
	key, err := e.check(body)
	if err != nil {
		return err
	}
	if key != testMessage {
		key = deliveryMessage
	}
	return e.messages[key].checkHeaders(header)
}

// checkHeaders compares the headers of a request with those of a message, whatever the case of their names.
func (m message) checkHeaders(header http.Header) error {
	found, known := map[string]any{}, slices.Clone(sending)
	for name := range m.headers.Properties {
		if values := header.Values(name); len(values) > 0 {
			found[name] = strings.Join(values, ", ")
		}
		known = append(known, http.CanonicalHeaderKey(name))
	}
	for name := range header {
		if !slices.Contains(known, name) {
			return fmt.Errorf("contract: the document has no header %s for a webhook", name)
		}
	}
	if err := valid(m.headers, found); err != nil {
		return fmt.Errorf("contract: the headers for a webhook: %w", err)
	}
	return nil
}
