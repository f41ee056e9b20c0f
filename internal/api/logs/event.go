package logs

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/query/kql"
)

// Limits of the events API.
const (
	defaultEvents = 500
	maxEvents     = 10_000 // skipped and given
)

const defaultSpan = 12 * time.Hour

// eventQuery is what the OData parameters ask for.
type eventQuery struct {
	types      []eventType
	where      []string
	order      string
	apply      string
	groups     []group // columns that $apply groups by
	selected   []string
	skip, top  int
	count      bool
	limitAdded bool
}

// events answers GET .../events/{type}, .../events/{type}/{id} and
// .../events/$metadata.
func (h *Handler) events(t *target, rest string) handle {
	return func(w http.ResponseWriter, r *http.Request) *fault {
		kind, id, one := strings.Cut(rest, "/")
		if rest == "$metadata" {
			return eventSchema(w)
		}
		types := typesNamed(kind)
		if types == nil {
			return badArgument("EventTypeInvalid", strconv.Quote(kind)+" is not $all or one of the types of events")
		}
		v := r.URL.Query()
		q, f := readEventQuery(v, types)
		if f != nil {
			return f
		}
		if one {
			q.where = append(q.where, "itemId == "+kql.Quoted(id))
		}
		now := h.o.Now()
		span, err := parseTimespan(v.Get("timespan"), now)
		if err != nil {
			return badArgument("TimespanInvalid", "timespan: "+err.Error())
		}
		if span.start.IsZero() && span.end.IsZero() && !one {
			span = interval{start: now.Add(-defaultSpan), end: now}
		}
		release, f := h.limits.enter(r.Context(), userOf(r), 1)
		if f != nil {
			return f
		}
		defer release()
		return h.writeEvents(w, r, t, q, span, now, kind)
	}
}

func typesNamed(kind string) []eventType {
	if kind == "$all" {
		return eventTypes()
	}
	for _, t := range eventTypes() {
		if t.table == kind {
			return []eventType{t}
		}
	}
	return nil
}

func readEventQuery(v url.Values, types []eventType) (*eventQuery, *fault) {
	q := &eventQuery{types: types, order: "timestamp desc", top: defaultEvents, count: strings.EqualFold(v.Get("$count"), "true")}
	resolve := func(path string) (string, bool) { return property(path, types) }
	if text := v.Get("$filter"); text != "" {
		where, err := filterExpression(text, resolve)
		if err != nil {
			return nil, badArgument("FilterInvalid", "$filter: "+err.Error())
		}
		q.where = append(q.where, where)
	}
	if text := v.Get("$search"); text != "" {
		where, err := searchExpression(text, types)
		if err != nil {
			return nil, badArgument("SearchInvalid", "$search: "+err.Error())
		}
		q.where = append(q.where, where)
	}
	if text := v.Get("$apply"); text != "" {
		if err := q.readApply(text, resolve); err != nil {
			return nil, badArgument("ApplyInvalid", "$apply: "+err.Error())
		}
		q.order = ""
	}
	if err := q.readOrder(v.Get("$orderby"), resolve); err != nil {
		return nil, badArgument("OrderInvalid", "$orderby: "+err.Error())
	}
	for _, path := range strings.Split(v.Get("$select"), ",") {
		if path = strings.TrimSpace(path); path != "" && path != "*" {
			q.selected = append(q.selected, path)
		}
	}
	return q, q.readPage(v)
}

func (q *eventQuery) readPage(v url.Values) *fault {
	for _, p := range []struct {
		name string
		to   *int
	}{{"$top", &q.top}, {"$skip", &q.skip}} {
		text := v.Get(p.name)
		if text == "" {
			q.limitAdded = q.limitAdded || p.name == "$top"
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return badArgument("PageInvalid", p.name+" is not a number: "+strconv.Quote(text))
		}
		*p.to = n
	}
	if q.top > maxEvents || q.skip > maxEvents || q.top+q.skip > maxEvents {
		return badArgument("PageInvalid", fmt.Sprintf("$skip and $top go beyond %d events: narrow the query in time", maxEvents))
	}
	if format := strings.ToLower(v.Get("$format")); format != "" && !strings.Contains(format, "json") {
		return badArgument("FormatInvalid", "$format: only JSON is supported")
	}
	return nil
}

func (q *eventQuery) readOrder(text string, resolve func(string) (string, bool)) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	var list []string
	for _, item := range strings.Split(text, ",") {
		word := strings.Fields(item)
		if len(word) == 0 || len(word) > 2 {
			return fmt.Errorf("%q is not a property and asc or desc", item)
		}
		column, ok := resolve(word[0])
		for _, g := range q.groups {
			if g.path == word[0] {
				column, ok = g.column, true
			}
		}
		if !ok {
			return fmt.Errorf("there is no property %q here", word[0])
		}
		direction := "asc"
		if len(word) == 2 {
			direction = strings.ToLower(word[1])
		}
		if direction != "asc" && direction != "desc" {
			return fmt.Errorf("%q is not asc or desc", word[1])
		}
		list = append(list, column+" "+direction)
	}
	q.order = strings.Join(list, ", ")
	return nil
}

// text is the query in KQL; count asks for the number of events instead.
func (q *eventQuery) text(count bool) string {
	names := make([]string, len(q.types))
	for n, t := range q.types {
		names[n] = t.table
	}
	b := names[0]
	if len(names) > 1 {
		b = "union " + strings.Join(names, ", ")
	}
	for _, where := range q.where {
		b += "\n| where " + where
	}
	b += q.apply
	if count {
		return b + "\n| count"
	}
	if q.order != "" {
		b += "\n| order by " + q.order
	}
	return b + "\n| take " + strconv.Itoa(q.skip+q.top)
}
