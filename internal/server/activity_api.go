package server

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/activity"
	"gatehouse/internal/api"
	"gatehouse/internal/api/arm"
)

// activityPage is the most events of one answer.
const activityPage = 1000

// listActivity answers ?from=&to=&category=&operation=&caller=&before=&limit=,
// newest first; next is the value of before for the page that follows.
func (s *Server) listActivity(w http.ResponseWriter, r *http.Request) { s.list(w, r, s.activity) }

func (s *Server) list(w http.ResponseWriter, r *http.Request, log *activity.Log) {
	q, err := activityQuery(r.URL.Query())
	if err != nil {
		api.WriteError(w, http.StatusBadRequest, api.Error{Code: api.CodeInvalid, Message: err.Error()})
		return
	}
	list, err := log.Read(q)
	if err != nil {
		s.log.Error("the activity log was not read", "error", err)
		api.WriteError(w, http.StatusInternalServerError, api.Error{Code: api.CodeInternal, Message: "the activity log cannot be read: gatehouse activity verify says where it is damaged"})
		return
	}
	type view struct {
		Sequence int64 `json:"sequence"`
		activity.Event
	}
	out := make([]view, len(list))
	for i, e := range list {
		out[i] = view{e.Sequence, e.Event}
	}
	answer := map[string]any{"value": out}
	if len(list) == q.Limit {
		answer["next"] = list[len(list)-1].Sequence
	}
	api.WriteJSON(w, http.StatusOK, answer)
}

func activityQuery(v url.Values) (q activity.Query, err error) {
	for name, into := range map[string]*time.Time{"from": &q.From, "to": &q.To} {
		if text := v.Get(name); text != "" {
			if *into, err = time.Parse(time.RFC3339Nano, text); err != nil {
				return q, fmt.Errorf("%s: %q is not a time such as 2026-01-31T12:00:00Z", name, text)
			}
		}
	}
	q.Limit = 100
	if text := v.Get("limit"); text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 || q.Limit > activityPage {
			return q, fmt.Errorf("limit: %q is not a number from 1 to %d", text, activityPage)
		}
	}
	if text := v.Get("before"); text != "" {
		if q.Before, err = strconv.ParseInt(text, 10, 64); err != nil || q.Before < 1 {
			return q, fmt.Errorf("before: %q is not the number of an event", text)
		}
	}
	category, operation, caller := v.Get("category"), strings.ToLower(v.Get("operation")), v.Get("caller")
	q.Match = func(e activity.Event) bool {
		return (category == "" || strings.EqualFold(category, e.Category)) && (caller == "" || caller == e.Identity.Claims["name"]) &&
			strings.Contains(strings.ToLower(e.OperationName), operation)
	}
	return q, nil
}

// activityEvents is the Activity Log of Azure Monitor, below any subscription:
// GET .../providers/Microsoft.Insights/eventtypes/management/values?$filter=.
func (s *Server) activityEvents(w http.ResponseWriter, r *arm.Request) error {
	if r.ID.Type() != "microsoft.insights/eventtypes/values" || !strings.EqualFold(r.ID.Segments[0].Name, "management") || !r.ID.Collection() {
		return arm.NotFound(r.ID)
	}
	if r.Method != http.MethodGet {
		return r.MethodNotAllowed()
	}
	q, err := activityFilter(r.URL.Query().Get("$filter"))
	if err != nil {
		return arm.Errorf(http.StatusBadRequest, "BadRequest", "$filter: %v", err)
	}
	if token := r.URL.Query().Get("$skipToken"); token != "" {
		if q.Before, err = strconv.ParseInt(token, 10, 64); err != nil || q.Before < 1 {
			return arm.Errorf(http.StatusBadRequest, "BadRequest", "$skipToken is none that was given")
		}
	}
	list, err := s.activity.Read(q)
	if err != nil {
		return err
	}
	value := make([]map[string]any, len(list))
	for i := range list {
		value[i] = eventData(r.ID.Subscription, &list[i])
	}
	answer := map[string]any{"value": value}
	if len(list) == q.Limit {
		next := r.URL.Query()
		next.Set("$skipToken", strconv.FormatInt(list[len(list)-1].Sequence, 10))
		answer["nextLink"] = scheme(r.Request) + "://" + r.Host + r.URL.EscapedPath() + "?" + next.Encode()
	}
	api.WriteJSON(w, http.StatusOK, answer)
	return nil
}

