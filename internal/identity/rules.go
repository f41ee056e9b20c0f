package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Rules are the files that say who may do what.
type Rules struct {
	Roles       []Role       `yaml:"roles"`
	Principals  []*Principal `yaml:"principals"`
	Groups      []Group      `yaml:"groups"`
	Assignments []Assignment `yaml:"assignments"`
	// PrivateLinks say from which networks workspaces of logs are reached.
	PrivateLinks []PrivateLink `yaml:"privateLinks"`
}

// UseScrape marks the identity of a scraper: it never gets more than reading.
const UseScrape = "scrape"

// Principal is a program or a person.
type Principal struct {
	Name     string `yaml:"name"`
	ID       string `yaml:"id"`                 // object id at its issuer: claim oid, or sub
	ClientID string `yaml:"clientId,omitempty"` // of the own issuer's; default: id
	Issuer   string `yaml:"issuer,omitempty"`   // default: local
	Use      string `yaml:"use,omitempty"`      // scrape
	// Secrets of the own issuer, at most two at a time.
	Secrets []Secret `yaml:"secrets,omitempty"`
	// Federated are tokens of other issuers that stand for a secret.
	Federated []Federated `yaml:"federated,omitempty"`
	// Managed lets a workload with one of these header secrets have tokens from the
	// managed identity endpoint.
	Managed []Secret `yaml:"managed,omitempty"`
	// UserAssigned names principals whose tokens such a workload may have too.
	UserAssigned []string `yaml:"userAssigned,omitempty"`

	assigned []*Principal
}

// Secret is known here by its hash alone.
type Secret struct {
	ID      string    `yaml:"id"`
	Hash    string    `yaml:"hash"`
	Created time.Time `yaml:"created"`
	Ends    time.Time `yaml:"ends"`
}

// Federated is a subject of an issuer among identity.issuers.
type Federated struct {
	Issuer  string `yaml:"issuer"`
	Subject string `yaml:"subject"`
}

// Group is a set of principals: those named here, and those whose issuer says so.
type Group struct {
	Name    string   `yaml:"name"`
	Members []string `yaml:"members"` // names of principals
	Issuer  string   `yaml:"issuer"`  // with claim
	Claim   string   `yaml:"claim"`   // the group as the issuer's tokens name it
}

// Assignment gives a role to a principal or a group at a scope and all below it.
type Assignment struct {
	Principal string `yaml:"principal"`
	Group     string `yaml:"group"`
	Role      string `yaml:"role"` // name or id
	Scope     string `yaml:"scope"`
}

// Bounds of rule files.
const (
	MaxFile     = 4 << 20
	maxEntries  = 10_000
	maxPatterns = 500
	maxName     = 200
)

// Access is the rules in a form that answers. Immutable.
type Access struct {
	principals  []*Principal
	groups      []*group
	assignments []*assignment
	links       []*privateLink
	byObject    map[objectKey]*Principal
	byClient    map[string]*Principal // of the own issuer, by client id in lower case
	byHeader    map[string]*Principal // by id of a managed secret
}

type objectKey struct{ issuer, object string }

type group struct {
	name, issuer, claim string
	member              map[*Principal]bool
}

type assignment struct {
	principal *Principal
	group     *group
	role      *Role
	scope     string // as compared
}

// covers says whether a scope is at or below that of the assignment.
func (s *assignment) covers(scope string) bool {
	return s.scope == "/" || scope == s.scope || strings.HasPrefix(scope, s.scope+"/")
}

// Read reads one file of rules. Unknown names are errors.
func Read(data []byte) (*Rules, error) {
	if len(data) > MaxFile {
		return nil, fmt.Errorf("the file has %d bytes, at most %d", len(data), MaxFile)
	}
	var r Rules
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&r); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if n := max(len(r.Roles), len(r.Principals), len(r.Groups), len(r.Assignments), len(r.PrivateLinks)); n > maxEntries {
		return nil, fmt.Errorf("%d entries in one list, at most %d", n, maxEntries)
	}
	return &r, nil
}

