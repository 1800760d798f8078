package native

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/inlethq/inlet/pkg/core"
	"github.com/inlethq/inlet/pkg/egress"
	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
	"github.com/inlethq/inlet/services/ingest/internal/door"
)

// maxWebhookBytes bounds the body of a request about a webhook.
const maxWebhookBytes = 16 << 10

// defaultOverlap is how long the secret before goes on signing when a rotation does not say.
const defaultOverlap = 24 * time.Hour

// webhooks serves /v1/webhooks.
type webhooks struct {
	*Dialect
	hooks *core.Webhooks
	guard *egress.Guard
}

func (d *Dialect) mountWebhooks(v1 gin.IRouter) {
	h := &webhooks{Dialect: d, hooks: core.NewWebhooks(d.Core, d.Keys, nil), guard: d.hooks}
	g := v1.Group("/webhooks", h.authorize)
	g.POST("", h.create)
	g.GET("", h.list)
	g.GET("/:webhook", h.get)
	g.PATCH("/:webhook", h.update)
	g.DELETE("/:webhook", h.remove)
	g.POST("/:webhook/test", h.test)
	g.POST("/:webhook/rotate", h.rotate)
	g.GET("/:webhook/deliveries", h.deliveries)
	g.POST("/:webhook/deliveries/:delivery/redrive", h.redrive)
}

// authorize lets those through who look after the tenant's webhooks.
func (h *webhooks) authorize(g *gin.Context) {
	if !door.Principal(g).ManagesWebhooks() {
		h.fail(g, file.Errorf(file.Forbidden, "native.webhooks", "You do not have permission to do this"))
	}
}

// webhookRequest is the body of POST and PATCH.
type webhookRequest struct {
	URL         *string   `json:"url"`
	Events      *[]string `json:"events"`
	Description *string   `json:"description"`
	Tag         *string   `json:"tag"`
	Active      *bool     `json:"active"`
}

func (h *webhooks) spec(g *gin.Context) (core.WebhookSpec, error) {
	var body webhookRequest
	if err := readJSON(g, &body); err != nil {
		return core.WebhookSpec{}, err
	}
	if body.Tag != nil && *body.Tag != "" && !validTag(*body.Tag) {
		return core.WebhookSpec{}, file.Errorf(file.Invalid, "native.webhooks", "tag must be of 1 to %d letters, digits and . _ -", maxTag)
	}
	if body.URL != nil && !reachable(h.guard, *body.URL) {
		return core.WebhookSpec{}, file.Errorf(file.Invalid, "native.webhooks", "url leads to an address that is not public, or to a port other than 80, 443, 8080 and 8443")
	}
	return core.WebhookSpec{URL: body.URL, Events: body.Events, Description: body.Description, Tag: body.Tag, Active: body.Active}, nil
}

// reachable reports whether a webhook can ever be told at a URL, as far as the URL itself says: of a host that is an address, and not a name. Where a name
// leads, and what is not a URL, is judged by others.
func reachable(guard *egress.Guard, raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return true
	}
	text := u.Port()
	if text == "" {
		text = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && guard.Judge(netip.AddrPortFrom(addr, uint16(port))) == nil
}

// readJSON reads the body of a request, of one JSON object and with no member that is not known. An empty body is an empty object.
func readJSON(g *gin.Context, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(g.Writer, g.Request.Body, maxWebhookBytes))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil && decoder.More() {
		err = errors.New("more than one JSON value")
	}
	if err != nil {
		return &file.Error{Kind: file.Invalid, Op: "native.webhooks", Public: "The body must be a JSON object with the members that docs/webhooks.md names", Err: err}
	}
	return nil
}

func (h *webhooks) create(g *gin.Context) {
	s, err := h.spec(g)
	if err != nil {
		h.fail(g, err)
		return
	}
	w, secret, err := h.hooks.Create(g.Request.Context(), door.Principal(g).Tenant, s)
	if err != nil {
		h.fail(g, err)
		return
	}
	g.Header("Location", h.Base(g.Request)+"/v1/webhooks/"+w.ID)
	g.PureJSON(http.StatusCreated, dataBody{Success: true, Data: webhookWithSecret(w, secret)})
}

func (h *webhooks) list(g *gin.Context) {
	list, err := h.hooks.List(g.Request.Context(), door.Principal(g).Tenant)
	if err != nil {
		h.fail(g, err)
		return
	}
	bodies := make([]webhookBody, len(list))
	for i, w := range list {
		bodies[i] = webhookOf(w)
	}
	g.PureJSON(http.StatusOK, dataBody{Success: true, Data: bodies})
}

