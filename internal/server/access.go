package server

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gatehouse/internal/api"
	"gatehouse/internal/api/arm"
	"gatehouse/internal/identity"
	"gatehouse/internal/telemetry"
)

// needs are the rights that a request needs: all of them.
type needs func(*Server, *http.Request) []identity.Need

// guarded is the mux of the monitor doors: each of its routes has a rule in the
// table of access, which is asked before the route's handler.
type guarded struct {
	mux    *http.ServeMux
	server *Server
	table  map[string]needs
	seen   map[string]bool
}

func newGuarded(s *Server) *guarded {
	return &guarded{mux: http.NewServeMux(), server: s, table: accessTable(), seen: map[string]bool{}}
}

// Handle adds a route. One without a rule is not served.
func (g *guarded) Handle(pattern string, h http.Handler) {
	g.seen[pattern] = true
	if rule, ok := g.table[pattern]; ok {
		g.mux.Handle(pattern, g.server.guard(rule, h))
	}
}

// HandleFunc adds a route.
func (g *guarded) HandleFunc(pattern string, f func(http.ResponseWriter, *http.Request)) {
	g.Handle(pattern, http.HandlerFunc(f))
}

// whole names routes without a rule.
func (g *guarded) whole() error {
	var missing []string
	for pattern := range g.seen {
		if _, ok := g.table[pattern]; !ok {
			missing = append(missing, pattern)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("these routes have no rule of access: %s", strings.Join(missing, ", "))
	}
	return nil
}

// guard asks for the rights of a request before it is served.
func (s *Server) guard(rule needs, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		list := rule(s, r)
		if missing := s.lacks(r, list); missing != nil {
			s.forbid(w, r, missing)
			return
		}
		if err := s.outOfReach(r, list); err != nil {
			arm.WriteError(w, arm.Errorf(http.StatusForbidden, "NetworkAccessDenied", "%s", err))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// lacks gives the first right that the caller of a request does not have.
func (s *Server) lacks(r *http.Request, list []identity.Need) *identity.Need {
	caller := identity.CallerOf(r.Context())
	access := s.identities.current()
	if caller == nil {
		return &identity.Need{Action: "Gatehouse/door/action", Scope: "/"}
	}
	for i := range list {
		if !access.Decide(caller, list[i]).Allowed {
			return &list[i]
		}
	}
	return nil
}

// outOfReach says why a workspace of logs cannot be reached from where a request
// comes.
func (s *Server) outOfReach(r *http.Request, list []identity.Need) error {
	for _, n := range list {
		w, ok := s.workspaces.ByName(n.Workspace)
		if n.Workspace == "" || !ok {
			continue
		}
		kind := identity.Query
		if n.Action == sendTelemetry {
			kind = identity.Ingestion
		}
		if err := s.reach(kind, identity.CallerOf(r.Context()).Address, w); err != nil {
			return err
		}
	}
	return nil
}

// forbid says which right is missing, in the words of the API that was asked.
func (s *Server) forbid(w http.ResponseWriter, r *http.Request, missing *identity.Need) {
	note := noteOf(r.Context())
	note.missing = missing
	text := lacking(identity.CallerOf(r.Context()), missing)
	if strings.HasPrefix(r.URL.Path, "/prometheus/") || strings.Contains(r.URL.Path, "/prometheus/") {
		api.WriteJSON(w, http.StatusForbidden, map[string]string{"status": "error", "errorType": "forbidden", "error": text})
		return
	}
	arm.WriteError(w, arm.Errorf(http.StatusForbidden, "AuthorizationFailed", "%s", text))
}

// lacking says which right a caller does not have, and how it comes to it.
func lacking(c *identity.Caller, missing *identity.Need) string {
	kind, name := "action", "nobody"
	if missing.Data {
		kind = "data action"
	}
	if c != nil {
		name = c.Name
	}
	return fmt.Sprintf("%.200q has no role with the %s %s at %.500s: a role assignment in the file identity.rules grants it", name, kind, missing.Action, missing.Scope)
}

// maySeeSecrets says whether a request may be answered with secrets.
func (s *Server) maySeeSecrets(r *http.Request) bool {
	c := identity.CallerOf(r.Context())
	if c == nil || c.Kind != identity.KindToken {
		return c != nil && c.Kind == identity.KindAdmin
	}
	return s.identities.current().Decide(c, identity.Need{Action: "Microsoft.ApiManagement/service/namedValues/listValue/action", Scope: s.serviceID()}).Allowed
}

// mayRead says why who asks may not read the rows of a workspace.
func (s *Server) mayRead(ctx context.Context, w *telemetry.Workspace) error {
	caller, need := identity.CallerOf(ctx), readsRows(w)
	if !s.identities.current().Decide(caller, need).Allowed {
		noteOf(ctx).missing = &need
		return fmt.Errorf("the workspace %q may not be read by who asks: it needs a role with %s at %s", w.Title(), need.Action, need.Scope)
	}
	return s.reach(identity.Query, caller.Address, w)
}

func readsRows(w *telemetry.Workspace) identity.Need {
	return identity.Need{Action: "Microsoft.OperationalInsights/workspaces/query/read", Scope: w.ResourceID, Workspace: w.Title()}
}

// houseID is where rights over everything of this process are asked for.
func houseID() string {
	return strings.TrimSuffix(standIn, "/providers/")
}

// serviceID is where rights over the service are asked for, whatever
// subscription and group a client writes into its path.
func (s *Server) serviceID() string {
	return standIn + "Microsoft.ApiManagement/service/" + s.activityService()
}

// accountID is the scope of a metric workspace; one that is not there yet would
// stand in the group of the house.
func (s *Server) accountScope(name string) string {
	w := s.metrics.find(strings.TrimSpace(name))
	if w == nil {
		return standIn + accountType + "/" + strings.ReplaceAll(name, "/", "_")
	}
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	return s.accountOf(w).ID
}
