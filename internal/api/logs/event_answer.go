package logs

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"gatehouse/internal/query/kql"
	"gatehouse/internal/query/kql/table"
)

func (h *Handler) writeEvents(w http.ResponseWriter, r *http.Request, t *target, q *eventQuery, span interval, now time.Time, kind string) *fault {
	out := map[string]any{"@odata.context": "https://" + r.Host + "/v1/apps/" + t.title + "/events/$metadata#" + kind}
	if q.count {
		result, f := h.ask(r.Context(), t, q.text(true), span, now, 0)
		if f != nil {
			return f
		}
		if len(result.Tables) > 0 && len(result.Tables[0].Rows) > 0 {
			out["@odata.count"] = result.Tables[0].Rows[0][0]
		}
	}
	value := []any{}
	if q.top > 0 {
		result, f := h.ask(r.Context(), t, q.text(false), span, now, 0)
		if f != nil {
			return f
		}
		value = q.values(result)
		if q.limitAdded && len(value) == q.top {
			out["@ai.messages"] = []innerError{{Code: "AddedLimitToQuery", Message: fmt.Sprintf("The query was limited to %d rows", q.top)}}
		}
	}
	out["value"] = value
	writeJSON(w, out)
	return nil
}

func (q *eventQuery) values(result *kql.Result) []any {
	out := []any{}
	if len(result.Tables) == 0 {
		return out
	}
	t := &result.Tables[0]
	for n := min(q.skip, len(t.Rows)); n < len(t.Rows); n++ {
		var one map[string]any
		if q.apply != "" {
			one = q.grouped(t.Columns, t.Rows[n])
		} else {
			one = event(t.Columns, t.Rows[n], q.types)
		}
		out = append(out, selected(one, q.selected))
	}
	return out
}

// event gives a row the shape of the events API.
func event(columns []table.Column, row []any, types []eventType) map[string]any {
	out := map[string]any{}
	own := types[0]
	for n, c := range columns {
		if text, _ := row[n].(string); c.Name == "itemType" && len(types) > 1 {
			for _, t := range types {
				if t.singular == text {
					own = t
				}
			}
		}
	}
	tab, _ := table.Lookup(own.table)
	for n, c := range columns {
		if hidden(c.Name) {
			continue
		}
		if _, ok := tab.Column(c.Name); !ok && sharedPath(c.Name) == "" {
			continue // of another type
		}
		put(out, eventPath(c.Name, own), jsonValue(c.Type, row[n]))
	}
	if out["count"] == nil {
		out["count"] = 1
	}
	return out
}

// put sets a member by its path of at most two names.
func put(out map[string]any, path string, v any) {
	head, rest, nested := strings.Cut(path, "/")
	if !nested {
		out[head] = v
		return
	}
	inside, ok := out[head].(map[string]any)
	if !ok {
		inside = map[string]any{}
		out[head] = inside
	}
	inside[rest] = v
}

// selected keeps the paths that $select names; none keeps all.
func selected(one map[string]any, paths []string) map[string]any {
	if len(paths) == 0 {
		return one
	}
	out := map[string]any{}
	for _, path := range paths {
		head, rest, nested := strings.Cut(path, "/")
		v, ok := one[head]
		if !ok {
			continue
		}
		if nested {
			inside, _ := v.(map[string]any)
			if v, ok = inside[rest]; !ok {
				continue
			}
		}
		put(out, path, v)
	}
	return out
}

// jsonValue is a value in a JSON object: dynamic values are objects there.
func jsonValue(t table.Type, v any) any {
	if text, ok := v.(string); ok && t == table.Dynamic {
		if json.Valid([]byte(text)) {
			return json.RawMessage(text)
		}
		return text
	}
	if v == nil {
		return nil
	}
	return json.RawMessage(appendCell(nil, t, v))
}
