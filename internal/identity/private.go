package identity

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// PrivateLink is a scope of private links, as Azure Monitor has them: networks,
// and the workspaces of logs that may be reached from there.
type PrivateLink struct {
	Name       string   `yaml:"name"`
	Networks   []string `yaml:"networks"`
	Query      string   `yaml:"query"`     // Open (default) or PrivateOnly
	Ingestion  string   `yaml:"ingestion"` // likewise
	Workspaces []string `yaml:"workspaces"`
}

// Modes of a scope, and what they are for.
const (
	Open        = "Open"
	PrivateOnly = "PrivateOnly"
	Query       = "query"
	Ingestion   = "ingestion"
)

type privateLink struct {
	name     string
	networks []netip.Prefix
	only     map[string]bool // private only, by query and ingestion
	has      map[string]bool // workspaces, in lower case
}

func (l *privateLink) holds(a netip.Addr) bool {
	return slices.ContainsFunc(l.networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (c *compiler) addPrivateLink(l *PrivateLink) {
	out := &privateLink{name: l.Name, only: map[string]bool{}, has: map[string]bool{}}
	if l.Name == "" || len(l.Networks) == 0 {
		c.wrong("privateLinks: %.60q needs a name and networks", l.Name)
	}
	for _, text := range l.Networks {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			c.wrong("privateLinks: %s: %.60q is no network such as 10.0.0.0/8", l.Name, text)
			continue
		}
		out.networks = append(out.networks, p)
	}
	for kind, mode := range map[string]string{Query: l.Query, Ingestion: l.Ingestion} {
		if mode != "" && mode != Open && mode != PrivateOnly {
			c.wrong("privateLinks: %s: %s: %.40q is neither %s nor %s", l.Name, kind, mode, Open, PrivateOnly)
		}
		out.only[kind] = mode == PrivateOnly
	}
	for _, name := range l.Workspaces {
		out.has[fold(name)] = true
	}
	c.access.links = append(c.access.links, out)
}

// Reach says why a workspace cannot be reached from an address, nil: it can. A
// network of scopes that are private only reaches what stands in one of its
// scopes; what stands in such a scope is reached from its networks alone.
func (a *Access) Reach(kind string, from netip.Addr, workspace string) error {
	if a == nil || len(a.links) == 0 {
		return nil
	}
	from, name := from.Unmap(), fold(workspace)
	var shut, closed *privateLink
	for _, l := range a.links {
		inside, has := l.holds(from), l.has[name]
		switch {
		case inside && has:
			return nil
		case inside && l.only[kind]:
			shut = l
		case has && l.only[kind]:
			closed = l
		}
	}
	switch {
	case shut != nil:
		return fmt.Errorf("the private link scope %s is %s for %s and does not have the workspace %s: add it to the workspaces of %s under privateLinks, or set %s: %s",
			shut.name, PrivateOnly, kind, workspace, shut.name, kind, Open)
	case closed != nil:
		return fmt.Errorf("the workspace %s is in the private link scope %s, which is %s for %s: it is reached from %s alone", workspace, closed.name, PrivateOnly, kind, closed.where())
	}
	return nil
}

func (l *privateLink) where() string {
	var out []string
	for _, p := range l.networks {
		out = append(out, p.String())
	}
	return strings.Join(out, ", ")
}
