package route

import (
	"errors"
	"fmt"
	"strings"

	"gatehouse/internal/apim"
)

// apiNode is a segment of API paths.
type apiNode struct {
	children map[string]*apiNode // by lower-case segment
	variants []*variant          // APIs whose path ends here
}

// variant is one revision of one API version.
type variant struct {
	api     *apim.API
	index   int
	current bool
	scheme  versionScheme
	name    string // of the version's header (canonical) or query parameter
	version string
	root    *node
}

type versionScheme uint8

const (
	byPath versionScheme = iota // also: unversioned
	byHeader
	byQuery
)

// builder collects the table and all that is wrong with it.
type builder struct {
	root     *apiNode
	sets     map[string]*apim.VersionSet
	versions map[string]int // how many revisions an API id has
	problems []error
}

func (b *builder) build(s *apim.Service) (*Table, error) {
	b.sets, b.versions = map[string]*apim.VersionSet{}, map[string]int{}
	for _, set := range s.VersionSets {
		b.sets[set.ID] = set
	}
	for _, api := range s.APIs {
		b.versions[api.ID]++
	}
	for i, api := range s.APIs {
		b.add(i, api)
	}
	if err := errors.Join(b.problems...); err != nil {
		return nil, err
	}
	return &Table{root: b.root}, nil
}

func (b *builder) failf(format string, args ...any) {
	b.problems = append(b.problems, fmt.Errorf(format, args...))
}

// resource is the name of a revision in messages.
func resource(api *apim.API) string {
	if api.IsCurrent || api.Revision == "" {
		return "apis/" + api.ID
	}
	return "apis/" + api.ID + ";rev=" + api.Revision
}

func (b *builder) add(index int, api *apim.API) {
	v := &variant{api: api, index: index, version: api.Version}
	v.current = api.IsCurrent || b.versions[api.ID] == 1
	path := strings.Trim(api.Path, "/")
	if api.VersionSet != "" && api.Version != "" {
		set := b.sets[api.VersionSet]
		if set == nil {
			b.failf("%s: its version set apiVersionSets/%s does not exist", resource(api), api.VersionSet)
			return
		}
		var err error
		if path, err = v.place(set, path); err != nil {
			b.failf("%s: %w", resource(api), err)
			return
		}
	}
	n := b.root
	for segment := range strings.SplitSeq(path, "/") {
		if segment != "" {
			n = n.child(lower(segment))
		}
	}
	for _, other := range n.variants {
		if v.clashes(other) {
			b.failf("%s and %s have the same path %q, version %q and revision; give one of them another path",
				resource(other.api), resource(api), "/"+path, api.Version)
		}
	}
	n.variants = append(n.variants, v)
	b.addOperations(v)
}

// place says where the version stands in a request. An API whose path ends
// with its version segment already, as extracted artifacts have it, keeps it.
func (v *variant) place(set *apim.VersionSet, path string) (string, error) {
	switch {
	case strings.EqualFold(set.Scheme, "Header"):
		v.scheme, v.name = byHeader, canonicalName(set.Header)
	case strings.EqualFold(set.Scheme, "Query"):
		v.scheme, v.name = byQuery, set.Query
	case strings.EqualFold(set.Scheme, "Segment") || set.Scheme == "":
		last := path[strings.LastIndexByte(path, '/')+1:]
		if !strings.EqualFold(last, v.version) {
			path += "/" + v.version
		}
		return strings.Trim(path, "/"), nil
	default:
		return "", fmt.Errorf("apiVersionSets/%s: its versioning scheme %q is not Segment, Header or Query", set.ID, set.Scheme)
	}
	if v.name == "" {
		return "", fmt.Errorf("apiVersionSets/%s does not name the %s that carries the version", set.ID, strings.ToLower(set.Scheme))
	}
	return path, nil
}

// clashes tells whether a request could mean both.
func (v *variant) clashes(o *variant) bool {
	if v.scheme != o.scheme {
		return false
	}
	if v.scheme != byPath && (!strings.EqualFold(v.name, o.name) || !strings.EqualFold(v.version, o.version)) {
		return false
	}
	return v.current && o.current || v.api.Revision == o.api.Revision
}

func (n *apiNode) child(segment string) *apiNode {
	if n.children == nil {
		n.children = map[string]*apiNode{}
	}
	c := n.children[segment]
	if c == nil {
		c = &apiNode{}
		n.children[segment] = c
	}
	return c
}

// addOperations builds the template tree of an API.
func (b *builder) addOperations(v *variant) {
	v.root = &node{}
	for i, op := range v.api.Operations {
		t, err := parseTemplate(op.URLTemplate)
		if err != nil {
			b.failf("%s/operations/%s: its URL template %q: %w", resource(v.api), op.ID, op.URLTemplate, err)
			continue
		}
		if other := v.root.insert(t, &leaf{operation: op, index: i, method: strings.ToUpper(op.Method), template: t}); other != nil {
			b.failf("%s: operations/%s and operations/%s have the same verb %s and template %q; remove one",
				resource(v.api), other.operation.ID, op.ID, op.Method, op.URLTemplate)
		}
	}
}
