package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"gatehouse/internal/api"
	"gatehouse/internal/query/kql"
	"gatehouse/internal/telemetry"
)

// seriesQuestion asks how many series an emit-metric would make, before it is
// saved: POST /api/custom-metrics/predict.
type seriesQuestion struct {
	Workspace  string              `json:"workspace"` // by name, "" is the default one
	API        string              `json:"api"`       // whose requests it would see, "" is all
	Hours      int                 `json:"hours"`     // of traffic that is looked at; default 12
	Dimensions []questionDimension `json:"dimensions"`
}

// questionDimension is one as it stands in the policy: a name with a value, which
// may be an expression, or a name that has a value of its own.
type questionDimension struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// seriesAnswer is the prediction. Product is what every combination would make;
// Predicted counts those that the traffic has.
type seriesAnswer struct {
	Dimensions []predictedDimension `json:"dimensions"`
	Product    int64                `json:"product"`
	Predicted  int64                `json:"predicted"`
	Complete   bool                 `json:"complete"` // all dimensions are known
	Active     int                  `json:"active"`   // series that the workspace has now
	Limit      int                  `json:"limit"`
	Fits       bool                 `json:"fits"`
}

type predictedDimension struct {
	Name   string `json:"name"`
	Values int64  `json:"values"`
	Source string `json:"source"` // constant, requests, customMetrics, unknown
	Hint   string `json:"hint,omitempty"`
	column string // in KQL, of requests
}

const maxPredicted = 20

func (s *Server) predictSeries(w http.ResponseWriter, r *http.Request) {
	var q seriesQuestion
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		api.WriteError(w, http.StatusBadRequest, api.Error{Code: api.CodeInvalid, Message: "the question is no JSON object of workspace, api, hours and dimensions: " + err.Error()})
		return
	}
	if text := s.unfit(&q); text != "" {
		api.WriteError(w, http.StatusBadRequest, api.Error{Code: api.CodeInvalid, Message: text})
		return
	}
	out, err := s.predict(r.Context(), &q)
	if err != nil {
		s.log.Warn("series could not be predicted", "error", err)
		api.WriteError(w, http.StatusInternalServerError, api.Error{Code: api.CodeInternal, Message: "the requests of the workspace could not be counted: " + err.Error()})
		return
	}
	api.WriteJSON(w, http.StatusOK, out)
}

// unfit says what is wrong with a question, "" when nothing is.
func (s *Server) unfit(q *seriesQuestion) string {
	if q.Hours == 0 {
		q.Hours = 12
	}
	switch _, known := s.workspaces.ByName(q.Workspace); {
	case len(q.Dimensions) == 0 || len(q.Dimensions) > maxPredicted:
		return fmt.Sprintf("dimensions has %d entries; 1 to %d are taken", len(q.Dimensions), maxPredicted)
	case !known:
		return fmt.Sprintf("workspace %q is none: give a name of telemetry.workspaces, or leave it out", q.Workspace)
	case q.Hours < 1 || q.Hours > 24*30:
		return fmt.Sprintf("hours is %d; it must be 1 to 720", q.Hours)
	case !plainWord(q.API):
		return "api must be the id of one"
	}
	return ""
}

func (s *Server) predict(ctx context.Context, q *seriesQuestion) (*seriesAnswer, error) {
	in, _ := s.workspaces.ByName(q.Workspace)
	out := &seriesAnswer{Product: 1, Predicted: 1, Complete: true}
	var columns []*predictedDimension
	for _, d := range q.Dimensions {
		out.Dimensions = append(out.Dimensions, d.source())
	}
	for n := range out.Dimensions {
		if out.Dimensions[n].column != "" {
			columns = append(columns, &out.Dimensions[n])
		}
	}
	ask := func(query string) ([]int64, error) { return s.counts(ctx, in, query, q.Hours) }
	combinations, err := fromRequests(ask, q.API, columns)
	if err != nil {
		return nil, err
	}
	out.Predicted = max(combinations, 1)
	for n := range out.Dimensions {
		d := &out.Dimensions[n]
		if d.Values == 0 {
			if err := d.fromMetrics(ask); err != nil {
				return nil, err
			}
			out.Predicted *= max(d.Values, 1)
		}
		out.Product *= max(d.Values, 1)
		out.Complete = out.Complete && d.Values > 0
	}
	out.Active, out.Limit = s.ingest.Series(in.Name)
	out.Fits = int64(out.Active)+out.Predicted <= int64(out.Limit)
	return out, nil
}

