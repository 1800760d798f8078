// Package graph is the schema of Sonar's GraphQL API as far as it is about files, with its scalars and what gqlgen makes of it.
//
// It resolves nothing: package sonar does.
package graph

//go:generate go tool gqlgen generate

import (
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/inlethq/inlet/pkg/file"
)

var (
	_ graphql.Marshaler   = Int64Bit(0)
	_ graphql.Unmarshaler = (*Int64Bit)(nil)
	_ graphql.Marshaler   = Datetime{}
	_ graphql.Unmarshaler = (*Datetime)(nil)
	_ graphql.Unmarshaler = (*AssociateFile)(nil)
)

// Int64Bit is a number that clients without 64-bit integers read exactly: it is written as a string.
type Int64Bit int64

// MarshalGQL implements graphql.Marshaler.
func (n Int64Bit) MarshalGQL(w io.Writer) {
	_, _ = io.WriteString(w, strconv.Quote(strconv.FormatInt(int64(n), 10))) // an answer in the making cannot fail
}

// UnmarshalGQL reads a whole number, or a string of its digits.
func (n *Int64Bit) UnmarshalGQL(v any) error {
	var text string
	switch v := v.(type) {
	case int64: // a literal
		*n = Int64Bit(v)
		return nil
	case json.Number: // of a variable
		text = v.String()
	case string:
		text = v
	}
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil || text[0] == '+' {
		return file.Errorf(file.Invalid, "graph.int64bit", "An Int64Bit is a whole number of 64 bits, bare or as a string")
	}
	*n = Int64Bit(i)
	return nil
}

// Datetime is a time as answers show it.
type Datetime time.Time

// MarshalGQL implements graphql.Marshaler.
func (t Datetime) MarshalGQL(w io.Writer) {
	_, _ = io.WriteString(w, time.Time(t).UTC().Format(`"2006-01-02T15:04:05Z"`)) // an answer in the making cannot fail
}

// UnmarshalGQL reads RFC 3339.
func (t *Datetime) UnmarshalGQL(v any) error {
	text, _ := v.(string)
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return file.Errorf(file.Invalid, "graph.datetime", "A Datetime is a text in the form of RFC 3339")
	}
	*t = Datetime(parsed)
	return nil
}

// AssociateFile is a file to link. What is nil stays as it is.
type AssociateFile struct {
	FileID       Int64Bit
	Description  *string
	PrimaryImage *bool
}

// UnmarshalGQL reads an object, or the bare id that some clients send.
func (f *AssociateFile) UnmarshalGQL(v any) error {
	members, isObject := v.(map[string]any)
	if !isObject {
		return f.FileID.UnmarshalGQL(v)
	}
	id, ok := members["file_id"]
	if !ok {
		return file.Errorf(file.Invalid, "graph.associate_file", "A file to link needs its file_id")
	}
	if err := f.FileID.UnmarshalGQL(id); err != nil {
		return err
	}
	for name := range members {
		if !slices.Contains([]string{"file_id", "description", "primary_image"}, name) {
			return file.Errorf(file.Invalid, "graph.associate_file", "A file to link has no member %.64q", name)
		}
	}
	var err error
	if f.Description, err = optional[string](members, "description"); err != nil {
		return err
	}
	f.PrimaryImage, err = optional[bool](members, "primary_image")
	return err
}

// MarshalGQL implements graphql.Marshaler, which gqlgen wants of every scalar. No answer has one.
func (f AssociateFile) MarshalGQL(w io.Writer) { f.FileID.MarshalGQL(w) }

// optional reads a member that may be missing or null.
func optional[T any](members map[string]any, name string) (*T, error) {
	v := members[name]
	if v == nil {
		return nil, nil
	}
	value, ok := v.(T)
	if !ok {
		return nil, file.Errorf(file.Invalid, "graph.associate_file", "%s is of another type", name)
	}
	return &value, nil
}
