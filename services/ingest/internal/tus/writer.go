package tus

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

// writer passes tusd's good answers on and keeps its refusals, which the dialect words.
type writer struct {
	http.ResponseWriter
	base    string // of the URL of an upload
	status  int    // of a refusal; 0 while there is none
	refused bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(status int) {
	h := w.Header()
	if status >= http.StatusBadRequest {
		w.status = status
		h.Del("Content-Type")
		h.Del("Content-Length")
		return
	}
	if at := h.Get("Location"); at != "" {
		h.Set("Location", w.base+at[strings.LastIndexByte(at, '/')+1:])
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *writer) Write(p []byte) (int, error) {
	if w.status != 0 {
		return w.refused.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

// SetReadDeadline does nothing: the slowest sender that is put up with is known to the listener.
func (w *writer) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing: tusd's deadline would hold for the finish of a large upload, and for whatever comes next on the connection.
func (w *writer) SetWriteDeadline(time.Time) error { return nil }

// refusal is the refusal that was kept; nil when there was none. tusd writes "ERR_CODE: text".
func (w *writer) refusal() error {
	if w.status == 0 {
		return nil
	}
	code, text, _ := strings.Cut(strings.TrimSpace(w.refused.String()), ": ")
	switch code {
	case handler.ErrUnsupportedVersion.ErrorCode:
		w.Header().Set("Tus-Version", Version)
	case handler.ErrLockTimeout.ErrorCode: // a client is to come again, as for any lock
		w.status, code, text = http.StatusLocked, handler.ErrFileLocked.ErrorCode, handler.ErrFileLocked.Message
	}
	return &Error{w.status, strings.ToLower(strings.TrimPrefix(code, "ERR_")), text}
}