// Compile checks rules, which may come from several files, as a whole. The error
// names each entry that is wrong.
func Compile(files ...*Rules) (*Access, error) {
	c := compiler{access: &Access{byObject: map[objectKey]*Principal{}, byClient: map[string]*Principal{}, byHeader: map[string]*Principal{}},
		roles: map[string]*Role{}, principals: map[string]*Principal{}, groups: map[string]*group{}}
	for _, r := range BuiltIn() {
		c.roles[fold(r.Name)], c.roles[r.ID] = &r, &r
	}
	for _, f := range files {
		for i := range f.Roles {
			c.addRole(f.Roles[i])
		}
		for _, p := range f.Principals {
			c.addPrincipal(p)
		}
	}
	for _, f := range files {
		for i := range f.Groups {
			c.addGroup(&f.Groups[i])
		}
	}
	for _, f := range files {
		for i := range f.Assignments {
			c.assign(&f.Assignments[i])
		}
		for i := range f.PrivateLinks {
			c.addPrivateLink(&f.PrivateLinks[i])
		}
	}
	c.checkAssigned()
	c.checkScrapers()
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	return c.access, nil
}

// compiler collects what is wrong.
type compiler struct {
	access     *Access
	roles      map[string]*Role
	principals map[string]*Principal
	groups     map[string]*group
	errs       []error
}

func (c *compiler) wrong(format string, args ...any) {
	if len(c.errs) < 50 {
		c.errs = append(c.errs, fmt.Errorf(format, args...))
	}
}

func (c *compiler) addRole(r Role) {
	name := fold(r.Name)
	switch {
	case r.Name == "" || len(r.Name) > maxName:
		c.wrong("roles: a role needs a name of at most %d characters", maxName)
		return
	case c.roles[name] != nil:
		c.wrong("roles: %q is there already; built-in roles cannot be changed", r.Name)
		return
	case len(r.Actions)+len(r.DataActions) == 0:
		c.wrong("roles: %q has neither actions nor dataActions", r.Name)
	case r.ID != "" && c.roles[fold(r.ID)] != nil:
		c.wrong("roles: the id of %q is taken", r.Name)
	}
	for _, list := range [][]string{r.Actions, r.NotActions, r.DataActions, r.NotDataActions} {
		if len(list) > maxPatterns {
			c.wrong("roles: %q has %d patterns in one list, at most %d", r.Name, len(list), maxPatterns)
		}
		for _, p := range list {
			if p == "" || len(p) > maxName || strings.Count(p, "*") > 5 || strings.ContainsAny(p, " \t\n") {
				c.wrong("roles: %q: %.60q is no pattern such as Microsoft.Monitor/accounts/*/read", r.Name, p)
			}
		}
	}
	if c.roles[name] = &r; r.ID != "" {
		c.roles[fold(r.ID)] = &r
	}
}

func (c *compiler) addPrincipal(p *Principal) {
	if p == nil {
		c.wrong("principals: an entry is empty")
		return
	}
	if p.Issuer == "" {
		p.Issuer = Local
	}
	if p.ClientID == "" {
		p.ClientID = p.ID
	}
	key := objectKey{p.Issuer, fold(p.ID)}
	switch {
	case p.Name == "" || p.ID == "" || len(p.Name) > maxName || len(p.ID) > maxName:
		c.wrong("principals: %.60q needs a name and an id (the claim oid or sub of its tokens) of at most %d characters", p.Name, maxName)
		return
	case c.principals[fold(p.Name)] != nil:
		c.wrong("principals: %q is there twice", p.Name)
		return
	case c.access.byObject[key] != nil:
		c.wrong("principals: %q and %q have the same id", c.access.byObject[key].Name, p.Name)
		return
	case p.Use != "" && p.Use != UseScrape:
		c.wrong("principals: %q: use is %.40q; it may be scrape, or left out", p.Name, p.Use)
	case p.Issuer != Local && len(p.Secrets)+len(p.Managed)+len(p.Federated) > 0:
		c.wrong("principals: %q is of issuer %s: secrets, managed and federated are of the own issuer's principals", p.Name, p.Issuer)
	}
	c.checkSecrets(p)
	c.principals[fold(p.Name)], c.access.byObject[key] = p, p
	c.access.principals = append(c.access.principals, p)
	if p.Issuer != Local {
		return
	}
	if other := c.access.byClient[fold(p.ClientID)]; other != nil {
		c.wrong("principals: %q and %q have the same clientId", other.Name, p.Name)
	}
	c.access.byClient[fold(p.ClientID)] = p
	for _, s := range p.Managed {
		if c.access.byHeader[s.ID] != nil {
			c.wrong("principals: %q: the id %.40q of a managed secret is taken", p.Name, s.ID)
		}
		c.access.byHeader[s.ID] = p
	}
}

