// Package resources keeps resources that clients of Azure Resource Manager write:
// one collection for each type, beside the resources of that type that stand in
// files.
//
// What comes in: requests that the door has admitted, and a function that puts
// all resources of a type in force. What goes out: resources as Azure's clients
// read them, also after a restart. It must never know what a type means, keep a
// resource that could not be put in force, or change one of a file.
package resources

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"gatehouse/internal/api"
	"gatehouse/internal/api/arm"
)

// Resource is one resource. Properties are of its type.
type Resource struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Type       string            `json:"type"`
	Kind       string            `json:"kind,omitempty"`
	Location   string            `json:"location,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	Identity   json.RawMessage   `json:"identity,omitempty"`
	Properties json.RawMessage   `json:"properties"`
}

// Options of a Collection. Type, Apply, Load and Save are required.
type Options struct {
	Type string // such as Microsoft.Insights/actionGroups
	// Apply puts the resources that came over the API in force, beside those of
	// files. It changes nothing when it fails; its error is told to the client.
	Apply func([]Resource) error
	// Check says what is wrong with resources, as far as that can be told without
	// putting them in force. Nil: nothing is known before.
	Check func([]Resource) error
	// Files are the resources of files: shown, and changed there. Nil: none.
	Files func() []Resource
	// Hide takes the secrets out of a resource for a request without a token.
	// Nil: the type has none.
	Hide          func(Resource) (Resource, error)
	MaySeeSecrets func(*http.Request) bool
	Load          func(name string) ([]byte, error) // nil for what was never saved
	Save          func(name string, data []byte) error
}

// Limits of a collection.
const (
	maxBody      = 1 << 20
	maxResources = 1000
)

// Collection is safe for concurrent use.
type Collection struct {
	options Options

	changes sync.Mutex // one at a time: putting in force may take long
	mu      sync.Mutex // of kept, which is replaced and never changed
	kept    map[string]Resource
}

// New reads what was written before; All gives it for the first time that it is
// put in force.
func New(o Options) (*Collection, error) {
	c := &Collection{options: o, kept: map[string]Resource{}}
	data, err := o.Load(c.document())
	if err != nil || len(data) == 0 {
		return c, err
	}
	if err := json.Unmarshal(data, &c.kept); err != nil {
		return nil, fmt.Errorf("the catalog's resources of type %s are damaged: %w", o.Type, err)
	}
	return c, nil
}

func (c *Collection) document() string { return "resources/" + strings.ToLower(c.options.Type) }

// All gives the resources that came over the API, by id.
func (c *Collection) All() []Resource {
	return sorted(c.current())
}

func (c *Collection) current() map[string]Resource {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept
}

func sorted(m map[string]Resource) []Resource {
	out := make([]Resource, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[key])
	}
	return out
}

// Serve answers a request; it is an arm.Handler.
func (c *Collection) Serve(w http.ResponseWriter, r *arm.Request) error {
	if r.ID.Collection() {
		if r.Method != http.MethodGet {
			return r.MethodNotAllowed()
		}
		return c.list(w, r)
	}
	if len(r.ID.Segments) != 1 || r.ID.Group == "" {
		return arm.NotFound(r.ID)
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		one, _, err := c.find(r.ID)
		if err != nil {
			return err
		}
		return c.answer(w, r, http.StatusOK, one)
	case http.MethodPut, http.MethodPatch:
		return c.write(w, r)
	case http.MethodDelete:
		return c.remove(w, r)
	}
	return r.MethodNotAllowed()
}

func (c *Collection) files() []Resource {
	if c.options.Files == nil {
		return nil
	}
	return c.options.Files()
}

// find gives a resource, and whether it is one of a file.
func (c *Collection) find(id arm.ID) (one Resource, ofFile bool, err error) {
	if one, ok := c.current()[id.Key()]; ok {
		return one, false, nil
	}
	for _, one := range c.files() {
		if strings.EqualFold(one.ID, id.String()) {
			return one, true, nil
		}
	}
	return Resource{}, false, arm.NotFound(id)
}

// list answers with the resources below a subscription or resource group.
func (c *Collection) list(w http.ResponseWriter, r *arm.Request) error {
	out := []Resource{}
	for _, one := range append(c.All(), c.files()...) {
		id, err := arm.Parse(one.ID)
		if err != nil || !strings.EqualFold(id.Subscription, r.ID.Subscription) || (r.ID.Group != "" && !strings.EqualFold(id.Group, r.ID.Group)) {
			continue
		}
		shown, err := c.shown(r, one)
		if err != nil {
			return err
		}
		out = append(out, shown)
	}
	api.WriteJSON(w, http.StatusOK, map[string]any{"value": out})
	return nil
}

func (c *Collection) shown(r *arm.Request, one Resource) (Resource, error) {
	if c.options.Hide == nil || c.options.MaySeeSecrets(r.Request) {
		return one, nil
	}
	return c.options.Hide(one)
}

func (c *Collection) answer(w http.ResponseWriter, r *arm.Request, status int, one Resource) error {
	shown, err := c.shown(r, one)
	if err != nil {
		return err
	}
	api.WriteJSON(w, status, shown)
	return nil
}

// write is PUT, which replaces a resource as a whole, and PATCH, which changes
// its tags and single properties.
func (c *Collection) write(w http.ResponseWriter, r *arm.Request) error {
	body, err := r.Body(maxBody)
	if err != nil {
		return err
	}
	c.changes.Lock()
	defer c.changes.Unlock()
	old, known := c.kept[r.ID.Key()]
	if r.Method == http.MethodPatch && !known {
		return arm.NotFound(r.ID)
	}
	next, err := c.read(r, body, old)
	if err != nil {
		return err
	}
	if err := c.free(r.ID, c.kept); err != nil {
		return err
	}
	all := maps.Clone(c.kept)
	all[r.ID.Key()] = next
	if len(all) > maxResources {
		return arm.Errorf(http.StatusBadRequest, "QuotaExceeded", "there are %d resources of type %s, the most that are kept", maxResources, c.options.Type)
	}
	if err := c.put(all); err != nil {
		return err
	}
	status := http.StatusOK
	if !known {
		status = http.StatusCreated
	}
	return c.answer(w, r, status, next)
}

// read makes the resource of a request's body.
func (c *Collection) read(r *arm.Request, body []byte, old Resource) (Resource, error) {
	bad := func(format string, args ...any) error {
		return arm.Errorf(http.StatusBadRequest, "InvalidRequestContent", format, args...)
	}
	next := Resource{}
	if r.Method == http.MethodPatch {
		next = old
		next.Properties = nil
	}
	if err := json.Unmarshal(body, &next); err != nil {
		return next, bad("the body is no resource: %v", err)
	}
	if r.Method == http.MethodPatch {
		var err error
		if next.Properties, err = merged(old.Properties, next.Properties); err != nil {
			return next, bad("properties: %v", err)
		}
	}
	if !strings.HasPrefix(strings.TrimSpace(string(next.Properties)), "{") {
		return next, bad("properties is missing or no object")
	}
	next.ID, next.Name, next.Type = r.ID.String(), r.ID.Name(), c.options.Type
	if old.ID != "" {
		next.ID, next.Name = old.ID, old.Name // in the letter case that it has
	}
	return next, nil
}

// merged lays the members of over on those of base; null takes one away.
func merged(base, over json.RawMessage) (json.RawMessage, error) {
	if len(over) == 0 || string(over) == "null" {
		return base, nil
	}
	all, changes := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := errors.Join(json.Unmarshal(base, &all), json.Unmarshal(over, &changes)); err != nil {
		return nil, err
	}
	for name, value := range changes {
		if all[name] = value; string(value) == "null" {
			delete(all, name)
		}
	}
	return json.Marshal(all)
}

// free says whether the id may be written: names are unique here, as what refers
// to a resource may give its name alone.
func (c *Collection) free(id arm.ID, kept map[string]Resource) error {
	for _, one := range c.files() {
		if strings.EqualFold(one.Name, id.Name()) {
			return arm.Errorf(http.StatusConflict, "Conflict", "%q is a resource of a file: change it there", one.Name)
		}
	}
	for key, one := range kept {
		if key != id.Key() && strings.EqualFold(one.Name, id.Name()) {
			return arm.Errorf(http.StatusConflict, "Conflict", "%s has the same name; names are unique here over all resource groups", one.ID)
		}
	}
	return nil
}

// put puts all in force and keeps it, or neither.
func (c *Collection) put(all map[string]Resource) error {
	data, err := json.Marshal(all)
	if err != nil {
		return err
	}
	if err := c.options.Apply(sorted(all)); err != nil {
		return arm.Errorf(http.StatusBadRequest, "ValidationError", "%v", err)
	}
	if err := c.options.Save(c.document(), data); err != nil {
		return errors.Join(err, c.options.Apply(sorted(c.kept)))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = all
	return nil
}

// Refresh puts what is kept in force again, since what it stands on has changed.
func (c *Collection) Refresh() error {
	c.changes.Lock()
	defer c.changes.Unlock()
	return c.options.Apply(sorted(c.kept))
}

// remove takes a resource away; one that is not there is none already.
func (c *Collection) remove(w http.ResponseWriter, r *arm.Request) error {
	if _, ofFile, err := c.find(r.ID); err == nil && ofFile {
		return arm.Errorf(http.StatusConflict, "Conflict", "%s is a resource of a file: remove it there", r.ID)
	}
	c.changes.Lock()
	defer c.changes.Unlock()
	if _, ok := c.kept[r.ID.Key()]; !ok {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	all := maps.Clone(c.kept)
	delete(all, r.ID.Key())
	if err := c.put(all); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}
