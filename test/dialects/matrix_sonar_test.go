package dialects

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/inlethq/inlet/test/samples"
)

// sonarMatrix is of a file of the tenant's, as in Desk. The answers of GraphQL count by the code of their error.
var sonarMatrix = matrix{
	table: `
          nobody expired alien outsider guest member staff uploader manager root bot1 read write rw
upload    401    401     200   403      403   403    200   200      200     200  403  403  200   200
download  401    401     404   403      403   403    200   200      200     200  403  200  403   200
head      401    401     404   403      403   403    200   200      200     200  403  200  403   200
link      401    401     404   403      403   403    200   200      200     200  403  403  200   200
file      401    401     404   403      403   403    200   200      200     200  403  200  403   200`,
	uploader: map[string]string{"tenant/acme": "member"},
	upload: func(t *testing.T, e *env, authorization string) Response {
		t.Helper()
		return sonarDoor.upload(t, e, auth(authorization), acmePlace, samples.Text(120, 1))
	},
	routes: map[string]route{
		"upload": func(t *testing.T, e *env, authorization string, _ stored) int {
			return sonarDoor.upload(t, e, auth(authorization), acmePlace, samples.Text(120, 1)).Status
		},
		"download": plain(http.MethodGet, "/api/files/{number}"),
		"head":     plain(http.MethodHead, "/api/files/{number}"),
		"link":     sonarAsk(`mutation { linkFileToEntity(input: {files: {file_id: {number}} fileable_type: Ticket fileable_id: {number}}) { id } }`),
		"file":     sonarAsk(`{ file(id: {number}) { id filename } }`),
	},
}

// sonarAsk sends a GraphQL document about a file.
func sonarAsk(document string) route {
	return func(t *testing.T, e *env, authorization string, f stored) int {
		t.Helper()
		return graphQLStatus(t, e.graphQL(t, authorization, f.in(document)))
	}
}

// graphQLStatus is the status that an answer would have if GraphQL had any.
func graphQLStatus(t *testing.T, r Response) int {
	t.Helper()
	if r.Status != http.StatusOK {
		return r.Status
	}
	var body struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		t.Fatalf("%s: %v", r.excerpt(), err)
	}
	if body.Errors == nil {
		return http.StatusOK
	}
	switch body.Errors[0].Extensions.Code {
	case "NOT_FOUND":
		return http.StatusNotFound
	case "FORBIDDEN":
		return http.StatusForbidden
	}
	t.Errorf("an error that nobody expects: %s", r.excerpt())
	return http.StatusInternalServerError
}
