package identity

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Review is who may do what, and what somebody should look at.
type Review struct {
	Principals []Reviewed `json:"principals"`
	Findings   []Finding  `json:"findings"`
}

// Reviewed is a principal with all that it has.
type Reviewed struct {
	Name     string           `json:"name"`
	ID       string           `json:"id"`
	ClientID string           `json:"client_id"`
	Issuer   string           `json:"issuer"`
	Use      string           `json:"use,omitempty"`
	Roles    []ReviewedRole   `json:"roles"`
	Secrets  []ReviewedSecret `json:"secrets"`
}

// ReviewedRole is a role of a principal.
type ReviewedRole struct {
	Role  string `json:"role"`
	Scope string `json:"scope"`
	Group string `json:"group,omitempty"` // through which
}

// ReviewedSecret is one that is known by its hash: the hash is not shown.
type ReviewedSecret struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"` // client, workload
	Created  time.Time `json:"created"`
	Ends     time.Time `json:"ends"`
	DaysLeft float64   `json:"days_left"`
	State    string    `json:"state"` // live, ending, ended, not yet
}

// Finding is one thing to look at.
type Finding struct {
	Principal string `json:"principal"`
	Severity  string `json:"severity"` // error, warning
	Text      string `json:"text"`
}

// Review lists principals by name.
func (a *Access) Review(now time.Time) Review {
	out := Review{Principals: []Reviewed{}, Findings: []Finding{}}
	if a == nil {
		return out
	}
	for _, p := range a.principals {
		r := Reviewed{Name: p.Name, ID: p.ID, ClientID: p.ClientID, Issuer: p.Issuer, Use: p.Use, Roles: a.rolesOf(p), Secrets: SecretsOf(p, now)}
		out.Principals = append(out.Principals, r)
		out.Findings = append(out.Findings, a.look(p, &r)...)
	}
	for _, g := range a.groups {
		if g.claim == "" {
			continue
		}
		for _, s := range a.assignments {
			if s.group == g && !s.role.readOnly() {
				out.Findings = append(out.Findings, Finding{"", "warning", fmt.Sprintf("group %s of issuer %s has the role %s at %s: who is in it, the issuer says", g.name, g.issuer, s.role.Name, s.scope)})
			}
		}
	}
	slices.SortStableFunc(out.Principals, func(x, y Reviewed) int { return strings.Compare(fold(x.Name), fold(y.Name)) })
	return out
}

func (a *Access) rolesOf(p *Principal) []ReviewedRole {
	out := []ReviewedRole{}
	for _, s := range a.assignments {
		switch {
		case s.principal == p:
			out = append(out, ReviewedRole{Role: s.role.Name, Scope: s.scope})
		case s.group != nil && s.group.member[p]:
			out = append(out, ReviewedRole{Role: s.role.Name, Scope: s.scope, Group: s.group.name})
		}
	}
	return out
}

// SecretsOf are the secrets of a principal with their state.
func SecretsOf(p *Principal, now time.Time) []ReviewedSecret {
	out := []ReviewedSecret{}
	for kind, list := range map[string][]Secret{"client": p.Secrets, "workload": p.Managed} {
		for i := range list {
			s := &list[i]
			state := "live"
			switch {
			case !now.Before(s.Ends):
				state = "ended"
			case now.Before(s.Created):
				state = "not yet"
			case s.Ends.Sub(now) <= WarnBefore:
				state = "ending"
			}
			out = append(out, ReviewedSecret{ID: s.ID, Kind: kind, Created: s.Created, Ends: s.Ends, DaysLeft: s.DaysLeft(now), State: state})
		}
	}
	slices.SortFunc(out, func(x, y ReviewedSecret) int { return strings.Compare(x.Kind+x.ID, y.Kind+y.ID) })
	return out
}

// look finds what is wrong with one principal.
func (a *Access) look(p *Principal, r *Reviewed) (out []Finding) {
	add := func(severity, format string, args ...any) {
		out = append(out, Finding{p.Name, severity, fmt.Sprintf(format, args...)})
	}
	for _, one := range r.Roles {
		if p.Use == UseScrape && one.Scope == "/" {
			add("warning", "a scraper has the role %s at everything: name the resource group that it scrapes", one.Role)
		}
		if p.Use != UseScrape && len(r.Secrets) > 0 && one.Scope == "/" && (one.Role == "Owner" || one.Role == "Contributor") {
			add("warning", "a program with a secret has the role %s at everything", one.Role)
		}
	}
	if len(r.Roles) == 0 && p.Issuer == Local {
		add("warning", "it has no role: remove it, or assign one")
	}
	for _, s := range r.Secrets {
		switch s.State {
		case "ended":
			add("error", "%s secret %s ended on %s and is refused", s.Kind, s.ID, s.Ends.Format(time.DateOnly))
		case "ending":
			add("warning", "%s secret %s ends on %s: make the next one with gatehouse identity secret", s.Kind, s.ID, s.Ends.Format(time.DateOnly))
		}
	}
	return out
}

// Principals are those of the own issuer.
func (a *Access) Principals() []*Principal {
	if a == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(a.principals), func(p *Principal) bool { return p.Issuer != Local })
}
