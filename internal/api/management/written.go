package management

import (
	"encoding/json"
	"maps"
	"strings"
)

// written are the resources of this API by path below the service. Paths are
// compared without regard to letter case.
type written map[string]json.RawMessage

func (w written) files() map[string][]byte {
	out := make(map[string][]byte, len(w))
	for name, data := range w {
		out[name] = data
	}
	return out
}

// key is the path as it was written first.
func (w written) key(path string) (string, bool) {
	if _, ok := w[path]; ok {
		return path, true
	}
	for name := range w {
		if strings.EqualFold(name, path) {
			return name, true
		}
	}
	return path, false
}

// properties of a resource, nil when it was not written.
func (w written) properties(path string) map[string]any {
	var body struct{ Properties map[string]any }
	if key, ok := w.key(path); ok && json.Unmarshal(w[key], &body) == nil {
		return body.Properties
	}
	return nil
}

func (w written) put(path string, properties map[string]any) error {
	data, err := json.Marshal(map[string]any{"properties": properties})
	if err != nil {
		return err
	}
	key, _ := w.key(path)
	w[key] = data
	return nil
}

// named tells whether there is a named value with a display name.
func (w written) named(name string) bool {
	for path := range w {
		if strings.HasPrefix(strings.ToLower(path), "namedvalues/") {
			if shown, _ := lookup(w.properties(path), "displayName").(string); strings.EqualFold(shown, name) {
				return true
			}
		}
	}
	return false
}

func (w written) remove(path string) {
	if key, ok := w.key(path); ok {
		delete(w, key)
	}
}

// clone is a set to change; what is in it is never changed in place.
func (w written) clone() written { return maps.Clone(w) }

// state is everything that the catalog keeps for this API.
type state struct {
	Resources   written      `json:"resources"`
	Service     serviceState `json:"service"`
	Deployments []deployment `json:"deployments,omitempty"`
}
