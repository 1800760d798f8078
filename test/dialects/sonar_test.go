package dialects

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/event"
	"github.com/inlethq/inlet/test/harness"
	"github.com/inlethq/inlet/test/samples"
)

// sonarRows are the rows of Sonar's checklist. An entity that a row links files to has the number of one of them for an id: nobody else's has.
var sonarRows = []row{
	{"SO-01", sonarUpload},
	{"SO-02", sonarSeveral},
	{"SO-03", sonarOutcomes},
	{"SO-04", sonarToken},
	{"SO-10", sonarLink},
	{"SO-11", sonarMeaning},
	{"SO-12", sonarTypes},
	{"SO-20", sonarQuery},
	{"SO-21", sonarShape},
	{"SO-30", sonarDownload},
	{"SO-31", sonarNames},
}

// soFile is a file in the answer to an upload.
type soFile struct {
	ID             *int64  `json:"id"`
	Filename       string  `json:"filename"`
	Stored         bool    `json:"stored"`
	FailureMessage *string `json:"failure_message"`
}

// number is the id in decimal, as GraphQL has it.
func (f soFile) number(t *testing.T) string {
	t.Helper()
	if f.ID == nil {
		t.Fatalf("%s was not stored: %s", f.Filename, *f.FailureMessage)
	}
	return strconv.FormatInt(*f.ID, 10)
}

// soUpload sends samples in one form, as files[].
func soUpload(t *testing.T, e *env, who string, all ...samples.Sample) []soFile {
	t.Helper()
	form := newForm()
	for _, s := range all {
		form.File("files[]", s)
	}
	var body struct{ Files []soFile }
	e.Send(t, "/api/files", auth(who), form).Want(t, http.StatusOK).Decode(t, &body)
	if len(body.Files) != len(all) {
		t.Fatalf("%d files were sent, and the answer has %+v", len(all), body.Files)
	}
	return body.Files
}

// soStored uploads one sample and returns its number.
func soStored(t *testing.T, e *env, who string, s samples.Sample) string {
	t.Helper()
	return soUpload(t, e, who, s)[0].number(t)
}

// soCode is the code of an answer's first error; empty when there is none.
func soCode(t *testing.T, r Response) string {
	t.Helper()
	var body struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	r.Want(t, http.StatusOK).Decode(t, &body)
	if len(body.Errors) == 0 {
		return ""
	}
	if body.Errors[0].Message == "" || body.Errors[0].Extensions.Code == "" {
		t.Errorf("an error without a message or a code: %s", r.excerpt())
	}
	return body.Errors[0].Extensions.Code
}

// soFiles are the ids and names of the files of an entity.
func soFiles(t *testing.T, e *env, who, entity string) [][2]string {
	t.Helper()
	var body struct {
		Data struct {
			Files struct {
				Entities []struct{ ID, Filename string }
			}
		}
	}
	r := e.graphQL(t, who, `{ files(`+entity+`) { entities { id filename } } }`)
	if code := soCode(t, r); code != "" {
		t.Fatalf("files of %s: %s", entity, r.excerpt())
	}
	r.Decode(t, &body)
	var all [][2]string
	for _, f := range body.Data.Files.Entities {
		all = append(all, [2]string{f.ID, f.Filename})
	}
	return all
}

// sonarUpload runs the page's own command.
func sonarUpload(t *testing.T, e *env) {
	curlSonar(t, e)
	s := samples.PDF("A bill.")
	for _, field := range []string{"files[]", "files", "files[0]"} {
		e.Send(t, "/api/files", auth(e.Key("rw")), newForm().Field("note", "x").File(field, s)).Want(t, http.StatusOK).FileID(t)
	}
	for name, form := range map[string]*form{
		"no file":       newForm().Field("files[]", "x"),
		"another field": newForm().File("file", s),
	} {
		t.Run(name, func(t *testing.T) {
			e.Send(t, "/api/files", auth(e.Key("rw")), form).Want(t, http.StatusBadRequest)
		})
	}
	e.JSON(t, "/api/files", auth(e.Key("rw")), "{}").Want(t, http.StatusBadRequest)
	if r := e.Get(t, "/api/files", auth(e.Key("rw"))).Want(t, http.StatusMethodNotAllowed); r.Header.Get("Allow") != http.MethodPost {
		t.Errorf("Allow: %q", r.Header.Get("Allow"))
	}
}

