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

func (w written) remove(path string) {
	if key, ok := w.key(path); ok {
		delete(w, key)
	}
}

// clone is a set to change; what is in it is never changed in place.
func (w written) clone() written { return maps.Clone(w) }

// document is what the catalog keeps.
func (w written) document() ([]byte, error) { return json.Marshal(map[string]any{"resources": w}) }
