package dialects

import (
	"net/http"
	"testing"

	"github.com/inlethq/inlet/test/samples"
)

// nativeMatrix is of a file in the tag team. Tags have no registry: the alien's upload and list are of his own tenant's tag of that name. from-url names
// what nobody may fetch: who has the right to upload is told so.
var nativeMatrix = matrix{
	table: `
           nobody expired alien outsider guest member uploader admin owner bot1 bot2 read write rw
upload     401    401     201   403      403   201    201      201   201   403  403  403  201   201
upload-all 401    401     201   403      403   403    403      403   403   403  403  403  201   201
from-url   401    401     400   403      403   400    400      400   400   403  403  403  400   400
list       401    401     200   403      403   200    200      200   200   403  403  200  403   200
list-all   401    401     200   403      403   403    403      403   403   403  403  200  403   200
get        401    401     404   403      403   200    200      200   200   403  403  200  403   200
download   401    401     404   403      403   200    200      200   200   403  403  200  403   200
head       401    401     404   403      403   200    200      200   200   403  403  200  403   200
thumbnail  401    401     404   403      403   200    200      200   200   403  403  200  403   200
timeline   401    401     404   403      403   200    200      200   200   403  403  200  403   200
sign       401    401     404   403      403   200    200      200   200   403  403  200  403   200
patch      401    401     404   403      403   200    200      200   200   403  403  403  200   200
delete     401    401     404   403      403   403    200      200   200   403  403  403  200   200`,
	uploader: map[string]string{"tag/" + teamTag: "member"},
	upload: func(t *testing.T, e *env, authorization string) Response {
		return nativeUpload(t, e, authorization, "/v1/tags/"+teamTag+"/files")
	},
	routes: map[string]route{
		"upload": func(t *testing.T, e *env, authorization string, _ stored) int {
			return nativeUpload(t, e, authorization, "/v1/tags/"+teamTag+"/files").Status
		},
		"upload-all": func(t *testing.T, e *env, authorization string, _ stored) int {
			return nativeUpload(t, e, authorization, "/v1/files").Status
		},
		"from-url": func(t *testing.T, e *env, authorization string, _ stored) int {
			return e.JSON(t, "/v1/tags/"+teamTag+"/files/from-url", auth(authorization), `{"url": "file:///etc/passwd"}`).Status
		},
		"list":      plain(http.MethodGet, "/v1/tags/"+teamTag+"/files"),
		"list-all":  plain(http.MethodGet, "/v1/files"),
		"get":       plain(http.MethodGet, "/v1/files/file_{id}"),
		"download":  plain(http.MethodGet, "/v1/files/{number}/download"),
		"head":      plain(http.MethodHead, "/v1/files/{id}/download"),
		"thumbnail": plain(http.MethodGet, "/v1/files/{id}/thumbnail"),
		"timeline":  plain(http.MethodGet, "/v1/files/{id}/timeline"),
		"sign":      plain(http.MethodPost, "/v1/files/{id}/sign"),
		"patch": func(t *testing.T, e *env, authorization string, f stored) int {
			return e.Do(t, http.MethodPatch, "/v1/files/"+f.ID, auth(authorization, "Content-Type", "application/json"), []byte(`{"description": "changed"}`)).Status
		},
		"delete": plain(http.MethodDelete, "/v1/files/{id}"),
	},
}

func nativeUpload(t *testing.T, e *env, authorization, path string) Response {
	t.Helper()
	return e.Send(t, path, auth(authorization), newForm().File("file", samples.PNG(32, 24, 1)))
}
