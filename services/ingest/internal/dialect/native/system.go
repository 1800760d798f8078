package native

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// deadLimit bounds the read of letters, which the bus hands out one at a time.
const deadLimit = 2 * time.Second

func (d *Dialect) mountSystem(v1 gin.IRouter) {
	system := v1.Group("/system", d.operatorsOnly)
	system.GET("", d.system)
	system.GET("/dead", d.deadLetters)
	system.GET("/dead/:id", d.deadLetter)
	system.POST("/dead/:id/replay", d.replayDead)
	system.DELETE("/dead/:id", d.discardDead)
}

// operatorsOnly keeps out who does not look after the installation: what is below tells of all tenants.
func (d *Dialect) operatorsOnly(g *gin.Context) {
	if !door.Principal(g).Operates() {
		d.fail(g, file.Errorf(file.Forbidden, "native.system", "This is for operators"))
	}
}

// answer gives what no cache shall keep.
func answer(g *gin.Context, status int, body dataBody) {
	body.Success = true
	g.Header("Cache-Control", "no-store")
	g.JSON(status, body)
}

type systemBody struct {
	Version   string             `json:"version"`
	StartedAt string             `json:"started_at"`
	UptimeS   int64              `json:"uptime_s"`
	Dialects  []string           `json:"dialects"`
	Bus       busBody            `json:"bus"`
	Queues    []queueBody        `json:"queues"`
	Outbox    outboxBody         `json:"outbox"`
	Due       map[string]float64 `json:"due"` // seconds
	Dead      deadCount          `json:"dead"`
	Unknown   []string           `json:"unknown,omitempty"` // parts that could not be found out
}

type busBody struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

type queueBody struct {
	Name        string `json:"name"`
	Pending     int    `json:"pending"`
	InFlight    int    `json:"in_flight"`
	Redelivered int    `json:"redelivered"`
	Waiting     int    `json:"waiting"` // requests of workers for more
}

type outboxBody struct {
	OldestAt string  `json:"oldest_at,omitempty"`
	AgeS     float64 `json:"age_s"`
}

type deadCount struct {
	Count int `json:"count"`
}

// system tells how the installation is doing.
func (d *Dialect) system(g *gin.Context) {
	s := d.operate.Status(g.Request.Context())
	b := systemBody{
		Version: d.about.Version, StartedAt: timeText(d.started), UptimeS: int64(time.Since(d.started).Seconds()), Dialects: d.about.Dialects,
		Bus: busBody{OK: s.Bus == nil}, Queues: []queueBody{}, Outbox: outboxBody{OldestAt: timeText(s.OutboxSince), AgeS: roundSeconds(s.Outbox)},
		Due: map[string]float64{}, Dead: deadCount{s.Dead}, Unknown: s.Unknown,
	}
	if s.Bus != nil {
		b.Bus.Error = file.PublicText(s.Bus, answers[file.Unavailable].text)
	}
	for _, q := range s.Queues {
		b.Queues = append(b.Queues, queueBody{q.Name, q.Waiting, q.Held, q.Again, q.Asking})
	}
	for name, age := range s.Due {
		b.Due[string(name)] = roundSeconds(age)
	}
	answer(g, http.StatusOK, dataBody{Data: b})
}

// roundSeconds keeps milliseconds.
func roundSeconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

type letterBody struct {
	ID        string `json:"id"`
	Queue     string `json:"queue"`
	EventType string `json:"event_type,omitempty"` // empty, as the next two, of what was no event
	FileID    string `json:"file_id,omitempty"`
	Tenant    string `json:"tenant,omitempty"`
	Attempts  int    `json:"attempts"`
	Error     string `json:"error"`
	At        string `json:"at"`
}

func letter(l core.Letter) letterBody {
	b := letterBody{
		ID: strconv.FormatUint(l.Sequence, 10), Queue: l.Worker, EventType: string(l.Fact), Tenant: string(l.Tenant),
		Attempts: l.Attempts, Error: l.Reason, At: timeText(l.At),
	}
	if l.File != "" {
		b.FileID = publicID(l.File)
	}
	return b
}

// deadLetters lists what workers have given up, the oldest first.
func (d *Dialect) deadLetters(g *gin.Context) {
	q := g.Request.URL.Query()
	limit, err := number(q, "limit", defaultLimit, 1, maxLimit)
	if err != nil {
		d.fail(g, err)
		return
	}
	var after uint64
	if text := q.Get("cursor"); text != "" {
		n, err := parseCursor(text)
		if err != nil {
			d.fail(g, err)
			return
		}
		after = uint64(n) //nolint:gosec // parseCursor takes positive ones alone
	}
	ctx, cancel := context.WithTimeout(g.Request.Context(), deadLimit)
	defer cancel()
	page, err := d.operate.Letters(ctx, after, limit)
	if err != nil {
		d.fail(g, err)
		return
	}
	list := make([]letterBody, len(page.Letters))
	for i, l := range page.Letters {
		list[i] = letter(l)
	}
	body := dataBody{Data: list, Pagination: &pagination{Total: int64(page.Total), Limit: limit, HasMore: page.More}}
	if page.More {
		body.Pagination.Next = cursor(int64(page.Letters[limit-1].Sequence)) //nolint:gosec // a sequence counts messages
	}
	answer(g, http.StatusOK, body)
}

// letterID reads the path. What is no number is the id of nothing.
func letterID(g *gin.Context) uint64 {
	n, err := strconv.ParseUint(g.Param("id"), 10, 63)
	if err != nil {
		return 0
	}
	return n
}

func (d *Dialect) deadLetter(g *gin.Context) {
	l, err := d.operate.Letter(g.Request.Context(), letterID(g))
	if err != nil {
		d.fail(g, err)
		return
	}
	answer(g, http.StatusOK, dataBody{Data: letter(l)})
}

type replayedBody struct {
	Work string `json:"work,omitempty"` // that begins again; empty when the file waits for none
	Note string `json:"note,omitempty"` // why there is none
}

// replayDead begins the work again that was given up.
func (d *Dialect) replayDead(g *gin.Context) {
	r, err := d.operate.ReplayLetter(g.Request.Context(), letterID(g))
	if err != nil {
		d.fail(g, err)
		return
	}
	b := replayedBody{Work: string(r.Work)}
	switch {
	case r.Gone:
		b.Note = "The file is gone"
	case r.Work == file.WorkNone:
		b.Note = "The file lacks nothing"
	}
	answer(g, http.StatusAccepted, dataBody{Data: b})
}

func (d *Dialect) discardDead(g *gin.Context) {
	if err := d.operate.DiscardLetter(g.Request.Context(), letterID(g)); err != nil {
		d.fail(g, err)
		return
	}
	g.Status(http.StatusNoContent)
}
