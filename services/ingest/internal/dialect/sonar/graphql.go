package sonar

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/gin-gonic/gin"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/httpserver"
	"github.com/inlethq/inlet/services/ingest/internal/dialect/sonar/graph"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// maxQueryBytes bounds the body of a GraphQL request.
const maxQueryBytes = 64 << 10

// newExecutor makes what runs GraphQL operations.
func newExecutor(d *Dialect) *executor.Executor {
	exec := executor.New(graph.NewExecutableSchema(graph.Config{Resolvers: resolvers{d}, Complexity: complexities()}))
	exec.Use(&limits{})
	exec.SetErrorPresenter(d.present)
	exec.SetRecoverFunc(func(_ context.Context, v any) error {
		return file.Wrap(file.Internal, "sonar.graphql", fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
	})
	exec.AroundFields(func(ctx context.Context, next graphql.Resolver) (any, error) {
		v, err := next(ctx)
		return v, file.Wrap(file.KindOf(err), "sonar.resolve", err) // present tells by it what is ours from what is the library's
	})
	return exec
}

// graphql answers one operation. Only a request that holds none, or comes from nobody, has another status than 200.
func (d *Dialect) graphql(g *gin.Context) {
	params, err := readOperation(g)
	if err != nil {
		d.fail(g, err)
		return
	}
	ctx := context.WithValue(g.Request.Context(), callerKey{}, door.Principal(g))
	g.JSON(http.StatusOK, d.execute(ctx, params))
}

// execute runs an operation. What goes wrong is in the response.
func (d *Dialect) execute(ctx context.Context, params *graphql.RawParams) *graphql.Response {
	ctx = graphql.StartOperationTrace(ctx)
	operation, errs := d.exec.CreateOperationContext(ctx, params)
	if errs != nil {
		return d.exec.DispatchError(graphql.WithOperationContext(ctx, operation), errs)
	}
	respond, ctx := d.exec.DispatchOperation(ctx, operation)
	return respond(ctx)
}

// readOperation reads a request of the form {"query", "operationName", "variables"}, and no batch of them.
func readOperation(g *gin.Context) (*graphql.RawParams, error) {
	mediaType, _, err := mime.ParseMediaType(g.GetHeader("Content-Type"))
	if err != nil || mediaType != "application/json" || g.GetHeader("Content-Encoding") != "" {
		return nil, &file.Error{Kind: file.TypeRefused, Op: "sonar.graphql", Code: codeInvalid, Public: "Content-Type must be application/json, without a Content-Encoding"}
	}
	httpserver.SlowBody(g.Writer, g.Request)
	text, err := io.ReadAll(http.MaxBytesReader(g.Writer, g.Request.Body, maxQueryBytes))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, file.Errorf(file.Invalid, "sonar.graphql", "The request is larger than %d bytes", maxQueryBytes)
		}
		return nil, file.Wrap(file.Cancelled, "sonar.graphql", err)
	}
	return parseOperation(text)
}

func parseOperation(text []byte) (*graphql.RawParams, error) {
	var body struct {
		Query         string    `json:"query"`
		OperationName string    `json:"operationName"`
		Variables     variables `json:"variables"`
	}
	if err := json.Unmarshal(text, &body); err != nil {
		return nil, &file.Error{Kind: file.Invalid, Op: "sonar.graphql", Public: "The body must be one JSON object with query, operationName and variables", Err: err}
	}
	if body.Query == "" {
		return nil, file.Errorf(file.Invalid, "sonar.graphql", "The body has no query")
	}
	return &graphql.RawParams{Query: body.Query, OperationName: body.OperationName, Variables: body.Variables}, nil
}

// variables are an operation's. Numbers keep their digits.
type variables map[string]any

// UnmarshalJSON takes an empty list for no variables: PHP writes an empty array so.
func (v *variables) UnmarshalJSON(text []byte) error {
	var list []any
	if json.Unmarshal(text, &list) == nil && len(list) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode((*map[string]any)(v))
}

// present makes of an error what the answer says of it. The codes of requests that are not well-formed GraphQL are gqlgen's.
func (d *Dialect) present(ctx context.Context, err error) *gqlerror.Error {
	shown := graphql.DefaultErrorPresenter(ctx, err)
	var ours *file.Error
	switch {
	case errors.As(err, &ours):
		a := d.explain(ctx, err)
		shown.Message, shown.Extensions = a.text, map[string]any{"code": a.code}
	case shown.Extensions["code"] == nil: // of an argument that does not fit
		shown.Extensions = map[string]any{"code": codeInvalid}
	}
	return shown
}

type callerKey struct{}

// caller is who has sent the operation that ctx belongs to.
func caller(ctx context.Context) access.Principal {
	p, _ := ctx.Value(callerKey{}).(access.Principal)
	return p
}
