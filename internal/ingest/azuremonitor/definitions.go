package azuremonitor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/monitor/armmonitor"
)

// definition is what a resource says of one of its metrics.
type definition struct {
	name                     string
	aggregations, dimensions []string
}

// maxDefinitions of one resource.
const maxDefinitions = 1000

// definitions asks a resource for its metrics.
func (c *Client) definitions(ctx context.Context, id resourceID) ([]definition, error) {
	client, err := armmonitor.NewMetricDefinitionsClient(id.subscription, c.cred, c.options)
	if err != nil {
		return nil, fmt.Errorf("azure monitor: %w", err)
	}
	var out []definition
	for pages := client.NewListPager(id.text, nil); pages.More() && len(out) < maxDefinitions; {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, d := range page.Value {
			one := definition{name: text(localized(d.Name))}
			for _, a := range d.SupportedAggregationTypes {
				if a != nil {
					one.aggregations = append(one.aggregations, string(*a))
				}
			}
			for _, dim := range d.Dimensions {
				one.dimensions = append(one.dimensions, text(localized(dim)))
			}
			out = append(out, one)
		}
	}
	return out, nil
}

// define makes the queries of a service that the settings say nothing of: what it
// has, by its tier, is asked now and then.
func (p *Puller) define(ctx context.Context) error {
	if len(p.o.Requests) > 0 || (len(p.queries) > 0 && p.o.Now().Sub(p.defined) < listAge) {
		return nil
	}
	list, err := p.o.Client.definitions(ctx, p.id)
	if err != nil {
		return err
	}
	queries, err := queriesOf(offered(DefaultRequests(), list))
	if err != nil {
		return err
	}
	if len(queries) == 0 {
		return errors.New("the service has none of the metrics that are read by default: name some")
	}
	p.queries, p.defined = queries, p.o.Now()
	return nil
}

// offered are the requests with what the definitions have of them.
func offered(list []Request, definitions []definition) []Request {
	var out []Request
	for _, r := range list {
		i := slices.IndexFunc(definitions, func(d definition) bool { return strings.EqualFold(d.name, r.Metric) })
		if i < 0 {
			continue
		}
		r.Aggregations = common(r.Aggregations, definitions[i].aggregations)
		r.Dimensions = common(r.Dimensions, definitions[i].dimensions)
		if len(r.Aggregations) > 0 {
			out = append(out, r)
		}
	}
	return out
}

func common(want, have []string) []string {
	return slices.DeleteFunc(slices.Clone(want), func(s string) bool {
		return !slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(h, s) })
	})
}
