package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// System is how the server is. It is for operators.
type System struct {
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
	UptimeS   float64   `json:"uptime_s"`
	Dialects  []string  `json:"dialects"`
	Bus       struct {
		OK    bool   `json:"ok"`
		Error string `json:"error,omitempty"`
	} `json:"bus"`
	Queues []Queue `json:"queues"`
	Outbox struct {
		OldestAt time.Time `json:"oldest_at,omitzero"`
		AgeS     float64   `json:"age_s"`
	} `json:"outbox"`
	Due  map[string]float64 `json:"due"` // what waits, by the kind of work: the age of the oldest in seconds
	Dead struct {
		Count int64 `json:"count"`
	} `json:"dead"`
	Unknown []string `json:"unknown,omitempty"` // the parts that could not be found out
}

// Queue is how far a worker is behind.
type Queue struct {
	Name        string `json:"name"`
	Pending     int64  `json:"pending"`
	InFlight    int64  `json:"in_flight"`
	Redelivered int64  `json:"redelivered"`
	Waiting     int64  `json:"waiting"`
}

// DeadLetter is work that was given up.
type DeadLetter struct {
	ID        string    `json:"id"`
	Queue     string    `json:"queue"`
	EventType string    `json:"event_type"`
	FileID    string    `json:"file_id"`
	Tenant    string    `json:"tenant"`
	Attempts  int       `json:"attempts"`
	Error     string    `json:"error"`
	At        time.Time `json:"at"`
}

const dead = "/v1/system/dead"

func deadPath(id string) string { return dead + "/" + url.PathEscape(id) }

// System reads how the server is.
func (c *Client) System(ctx context.Context) (System, error) {
	return get[System](ctx, c, "/v1/system")
}

// DeadLetters goes through the work that was given up. An error is the last pair.
func (c *Client) DeadLetters(ctx context.Context) iter.Seq2[DeadLetter, error] {
	return pages[DeadLetter](ctx, c, request{method: http.MethodGet, path: dead})
}

// DeadLetter reads one.
func (c *Client) DeadLetter(ctx context.Context, id string) (DeadLetter, error) {
	return get[DeadLetter](ctx, c, deadPath(id))
}

// Replayed is what became of a dead letter that was replayed.
type Replayed struct {
	Work string `json:"work,omitempty"` // that begins again; empty when the file waits for none
	Note string `json:"note,omitempty"` // why there is none
}

// ReplayDeadLetter begins its work again, and removes the letter.
func (c *Client) ReplayDeadLetter(ctx context.Context, id string) (Replayed, error) {
	return send[Replayed](ctx, c, http.MethodPost, deadPath(id)+"/replay", nil, false)
}

// DropDeadLetter removes the letter and leaves the file as it is.
func (c *Client) DropDeadLetter(ctx context.Context, id string) error {
	return c.exec(ctx, request{method: http.MethodDelete, path: deadPath(id)})
}
