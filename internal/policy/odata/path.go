package odata

import (
	"net/url"
	"strings"
)

// place is where a path leads.
type place struct {
	item   *Type // nil: not known
	single bool  // one entity for sure
	many   bool  // a collection for sure
	batch  bool  // the body holds the requests
}

// path checks the resource path.
func (c *checker) path(raw string) place {
	raw = strings.Trim(raw, "/")
	if raw == "" {
		return place{}
	}
	at := place{}
	for i, segment := range strings.SplitN(raw, "/", maxSegments+1) {
		text, err := url.PathUnescape(segment)
		if err != nil || i == maxSegments {
			c.report("The path cannot be decoded or has more than %d segments.", maxSegments)
			return place{}
		}
		name, keys, hasKeys := strings.Cut(text, "(")
		if hasKeys && !c.keys(strings.TrimSuffix(keys, ")"), strings.HasSuffix(keys, ")")) {
			c.report("The keys or arguments of the path segment %s are not valid.", short(name))
			return place{}
		}
		next, ok := c.segment(at, name, hasKeys && keys != ")", i == 0)
		if !ok {
			return place{}
		}
		at = next
	}
	return at
}

// keys checks what stands in the brackets of a segment.
func (c *checker) keys(text string, closed bool) bool {
	if !closed {
		return false
	}
	p := &parser{text: "(" + text + ")", loose: c.loose, model: c.model}
	p.next()
	_, err := p.countArguments(scope{}, false)
	return err == nil && p.kind == end
}

func (c *checker) segment(at place, name string, keys, first bool) (place, bool) {
	if first {
		return c.firstSegment(name, keys)
	}
	switch {
	case strings.HasPrefix(name, "$"):
		return c.systemSegment(name)
	case strings.Contains(name, ".") && isName(name):
		return place{item: c.model.named(name)}, true // a cast, or an operation
	case at.item == nil || at.many && !c.declares(at.item, name):
		return place{item: at.item, single: at.many && at.item != nil}, true // a key as a segment
	}
	m, ok := at.item.member(name)
	if !ok {
		if c.model.operation(name) {
			return place{}, true
		}
		c.report("The path has the segment %s, which %s does not have.", short(name), at.item.Name)
		return place{}, false
	}
	return place{item: m.item, many: m.many && !keys, single: m.item != nil && (!m.many || keys)}, true
}

func (c *checker) declares(t *Type, name string) bool {
	_, ok := t.member(name)
	return ok && t.properties[name].typeName != ""
}

func (c *checker) firstSegment(name string, keys bool) (place, bool) {
	switch name {
	case "$batch":
		return place{batch: true}, true
	case "$metadata", "$entity", "$all", "$crossjoin":
		return place{}, true
	}
	if c.model == nil {
		if !isName(name) {
			c.report("The path must start with the name of an entity set, a singleton or an operation.")
			return place{}, false
		}
		return place{}, true
	}
	r, ok := c.model.sets[name]
	if !ok && c.model.operation(name) {
		return place{}, true
	}
	if !ok {
		c.report("The service has no entity set, singleton or operation %s.", short(name))
		return place{}, false
	}
	return place{item: r.item, single: r.item != nil && (r.single || keys), many: !r.single && !keys}, true
}

func (c *checker) systemSegment(name string) (place, bool) {
	switch name {
	case "$count", "$ref", "$value", "$each", "$filter", "$query":
		return place{}, true
	}
	c.report("The path has the segment %s, which does not exist.", short(name))
	return place{}, false
}
