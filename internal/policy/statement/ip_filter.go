package statement

import (
	"net/netip"
	"strings"

	"gatehouse/internal/policy"
)

// ipFilterStatement lets in, or keeps out, callers by their address.
type ipFilterStatement struct {
	allow    bool
	dynamic  policy.String // action as an expression
	ranges   []addressRange
	computed []computedRange
}

// addressRange is inclusive.
type addressRange struct{ from, to netip.Addr }

// computedRange is a range with an expression in it.
type computedRange struct{ from, to policy.String }

func ipFilter() *policy.Definition {
	return &policy.Definition{Name: "ip-filter", Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"action"}, Compile: compileIPFilter}
}

func compileIPFilter(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "address", "address-range")
	s := &ipFilterStatement{dynamic: required(k, e, "action")}
	if a := e.Attr("action"); a != nil && !a.Value.Expression {
		s.allow = a.Value.Text == "allow"
		if !s.allow && a.Value.Text != "forbid" {
			k.Errorf(a.Value.Pos, "action=%q: expected allow or forbid", a.Value.Text)
		}
	}
	for _, c := range e.Children {
		switch c.Name {
		case "address":
			checkAttributes(k, c)
			checkChildren(k, c)
			k.Reads(c.Text)
			s.add(k, c, c.Text, c.Text)
		case "address-range":
			checkAttributes(k, c, "from", "to")
			checkChildren(k, c)
			from, to := k.Required(c, "from"), k.Required(c, "to")
			if from != nil && to != nil {
				s.add(k, c, from.Value, to.Value)
			}
		}
	}
	if len(s.ranges)+len(s.computed) == 0 && len(e.Children) == 0 {
		k.Errorf(e.Pos, "<ip-filter> needs at least one <address> or <address-range>")
	}
	return s
}

func (s *ipFilterStatement) add(k *policy.Compiler, e *policy.Element, from, to policy.Value) {
	if from.Expression || to.Expression {
		r := computedRange{from: k.StringValue(from)}
		if r.to = r.from; e.Name == "address-range" {
			r.to = k.StringValue(to)
		}
		s.computed = append(s.computed, r)
		return
	}
	r, problem := parseRange(from.Text, to.Text)
	if problem != "" {
		pos := from.Pos
		if from.Text == "" {
			pos = e.Pos
		}
		k.Errorf(pos, "<%s>: %s", e.Name, problem)
		return
	}
	s.ranges = append(s.ranges, r)
}

func parseRange(from, to string) (addressRange, string) {
	from, to = strings.TrimSpace(from), strings.TrimSpace(to)
	if from == to && strings.Contains(from, "/") {
		p, err := netip.ParsePrefix(from)
		if err != nil {
			return addressRange{}, "expected an address such as 10.0.0.1, or a network such as 10.0.0.0/8"
		}
		return addressRange{p.Masked().Addr().Unmap(), lastAddress(p)}, ""
	}
	a, err := netip.ParseAddr(from)
	if err != nil {
		return addressRange{}, "expected an address such as 10.0.0.1"
	}
	b, err := netip.ParseAddr(to)
	if err != nil {
		return addressRange{}, "expected an address such as 10.0.0.1"
	}
	r := addressRange{a.Unmap(), b.Unmap()}
	if r.from.Is4() != r.to.Is4() {
		return r, "from and to must both be IPv4 or both be IPv6"
	}
	if r.to.Less(r.from) {
		return r, "from must not be above to"
	}
	return r, ""
}

// lastAddress is the highest address of a network.
func lastAddress(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	a, _ := netip.AddrFromSlice(b) // the length is that of an address
	return a.Unmap()
}

func (r *addressRange) contains(a netip.Addr) bool {
	return a.BitLen() == r.from.BitLen() && !a.Less(r.from) && !r.to.Less(a)
}

func (s *ipFilterStatement) Run(c *policy.Context) error {
	caller, err := netip.ParseAddr(c.Request.IPAddress)
	if err != nil {
		return refuseAddress(c, "FailedToParseCallerIP", "Failed to establish IP address for the caller. Access denied.")
	}
	allow, err := s.action(c)
	if err != nil {
		return err
	}
	found, err := s.matches(c, caller.Unmap().WithZone(""))
	switch {
	case err != nil:
		return err
	case allow && !found:
		return refuseAddress(c, "CallerIpNotAllowed", "Caller IP address "+c.Request.IPAddress+" is not allowed. Access denied.")
	case !allow && found:
		return refuseAddress(c, "CallerIpBlocked", "Caller IP address is blocked. Access denied.")
	}
	return nil
}

func (s *ipFilterStatement) action(c *policy.Context) (allow bool, err error) {
	if !s.dynamic.Dynamic() {
		return s.allow, nil
	}
	text, err := s.dynamic.Eval(c)
	if err == nil && text != "allow" && text != "forbid" {
		err = invalid(c, "ip-filter", "The expression of action must give allow or forbid.")
	}
	return text == "allow", err
}

func (s *ipFilterStatement) matches(c *policy.Context, caller netip.Addr) (bool, error) {
	for i := range s.ranges {
		if s.ranges[i].contains(caller) {
			return true, nil
		}
	}
	for i := range s.computed {
		from, err := s.computed[i].from.Eval(c)
		if err != nil {
			return false, err
		}
		to, err := s.computed[i].to.Eval(c)
		if err != nil {
			return false, err
		}
		r, problem := parseRange(from, to)
		if problem != "" {
			return false, invalid(c, "ip-filter", "The expression of an address gave no address: "+problem+".")
		}
		if r.contains(caller) {
			return true, nil
		}
	}
	return false, nil
}

func refuseAddress(c *policy.Context, reason, message string) error {
	e := c.Fail("ip-filter", reason, message, 403)
	e.Body = "Forbidden"
	return e
}
