// Package identity decides who may do what: principals, groups, roles with
// actions as Azure has them, and assignments of roles at scopes. One evaluator
// stands behind every door.
//
// What comes in: the text of rule files, and callers that a door has recognised.
// What goes out: yes with the role that grants it, or no. It must never read
// files, grant what no rule grants, or put a secret into an error.
package identity

import (
	"context"
	"net/netip"
	"slices"
)

// Kinds of callers.
const (
	KindAdmin = "admin"     // the admin token: every right
	KindLocal = "local"     // a local user of the plain door: every right but to see secrets
	KindToken = "principal" // proved by a token: what the rules grant
)

// Caller is who a door recognised.
type Caller struct {
	Kind   string
	Name   string // for people and records
	Issuer string // name of the issuer that vouches for it; "local" is the own one
	Object string // id of the principal at its issuer
	Groups []string
	// Address is where the caller is.
	Address netip.Addr
}

// Admin is the caller with the admin token.
func Admin() *Caller { return &Caller{Kind: KindAdmin, Name: "admin token"} }

// LocalUser is a caller of the open plain door.
func LocalUser() *Caller { return &Caller{Kind: KindLocal, Name: "local user"} }

// Local is the name of the own issuer in rules.
const Local = "local"

type callerKey struct{}

// WithCaller notes the caller of a request.
func WithCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf gives the caller of a request, nil when no door recognised one.
func CallerOf(ctx context.Context) *Caller {
	c, _ := ctx.Value(callerKey{}).(*Caller)
	return c
}

// Need is one right that a request needs.
type Need struct {
	Action string // Microsoft.Monitor/accounts/read
	Data   bool   // it is a data action
	Scope  string // id of the resource or group; "/" is everything
	// Workspace of logs that is reached, "": none.
	Workspace string
}

// Decision is the answer about a need.
type Decision struct {
	Allowed bool
	Role    string // that grants it
	Scope   string // where it is assigned
}

// Decide answers about a need. Nobody, and a caller without rules, has no rights.
func (a *Access) Decide(c *Caller, n Need) Decision {
	switch {
	case c == nil:
		return Decision{}
	case c.Kind == KindAdmin, c.Kind == KindLocal:
		return Decision{Allowed: true, Role: "Owner", Scope: "/"}
	case c.Kind != KindToken || a == nil:
		return Decision{}
	}
	action, scope := fold(n.Action), foldScope(n.Scope)
	p := a.principal(c)
	for _, one := range a.assignments {
		if !one.covers(scope) || !one.holds(p, c) || !one.role.grants(action, n.Data) {
			continue
		}
		if p != nil && p.Use == UseScrape && !one.role.readOnly() {
			continue // whatever group it comes to, a scraper only reads
		}
		return Decision{Allowed: true, Role: one.role.Name, Scope: one.scope}
	}
	return Decision{}
}

// principal finds what the rules say about a caller, nil when nothing.
func (a *Access) principal(c *Caller) *Principal {
	return a.byObject[objectKey{c.Issuer, fold(c.Object)}]
}

// holds says whether an assignment is to a caller, itself or by a group: one of
// the rules, or one that its issuer names.
func (s *assignment) holds(p *Principal, c *Caller) bool {
	if s.principal != nil {
		return s.principal == p
	}
	g := s.group
	if p != nil && g.member[p] {
		return true
	}
	return g.claim != "" && g.issuer == c.Issuer && slices.Contains(c.Groups, g.claim)
}

// Named finds a principal of the own issuer by its name, nil: there is none.
func (a *Access) Named(name string) *Principal {
	for _, p := range a.principals {
		if p.Issuer == Local && fold(p.Name) == fold(name) {
			return p
		}
	}
	return nil
}

// Title is the name that the rules give a caller, or that it came with.
func (a *Access) Title(c *Caller) string {
	if a == nil {
		return c.Name
	}
	if p := a.principal(c); p != nil {
		return p.Name
	}
	return c.Name
}
