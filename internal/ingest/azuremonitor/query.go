package azuremonitor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/monitor/armmonitor"
)

// query is one call for metrics of one resource.
type query struct {
	metrics      []string // at most maxNames
	aggregations []string
	dimensions   []string // each divides the values
	filter       string   // in the place of dimensions
	top          int32
	orderBy      string
	namespace    string
	interval     string // ISO 8601: PT1M
	start, end   time.Time
	validate     *bool
}

// maxNames of one call.
const maxNames = 20

// maxTop is how many series a call may give; Azure's own default is ten.
const maxTop = 1000

func (q *query) expression() string {
	if q.filter != "" || len(q.dimensions) == 0 {
		return q.filter
	}
	parts := make([]string, len(q.dimensions))
	for n, d := range q.dimensions {
		parts[n] = d + " eq '*'"
	}
	return strings.Join(parts, " and ")
}

func (q *query) timespan() string {
	return q.start.UTC().Format(time.RFC3339) + "/" + q.end.UTC().Format(time.RFC3339)
}

// optional is nil for "".
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// series asks for a resource's metrics.
func (c *Client) series(ctx context.Context, resource string, q *query) ([]series, error) {
	id, err := parseResource(resource)
	if err != nil {
		return nil, err
	}
	client, err := c.metricsOf(id.subscription)
	if err != nil {
		return nil, err
	}
	o := &armmonitor.MetricsClientListOptions{Metricnames: to.Ptr(strings.Join(q.metrics, ",")), Aggregation: optional(strings.Join(q.aggregations, ",")),
		Interval: to.Ptr(q.interval), Timespan: to.Ptr(q.timespan()), Orderby: optional(q.orderBy), Metricnamespace: optional(q.namespace), ValidateDimensions: q.validate}
	if o.Filter = optional(q.expression()); o.Filter != nil {
		o.Top = to.Ptr(q.top)
	}
	answer, err := client.List(ctx, id.text, o)
	if err != nil {
		return nil, err
	}
	return readSeries(answer.Value), nil
}

// inSubscription asks for the metrics of all resources of a type in a region.
func (c *Client) inSubscription(ctx context.Context, subscription, region string, q *query) ([]series, error) {
	client, err := c.metricsOf(subscription)
	if err != nil {
		return nil, err
	}
	filter := "Microsoft.ResourceId eq '*'"
	if more := q.expression(); more != "" {
		filter += " and " + more
	}
	o := &armmonitor.MetricsClientListAtSubscriptionScopeOptions{Metricnames: to.Ptr(strings.Join(q.metrics, ",")), Aggregation: optional(strings.Join(q.aggregations, ",")),
		Interval: to.Ptr(q.interval), Timespan: to.Ptr(q.timespan()), Orderby: optional(q.orderBy), Metricnamespace: optional(q.namespace), ValidateDimensions: q.validate,
		Filter: &filter, Top: to.Ptr(q.top)}
	answer, err := client.ListAtSubscriptionScope(ctx, region, o)
	if err != nil {
		return nil, err
	}
	out := make([]series, 0, len(answer.Value))
	for _, m := range answer.Value {
		out = append(out, seriesOf(text(localized(m.Name)), unitOf(m.Unit), m.Timeseries)...)
	}
	return out, nil
}

// series is one time series of an answer.
type series struct {
	metric, unit string
	dimensions   [][2]string // name and value, as Azure gives them
	points       []point
}

// point is what one interval has: values by aggregation in lower case.
type point struct {
	at     time.Time
	values map[string]float64
}

func readSeries(metrics []*armmonitor.Metric) []series {
	var out []series
	for _, m := range metrics {
		unit := ""
		if m.Unit != nil {
			unit = string(*m.Unit)
		}
		out = append(out, seriesOf(text(localized(m.Name)), unit, m.Timeseries)...)
	}
	return out
}

func unitOf(u *armmonitor.MetricUnit) string {
	if u == nil {
		return ""
	}
	return string(*u)
}

func seriesOf(metric, unit string, list []*armmonitor.TimeSeriesElement) []series {
	var out []series
	for _, t := range list {
		s := series{metric: metric, unit: unit}
		for _, d := range t.Metadatavalues {
			if name := text(localized(d.Name)); name != "" {
				s.dimensions = append(s.dimensions, [2]string{name, text(d.Value)})
			}
		}
		for _, v := range t.Data {
			if v.TimeStamp == nil {
				continue
			}
			p := point{at: v.TimeStamp.UTC(), values: map[string]float64{}}
			for name, value := range map[string]*float64{"total": v.Total, "average": v.Average, "minimum": v.Minimum, "maximum": v.Maximum, "count": v.Count} {
				if value != nil {
					p.values[name] = *value
				}
			}
			s.points = append(s.points, p)
		}
		out = append(out, s)
	}
	return out
}

func localized(l *armmonitor.LocalizableString) *string {
	if l == nil {
		return nil
	}
	return l.Value
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// resourceID is an ARM id taken apart.
type resourceID struct {
	text                            string
	subscription, group, kind, name string // kind is the type in lower case
}

// parseResource reads the id of a resource.
func parseResource(id string) (resourceID, error) {
	part := strings.Split(strings.Trim(id, "/"), "/")
	wrong := fmt.Errorf("%.200q is not a resource id such as /subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.ApiManagement/service/NAME", id)
	if len(part) < 8 || len(part)%2 != 0 || !strings.EqualFold(part[0], "subscriptions") || !strings.EqualFold(part[2], "resourceGroups") || !strings.EqualFold(part[4], "providers") {
		return resourceID{}, wrong
	}
	kind := part[5]
	for n := 6; n < len(part); n++ {
		if part[n] == "" || strings.ContainsAny(part[n], "?#%") || part[n] == ".." {
			return resourceID{}, wrong
		}
		if n%2 == 0 {
			kind += "/" + part[n]
		}
	}
	return resourceID{text: "/" + strings.Join(part, "/"), subscription: part[1], group: part[3], kind: strings.ToLower(kind), name: part[len(part)-1]}, nil
}
