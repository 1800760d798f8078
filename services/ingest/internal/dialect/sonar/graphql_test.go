package sonar

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
)

func TestSeedDocuments(t *testing.T) {
	b := newBench(t, nil)
	id := b.stored()
	link := `mutation {
linkFileToEntity (input:{
fileable_type: TicketReply fileable_id: 49 files:{file_id: ` + id + `}
}) {
id
}
}`
	if got := b.query(link, "").Body.String(); got != `{"data":{"linkFileToEntity":{"id":"`+id+`"}}}` {
		t.Errorf("link: %s", got)
	}
	const files = `{ files (fileable_type:TicketReply fileable_id:49) { entities { id filename } } }`
	if got := b.query(files, "").Body.String(); got != `{"data":{"files":{"entities":[{"id":"`+id+`","filename":"a.txt"}]}}}` {
		t.Errorf("files: %s", got)
	}
}

// TestFormsOfFiles sends the files to link in each form that clients have.
func TestFormsOfFiles(t *testing.T) {
	const document = `mutation ($input: LinkFileToEntityMutationInput!) { linkFileToEntity(input: $input) { id description primary_image } }`
	b := newBench(t, nil)
	for name, c := range map[string]struct{ document, variables string }{
		"object":               {`mutation { linkFileToEntity(input: {fileable_type: Account, fileable_id: 1, files: {file_id: ID}}) { id } }`, ""},
		"list":                 {`mutation { linkFileToEntity(input: {fileable_type: Account, fileable_id: "1", files: [{file_id: "ID"}]}) { id } }`, ""},
		"bare":                 {`mutation { linkFileToEntity(input: {fileable_type: Account, fileable_id: 1, files: ID}) { id } }`, ""},
		"bare list":            {`mutation { linkFileToEntity(input: {fileable_type: Account, fileable_id: 1, files: [ID, "ID"]}) { id } }`, ""},
		"variable inside":      {`mutation ($id: Int64Bit!) { linkFileToEntity(input: {fileable_type: Account, fileable_id: 1, files: [{file_id: $id}]}) { id } }`, `{"id":ID}`},
		"variable, object":     {document, `{"input":{"fileable_type":"Account","fileable_id":1,"files":{"file_id":ID,"description":null}}}`},
		"variable, list":       {document, `{"input":{"fileable_type":"Account","fileable_id":"1","files":[{"file_id":"ID"}]}}`},
		"variable, bare":       {document, `{"input":{"fileable_type":"Account","fileable_id":1,"files":ID}}`},
		"variable, bare text":  {document, `{"input":{"fileable_type":"Account","fileable_id":1,"files":"ID"}}`},
		"variable, bare list":  {document, `{"input":{"fileable_type":"Account","fileable_id":1,"files":["ID",ID]}}`},
		"variable of the list": {`mutation ($f: [AssociateFileMutationInput!]!) { linkFileToEntity(input: {fileable_type: Account, fileable_id: 1, files: $f}) { id } }`, `{"f":[{"file_id":ID}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			id := b.stored()
			w := b.query(strings.ReplaceAll(c.document, "ID", id), strings.ReplaceAll(c.variables, "ID", id))
			if w.Code != http.StatusOK || code(t, w) != "" || !strings.Contains(w.Body.String(), `"id":"`+id+`"`) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

func TestLinkAndWhatItRefuses(t *testing.T) {
	b := newBench(t, nil)
	taken, free := b.stored(), b.stored()
	link := func(entity, files string) *httptest.ResponseRecorder {
		return b.query(`mutation { linkFileToEntity(input: {`+entity+`, files: `+files+`}) { id fileable_type fileable_id description primary_image } }`, "")
	}
	const account = "fileable_type: Account, fileable_id: 1"
	w := link(account, `{file_id: `+taken+`, description: "Bill", primary_image: true}`)
	want := `{"data":{"linkFileToEntity":{"id":"` + taken + `","fileable_type":"Account","fileable_id":"1","description":"Bill","primary_image":true}}}`
	if w.Body.String() != want {
		t.Errorf("link: %s", w.Body)
	}
	if got := link(account, taken).Body.String(); got != want {
		t.Errorf("the same link again: %s", got)
	}
	for name, c := range map[string]struct{ entity, files, code string }{
		"taken":            {"fileable_type: Ticket, fileable_id: 1", taken, "ALREADY_ASSOCIATED"},
		"free, then taken": {"fileable_type: Ticket, fileable_id: 1", "[" + free + ", " + taken + "]", "ALREADY_ASSOCIATED"},
		"unknown file":     {account, "61", "NOT_FOUND"},
		"file 0":           {account, "0", "NOT_FOUND"},
		"negative file":    {account, "-1", "NOT_FOUND"},
		"entity 0":         {"fileable_type: Ticket, fileable_id: 0", free, codeInvalid},
		"no files":         {account, "[]", codeInvalid},
		"101 files":        {account, "[" + strings.Repeat("1 ", 101) + "]", codeInvalid},
		"half a file":      {account, "{description: \"x\"}", codeInvalid},
		"unknown member":   {account, "{file_id: " + free + ", fileId: 1}", codeInvalid},
		"member's type":    {account, "{file_id: " + free + ", description: 7}", codeInvalid},
		"description":      {account, "{file_id: " + free + ", description: \"" + strings.Repeat("x", 5000) + "\"}", codeInvalid},
		"no number":        {account, "\"x\"", codeInvalid},
		"a fraction":       {account, "1.5", codeInvalid},
		"a list in a list": {account, "[[1]]", codeInvalid},
		"null":             {account, "null", "GRAPHQL_VALIDATION_FAILED"},
		"unknown type":     {"fileable_type: Invoice, fileable_id: 1", free, "GRAPHQL_VALIDATION_FAILED"},
		"too large a file": {account, "9223372036854775808", "GRAPHQL_VALIDATION_FAILED"},
		"backup":           {"fileable_type: SystemBackup, fileable_id: 1", free, codeInvalid},
		"test model":       {"fileable_type: TestReadOnlyFileModel, fileable_id: 1", free, codeInvalid},
		"import":           {"fileable_type: CallDataRecordImport, fileable_id: 1", free, codeInvalid},
		"report":           {"fileable_type: FccForm477Report, fileable_id: 1", free, codeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			if w := link(c.entity, c.files); w.Code != http.StatusOK || code(t, w) != c.code {
				t.Errorf("%d %s, want %s", w.Code, w.Body, c.code)
			}
		})
	}
	if w := link(account, free); code(t, w) != "" {
		t.Errorf("the file is not free any more: %s", w.Body)
	}
}

// TestLinksOfOtherAPIs shows a file that another API has linked to something of its own: taken, and linked to nothing that this API knows.
func TestLinksOfOtherAPIs(t *testing.T) {
	b := newBench(t, nil)
	for _, l := range []file.Link{{Type: "ticket", ID: "5"}, {Type: "Ticket", ID: "five"}} {
		id := b.stored()
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Core.Link(t.Context(), "acme", file.ByNumber(n), l, "u1", core.LinkOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := b.query(`{ file(id: `+id+`) { fileable_type fileable_id user_id } }`, "").Body.String(); got != `{"data":{"file":{"fileable_type":null,"fileable_id":null,"user_id":"7"}}}` {
			t.Errorf("%+v: %s", l, got)
		}
		if w := b.query(`mutation { linkFileToEntity(input: {fileable_type: Ticket, fileable_id: 5, files: `+id+`}) { id } }`, ""); code(t, w) != "ALREADY_ASSOCIATED" {
			t.Errorf("%+v: %s", l, w.Body)
		}
	}
}

func TestUnlinkAndUpdate(t *testing.T) {
	b := newBench(t, nil)
	id := b.stored()
	for _, c := range []struct{ document, want string }{
		{`mutation { updateFile(id: ID, input: {description: "A note"}) { description primary_image } }`, `"updateFile":{"description":"A note","primary_image":false}`},
		{`mutation { updateFile(id: ID, input: {primary_image: true}) { id } }`, codeInvalid},
		{`mutation { linkFileToEntity(input: {fileable_type: Job, fileable_id: 5, files: ID}) { description } }`, `"description":"A note"`},
		{`mutation { updateFile(id: ID, input: {primary_image: true}) { description primary_image } }`, `"updateFile":{"description":"A note","primary_image":true}`},
		{`mutation { linkFileToEntity(input: {fileable_type: Job, fileable_id: 5, files: ID}) { primary_image } }`, `"primary_image":true`},
		{`mutation { unlinkFileFromEntity(input: {fileable_type: Job, fileable_id: 6, file_id: ID}) { id } }`, "NOT_FOUND"},
		{`mutation { unlinkFileFromEntity(input: {fileable_type: Job, fileable_id: 5, file_id: ID}) { fileable_type fileable_id } }`, `{"fileable_type":null,"fileable_id":null}`},
		{`mutation { unlinkFileFromEntity(input: {fileable_type: Job, fileable_id: 5, file_id: ID}) { id } }`, "NOT_FOUND"},
		{`mutation { updateFile(id: 61, input: {}) { id } }`, "NOT_FOUND"},
		{`{ file(id: ID) { description fileable_type } }`, `{"description":"A note","fileable_type":null}`},
	} {
		if w := b.query(strings.ReplaceAll(c.document, "ID", id), ""); !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %s, want %s", c.document, w.Body, c.want)
		}
	}
}

func TestPages(t *testing.T) {
	b := newBench(t, nil)
	var ids []string
	for range 5 {
		ids = append(ids, b.stored())
	}
	link := b.query(`mutation { linkFileToEntity(input: {fileable_type: Vendor, fileable_id: 2, files: [`+strings.Join(ids, " ")+`]}) { id } }`, "")
	if code(t, link) != "" {
		t.Fatal(link.Body)
	}
	files := func(paginator string) *httptest.ResponseRecorder {
		return b.query(`{ files(fileable_type: Vendor, fileable_id: 2`+paginator+`) { entities { id } page_info { page records_per_page total_count total_pages } } }`, "")
	}
	entity := func(i int) string { return `{"id":"` + ids[i] + `"}` }
	for paginator, want := range map[string]string{
		"": `[` + entity(0) + `,` + entity(1) + `,` + entity(2) + `,` + entity(3) + `,` + entity(4) + `],"page_info":{"page":1,"records_per_page":20,"total_count":5,"total_pages":1}`,
		", paginator: {page: 2, records_per_page: 2}": `[` + entity(2) + `,` + entity(3) + `],"page_info":{"page":2,"records_per_page":2,"total_count":5,"total_pages":3}`,
		", paginator: {records_per_page: 4, page: 2}": `[` + entity(4) + `],"page_info":{"page":2,"records_per_page":4,"total_count":5,"total_pages":2}`,
		", paginator: {page: 9}":                      `[],"page_info":{"page":9,"records_per_page":20,"total_count":5,"total_pages":1}`,
	} {
		if got := files(paginator).Body.String(); got != `{"data":{"files":{"entities":`+want+`}}}` {
			t.Errorf("%q: %s", paginator, got)
		}
	}
	for _, paginator := range []string{"page: 0", "page: -1", "page: 10001", "records_per_page: 0", "records_per_page: 101", "page: 9223372036854775807"} {
		if w := files(", paginator: {" + paginator + "}"); code(t, w) != codeInvalid && code(t, w) != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("%s: %s", paginator, w.Body)
		}
	}
	for _, document := range []string{`{ files { entities { id } } }`, `{ files(fileable_id: 2) { entities { id } } }`, `{ files(fileable_type: Vendor) { entities { id } } }`} {
		if w := b.query(document, ""); code(t, w) != codeInvalid {
			t.Errorf("%s: %s", document, w.Body)
		}
	}
}

// hostile are documents that must be refused, with the code of the refusal.
var hostile = map[string]struct{ document, code string }{
	"deep":               {strings.Repeat("{a", 9) + strings.Repeat("}", 9), codeTooComplex},
	"very deep":          {strings.Repeat("{a", 900) + strings.Repeat("}", 900), codeTooComplex},
	"deep by fragments":  {`{ ...a } fragment a on Query { a { a { a { a { ...b } } } } } fragment b on Query { a { a { a { a { a } } } } }`, codeTooComplex},
	"inline fragments":   {"{" + strings.Repeat("...{", 300) + "a" + strings.Repeat("}", 301), codeTooComplex},
	"aliases":            {"{" + aliases(21) + "}", codeTooComplex},
	"aliases spread":     {"{ ...f ...f } fragment f on Query {" + aliases(11) + "}", codeTooComplex},
	"same field":         {"{ file(id: 1) {" + strings.Repeat(" id", 1500) + "} }", codeTooComplex},
	"fields":             {"{ file(id: 1) { id " + strings.Repeat("...{id}", 130) + "} }", codeTooComplex},
	"tokens":             {"{ file(id: 1) { id " + strings.Repeat("@skip(if: false)", 400) + "} }", codeTooComplex},
	"cycle":              {`{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }`, codeTooComplex},
	"cycle nobody uses":  {`{ __typename } fragment a on Query { ...a }`, codeTooComplex},
	"doubling":           {doubling(20), codeTooComplex},
	"long name":          {"{ " + strings.Repeat("x", 60_000) + " }", codeTooComplex},
	"long argument":      {"{ file(" + strings.Repeat("x", 60_000) + ": 1) { id } }", codeTooComplex},
	"many pages":         {"{ " + pages(7) + " }", codeTooComplex},
	"many links":         {"mutation { " + links(6) + " }", codeTooComplex},
	"lists of lists":     {"query ($x: [[Int64Bit]]) { __typename }", "GRAPHQL_VALIDATION_FAILED"},
	"unknown field":      {"{ users { password } }", "GRAPHQL_VALIDATION_FAILED"},
	"unknown fragment":   {"{ ...a }", "GRAPHQL_VALIDATION_FAILED"},
	"large number":       {"{ file(id: 99999999999999999999) { id } }", "GRAPHQL_VALIDATION_FAILED"},
	"large float":        {"{ file(id: 1e999) { id } }", "GRAPHQL_VALIDATION_FAILED"},
	"subscription":       {"subscription { file(id: 1) { id } }", "GRAPHQL_VALIDATION_FAILED"},
	"two operations":     {"query a { __typename } query b { __typename }", "GRAPHQL_VALIDATION_FAILED"},
	"nothing":            {" ", "GRAPHQL_VALIDATION_FAILED"},
	"fragment only":      {"fragment a on Query { __typename }", "GRAPHQL_VALIDATION_FAILED"},
	"no GraphQL":         {"SELECT 1", "GRAPHQL_PARSE_FAILED"},
	"unbalanced":         {"{ file(id: 1) { id }", "GRAPHQL_PARSE_FAILED"},
	"unterminated":       {`{ file(id: "1) { id } }`, "GRAPHQL_PARSE_FAILED"},
	"types":              {"type Query { a: Int }", "GRAPHQL_PARSE_FAILED"},
	"introspection":      {"{ __schema { types { name } } }", codeInvalid},
	"introspection, too": {`{ __type(name: "File") { name } }`, codeInvalid},
}

func aliases(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d: __typename", i)
	}
	return b.String()
}

func doubling(n int) string {
	var b strings.Builder
	b.WriteString("{ ...f0 }")
	for i := range n {
		fmt.Fprintf(&b, " fragment f%d on Query { ...f%d ...f%d }", i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment f%d on Query { __typename }", n)
	return b.String()
}

func pages(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " p%d: files(fileable_type: Job, fileable_id: %d, paginator: {records_per_page: 100}) { entities { id filename mime_type description updated_at created_at user_id } }", i, i+1)
	}
	return b.String()
}

func links(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " l%d: linkFileToEntity(input: {fileable_type: Job, fileable_id: %d, files: [%s]}) { id }", i, i+1, strings.Repeat("1 ", 100))
	}
	return b.String()
}

func TestHostileDocuments(t *testing.T) {
	b := newBench(t, nil)
	for name, c := range hostile {
		t.Run(name, func(t *testing.T) {
			w := b.query(c.document, "")
			if w.Code != http.StatusOK || code(t, w) != c.code {
				t.Errorf("%d %.300s, want %s", w.Code, w.Body, c.code)
			}
		})
	}
}

// BenchmarkSlowestDocuments sends what the limits let through and the library takes longest for. None is to take 20 ms.
func BenchmarkSlowestDocuments(b *testing.B) {
	bench := newBench(b, nil)
	name := strings.Repeat("x", maxName-3)
	var unknown, arguments strings.Builder
	for i := range maxSelections - 5 {
		fmt.Fprintf(&unknown, " %s%d", name, i)
	}
	for i := range maxTokens/3 - 10 {
		fmt.Fprintf(&arguments, " %s%d: 1", name, i)
	}
	for what, document := range map[string]string{
		"unknown-fields":    "{ file(id: 1) {" + unknown.String() + "} }",
		"unknown-arguments": "{ file(" + arguments.String() + ") { id } }",
		"the-same-field":    "{ file(id: 1) {" + strings.Repeat(" id", maxSelections-5) + "} }",
		"the-same-objects":  "{" + strings.Repeat(" files(fileable_type: Job fileable_id: 1) { entities { id } }", maxSelections/3) + "}",
		"spreads":           "{ file(id: 1) {" + strings.Repeat(" ...f", maxSelections/2-5) + "} } fragment f on File { id }",
	} {
		b.Run(what, func(b *testing.B) {
			for b.Loop() {
				if w := bench.query(document, ""); w.Code != http.StatusOK || strings.Contains(w.Body.String(), codeTooComplex) {
					b.Fatalf("%d %.300s", w.Code, w.Body)
				}
			}
		})
	}
}

// TestVariables sends variables that the library lets through or stumbles over.
func TestVariables(t *testing.T) {
	b := newBench(t, nil)
	const nested = `mutation ($x: [[Int]]) { linkFileToEntity(input: {fileable_type: Job, fileable_id: 1, files: [{file_id: $x}]}) { id } }`
	const files = `query ($t: FileableType, $p: Paginator) { files(fileable_type: $t, fileable_id: 1, paginator: $p) { entities { id } } }`
	for name, c := range map[string]struct{ document, variables, code string }{
		"null in a list of lists": {nested, `{"x":[null]}`, "GRAPHQL_VALIDATION_FAILED"},
		"another case":            {files, `{"t":"job"}`, codeInvalid},
		"number for an enum":      {files, `{"t":1}`, "GRAPHQL_VALIDATION_FAILED"},
		"page of no number":       {files, `{"t":"Job","p":{"page":"x"}}`, "GRAPHQL_VALIDATION_FAILED"},
		"page beyond any number":  {files, `{"t":"Job","p":{"page":1e400}}`, "GRAPHQL_VALIDATION_FAILED"},
		"no page":                 {files, `{"t":"Job","p":{"page":null}}`, "GRAPHQL_VALIDATION_FAILED"},
		"list for an object":      {files, `{"t":"Job","p":[]}`, "GRAPHQL_VALIDATION_FAILED"},
		"unknown member":          {files, `{"t":"Job","p":{"tenant":"globex"}}`, "GRAPHQL_VALIDATION_FAILED"},
		"good":                    {files, `{"t":"Job","p":{"page":2}}`, ""},
	} {
		if w := b.query(c.document, c.variables); w.Code != http.StatusOK || code(t, w) != c.code {
			t.Errorf("%s: %d %s, want %s", name, w.Code, w.Body, c.code)
		}
	}
}

func TestLargestDocumentsPass(t *testing.T) {
	b := newBench(t, nil)
	for name, document := range map[string]string{
		"aliases": "{" + aliases(20) + "}",
		"pages":   "{ " + pages(6) + " }",
		"fields":  "{ file(id: 1) {" + strings.Repeat(" id", maxSelections-2) + "} }",
		"files":   "mutation { linkFileToEntity(input: {fileable_type: Job fileable_id: 1 files: [" + strings.Repeat(`{file_id: 1 description: "x" primary_image: false} `, 100) + "]}) { id } }",
	} {
		if w := b.query(document, ""); w.Code != http.StatusOK || code(t, w) != "" && code(t, w) != "NOT_FOUND" {
			t.Errorf("%s: %d %.300s", name, w.Code, w.Body)
		}
	}
}

func TestRequestsThatHoldNoOperation(t *testing.T) {
	b := newBench(t, nil)
	const good = `{"query":"{ __typename }"}`
	for name, c := range map[string]struct {
		contentType, body string
		status            int
	}{
		"good":                   {"application/json", good, http.StatusOK},
		"charset":                {"application/json; charset=utf-8", good, http.StatusOK},
		"PHP's empty array":      {"application/json", `{"query":"{ __typename }","variables":[ ]}`, http.StatusOK},
		"null":                   {"application/json", `{"query":"{ __typename }","variables":null,"operationName":null}`, http.StatusOK},
		"list of variables":      {"application/json", `{"query":"{ __typename }","variables":[1]}`, http.StatusBadRequest},
		"text of variables":      {"application/json", `{"query":"{ __typename }","variables":"{}"}`, http.StatusBadRequest},
		"batch":                  {"application/json", "[" + good + "," + good + "]", http.StatusBadRequest},
		"two objects":            {"application/json", good + good, http.StatusBadRequest},
		"no query":               {"application/json", `{}`, http.StatusBadRequest},
		"nothing":                {"application/json", ``, http.StatusBadRequest},
		"no object":              {"application/json", `null`, http.StatusBadRequest},
		"number for a query":     {"application/json", `{"query":1}`, http.StatusBadRequest},
		"cut":                    {"application/json", good[:10], http.StatusBadRequest},
		"too large":              {"application/json", `{"query":"{ __typename }` + strings.Repeat(" ", 64<<10) + `"}`, http.StatusBadRequest},
		"GraphQL by itself":      {"application/graphql", "{ __typename }", http.StatusUnsupportedMediaType},
		"form of a foreign site": {"text/plain", good, http.StatusUnsupportedMediaType},
		"no type":                {"", good, http.StatusUnsupportedMediaType},
	} {
		t.Run(name, func(t *testing.T) {
			w := b.send(http.MethodPost, graphqlPath, c.contentType, strings.NewReader(c.body))
			if w.Code != c.status || (code(t, w) == "") != (c.status == http.StatusOK) {
				t.Errorf("%d %s, want %d", w.Code, w.Body, c.status)
			}
		})
	}
	r := httptest.NewRequest(http.MethodPost, graphqlPath, strings.NewReader(good))
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized || code(t, w) != "UNAUTHENTICATED" || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("nobody: %d %s", w.Code, w.Body)
	}
	if w := b.send(http.MethodGet, graphqlPath+"?query={__typename}", "", nil); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != http.MethodPost {
		t.Errorf("GET: %d %s, Allow %q", w.Code, w.Body, w.Header().Get("Allow"))
	}
}

