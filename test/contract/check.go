package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// exchange is a request and its answer. body is nil for one that is not looked at.
type exchange struct {
	request  *http.Request
	response *http.Response
	body     []byte
}

// plumbing are headers of HTTP itself, which no document lists.
var plumbing = []string{"Allow", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Date", "Keep-Alive", "Transfer-Encoding", "Vary"}

// pages are paths that belong to people and no API.
var pages = []string{"/docs", "/assets/"}

// strangers are query parameters that tests send to see them ignored.
var strangers = []string{"foo", "utm_source"}

// check compares an exchange with the document of its API. A request that was refused is not looked at: it may be wrong on purpose.
func (d *Documents) check(x exchange) error {
	route, params, err := d.find(x.request)
	refusedRoute := x.response.StatusCode == http.StatusNotFound || x.response.StatusCode == http.StatusMethodNotAllowed
	switch path := x.request.URL.Path; {
	case path == "/" || slices.ContainsFunc(pages, func(p string) bool { return strings.HasPrefix(path, p) }):
		return nil
	case err != nil && refusedRoute:
		return nil
	case err != nil:
		return err
	case route.Operation == nil && refusedRoute:
		return nil
	case route.Operation == nil:
		return errors.New("the document has no such method")
	}
	input := &openapi3filter.RequestValidationInput{
		Request: x.request.Clone(x.request.Context()), PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true},
	}
	if x.response.StatusCode < http.StatusBadRequest {
		if err := x.checkRequest(input); err != nil {
			return fmt.Errorf("the request was taken, but %w", err)
		}
	}
	return x.checkResponse(input)
}

// checkRequest looks at the parameters and a JSON body.
func (x exchange) checkRequest(input *openapi3filter.RequestValidationInput) error {
	for name := range x.request.URL.Query() {
		if !hasParameter(input.Route, name) && !slices.Contains(strangers, name) {
			return fmt.Errorf("the document has no parameter %q", name)
		}
	}
	input.Request.Body = http.NoBody
	input.Options.ExcludeRequestBody = true
	if b := input.Route.Operation.RequestBody; b != nil && b.Value.Content["application/json"] != nil && x.request.GetBody != nil {
		body, err := x.request.GetBody()
		if err != nil {
			return err
		}
		input.Request.Body, input.Options.ExcludeRequestBody = body, false
		input.Request.Header.Set("Content-Type", "application/json") // the API asks for none
	}
	return openapi3filter.ValidateRequest(context.Background(), input)
}

func hasParameter(r *routers.Route, name string) bool {
	return r.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) != nil ||
		r.PathItem.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) != nil
}

// checkResponse looks at the status, the headers, the media type and a body of JSON or text.
func (x exchange) checkResponse(input *openapi3filter.RequestValidationInput) error {
	documented := input.Route.Operation.Responses.Status(x.response.StatusCode)
	if documented == nil {
		return errors.New("the document has no such status")
	}
	for name := range x.response.Header {
		if !slices.Contains(plumbing, name) && !hasHeader(documented.Value, name) {
			return fmt.Errorf("the document has no header %s in this answer", name)
		}
	}
	mediaType, _, err := mime.ParseMediaType(x.response.Header.Get("Content-Type"))
	if err != nil && len(x.body) > 0 {
		return fmt.Errorf("the answer's media type: %w", err)
	}
	bare := x.request.Method == http.MethodHead || x.response.StatusCode == http.StatusNotModified || x.response.ContentLength == 0
	if !bare && documented.Value.Content.Get(mediaType) == nil {
		return fmt.Errorf("the document has no %q in this answer", mediaType)
	}
	exact := documented.Value.Content[mediaType] != nil
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: x.response.StatusCode, Header: x.response.Header, Body: io.NopCloser(bytes.NewReader(x.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, ExcludeResponseBody: bare || !exact || x.body == nil},
	})
}

func hasHeader(r *openapi3.Response, name string) bool {
	for documented := range r.Headers {
		if http.CanonicalHeaderKey(documented) == name {
			return true
		}
	}
	return false
}
