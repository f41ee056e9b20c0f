package azuremonitor

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Resource is one that Resource Manager lists.
type Resource struct {
	ID       string            `json:"id"`
	Type     string            `json:"type"`
	Location string            `json:"location"`
	Tags     map[string]string `json:"tags"`
}

// found are the resources of a list with the time it was read.
type found struct {
	list []Resource
	at   time.Time
}

const (
	listAge      = 30 * time.Minute
	listPages    = 20
	maxLists     = 100
	listVersion  = "2021-04-01"
	maxResources = 1000
)

// list gives the resources of a subscription that a $filter of Resource Manager
// picks, at most half an hour old.
func (c *Client) list(ctx context.Context, subscription, filter string) ([]Resource, error) {
	key := strings.ToLower(subscription) + " " + filter
	c.mu.Lock()
	old, ok := c.resources[key]
	c.mu.Unlock()
	if ok && c.now().Sub(old.at) < listAge {
		return old.list, nil
	}
	list, err := c.readList(ctx, subscription, filter)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.resources) >= maxLists {
		clear(c.resources)
	}
	c.resources[key] = found{list, c.now()}
	return list, nil
}

func (c *Client) readList(ctx context.Context, subscription, filter string) ([]Resource, error) {
	address := c.endpoint + "/subscriptions/" + url.PathEscape(subscription) + "/resources?api-version=" + listVersion
	if filter != "" {
		address += "&$filter=" + url.QueryEscape(filter)
	}
	var out []Resource
	for range listPages {
		var page struct {
			Value    []Resource `json:"value"`
			NextLink string     `json:"nextLink"`
		}
		if err := c.get(ctx, address, &page); err != nil {
			return nil, err
		}
		if out = append(out, page.Value...); len(out) > maxResources {
			return nil, fmt.Errorf("more than %d resources: narrow the filter", maxResources)
		}
		if page.NextLink == "" {
			return out, nil
		}
		if address = page.NextLink; !c.own(address) {
			return nil, fmt.Errorf("the next page of the resources is at another host than %s", c.endpoint)
		}
	}
	return nil, fmt.Errorf("the list of resources has more than %d pages", listPages)
}

// own tells whether an address is Resource Manager's: the token goes nowhere else.
func (c *Client) own(address string) bool {
	a, err := url.Parse(address)
	b, berr := url.Parse(c.endpoint)
	return err == nil && berr == nil && a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}

// tags gives those of one resource.
func (c *Client) tags(ctx context.Context, id resourceID) (map[string]string, error) {
	list, err := c.list(ctx, id.subscription, "resourceType eq '"+strings.ReplaceAll(id.kind, "'", "''")+"'")
	if err != nil {
		return nil, fmt.Errorf("read the tags: %w", err)
	}
	for _, r := range list {
		if strings.EqualFold(r.ID, id.text) {
			return r.Tags, nil
		}
	}
	return nil, nil
}
