package resources

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"

	"gatehouse/internal/api/arm"
)

// PutAll writes resources of a template: all of them are in force and kept
// afterwards, or none. undo brings back what was there before; the caller has to
// see to it that nothing else is written in between.
func (c *Collection) PutAll(list []Resource) (undo func() error, err error) {
	c.changes.Lock()
	defer c.changes.Unlock()
	all, err := c.with(list)
	if err != nil {
		return nil, err
	}
	before := c.kept
	if err := c.put(all); err != nil {
		return nil, err
	}
	return func() error {
		c.changes.Lock()
		defer c.changes.Unlock()
		return c.put(before)
	}, nil
}

// CheckAll says whether PutAll would take resources, as far as that can be told
// without putting them in force.
func (c *Collection) CheckAll(list []Resource) error {
	c.changes.Lock()
	defer c.changes.Unlock()
	all, err := c.with(list)
	if err != nil || c.options.Check == nil {
		return err
	}
	if err := c.options.Check(sorted(all)); err != nil {
		return arm.Errorf(http.StatusBadRequest, "ValidationError", "%v", err)
	}
	return nil
}

// with gives what there would be with resources of a template.
func (c *Collection) with(list []Resource) (map[string]Resource, error) {
	all := maps.Clone(c.kept)
	for _, one := range list {
		id, err := arm.Parse(one.ID)
		if err != nil || len(id.Segments) != 1 || id.Group == "" {
			return nil, errors.Join(arm.NotFound(id), err)
		}
		if err := c.free(id, all); err != nil {
			return nil, err
		}
		if old, ok := all[id.Key()]; ok {
			one.ID, one.Name = old.ID, old.Name
		}
		one.Type = c.options.Type
		all[id.Key()] = one
	}
	if len(all) > maxResources {
		return nil, arm.Errorf(http.StatusBadRequest, "QuotaExceeded", "there are %d resources of type %s, the most that are kept", maxResources, c.options.Type)
	}
	return all, nil
}

// Properties gives those of a resource, as templates refer to it. A type that
// has secrets gives none.
func (c *Collection) Properties(id arm.ID) (map[string]any, bool) {
	one, _, err := c.find(id)
	if err != nil || c.options.Hide != nil {
		return nil, false
	}
	var out map[string]any
	return out, json.Unmarshal(one.Properties, &out) == nil
}
