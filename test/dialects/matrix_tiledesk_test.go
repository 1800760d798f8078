package dialects

import (
	"net/http"
	"testing"

	"github.com/inlethq/inlet/test/samples"
)

// tiledeskMatrix is of a chat file in project1. A project that the caller does not belong to is 403 whether there is one or not, as the vendor has it;
// without a project, what is another tenant's is not there. Bots pass every upload of their own project by what they are.
var tiledeskMatrix = matrix{
	table: `
                    nobody expired alien outsider guest member uploader agent admin owner second bot1 bot2 read write rw
chat                401    401     403   403      201   201    201      201   201   201   403    201  403  403  201   201
assets              401    401     403   403      403   403    403      403   201   201   403    201  403  403  201   201
avatar              401    401     403   403      403   403    403      201   201   201   403    201  403  403  -     -
avatar-of-bot1      401    401     403   403      403   403    403      403   201   201   403    -    403  403  201   201
read                401    401     404   403      403   200    200      200   200   200   403    200  403  200  403   200
head                401    401     404   403      403   200    200      200   200   200   403    200  403  200  403   200
download            401    401     404   403      403   200    200      200   200   200   403    200  403  200  403   200
read-in-project     401    401     403   403      403   200    200      200   200   200   403    200  403  200  403   200
download-in-project 401    401     403   403      403   200    200      200   200   200   403    200  403  200  403   200
delete              401    401     404   403      403   403    200      403   200   200   403    403  403  403  200   200
delete-in-project   401    401     403   403      403   403    200      403   200   200   403    403  403  403  200   200`,
	uploader: map[string]string{"project/" + project1: "member"},
	upload: func(t *testing.T, e *env, authorization string) Response {
		t.Helper()
		return e.Send(t, "/v3/"+project1+"/files/chat", auth(authorization), newForm().File("file", samples.Text(120, 1)))
	},
	routes: map[string]route{
		"chat":                tiledeskUpload("chat"),
		"assets":              tiledeskUpload("assets"),
		"avatar":              tiledeskUpload("users/photo"),
		"avatar-of-bot1":      tiledeskUpload("users/photo?bot_id=bot1"),
		"read":                plain(http.MethodGet, "/v3/files?path={path}"),
		"head":                plain(http.MethodHead, "/v3/files?path={path}"),
		"download":            plain(http.MethodGet, "/v3/files/download?path={path}"),
		"read-in-project":     plain(http.MethodGet, "/v3/"+project1+"/files?path={path}"),
		"download-in-project": plain(http.MethodGet, "/v3/"+project1+"/files/download?path={path}"),
		"delete":              plain(http.MethodDelete, "/v3/files?path={path}"),
		"delete-in-project":   plain(http.MethodDelete, "/v3/"+project1+"/files?path={path}"),
	},
}

func tiledeskUpload(to string) route {
	return func(t *testing.T, e *env, authorization string, _ stored) int {
		t.Helper()
		return e.Send(t, "/v3/"+project1+"/files/"+to, auth(authorization), newForm().File("file", samples.PNG(32, 24, 1))).Status
	}
}
