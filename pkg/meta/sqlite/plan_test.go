package sqlite

import (
	"strings"
	"testing"

	"github.com/inlethq/inlet/pkg/file"
	"github.com/inlethq/inlet/pkg/meta"
)

// queries holds every statement that looks for rows, with the index that it must use.
func queries() map[string]struct {
	index string
	args  int
} {
	type plan = struct {
		index string
		args  int
	}
	q := map[string]plan{
		selectOne("id"):         {"files_id", 2},
		selectOne("number"):     {"files_number", 2},
		selectOne("path_index"): {"files_path", 2},
		selectOne("idem_index"): {"files_idem", 2},
		selectMany(1):           {"files_id", 2},
		selectMany(100):         {"files_id", 101},
		selectMany(1000):        {"files_id", 1001},
		otherWithID:             {"files_id", 2},
		otherWith("number"):     {"files_number", 3},
		otherWith("path_index"): {"files_path", 3},
		otherWith("idem_index"): {"files_idem", 3},
		currentFile:             {"", 4}, // by files_id or files_number
		goneFile:                {"files_id", 3},
		scanFiles:               {"files_id", 2},
		sumCharged:              {"files_parent", 1}, // covering: it reads no row
		updateFile:              {"INTEGER PRIMARY KEY", 18},
		deleteFile:              {"INTEGER PRIMARY KEY", 1},
		deleteLink:              {"PRIMARY KEY", 3},
		dropHold:                {"PRIMARY KEY", 2},
		updateWebhook:           {"PRIMARY KEY", 5},
		deleteWebhook:           {"PRIMARY KEY", 2},
		selectWebhook:           {"PRIMARY KEY", 2},
		selectWebhooks:          {"webhooks_tenant", 2},
		scanWebhooks:            {"PRIMARY KEY", 2},
		updateDelivery:          {"deliveries_", 10}, // by its id or by its event: one row
		deleteDelivery:          {"deliveries_id", 1},
		deleteHooked:            {"deliveries_", 1},
		selectDelivery:          {"deliveries_id", 2},
		endedDeliveries:         {"deliveries_ended", 2},
		dueDeliveries(0):        {"deliveries_due", 2},
		dueDeliveries(3):        {"deliveries_due", 5},
	}
	for _, states := range [][]meta.DeliveryState{nil, meta.DeliveryStates} {
		query, args := findDeliveries(meta.DeliveryQuery{States: states})
		q[query] = plan{"deliveries_list", len(args)}
	}
	for d, index := range map[meta.Due]string{
		meta.DueExpiry: "files_expiry", meta.DueOutbox: "files_outbox", meta.DuePurge: "files_purge", meta.DueFinish: "files_work", meta.DueErase: "files_work",
	} {
		work, _ := d.Work()
		query, args := due(d, work)
		q[query] = plan{index, len(args) + 2}
	}
	for _, parent := range []*file.Parent{nil, {Kind: "user"}} {
		for _, link := range []*file.Link{nil, {Type: "ticket"}} {
			for _, states := range [][]file.State{nil, {file.Ready}, file.States} {
				for _, descending := range []bool{false, true} {
					for _, narrow := range []meta.Query{{}, {NotExpiredAt: start}, {Name: "photo"}, {Name: "photo", Type: "image/*", NotExpiredAt: start}} {
						mq := narrow
						mq.Tenant, mq.Parent, mq.Link, mq.States, mq.Descending, mq.Limit = acme, parent, link, states, descending, 9
						index, counts := "files_search", "COVERING INDEX files_search"
						if parent != nil {
							index, counts = "files_parent", "COVERING INDEX files_parent"
						}
						if link != nil {
							index, counts = "PRIMARY KEY", "PRIMARY KEY"
						}
						query, args := find(mq)
						q[query] = plan{index, len(args)}
						query, args = count(mq)
						q[query] = plan{counts, len(args) + 1}
					}
				}
			}
		}
	}
	return q
}

func TestQueryPlans(t *testing.T) {
	s := open(t, Config{Path: temp(t)})
	for query, want := range queries() {
		var steps []string
		err := each(t.Context(), s.writer.conn, "EXPLAIN QUERY PLAN "+query, make([]any, want.args), func(scan scanner) error {
			var id, parent, unused int
			var detail string
			err := scan(&id, &parent, &unused, &detail)
			steps = append(steps, detail)
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		plan := strings.ReplaceAll(strings.Join(steps, "; "), "SCAN (subquery", "count (subquery") // counting what the inner query finds
		if len(steps) == 0 || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") || !strings.Contains(plan, want.index) {
			t.Errorf("%s\n\tplan %s\n\twant %s", query, plan, want.index)
		}
	}
}