func sonarSeveral(t *testing.T, e *env) {
	who := e.Key("rw")
	mine := unique()
	text := func(i int) samples.Sample { return named(samples.Text(200+i, 1), fmt.Sprintf("%s %d.txt", mine, i)) }
	ten := make([]samples.Sample, 10)
	for i := range ten {
		ten[i] = text(i)
	}
	got := soUpload(t, e, who, ten...)
	var ids []string
	for i, f := range got {
		if f.Filename != ten[i].Name {
			t.Errorf("file %d is %q", i, f.Filename)
		}
		ids = append(ids, f.number(t))
	}
	entity := "fileable_type: Job, fileable_id: " + ids[0]
	if code := soCode(t, e.graphQL(t, who, `mutation { linkFileToEntity(input: {`+entity+`, files: [`+strings.Join(ids, ",")+`]}) { id } }`)); code != "" {
		t.Errorf("linking all: %s", code)
	}
	if all := soFiles(t, e, who, entity); len(all) != 10 || all[9] != [2]string{ids[9], ten[9].Name} {
		t.Errorf("linked are %v", all)
	}

	small := e.Key("small-sonar")
	form := newForm()
	for i := range 11 {
		form.File("files[]", text(i))
	}
	r := e.Send(t, "/api/files", auth(small), form).Want(t, http.StatusBadRequest)
	if !strings.Contains(string(r.Body), `"TOO_MANY_FILES"`) {
		t.Errorf("eleven files: %s", r.excerpt())
	}
	cut := newForm().File("files[]", text(1)).File("files[]", text(2))
	whole := cut.Bytes()
	for _, body := range [][]byte{whole[:len(whole)-4], whole[:len(whole)-200]} {
		e.Do(t, http.MethodPost, "/api/files", auth(small, "Content-Type", cut.Type()), body).Want(t, http.StatusBadRequest)
	}
	page, err := e.As(keyText("small-sonar")).List(t.Context(), "", map[string][]string{"state": {"pending,ready,rejected,failed"}, "limit": {"100"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range page.Files {
		if strings.HasPrefix(f.OriginalName, mine) {
			t.Errorf("a refused form has left %s", f.OriginalName)
		}
	}
}

// sonarOutcomes sends a good file between those that are refused, each for a reason of its own. The tenant has room for two large ones.
func sonarOutcomes(t *testing.T, e *env) {
	large := func(name string, size int) samples.Sample { return named(samples.Text(size, 3), name) }
	sent := []samples.Sample{
		named(samples.PDF("A bill."), "myFile.pdf"),
		{Name: "setup.exe", Type: "application/x-msdownload", Data: []byte("MZ\x90\x00")},
		{Name: "empty.txt", Type: samples.TypeText},
		samples.HTMLAsJPEG(),
		samples.BinaryText(), // found out by the verdict only
		large("too large.txt", smallFile+1),
		large("first.txt", 190_000),
		large("second.txt", 190_000),
		large("third.txt", 190_000),
		named(samples.Text(100, 4), "last.txt"),
	}
	stored := []string{"myFile.pdf", "first.txt", "second.txt", "last.txt"}
	for i, f := range soUpload(t, e, e.Key("small-sonar"), sent...) {
		want := slices.Contains(stored, f.Filename)
		if f.Filename != sent[i].Name || f.Stored != want || (f.ID != nil) != want || (f.FailureMessage == nil) != want {
			t.Errorf("%s: %+v", sent[i].Name, f)
		}
		if !want && (f.FailureMessage == nil || *f.FailureMessage == "") {
			t.Errorf("%s was refused without a word", f.Filename)
		}
	}
}

func sonarToken(t *testing.T, e *env) {
	s := samples.PDF("A bill.")
	number := soStored(t, e, e.Key("rw"), s)
	ask := func(who string) []Response {
		return []Response{
			e.Send(t, "/api/files", auth(who), newForm().File("files[]", s)),
			e.Get(t, "/api/files/"+number, auth(who)),
			e.graphQL(t, who, `{ file(id: `+number+`) { id } }`),
		}
	}
	for name, who := range map[string]string{"none": "", "unknown": "Bearer eyJhbGciOiJub25lIn0.e30.", "expired": e.Token(claims{Sub: "root", Life: -1})} {
		for _, r := range ask(who) {
			r.Want(t, http.StatusUnauthorized)
			if !json.Valid(r.Body) || r.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: %s, %q", name, r.excerpt(), r.Header)
			}
		}
	}
	for _, who := range []string{e.Token(claims{Sub: "root"}), e.Token(claims{Sub: unique(), Roles: map[string]string{"tenant/acme": "member"}}), e.Key("rw"), e.Basic("root")} {
		for _, r := range ask(who) {
			r.Want(t, http.StatusOK)
		}
	}
	refused := ask(e.Token(claims{Sub: "outsider"}))
	refused[0].Want(t, http.StatusForbidden).WantBody(t, `{"error":{"code":"FORBIDDEN","message":"you do not have permission to do this"}}`)
	refused[1].Want(t, http.StatusForbidden)
	if code := soCode(t, refused[2]); code != "FORBIDDEN" {
		t.Errorf("file: %s", refused[2].excerpt())
	}
}

// soMutation is the page's mutation. Its braces have lost what E5 of the vendor's other pages gives back.
const soMutation = `mutation {
linkFileToEntity (input:{
files:{file_id:FILE} fileable_type:Account fileable_id:ACCOUNT
}) {
id
}
}`

func sonarLink(t *testing.T, e *env) {
	who := e.Key("rw")
	number := soStored(t, e, who, samples.PDF("A bill."))
	mutation := strings.NewReplacer("FILE", number, "ACCOUNT", number).Replace(soMutation)
	for range 2 { // the second changes nothing: a client may repeat what it got no answer to
		e.graphQL(t, who, mutation).Want(t, http.StatusOK).WantBody(t, `{"data":{"linkFileToEntity":{"id":"`+number+`"}}}`)
	}
	elsewhere := strings.Replace(mutation, "Account", "Company", 1)
	if code := soCode(t, e.graphQL(t, who, elsewhere)); code != "ALREADY_ASSOCIATED" {
		t.Errorf("a file that is linked already: %q", code)
	}
	unlink := `mutation { unlinkFileFromEntity(input: {fileable_type: Account, fileable_id: ` + number + `, file_id: ` + number + `}) { id fileable_type } }`
	e.graphQL(t, who, unlink).Want(t, http.StatusOK).WantBody(t, `{"data":{"unlinkFileFromEntity":{"id":"`+number+`","fileable_type":null}}}`)
	if code := soCode(t, e.graphQL(t, who, elsewhere)); code != "" {
		t.Errorf("after the link was ended: %q", code)
	}
	for name, c := range map[string]struct{ who, file, code string }{
		"unknown file":     {who, "61", "NOT_FOUND"},
		"another tenant's": {e.Key("globex"), number, "NOT_FOUND"},
		"no right":         {e.Key("read"), number, "FORBIDDEN"},
	} {
		m := strings.NewReplacer("FILE", c.file, "ACCOUNT", "1").Replace(soMutation)
		if code := soCode(t, e.graphQL(t, c.who, m)); code != c.code {
			t.Errorf("%s: %q, want %q", name, code, c.code)
		}
	}
}

// sonarMeaning follows a link to whom it concerns: the files of the entity, the record under every door, and the subscribers.
func sonarMeaning(t *testing.T, e *env) {
	who := e.Token(claims{Sub: "root"})
	r := e.Send(t, "/api/files", auth(who), newForm().File("files[]", samples.PNG(60, 40, 1))).Want(t, http.StatusOK)
	id := r.FileID(t)
	var body struct{ Files []soFile }
	r.Decode(t, &body)
	number := body.Files[0].number(t)
	account := number
	variables := `{"input":{"fileable_type":"Account","fileable_id":"` + account + `","files":[{"file_id":` + number + `,"description":"The roof","primary_image":true}]}}`
	linked := e.JSON(t, "/api/graphql", auth(who), `{"query":"mutation ($input: LinkFileToEntityMutationInput!) { linkFileToEntity(input: $input) { sonar_unique_id description primary_image fileable_type fileable_id mime_type user_id } }","variables":`+variables+`}`)
	var answer struct {
		Data struct {
			File struct {
				UserID string `json:"user_id"`
			} `json:"linkFileToEntity"`
		}
	}
	linked.Decode(t, &answer)
	linked.WantBody(t, `{"data":{"linkFileToEntity":{"sonar_unique_id":"`+id+`","description":"The roof","primary_image":true,"fileable_type":"Account","fileable_id":"`+account+`","mime_type":"image/png","user_id":"`+answer.Data.File.UserID+`"}}}`)
	if n, err := strconv.Atoi(answer.Data.File.UserID); err != nil || n < 1 {
		t.Errorf("user_id %q", answer.Data.File.UserID)
	}
	if all := soFiles(t, e, who, "fileable_type: Account, fileable_id: "+account); len(all) != 1 || all[0][0] != number {
		t.Errorf("the account has %v", all)
	}
	if all := soFiles(t, e, who, "fileable_type: Address, fileable_id: "+account); len(all) != 0 {
		t.Errorf("the address of the same id has %v", all)
	}
	native := e.Get(t, "/v1/files/"+id, auth(e.Key("rw"))).Want(t, http.StatusOK)
	if !bytes.Contains(native.Body, []byte(`"links":[{"type":"Account","id":"`+account+`"}]`)) {
		t.Errorf("the native API says %s", native.excerpt())
	}
	if _, err := e.Events.Wait(harness.Context(t), id, event.Stored, event.Linked); err != nil {
		t.Error(err)
	}
}

// soTypes are the vendor's, with those whose files the system itself makes.
const (
	soTypes = `Account AchBatch Address CallLog Company DepositSlip EmailMessageContent HandwrittenSignature InventoryItem InventoryModel InvoiceAttachment
Job MassEmail NetworkSite PrintedInvoiceBatch PurchaseOrder Ticket TicketComment TicketReply TowercoverageSubmission Vendor`
	soReadOnlyTypes = `CallDataRecordImport CallDetailRecordImport FccForm477Report SystemBackup TestReadOnlyFileModel VoiceProviderRateImport`
)

func sonarTypes(t *testing.T, e *env) {
	who := e.Key("rw")
	types, readOnly := strings.Fields(soTypes), strings.Fields(soReadOnlyTypes)
	if len(types)+len(readOnly) != 27 {
		t.Fatalf("%d types", len(types)+len(readOnly))
	}
	number := soStored(t, e, who, samples.PDF("A bill."))
	for _, kind := range append(types, readOnly...) {
		entity := `fileable_type: ` + kind + `, fileable_id: ` + number
		want, linked := "", 1
		if slices.Contains(readOnly, kind) {
			want, linked = "INVALID_REQUEST", 0
		}
		if code := soCode(t, e.graphQL(t, who, `mutation { linkFileToEntity(input: {`+entity+`, files: `+number+`}) { id } }`)); code != want {
			t.Errorf("%s: %q, want %q", kind, code, want)
		}
		if all := soFiles(t, e, who, entity); len(all) != linked {
			t.Errorf("%s has %v", kind, all)
		}
		if linked == 1 {
			e.graphQL(t, who, `mutation { unlinkFileFromEntity(input: {`+entity+`, file_id: `+number+`}) { id } }`)
		}
	}
	for _, kind := range []string{"Invoice", "account", `"Account"`} {
		if code := soCode(t, e.graphQL(t, who, `{ files(fileable_type: `+kind+`, fileable_id: 1) { entities { id } } }`)); code != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("%s: %q", kind, code)
		}
	}
}

// soQuery is the page's, and soAnswer what it says comes of it. The ids are ours.
const (
	soQuery  = `{ files (fileable_type:TicketReply fileable_id:49) { entities { id filename } } }`
	soAnswer = `{"data":{"files":{"entities":[{"id":"418","filename":"Wireless Landlord form.pdf"}]}}}`
)

// soReply links the page's file to a ticket reply, and returns the file's number and the page's query and answer with it.
func soReply(t *testing.T, e *env) (number, query, answer string) {
	t.Helper()
	number = soStored(t, e, e.Key("rw"), named(samples.PDF("A form."), "Wireless Landlord form.pdf"))
	reply := number
	if code := soCode(t, e.graphQL(t, e.Key("rw"), `mutation { linkFileToEntity(input: {fileable_type: TicketReply, fileable_id: `+reply+`, files: `+number+`}) { id } }`)); code != "" {
		t.Fatal(code)
	}
	return number, strings.Replace(soQuery, "49", reply, 1), strings.Replace(soAnswer, "418", number, 1)
}

func sonarQuery(t *testing.T, e *env) {
	number, query, answer := soReply(t, e)
	e.graphQL(t, e.Key("rw"), query).Want(t, http.StatusOK).WantBody(t, answer)
	reply := number
	for _, other := range []string{
		`query files($type: FileableType, $id: Int64Bit) { files(fileable_type: $type, fileable_id: $id) { entities { id filename } } }`,
		`query files($type: FileableType!, $id: Int64Bit!) { files(fileable_type: $type, fileable_id: $id, paginator: {page: 1, records_per_page: 100}) { entities { ...f } } } fragment f on File { id filename }`,
	} {
		for _, id := range []string{reply, strconv.Quote(reply)} {
			body, err := json.Marshal(map[string]any{"query": other, "variables": map[string]any{"type": "TicketReply", "id": json.RawMessage(id)}})
			if err != nil {
				t.Fatal(err)
			}
			e.JSON(t, "/api/graphql", auth(e.Key("rw")), string(body)).Want(t, http.StatusOK).WantBody(t, answer)
		}
	}
	empty := strings.Replace(soAnswer, `{"id":"418","filename":"Wireless Landlord form.pdf"}`, "", 1)
	for name, who := range map[string]string{"another tenant": e.Key("globex"), "no right to the file": e.Token(claims{Sub: "outsider"})} {
		if r := e.graphQL(t, who, query); string(r.Body) != empty {
			t.Errorf("%s sees %s", name, r.excerpt())
		}
	}
	for _, r := range []Response{
		e.Get(t, "/api/graphql?query=%7B__typename%7D", auth(e.Key("rw"))).Want(t, http.StatusMethodNotAllowed),
		e.JSON(t, "/api/graphql", auth(e.Key("rw")), `[{"query":"{ __typename }"}]`).Want(t, http.StatusBadRequest),
		e.JSON(t, "/api/graphql", auth(e.Key("rw")), `{"query":"{ __typename }`+strings.Repeat(" ", 64<<10)+`"}`).Want(t, http.StatusBadRequest),
	} {
		if !strings.HasPrefix(string(r.Body), `{"errors":[{"message":"`) {
			t.Errorf("%s: %s", r.request, r.excerpt())
		}
	}
}

func sonarShape(t *testing.T, e *env) {
	number, query, answer := soReply(t, e)
	r := e.graphQL(t, e.Key("rw"), query).WantBody(t, answer)
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		t.Errorf("Content-Type %q", r.Header.Get("Content-Type"))
	}
	all := `id sonar_unique_id created_at updated_at _version description file_size_in_bytes fileable_id fileable_type filename mime_type primary_image user_id`
	var body struct {
		Data struct {
			File map[string]any
		}
	}
	r = e.graphQL(t, e.Key("rw"), `{ file(id: `+number+`) { `+all+` } }`).Want(t, http.StatusOK)
	r.Decode(t, &body)
	f := body.Data.File
	if len(f) != 13 || f["id"] != number || f["fileable_id"] != number || f["fileable_type"] != "TicketReply" || f["mime_type"] != samples.TypePDF ||
		f["file_size_in_bytes"] != strconv.Itoa(len(samples.PDF("A form.").Data)) || f["primary_image"] != false || f["description"] != nil {
		t.Errorf("the file is %s", r.excerpt())
	}
}