// columnsOf gives the column of requests that has a dimension's value, by the
// names that have one of their own and by expressions.
var columnsOf = map[string]string{
	"API ID": `customDimensions["API Name"]`, "Operation ID": `customDimensions["Operation Name"]`, "Product ID": `customDimensions["Product Name"]`,
	"Subscription ID": `customDimensions["Subscription Name"]`, "User ID": "user_AuthenticatedId", "Location": `customDimensions["Region"]`, "Gateway ID": "cloud_RoleInstance",
	"context.Api.Id": `customDimensions["API Name"]`, "context.Operation.Id": `customDimensions["Operation Name"]`, "context.Product.Id": `customDimensions["Product Name"]`,
	"context.Subscription.Id": `customDimensions["Subscription Name"]`, "context.User.Id": "user_AuthenticatedId", "context.Deployment.Region": `customDimensions["Region"]`,
	"context.Request.Method": `customDimensions["HTTP Method"]`, "context.Request.IpAddress": "client_IP", "context.Response.StatusCode.ToString()": "resultCode",
}

var headerExpression = regexp.MustCompile(`^context\.Request\.Headers\.GetValueOrDefault\("([A-Za-z0-9_-]{1,100})"(?:, ?"[^"]*")?\)$`)

// source tells where the values of a dimension can be counted.
func (d *questionDimension) source() predictedDimension {
	out := predictedDimension{Name: d.Name}
	value := strings.TrimSpace(d.Value)
	text, expression := strings.CutPrefix(value, "@(")
	text = strings.TrimSpace(strings.ReplaceAll(strings.TrimSuffix(text, ")"), "?.", "."))
	switch m := headerExpression.FindStringSubmatch(text); {
	case value == "":
		out.column = columnsOf[d.Name]
	case !expression && !strings.HasPrefix(value, "@{"):
		out.Values, out.Source = 1, "constant"
	case m != nil:
		out.column = `customDimensions["Request-` + m[1] + `"]`
		out.Hint = "no request has the header " + m[1] + ": let the diagnostic keep that header of requests for a while"
	default:
		out.column = columnsOf[text]
	}
	return out
}

// fromRequests counts the values of columns, and the combinations that requests
// have of them.
func fromRequests(ask func(string) ([]int64, error), api string, columns []*predictedDimension) (int64, error) {
	if len(columns) == 0 {
		return 1, nil
	}
	query, by, counts := "requests", "", "combinations=count()"
	if api != "" {
		query += ` | where customDimensions["API Name"] == "` + api + `"`
	}
	for n, d := range columns {
		by += fmt.Sprintf(", d%d=tostring(%s)", n, d.column)
		counts += fmt.Sprintf(", v%d=count_distinctif(d%d, isnotempty(d%d))", n, n, n)
	}
	found, err := ask(query + " | summarize by " + by[2:] + " | summarize " + counts)
	if err != nil || len(found) != len(columns)+1 {
		return 1, err
	}
	for n, d := range columns {
		if d.Values = found[n+1]; d.Values > 0 {
			d.Source, d.Hint = "requests", ""
		}
	}
	return found[0], nil
}

// fromMetrics counts the values that custom metrics have of a dimension of this
// name already.
func (d *predictedDimension) fromMetrics(ask func(string) ([]int64, error)) error {
	d.Source = "unknown"
	if !plainWord(d.Name) || d.Name == "" {
		return nil
	}
	found, err := ask(`customMetrics | extend d=tostring(customDimensions["` + d.Name + `"]) | where isnotempty(d) | summarize count_distinct(d)`)
	if err != nil || len(found) != 1 || found[0] == 0 {
		if d.Hint == "" {
			d.Hint = "the traffic does not show its values: emit it for a part of the traffic first"
		}
		return err
	}
	d.Values, d.Source, d.Hint = found[0], "customMetrics", ""
	return nil
}

// plainWord is what may stand within the quotes of a query.
func plainWord(s string) bool {
	return len(s) <= 260 && !strings.ContainsFunc(s, func(r rune) bool { return r == '"' || r == '\\' || r < ' ' })
}

// counts runs a query that gives one row of numbers.
func (s *Server) counts(ctx context.Context, in *telemetry.Workspace, query string, hours int) ([]int64, error) {
	now := time.Now()
	request := kql.Request{Query: query, Start: now.Add(-time.Duration(hours) * time.Hour), End: now.Add(time.Minute), Now: now, Limits: kql.DefaultLimits(), Workspaces: []string{in.Name}}
	result, err := s.kql.Query(ctx, request)
	if err != nil {
		return nil, err
	}
	if len(result.Tables) != 1 || len(result.Tables[0].Rows) != 1 {
		return nil, errors.New("the count has no single row")
	}
	var out []int64
	for _, v := range result.Tables[0].Rows[0] {
		n, ok := v.(int64)
		if !ok {
			return nil, fmt.Errorf("%T is no count", v)
		}
		out = append(out, n)
	}
	return out, nil
}
