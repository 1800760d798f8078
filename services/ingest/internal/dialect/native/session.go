package native

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/access"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// maxSignInBytes bounds the body of a sign-in.
const maxSignInBytes = 16 << 10

// mountSession mounts what whoever has no credential yet, or has one that ended, must reach.
func (d *Dialect) mountSession(r gin.IRouter) {
	r.POST("/v1/session", d.checkOrigin, d.signIn)
	r.DELETE("/v1/session", d.checkOrigin, d.signOut)
}

// checkOrigin keeps pages of other origins from signing a browser in, or out. They have no cookie of ours for that, and need none.
func (d *Dialect) checkOrigin(g *gin.Context) {
	if err := d.CheckOrigin(g.Request); err != nil {
		d.fail(g, err)
	}
}

// signIn gives a browser a cookie for an API key, or for an e-mail address and its password.
func (d *Dialect) signIn(g *gin.Context) {
	in, err := readSignIn(http.MaxBytesReader(g.Writer, g.Request.Body, maxSignInBytes))
	if err != nil {
		d.fail(g, err)
		return
	}
	in.RemoteAddr = g.Request.RemoteAddr
	p, credential, err := d.Auth.SignIn(g.Request.Context(), in)
	if err != nil {
		d.fail(g, err)
		return
	}
	p = d.OpenSession(g.Writer, g.Request, p, credential)
	g.Header("Cache-Control", "no-store")
	g.JSON(http.StatusCreated, dataBody{Success: true, Data: d.me(p)})
}

// signOut takes the cookie away, whether or not it was good for anything.
func (d *Dialect) signOut(g *gin.Context) {
	d.CloseSession(g.Writer, g.Request)
	g.Status(http.StatusNoContent)
}

// readSignIn reads the body of a sign-in.
func readSignIn(r io.Reader) (access.SignIn, error) {
	var body struct {
		APIKey   string `json:"api_key"`
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&body)
	switch {
	case err == nil && decoder.More():
		err = errors.New("more than one JSON value")
	case err == nil && body.APIKey == "" && (body.Email == "" || body.Password == ""), err == nil && body.APIKey != "" && body.Email+body.Password != "":
		err = errors.New("not one way to sign in")
	}
	if err != nil { // the cause may quote a secret, and so goes nowhere
		return access.SignIn{}, file.Errorf(file.Invalid, "native.session", "The body must be a JSON object with api_key, or with email and password")
	}
	return access.SignIn{APIKey: body.APIKey, Email: body.Email, Password: body.Password}, nil
}

// credentials tells who a request comes from: by its headers, or else by a signed URL, or else by the browser's cookie. The cookie comes last
// because a browser sends it unasked.
func (d *Dialect) credentials(g *gin.Context) (access.Principal, error) {
	p, err := d.Authenticate(g.Request)
	switch {
	case !errors.Is(err, access.ErrNoCredentials):
		return p, err
	case hasSignedURL(g):
		return d.authenticateURL(g)
	}
	p, err = d.Session(g.Request)
	g.Set(sessionKey, err == nil)
	return p, err
}

// sessionKey marks requests that come with a session in gin's context.
const sessionKey = "native.session"

// sessionShare is how many times the plan's rate a browser gets, which asks for a picture with each line of a page. It counts apart from API keys.
const sessionShare = 20

// authenticate lets known callers through.
func (d *Dialect) authenticate(g *gin.Context) {
	p, err := d.credentials(g)
	if err != nil {
		d.fail(g, err)
		return
	}
	door.Identify(g, p)
}
