package explore

import (
	"context"
	"time"

	"gatehouse/internal/store/lake"
)

// Catalog lists what can be filtered by: services with the names of their
// entry spans, and APIs with their operations, products and subscriptions.
type Catalog struct {
	Services      []Service `json:"services"`
	APIs          []API     `json:"apis"`
	Products      []string  `json:"products"`
	Subscriptions []string  `json:"subscriptions"`
}

// Service is a sender of spans.
type Service struct {
	Name       string   `json:"name"`
	Spans      int64    `json:"spans"`
	Errors     int64    `json:"errors"`
	Operations []string `json:"operations"`
}

// API is an API of the gateway with its operations.
type API struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Requests   int64    `json:"requests"`
	Errors     int64    `json:"errors"`
	Operations []string `json:"operations"`
}

const maxNames = 200 // of each list

// Services gives what was seen in a time range, the busiest first.
func (e *Explorer) Services(ctx context.Context, start, end time.Time) (*Catalog, error) {
	ctx, cancel := context.WithTimeout(ctx, e.o.SearchTimeout)
	defer cancel()
	source := map[string]lake.Source{"spans": {Table: lake.Spans, Start: start, End: end}}
	c := &Catalog{Services: []Service{}, APIs: []API{}, Products: []string{}, Subscriptions: []string{}}
	err := e.each(ctx, lake.Statement{Sources: source, SQL: `SELECT service, CAST(sum(n) AS BIGINT) AS total, CAST(sum(failed) AS BIGINT),
		coalesce(list(name ORDER BY n DESC, name)[1:200], []) FROM (
			SELECT service, name, count(*) AS n, count(*) FILTER (status = 'error') AS failed FROM {spans}
			WHERE kind IN ('server', 'consumer') OR parent_span_id = '' GROUP BY ALL)
		GROUP BY service ORDER BY total DESC, 1 LIMIT 200`}, func(scan func(...any) error) error {
		var s Service
		var names any
		if err := scan(&s.Name, &s.Spans, &s.Errors, &names); err != nil {
			return err
		}
		s.Operations = texts(names)
		c.Services = append(c.Services, s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = e.each(ctx, lake.Statement{Sources: source, SQL: `SELECT api, any_value(api_name), CAST(sum(n) AS BIGINT) AS total, CAST(sum(failed) AS BIGINT),
		coalesce(list(operation ORDER BY n DESC, operation)[1:200], []) FROM (
			SELECT api, any_value(api_name) AS api_name, operation, count(*) AS n, count(*) FILTER (status = 'error') AS failed FROM {spans}
			WHERE api <> '' GROUP BY api, operation)
		GROUP BY api ORDER BY total DESC, 1 LIMIT 200`}, func(scan func(...any) error) error {
		var a API
		var names any
		if err := scan(&a.ID, &a.Name, &a.Requests, &a.Errors, &names); err != nil {
			return err
		}
		a.Operations = texts(names)
		c.APIs = append(c.APIs, a)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c, e.names(ctx, source, c)
}

func (e *Explorer) names(ctx context.Context, source map[string]lake.Source, c *Catalog) error {
	return e.each(ctx, lake.Statement{Sources: source, SQL: `SELECT kind, value FROM (
			SELECT 'product' AS kind, product AS value, count(*) AS n FROM {spans} WHERE product <> '' GROUP BY ALL
			UNION ALL SELECT 'subscription', subscription, count(*) FROM {spans} WHERE subscription <> '' GROUP BY ALL)
		ORDER BY n DESC, value LIMIT 2000`}, func(scan func(...any) error) error {
		var column, value string
		if err := scan(&column, &value); err != nil {
			return err
		}
		list := &c.Products
		if column == "subscription" {
			list = &c.Subscriptions
		}
		if len(*list) < maxNames {
			*list = append(*list, value)
		}
		return nil
	})
}

// texts reads a list of the driver; empty names are left out.
func texts(v any) []string {
	out := []string{}
	items, _ := v.([]any)
	for _, item := range items {
		if s, ok := item.(string); ok && s != "" {
			out = append(out, s)
		}
	}
	return out
}
