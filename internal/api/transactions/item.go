package transactions

import (
	"encoding/json"
	"strconv"
	"time"

	"gatehouse/internal/query/kql"
	"gatehouse/internal/query/kql/table"
)

// item is one entry of the list.
type item struct {
	Type            string          `json:"type"`
	Time            time.Time       `json:"time"`
	ItemID          string          `json:"item_id"`
	OperationID     string          `json:"operation_id"` // GET /api/traces/{operation_id} shows the whole transaction
	ParentID        string          `json:"parent_id"`
	ID              string          `json:"id"`
	Title           string          `json:"title"`
	Text            string          `json:"text"`
	Result          string          `json:"result"`
	Success         *bool           `json:"success"`     // null: the type has none
	DurationMS      *float64        `json:"duration_ms"` // null: likewise
	Severity        string          `json:"severity"`
	ItemCount       int64           `json:"item_count"` // items that it stands for
	OperationName   string          `json:"operation_name"`
	Role            string          `json:"role"`
	RoleInstance    string          `json:"role_instance"`
	CustomDimension json.RawMessage `json:"custom_dimensions"`

	mark string // where a page behind it starts
}

// items reads the rows of a page by the names of their columns.
func items(t kql.ResultTable) []item {
	at := map[string]int{}
	for n, c := range t.Columns {
		at[c.Name] = n
	}
	out := make([]item, 0, len(t.Rows))
	for _, row := range t.Rows {
		text := func(name string) string { s, _ := row[at[name]].(string); return s }
		i := item{Type: text("kind"), ItemID: text("itemId"), OperationID: text("operation_Id"), ParentID: text("operation_ParentId"), ID: text("id"), Title: text("title"),
			Text: text("text"), Result: text("result"), OperationName: text("operation_Name"), Role: text("cloud_RoleName"), RoleInstance: text("cloud_RoleInstance"), ItemCount: 1}
		ticks, _ := row[at["timestamp"]].(int64)
		i.Time = time.Unix(0, (ticks-table.UnixTicks)*100).UTC()
		i.mark = strconv.FormatInt(ticks, 10) + "~" + i.ItemID
		if b, ok := row[at["success"]].(bool); ok {
			i.Success = &b
		}
		if d, ok := row[at["duration"]].(float64); ok {
			i.DurationMS = &d
		}
		if n, ok := row[at["itemCount"]].(int32); ok {
			i.ItemCount = int64(n)
		}
		if n, ok := row[at["severity"]].(int32); ok && n >= 0 && int(n) < len(severities()) {
			i.Severity = severities()[n]
		}
		if i.CustomDimension = json.RawMessage(text("customDimensions")); !json.Valid(i.CustomDimension) {
			i.CustomDimension = json.RawMessage("{}")
		}
		out = append(out, i)
	}
	return out
}