func (h *webhooks) get(g *gin.Context) {
	h.answer(g, func(t file.Tenant, id string) (*meta.Webhook, error) { return h.hooks.Get(g.Request.Context(), t, id) })
}

func (h *webhooks) update(g *gin.Context) {
	s, err := h.spec(g)
	if err != nil {
		h.fail(g, err)
		return
	}
	h.answer(g, func(t file.Tenant, id string) (*meta.Webhook, error) {
		return h.hooks.Update(g.Request.Context(), t, id, s)
	})
}

// answer shows the webhook that a call of the core gives.
func (h *webhooks) answer(g *gin.Context, call func(file.Tenant, string) (*meta.Webhook, error)) {
	w, err := call(door.Principal(g).Tenant, g.Param("webhook"))
	if err != nil {
		h.fail(g, noWebhook(err))
		return
	}
	g.PureJSON(http.StatusOK, dataBody{Success: true, Data: webhookOf(w)})
}

// noWebhook gives a NotFound the text of this API.
func noWebhook(err error) error {
	if file.Is(err, file.NotFound) {
		return file.Errorf(file.NotFound, "native.webhooks", "Webhook or delivery not found")
	}
	return err
}

func (h *webhooks) remove(g *gin.Context) {
	if err := h.hooks.Remove(g.Request.Context(), door.Principal(g).Tenant, g.Param("webhook")); err != nil {
		h.fail(g, noWebhook(err))
		return
	}
	g.Status(http.StatusNoContent)
}

func (h *webhooks) test(g *gin.Context) {
	d, err := h.hooks.Test(g.Request.Context(), door.Principal(g).Tenant, g.Param("webhook"))
	if err != nil {
		h.fail(g, noWebhook(err))
		return
	}
	g.PureJSON(http.StatusAccepted, dataBody{Success: true, Data: deliveryOf(d)})
}

func (h *webhooks) rotate(g *gin.Context) {
	var body struct {
		Overlap *string `json:"overlap"`
	}
	err := readJSON(g, &body)
	overlap := defaultOverlap
	if err == nil && body.Overlap != nil {
		if overlap, err = time.ParseDuration(*body.Overlap); err != nil {
			err = &file.Error{Kind: file.Invalid, Op: "native.webhooks", Public: `overlap must be a duration, as in "24h"`, Err: err}
		}
	}
	if err != nil {
		h.fail(g, err)
		return
	}
	w, secret, err := h.hooks.Rotate(g.Request.Context(), door.Principal(g).Tenant, g.Param("webhook"), overlap)
	if err != nil {
		h.fail(g, noWebhook(err))
		return
	}
	g.PureJSON(http.StatusOK, dataBody{Success: true, Data: webhookWithSecret(w, secret)})
}

func (h *webhooks) deliveries(g *gin.Context) {
	values := g.Request.URL.Query()
	q := meta.DeliveryQuery{Webhook: g.Param("webhook"), Before: values.Get("cursor")}
	limit, err := number(values, "limit", defaultLimit, 1, maxLimit)
	if text := values.Get("state"); err == nil && text != "" {
		q.States, err = deliveryStates(text)
	}
	if err != nil {
		h.fail(g, err)
		return
	}
	q.Limit = limit + 1 // one more tells whether there is another page
	list, err := h.hooks.Deliveries(g.Request.Context(), door.Principal(g).Tenant, q)
	if err != nil {
		h.fail(g, noWebhook(err))
		return
	}
	page := &deliveryPage{Limit: limit, HasMore: len(list) > limit}
	if page.HasMore {
		list = list[:limit]
		page.Next = list[limit-1].ID
	}
	bodies := make([]deliveryBody, len(list))
	for i, d := range list {
		bodies[i] = deliveryOf(d)
	}
	g.PureJSON(http.StatusOK, deliveriesBody{Success: true, Data: bodies, Pagination: page})
}

func deliveryStates(text string) ([]meta.DeliveryState, error) {
	var states []meta.DeliveryState
	for s := range strings.SplitSeq(text, ",") {
		switch state := meta.DeliveryState(s); state {
		case meta.DeliveryPending, meta.DeliveryDelivered, meta.DeliveryFailed:
			states = append(states, state)
		default:
			return nil, file.Errorf(file.Invalid, "native.webhooks", "state must be pending, delivered or failed")
		}
	}
	return states, nil
}

func (h *webhooks) redrive(g *gin.Context) {
	d, err := h.hooks.Redrive(g.Request.Context(), door.Principal(g).Tenant, g.Param("webhook"), g.Param("delivery"))
	if err != nil {
		h.fail(g, noWebhook(err))
		return
	}
	g.PureJSON(http.StatusAccepted, dataBody{Success: true, Data: deliveryOf(d)})
}
