package sonar

import (
	"context"
	"fmt"
	"strconv"

	"github.com/99designs/gqlgen/complexity"
	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/inlethq/inlet/services/ingest/internal/dialect/sonar/graph"
)

// Bounds of one document. They hold before it is validated, because some rules take time that grows with the square of its size.
const (
	maxTokens     = 2000 // a hundred files to link have 1,100
	maxName       = 64   // bytes; the library looks for names like an unknown one
	maxDepth      = 8
	maxAliases    = 20
	maxSelections = 200 // with fragments written out wherever they are spread
)

// Bounds of one operation.
const (
	maxComplexity  = 5000 // two full pages of files with all fields have 3,800
	linkComplexity = 10   // of a file to link, where a field to read has 1
)

// codeTooComplex is the code of a request beyond these limits.
const codeTooComplex = "COMPLEXITY_LIMIT_EXCEEDED"

// limits is the extension of gqlgen that refuses what would take too long.
type limits struct{ schema graphql.ExecutableSchema }

var (
	_ graphql.HandlerExtension          = (*limits)(nil)
	_ graphql.OperationParameterMutator = (*limits)(nil)
	_ graphql.OperationContextMutator   = (*limits)(nil)
)

// ExtensionName implements graphql.HandlerExtension.
func (*limits) ExtensionName() string { return "Limits" }

// Validate implements graphql.HandlerExtension.
func (l *limits) Validate(schema graphql.ExecutableSchema) error {
	l.schema = schema
	return nil
}

// MutateOperationParameters implements graphql.OperationParameterMutator: it looks at the document before it is validated. What is not
// well-formed passes, for the parser to say so.
func (*limits) MutateOperationParameters(_ context.Context, params *graphql.RawParams) *gqlerror.Error {
	if err := checkTokens(params.Query); err != nil {
		return err
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: params.Query})
	if err != nil {
		return nil
	}
	return checkDocument(doc)
}

// MutateOperationContext implements graphql.OperationContextMutator: it looks at the valid operation.
func (l *limits) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if complexity.Calculate(l.schema, op.Operation, op.Variables) > maxComplexity {
		return tooComplex("The operation is too complex: ask for less at a time")
	}
	return nil
}

// checkTokens bounds a document by its tokens. Numbers that do not fit 64 bits end here: the library has no error for them.
func checkTokens(query string) *gqlerror.Error {
	tokens := lexer.New(&ast.Source{Input: query})
	for n := 0; ; n++ {
		token, err := tokens.ReadToken()
		if err != nil || token.Kind == lexer.EOF {
			return nil
		}
		switch {
		case n == maxTokens:
			return tooComplex(fmt.Sprintf("The document has more than %d tokens", maxTokens))
		case token.Kind == lexer.Name && len(token.Value) > maxName:
			return tooComplex(fmt.Sprintf("A name has more than %d characters", maxName))
		case token.Kind == lexer.Int:
			_, err = strconv.ParseInt(token.Value, 10, 64)
		case token.Kind == lexer.Float:
			_, err = strconv.ParseFloat(token.Value, 64)
		}
		if err != nil {
			return refuse(errcode.ValidationFailed, "A number is out of range")
		}
	}
}

// checkDocument bounds a document by its form. Fragments that nothing spreads count like the others: they are validated too.
func checkDocument(doc *ast.QueryDocument) *gqlerror.Error {
	m := measure{fragments: doc.Fragments}
	for _, op := range doc.Operations {
		for _, v := range op.VariableDefinitions {
			if v.Type.Elem != nil && v.Type.Elem.Elem != nil { // the library cannot take null for an inner list
				return refuse(errcode.ValidationFailed, "No variable is a list of lists")
			}
		}
		m.aliases = 0
		if err := m.walk(op.SelectionSet, 1); err != nil {
			return err
		}
	}
	for _, f := range doc.Fragments {
		m.aliases = 0
		if err := m.walk(f.SelectionSet, 1); err != nil {
			return err
		}
	}
	return nil
}

// measure counts what a document selects.
type measure struct {
	fragments  ast.FragmentDefinitionList
	selections int // of the document
	aliases    int // of the operation or fragment
}

// walk follows spreads as if the fragments stood there. One that leads back to itself ends at maxSelections.
func (m *measure) walk(set ast.SelectionSet, depth int) *gqlerror.Error {
	for _, selection := range set {
		if m.selections++; m.selections > maxSelections {
			return tooComplex(fmt.Sprintf("The document selects more than %d fields", maxSelections))
		}
		var err *gqlerror.Error
		switch s := selection.(type) {
		case *ast.Field:
			err = m.field(s, depth)
		case *ast.InlineFragment:
			err = m.walk(s.SelectionSet, depth)
		case *ast.FragmentSpread:
			if f := m.fragments.ForName(s.Name); f != nil {
				err = m.walk(f.SelectionSet, depth)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *measure) field(f *ast.Field, depth int) *gqlerror.Error {
	if f.Name == "__schema" || f.Name == "__type" {
		return refuse(codeInvalid, "There is no introspection: the schema is in the documentation")
	}
	if depth > maxDepth {
		return tooComplex(fmt.Sprintf("The document is more than %d fields deep", maxDepth))
	}
	if f.Alias != f.Name {
		m.aliases++
	}
	if m.aliases > maxAliases {
		return tooComplex(fmt.Sprintf("The operation has more than %d aliases", maxAliases))
	}
	return m.walk(f.SelectionSet, depth+1)
}

// complexities weigh fields by the records that they read or write.
func complexities() graph.ComplexityRoot {
	var c graph.ComplexityRoot
	c.Query.Files = func(child int, _ *graph.FileableType, _ *graph.Int64Bit, p *graph.Paginator) int {
		size := defaultPage
		if p != nil {
			size = min(max(p.RecordsPerPage, 1), maxPage)
		}
		return 1 + size*child
	}
	c.Mutation.LinkFileToEntity = func(child int, input graph.LinkFileToEntityMutationInput) int {
		return 1 + linkComplexity*len(input.Files) + child
	}
	return c
}

func tooComplex(text string) *gqlerror.Error { return refuse(codeTooComplex, text) }

func refuse(code, text string) *gqlerror.Error {
	return &gqlerror.Error{Message: text, Extensions: map[string]any{"code": code}}
}
