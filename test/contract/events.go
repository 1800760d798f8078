package contract

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"

	"github.com/inlethq/inlet/test/peers"
)

// Events are the messages of the AsyncAPI document. They may be used by many goroutines.
type Events struct {
	payloads map[string]*openapi3.Schema // by the type of the event
}

// EventsDocument is where the AsyncAPI document is.
func EventsDocument() string {
	return filepath.Join(peers.Root(), "services", "ingest", "docs", "asyncapi.yaml")
}

// asyncAPI is as much of an AsyncAPI 3 document as is checked.
type asyncAPI struct {
	AsyncAPI string `yaml:"asyncapi"`
	Channels map[string]struct {
		Address string
	}
	Components struct {
		Messages map[string]struct {
			Name    string
			Payload any
		}
		Schemas map[string]any
	}
}

// LoadEvents reads an AsyncAPI document. Each of its channels carries the message of its name, and has that message's type for an address.
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
	for name, c := range doc.Channels {
		if m, ok := doc.Components.Messages[name]; !ok || c.Address != m.Name+".{tenant}" {
			return nil, fmt.Errorf("the channel %s (%s) has not the message of its name", name, c.Address)
		}
	}
	return doc.compile()
}

// compile reads the payloads as schemas of OpenAPI 3.1: both are JSON Schema 2020-12.
func (doc *asyncAPI) compile() (*Events, error) {
	schemas := doc.Components.Schemas
	for name, m := range doc.Components.Messages {
		schemas["message."+name] = m.Payload
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
	e := &Events{payloads: map[string]*openapi3.Schema{}}
	for name, m := range doc.Components.Messages {
		e.payloads[m.Name] = loaded.Components.Schemas["message."+name].Value
	}
	return e, nil
}

// Types lists the types of events that the document has, in no order.
func (e *Events) Types() []string {
	var all []string
	for name := range e.payloads {
		all = append(all, name)
	}
	return all
}

// Check returns nil for an event, in structured JSON, that the document describes.
func (e *Events) Check(event []byte) error {
	var v map[string]any
	if err := json.Unmarshal(event, &v); err != nil {
		return err
	}
	name, _ := v["type"].(string)
	payload, ok := e.payloads[name]
	if !ok {
		return fmt.Errorf("contract: the document has no event %q", name)
	}
	if err := payload.VisitJSON(v, openapi3.EnableJSONSchema2020()); err != nil {
		return fmt.Errorf("contract: event %s: %w", name, err)
	}
	return nil
}