func (c *compiler) addGroup(g *Group) {
	switch {
	case g.Name == "" || len(g.Name) > maxName:
		c.wrong("groups: a group needs a name of at most %d characters", maxName)
		return
	case c.groups[fold(g.Name)] != nil:
		c.wrong("groups: %q is there twice", g.Name)
		return
	case (g.Claim == "") != (g.Issuer == ""):
		c.wrong("groups: %q: claim and issuer belong together: a group of an issuer's tokens", g.Name)
	}
	out := &group{name: g.Name, issuer: g.Issuer, claim: g.Claim, member: map[*Principal]bool{}}
	for _, name := range g.Members {
		p := c.principals[fold(name)]
		if p == nil {
			c.wrong("groups: %q: there is no principal %.60q", g.Name, name)
			continue
		}
		out.member[p] = true
	}
	c.groups[fold(g.Name)] = out
	c.access.groups = append(c.access.groups, out)
}

func (c *compiler) assign(a *Assignment) {
	out := &assignment{role: c.roles[fold(a.Role)], principal: c.principals[fold(a.Principal)], group: c.groups[fold(a.Group)], scope: foldScope(a.Scope)}
	who := a.Principal + a.Group
	switch {
	case (a.Principal == "") == (a.Group == ""):
		c.wrong("assignments: %.60q at %.100q: name either a principal or a group", a.Role, a.Scope)
		return
	case a.Principal != "" && out.principal == nil:
		c.wrong("assignments: there is no principal %.60q", a.Principal)
		return
	case a.Group != "" && out.group == nil:
		c.wrong("assignments: there is no group %.60q", a.Group)
		return
	case out.role == nil:
		c.wrong("assignments: %s: there is no role %.60q: use the name or id of a built-in role, or of one under roles", who, a.Role)
		return
	case a.Scope != "/" && !strings.HasPrefix(out.scope, "/subscriptions/") || len(a.Scope) > 1000:
		c.wrong("assignments: %s: %.100q is no scope: use / for everything, or /subscriptions/S, /subscriptions/S/resourceGroups/G or the id of a resource", who, a.Scope)
		return
	}
	c.access.assignments = append(c.access.assignments, out)
}

// checkAssigned finds the identities that workloads may have beside their own.
func (c *compiler) checkAssigned() {
	for _, p := range c.access.principals {
		for _, name := range p.UserAssigned {
			other := c.principals[fold(name)]
			if other == nil || other.Issuer != Local || len(p.Managed) == 0 {
				c.wrong("principals: %q: userAssigned: %.60q is no principal of the own issuer, or there is no managed secret to ask with", p.Name, name)
				continue
			}
			p.assigned = append(p.assigned, other)
		}
	}
}

// checkScrapers refuses rules that let a scraper change anything.
func (c *compiler) checkScrapers() {
	for _, a := range c.access.assignments {
		if a.role.readOnly() {
			continue
		}
		for _, p := range c.access.principals {
			if p.Use != UseScrape || a.principal != p && (a.group == nil || !a.group.member[p]) {
				continue
			}
			through := ""
			if a.group != nil {
				through = " through group " + a.group.name
			}
			c.wrong("assignments: %s is a scraper's identity and would get the role %s%s, which changes things: give it Monitoring Reader or Monitoring Data Reader", p.Name, a.role.Name, through)
		}
	}
}