func sonarDownload(t *testing.T, e *env) {
	s := samples.PNG(320, 240, 5)
	r := e.Send(t, "/api/files", auth(e.Key("rw")), newForm().File("files[]", s)).Want(t, http.StatusOK)
	id := r.FileID(t)
	var body struct{ Files []soFile }
	r.Decode(t, &body)
	number := body.Files[0].number(t)
	for _, ref := range []string{number, id, "file_" + id} {
		got := e.Get(t, "/api/files/"+ref, auth(e.Key("read"), "Accept", "*/*")).Want(t, http.StatusOK)
		if !bytes.Equal(got.Body, s.Data) || got.Header.Get("Content-Type") != samples.TypePNG || got.FileID(t) != id {
			t.Errorf("%s: %d bytes, %v", ref, len(got.Body), got.Header)
		}
	}
	part := e.Get(t, "/api/files/"+number, auth(e.Key("read"), "Range", "bytes=1-3")).Want(t, http.StatusPartialContent)
	if !bytes.Equal(part.Body, s.Data[1:4]) {
		t.Errorf("a range: %q", part.Body)
	}
	if head := e.Do(t, http.MethodHead, "/api/files/"+number, auth(e.Key("read")), nil).Want(t, http.StatusOK); head.Header.Get("Content-Length") != strconv.Itoa(len(s.Data)) {
		t.Errorf("HEAD: %v", head.Header)
	}
	for _, c := range []struct {
		who, ref string
		status   int
		code     string
	}{
		{"", number, http.StatusUnauthorized, "UNAUTHENTICATED"},
		{e.Key("write"), number, http.StatusForbidden, "FORBIDDEN"},
		{e.Key("globex"), number, http.StatusNotFound, "NOT_FOUND"},
		{e.Key("rw"), "61", http.StatusNotFound, "NOT_FOUND"},
		{e.Key("rw"), "..%2Fx", http.StatusNotFound, "NOT_FOUND"},
	} {
		r := e.Get(t, "/api/files/"+c.ref, auth(c.who)).Want(t, c.status)
		if !strings.HasPrefix(string(r.Body), `{"error":{"code":"`+c.code+`","message":"`) {
			t.Errorf("%s: %s", c.ref, r.excerpt())
		}
	}
}

func sonarNames(t *testing.T, e *env) {
	for _, name := range []string{"Wireless Landlord form.pdf", "Übersicht & Preise.pdf", `say "hi".pdf`, "100% sure.pdf", "a;b=c.pdf", "日本 語.pdf"} {
		t.Run(name, func(t *testing.T) {
			got := soUpload(t, e, e.Key("rw"), named(samples.PDF("A form."), name))[0]
			r := e.Get(t, "/api/files/"+got.number(t), auth(e.Key("rw"))).Want(t, http.StatusOK)
			kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Disposition"))
			if err != nil || kind != "attachment" || params["filename"] != name || got.Filename != name {
				t.Errorf("%q, %s: %v", got.Filename, r.Header.Get("Content-Disposition"), err)
			}
			var body struct {
				Data struct{ File struct{ Filename string } }
			}
			e.graphQL(t, e.Key("rw"), `{ file(id: `+got.number(t)+`) { filename } }`).Decode(t, &body)
			if body.Data.File.Filename != name {
				t.Errorf("GraphQL says %q", body.Data.File.Filename)
			}
		})
	}
}
