package arm

import (
	"errors"
	"fmt"
	"strings"
)

// ID names a resource, or a collection when its last segment has no name. Case
// does not count in ids; an ID keeps the case that it was written in.
type ID struct {
	Parent       *ID // of an extension: .../providers/A/b/c/providers/D/e
	Subscription string
	Group        string // resource group, "" for what belongs to the subscription
	Provider     string // "" for a subscription or a resource group itself
	Segments     []Segment
}

// Segment is one type and the name of its resource.
type Segment struct{ Type, Name string }

// maxSegments bounds an id.
const maxSegments = 32

// Parse reads the path of a resource or collection; .../resources, the list of
// all that are in a subscription or group, is Microsoft.Resources/resources. Doubled slashes and one at
// the end are passed over: clients write them.
func Parse(path string) (ID, error) {
	var part []string
	for _, p := range strings.Split(path, "/") {
		if p != "" {
			part = append(part, p)
		}
	}
	switch {
	case len(part) == 0 || !strings.EqualFold(part[0], "subscriptions"):
		return ID{}, fmt.Errorf("%.200q does not begin with /subscriptions", path)
	case len(part) > maxSegments:
		return ID{}, fmt.Errorf("an id has at most %d segments", maxSegments)
	}
	var id ID
	part = part[1:]
	take := func() (out string) {
		if len(part) > 0 {
			out, part = part[0], part[1:]
		}
		return out
	}
	id.Subscription = take()
	if len(part) > 0 && strings.EqualFold(part[0], "resourceGroups") {
		take()
		id.Group = take()
	}
	if len(part) == 1 && strings.EqualFold(part[0], "resources") { // the list of all
		part = []string{"providers", "Microsoft.Resources", "resources"}
	}
	for len(part) > 0 {
		if !strings.EqualFold(part[0], "providers") {
			return ID{}, fmt.Errorf("%q stands where providers/NAMESPACE is expected", part[0])
		}
		var err error
		if id, part, err = id.provider(part[1:]); err != nil {
			return ID{}, err
		}
	}
	return id, nil
}

// provider reads a namespace and the types and names behind it, up to the next
// "providers" that stands where a type would.
func (id ID) provider(part []string) (ID, []string, error) {
	if len(part) == 0 {
		return id, nil, errors.New("the id ends behind providers")
	}
	next := ID{Subscription: id.Subscription, Group: id.Group, Provider: part[0]}
	if id.Provider != "" {
		next.Parent = &id
	}
	for part = part[1:]; len(part) > 0 && !strings.EqualFold(part[0], "providers"); {
		s := Segment{Type: part[0]}
		if part = part[1:]; len(part) > 0 {
			s.Name, part = part[0], part[1:]
		}
		next.Segments = append(next.Segments, s)
	}
	return next, part, nil
}

// Type is the full type in lower case: microsoft.apimanagement/service/apis;
// of a subscription or resource group their own.
func (id ID) Type() string {
	switch {
	case id.Provider != "":
	case id.Group != "":
		return "microsoft.resources/resourcegroups"
	default:
		return "microsoft.resources/subscriptions"
	}
	var b strings.Builder
	b.WriteString(id.Provider)
	for _, s := range id.Segments {
		b.WriteString("/" + s.Type)
	}
	return strings.ToLower(b.String())
}

// Name is the name of the resource, "" for a collection.
func (id ID) Name() string {
	if len(id.Segments) == 0 {
		return ""
	}
	return id.Segments[len(id.Segments)-1].Name
}

// Collection tells whether the id names all resources of a type.
func (id ID) Collection() bool { return id.Provider != "" && id.Name() == "" }

// String writes the id as Azure does.
func (id ID) String() string {
	var b strings.Builder
	if id.Parent != nil {
		b.WriteString(id.Parent.String())
	} else {
		b.WriteString("/subscriptions/" + id.Subscription)
		if id.Group != "" {
			b.WriteString("/resourceGroups/" + id.Group)
		}
	}
	if id.Provider != "" {
		b.WriteString("/providers/" + id.Provider)
	}
	for _, s := range id.Segments {
		b.WriteString("/" + s.Type)
		if s.Name != "" {
			b.WriteString("/" + s.Name)
		}
	}
	return b.String()
}

// Key is equal for two ids of one resource.
func (id ID) Key() string { return strings.ToLower(id.String()) }
