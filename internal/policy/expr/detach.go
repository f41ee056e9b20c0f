package expr

import (
	"maps"
	"slices"
)

// detachDepth bounds how deep lists may be nested in a detached value.
const detachDepth = 64

// Detach copies what a policy could change in a value, so that the copy may be
// kept and shared: JSON and XML trees, lists, dictionaries, bytes, responses.
func Detach(v any) any { return detach(v, detachDepth) }

func detach(v any, depth int) any {
	if depth == 0 {
		return nil
	}
	switch x := v.(type) {
	case []byte:
		return slices.Clone(x)
	case Header:
		return maps.Clone(x)
	case *JToken:
		return x.clone()
	case *xmlNode:
		return x.clone()
	case *Response:
		if x == nil {
			return v
		}
		out := *x
		out.Header = maps.Clone(x.Header)
		return &out
	case *Array:
		return &Array{elem: x.elem, items: detachAll(x.items, depth), list: x.list}
	case *tuple:
		return &tuple{items: detachAll(x.items, depth), of: x.of}
	case *Grid:
		return &Grid{t: x.t, dims: x.dims, items: detachAll(x.items, depth)}
	case *Set:
		return &Set{elem: x.elem, items: slices.Clone(x.items), has: maps.Clone(x.has), fold: x.fold}
	case *Dictionary:
		out := &Dictionary{k: x.k, v: x.v, keys: slices.Clone(x.keys), values: make(map[any]any, len(x.values)), fold: x.fold}
		for key, value := range x.values {
			out.values[key] = detach(value, depth-1)
		}
		return out
	}
	return v
}

func detachAll(items []any, depth int) []any {
	out := make([]any, len(items))
	for i, v := range items {
		out[i] = detach(v, depth-1)
	}
	return out
}