func FuzzGraphQLBody(f *testing.F) {
	b := newBench(f, nil)
	id := b.stored()
	f.Add([]byte(`{"query":"{ files (fileable_type:TicketReply fileable_id:49) { entities { id filename } } }"}`))
	f.Add([]byte(`{"query":"mutation ($i: LinkFileToEntityMutationInput!) { linkFileToEntity(input: $i) { id } }","variables":{"i":{"fileable_type":"Account","fileable_id":1,"files":[` + id + `,{"file_id":"` + id + `"}]}}}`))
	f.Add([]byte(`{"query":"query a($x:[[Int]]){file(id:1){id @skip(if:$x)}}","operationName":"a","variables":{"x":[null]}}`))
	f.Add([]byte(`{"query":"query ($x: Paginator = {page: 2}) { files(fileable_type: Job, fileable_id: \"1\", paginator: $x) { ...f } } fragment f on FileConnection { page_info { page } }","variables":{"x":{"page":null}}}`))
	f.Add([]byte(`{"query":"mutation { updateFile(id: ` + id + `, input: {description: \"\"\"a\nb\"\"\"}) { description } }"}`))
	for _, c := range hostile {
		if len(c.document) < 4000 {
			f.Add([]byte(`{"query":` + quoted(c.document) + `}`))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b := &bench{Dialect: b.Dialect, Handler: b.Handler, t: t}
		w := b.send(http.MethodPost, graphqlPath, "application/json", strings.NewReader(string(body)))
		switch c := code(t, w); {
		case w.Code != http.StatusOK && w.Code != http.StatusBadRequest, w.Code == http.StatusBadRequest && c == "":
			t.Errorf("%d %s", w.Code, w.Body)
		case c == "INTERNAL_ERROR":
			t.Errorf("a fault of ours: %s", w.Body)
		}
	})
}
