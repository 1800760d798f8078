package dialects

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/inlethq/inlet/test/samples"
)

// enzymeMatrix is of a file in general, which is open to all members of the workspace w1. ops is for those alone who have a role on it: the insider.
// A credential that is not accepted is as good as none. What another tenant has is not there.
var enzymeMatrix = matrix{
	table: `
               nobody expired alien outsider guest member uploader supervisor admin owner insider second bot1 read write rw
upload         401    401     404   403      403   200    200      200        200   200   200     403    403  403  200   200
upload-to-ops  401    401     404   403      403   403    403      403        403   403   200     403    403  403  200   200
download       401    401     404   403      403   200    200      200        200   200   200     403    403  200  403   200
head           401    401     404   403      403   200    200      200        200   200   200     403    403  200  403   200
sign           401    401     404   403      403   200    200      200        200   200   200     403    403  200  403   200
sign-many      401    401     404   404      404   200    200      200        200   200   200     404    404  200  404   200
delete         401    401     404   403      403   403    200      403        200   200   403     403    403  403  200   200`,
	uploader: map[string]string{"workspace/w1": "member"},
	upload: func(t *testing.T, e *env, authorization string) Response {
		t.Helper()
		return enzymeUpload(t, e, authorization, "general")
	},
	routes: map[string]route{
		"upload": func(t *testing.T, e *env, authorization string, _ stored) int {
			return enzymeUpload(t, e, authorization, "general").Status
		},
		"upload-to-ops": func(t *testing.T, e *env, authorization string, _ stored) int {
			return enzymeUpload(t, e, authorization, "ops").Status
		},
		"download":  plain(http.MethodGet, "/files/{id}/download"),
		"head":      plain(http.MethodHead, "/api/files/{id}/download"),
		"sign":      plain(http.MethodPost, "/files/{id}/sign-url"),
		"sign-many": enzymeSignMany,
		"delete":    plain(http.MethodPost, "/api/files/{id}/delete"),
	},
}

func enzymeUpload(t *testing.T, e *env, authorization, channel string) Response {
	t.Helper()
	return e.Send(t, "/channels/"+channel+"/files/upload", auth(authorization), newForm().File("file", samples.Text(120, 1)))
}

// enzymeSignMany is 404 for a file that is left out of the answer.
func enzymeSignMany(t *testing.T, e *env, authorization string, f stored) int {
	t.Helper()
	resp := e.JSON(t, "/files/sign-urls", auth(authorization), `{"file_ids": ["`+f.ID+`"]}`)
	if resp.Status == http.StatusOK && !bytes.Contains(resp.Body, []byte(f.ID)) {
		return http.StatusNotFound
	}
	return resp.Status
}
