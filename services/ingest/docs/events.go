package docs

import (
	"bytes"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// asyncAPI is as much of an AsyncAPI 3 document as its page shows.
type asyncAPI struct {
	Info struct {
		Title, Description string
	}
	Channels yaml.Node // a map, in the order of the document
	// Components has the schema that all messages share.
	Components struct {
		Schemas map[string]schema
	}
}

type channel struct {
	Address, Description string
	Servers              []struct {
		Ref string `yaml:"$ref"`
	}
}

// onNATS reports whether the channel is a subject. The page has no table of the others: there is one of each.
func (c channel) onNATS() bool { return len(c.Servers) == 1 && c.Servers[0].Ref == "#/servers/nats" }

type schema struct {
	Ref         string `yaml:"$ref"`
	Type        string
	Const       string
	Enum        []string
	Description string
	Required    []string
	Properties  yaml.Node // a map, in the order of the document
	Items       *schema
}

// member is one line of the page's tables.
type member struct {
	Name, Type, Description string
	Required                bool
}

// eventsPage makes the page that the events are read on.
func eventsPage(document []byte) ([]byte, error) {
	var doc asyncAPI
	if err := yaml.Unmarshal(document, &doc); err != nil {
		return nil, err
	}
	page, err := template.New("events.html").Funcs(template.FuncMap{"spans": spans}).ParseFS(built, "reader/events.html")
	if err != nil {
		return nil, err
	}
	view := struct {
		Title      string
		Paragraphs []string
		Channels   []channel
		Tables     []table
	}{Title: doc.Info.Title, Paragraphs: strings.Split(strings.TrimSpace(doc.Info.Description), "\n\n")}
	if view.Channels, _, err = ordered[channel](doc.Channels); err != nil {
		return nil, err
	}
	view.Channels = slices.DeleteFunc(view.Channels, func(c channel) bool { return !c.onNATS() })
	for _, t := range []table{
		{Title: "The event", of: "Event"}, {Title: "data.file", of: "File"}, {Title: "data.variant", of: "Variant"},
		{Title: "The fields of a frame of /v1/events, besides data", of: "FrameHeaders"}, {Title: "data of a frame whose event is gap", of: "Gap"},
		{Title: "The headers of a request to a webhook", of: "WebhookHeaders"}, {Title: "The event that a webhook is tried with", of: "TestEvent"},
	} {
		if t.Members, err = members(doc.Components.Schemas[t.of]); err != nil {
			return nil, fmt.Errorf("%s: %w", t.of, err)
		}
		view.Tables = append(view.Tables, t)
	}
	var out bytes.Buffer
	err = page.Execute(&out, view)
	return out.Bytes(), err
}

// span is a piece of a text, in the document's words or in code.
type span struct {
	Code bool
	Text string
}

// spans splits a text at its backticks.
func spans(text string) []span {
	var all []span
	for i, part := range strings.Split(text, "`") {
		if part != "" {
			all = append(all, span{Code: i%2 == 1, Text: part})
		}
	}
	return all
}

// table lists the members of a schema.
type table struct {
	Title   string
	Members []member
	of      string
}

func members(s schema) ([]member, error) {
	properties, names, err := ordered[schema](s.Properties)
	if err != nil {
		return nil, err
	}
	required := map[string]bool{}
	for _, name := range s.Required {
		required[name] = true
	}
	all := make([]member, len(names))
	for i, p := range properties {
		all[i] = member{Name: names[i], Type: p.typeText(), Description: p.text(), Required: required[names[i]]}
	}
	return all, nil
}

// typeText names a type, or the schema that is referred to.
func (s schema) typeText() string {
	switch {
	case s.Ref != "":
		return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	case s.Items != nil:
		return "list of " + s.Items.typeText()
	}
	return s.Type
}

// text is the description, and the values that there are.
func (s schema) text() string {
	switch {
	case s.Const != "":
		return strings.TrimSpace(s.Description + " Always " + s.Const + ".")
	case s.Enum != nil:
		return strings.TrimSpace(s.Description + " One of " + strings.Join(s.Enum, ", ") + ".")
	}
	return s.Description
}

// ordered decodes the values of a map in the order in which they stand.
func ordered[V any](n yaml.Node) (values []V, keys []string, err error) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		var v V
		if err := n.Content[i+1].Decode(&v); err != nil {
			return nil, nil, err
		}
		values, keys = append(values, v), append(keys, n.Content[i].Value)
	}
	return values, keys, nil
}