var filterAnd = regexp.MustCompile(`(?i)\s+and\s+`)

var filterClause = regexp.MustCompile(`(?i)^\s*(\w+)\s+(eq|ge|le|gt|lt)\s+'([^']*)'\s*$`)

// activityFilter reads the filter of Azure's API: bounds of eventTimestamp, and
// equality of a few properties, joined by "and".
func activityFilter(text string) (q activity.Query, err error) {
	q.Limit = activityPage
	want := map[string]string{}
	for _, clause := range filterAnd.Split(strings.TrimSpace(text), -1) {
		m := filterClause.FindStringSubmatch(clause)
		if m == nil {
			return q, fmt.Errorf("%.100q is not \"property eq 'value'\"; eventTimestamp ge '2026-01-31T00:00:00Z' is needed", clause)
		}
		name, operator := strings.ToLower(m[1]), strings.ToLower(m[2])
		switch {
		case name == "eventtimestamp":
			if err := timeBound(&q, operator, m[3]); err != nil {
				return q, err
			}
		case operator == "eq" && (name == "resourcegroupname" || name == "resourceuri" || name == "resourceprovider" || name == "correlationid" || name == "caller" || name == "status" || name == "levels" || name == "eventchannels"):
			want[name] = m[3]
		default:
			return q, fmt.Errorf("there is no property %q to filter by with %s", m[1], m[2])
		}
	}
	if q.From.IsZero() {
		return q, fmt.Errorf("eventTimestamp ge '...' is missing")
	}
	q.Match = func(e activity.Event) bool { return matches(e, want) }
	return q, nil
}

func timeBound(q *activity.Query, operator, text string) error {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return fmt.Errorf("%q is not a time such as 2026-01-31T12:00:00Z", text)
	}
	switch operator {
	case "ge":
		q.From = at
	case "gt":
		q.From = at.Add(time.Nanosecond)
	case "lt":
		q.To = at
	case "le":
		q.To = at.Add(time.Nanosecond)
	default:
		return fmt.Errorf("eventTimestamp takes ge, gt, le and lt")
	}
	return nil
}

func matches(e activity.Event, want map[string]string) bool {
	id, _ := arm.Parse(e.ResourceID)
	for name, value := range want {
		have := map[string]string{"resourcegroupname": id.Group, "resourceuri": e.ResourceID, "resourceprovider": id.Provider, "correlationid": e.CorrelationID,
			"caller": e.Identity.Claims["name"], "status": statusWord(e), "levels": e.Level, "eventchannels": value}[name]
		if !strings.EqualFold(have, value) {
			return false
		}
	}
	return true
}

func statusWord(e activity.Event) string {
	if e.ResultType == "Success" {
		return "Succeeded"
	}
	return "Failed"
}

// eventData is an event in the schema of the API.
func eventData(subscription string, e *activity.Entry) map[string]any {
	word := func(text string) map[string]string { return map[string]string{"value": text, "localizedValue": text} }
	id, _ := arm.Parse(e.ResourceID)
	status, _ := strconv.Atoi(e.ResultSignature)
	number := strconv.FormatInt(e.Sequence, 10)
	return map[string]any{
		"id": e.ResourceID + "/events/" + number + "/ticks/" + strconv.FormatInt(e.Time.UnixNano()/100+621355968000000000, 10), "eventDataId": number,
		"caller": e.Identity.Claims["name"], "claims": e.Identity.Claims, "correlationId": e.CorrelationID, "operationId": e.CorrelationID,
		"eventTimestamp": e.Time, "submissionTimestamp": e.Time, "level": e.Level, "category": word(e.Category), "eventName": word("EndRequest"),
		"operationName": word(e.OperationName), "status": word(statusWord(e.Event)),
		"subStatus":  map[string]string{"value": http.StatusText(status), "localizedValue": strings.TrimSpace(http.StatusText(status) + " (HTTP Status Code: " + e.ResultSignature + ")")},
		"resourceId": e.ResourceID, "resourceGroupName": id.Group, "resourceProviderName": word(id.Provider), "resourceType": word(id.Type()),
		"subscriptionId": subscription, "properties": e.Properties,
		"httpRequest": map[string]string{"clientRequestId": e.CorrelationID, "clientIpAddress": e.CallerAddress, "method": e.Properties["method"]},
	}
}
