package dialects

import (
	"net/http"
	"testing"

	"github.com/inlethq/inlet/test/samples"
)

// deskMatrix is of a file of the tenant's, as Desk knows no smaller place: roles on a project or a workspace give nothing. The alien announces and lists
// files of his own tenant.
var deskMatrix = matrix{
	table: `
          nobody expired alien outsider guest member staff uploader manager root bot1 read write rw
announce  401    401     201   403      403   403    201   201      201     201  403  403  201   201
complete  401    401     404   403      403   403    200   200      200     200  403  403  200   200
get       401    401     404   403      403   403    200   200      200     200  403  200  403   200
list      401    401     200   403      403   403    200   200      200     200  403  200  403   200
download  401    401     404   403      403   403    200   200      200     200  403  200  403   200`,
	uploader: map[string]string{"tenant/acme": "member"},
	upload: func(t *testing.T, e *env, authorization string) Response {
		t.Helper()
		return deskUpload(t, e, auth(authorization), acmePlace, samples.Text(120, 1))
	},
	routes: map[string]route{
		"announce": func(t *testing.T, e *env, authorization string, _ stored) int {
			return e.JSON(t, "/v2/files/ref.json", auth(authorization), `{"type": "attachment", "filename": "a.txt", "mimeType": "text/plain", "disposition": "attachment"}`).Status
		},
		"complete": plain(http.MethodPatch, "/v2/files/{number}.json"),
		"get":      plain(http.MethodGet, "/desk/api/v2/files/{number}.json"),
		"list":     plain(http.MethodGet, "/desk/api/v2/files.json"),
		"download": plain(http.MethodGet, "/desk/api/v2/files/{number}/download"),
	},
}
