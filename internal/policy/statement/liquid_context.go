package statement

import (
	"net/url"
	"slices"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/policy/liquid"
)

// members is an object of a Liquid template whose members are made when the
// template reads them. Names come in lower case; nil: there is no such member.
type members func(name string) any

// Property gives a member; letter case does not count.
func (m members) Property(name string) (any, bool) {
	v := m(strings.ToLower(name))
	return v, v != nil
}

// Entries are none: only headers, parameters and variables are looped over.
func (m members) Entries() []liquid.Entry { return nil }

// pairs is an object with any names, such as headers.
type pairs struct {
	get  func(name string) (any, bool)
	list func() []liquid.Entry
}

func (p pairs) Property(name string) (any, bool) { return p.get(name) }
func (p pairs) Entries() []liquid.Entry          { return p.list() }

// liquidContext is `context` in a template.
func liquidContext(c *policy.Context) members {
	return func(name string) any {
		switch name {
		case "request":
			return liquidRequest(c)
		case "response":
			if c.Response != nil {
				return liquidResponse(c.Response, c.Request.Method)
			}
		case "variables":
			return liquidVariables(&c.Variables)
		case "requestid":
			return c.RequestID.String()
		case "timestamp":
			return expr.NewDateTime(c.Timestamp)
		case "tracing":
			return c.Tracing
		}
		return liquidResources(c, name)
	}
}

// liquidResources are API, operation, product and who calls. Keys are not
// among them.
func liquidResources(c *policy.Context, name string) any {
	switch {
	case name == "api" && c.API != nil:
		a := c.API
		return named("id", a.ID, "name", a.Name, "path", a.Path, "revision", a.Revision, "version", a.Version, "serviceurl", a.ServiceURL.String())
	case name == "operation" && c.Operation != nil:
		o := c.Operation
		return named("id", o.ID, "name", o.Name, "method", o.Method, "urltemplate", o.URLTemplate)
	case name == "product" && c.Product != nil:
		return named("id", c.Product.ID, "name", c.Product.Name)
	case name == "subscription" && c.Subscription != nil:
		return named("id", c.Subscription.ID, "name", c.Subscription.Name)
	case name == "user" && c.User != nil:
		u := c.User
		return named("id", u.ID, "email", u.Email, "firstname", u.FirstName, "lastname", u.LastName, "note", u.Note)
	case name == "deployment" && c.Deployment != nil:
		d := c.Deployment
		return named("gatewayid", d.GatewayID, "region", d.Region, "servicename", d.ServiceName, "serviceid", d.ServiceID)
	case name == "lasterror" && c.LastError != nil:
		e := c.LastError
		return named("source", e.Source, "reason", e.Reason, "message", e.Message, "scope", e.Scope, "section", e.Section, "path", e.Path, "policyid", e.PolicyID)
	}
	return nil
}

// named makes an object of names and texts in turn.
func named(list ...string) members {
	return func(name string) any {
		for i := 0; i < len(list); i += 2 {
			if list[i] == name {
				return list[i+1]
			}
		}
		return nil
	}
}

func liquidRequest(c *policy.Context) members {
	r := &c.Request
	return func(name string) any {
		switch name {
		case "url":
			return liquidURL(&r.URL)
		case "originalurl":
			return liquidURL(&r.OriginalURL)
		case "method", "originalmethod":
			return r.Method
		case "ipaddress":
			return r.IPAddress
		case "hasbody":
			return r.Body.Present()
		case "headers":
			return liquidHeader(r.Header)
		case "matchedparameters":
			return liquidParameters(r.MatchedParameters)
		}
		return nil
	}
}

func liquidResponse(r *expr.Response, method string) members {
	return func(name string) any {
		switch name {
		case "statuscode":
			return int64(r.StatusCode)
		case "statusreason":
			return r.StatusReason
		case "method":
			return method
		case "headers":
			return liquidHeader(r.Header)
		}
		return nil
	}
}

func liquidURL(u *expr.URL) members {
	return func(name string) any {
		switch name {
		case "scheme":
			return u.Scheme
		case "host":
			return u.Host
		case "port":
			return int64(u.EffectivePort())
		case "path":
			return u.Path
		case "query":
			return liquidQuery(u.RawQuery)
		case "querystring":
			if u.RawQuery == "" {
				return ""
			}
			return "?" + u.RawQuery
		case "touri", "tostring":
			return u.String()
		}
		return nil
	}
}

func list(values []string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

func liquidHeader(h expr.Header) pairs {
	return pairs{
		get: func(name string) (any, bool) { v := h.Values(name); return list(v), v != nil },
		list: func() []liquid.Entry {
			var out []liquid.Entry
			for name, values := range h {
				out = append(out, liquid.Entry{Key: name, Value: list(values)})
			}
			slices.SortFunc(out, func(a, b liquid.Entry) int { return strings.Compare(a.Key, b.Key) })
			return out
		},
	}
}

func liquidQuery(query string) pairs {
	values := func(want string) []string {
		var out []string
		eachParameter(query, func(name, raw string) {
			if strings.EqualFold(name, want) {
				_, value, _ := strings.Cut(raw, "=")
				if decoded, err := url.QueryUnescape(value); err == nil {
					value = decoded
				}
				out = append(out, value)
			}
		})
		return out
	}
	return pairs{
		get: func(name string) (any, bool) { v := values(name); return list(v), v != nil },
		list: func() []liquid.Entry {
			var out []liquid.Entry
			eachParameter(query, func(name, _ string) {
				if !slices.ContainsFunc(out, func(e liquid.Entry) bool { return strings.EqualFold(e.Key, name) }) {
					out = append(out, liquid.Entry{Key: name, Value: list(values(name))})
				}
			})
			return out
		},
	}
}

func liquidParameters(parameters []expr.Parameter) pairs {
	return pairs{
		get: func(name string) (any, bool) {
			for _, p := range parameters {
				if strings.EqualFold(p.Name, name) {
					return p.Value, true
				}
			}
			return nil, false
		},
		list: func() []liquid.Entry {
			var out []liquid.Entry
			for _, p := range parameters {
				out = append(out, liquid.Entry{Key: p.Name, Value: p.Value})
			}
			return out
		},
	}
}

func liquidVariables(v *expr.Variables) pairs {
	return pairs{
		get: func(name string) (any, bool) {
			value, ok := v.Get(name)
			return liquidValue(value), ok
		},
		list: func() []liquid.Entry {
			var out []liquid.Entry
			v.Each(func(name string, value any) {
				out = append(out, liquid.Entry{Key: name, Value: liquidValue(value)})
			})
			return out
		},
	}
}

// liquidValue is the value of a variable as a template sees it.
func liquidValue(v any) any {
	switch x := v.(type) {
	case *expr.Response:
		if x == nil {
			return nil
		}
		return liquidResponse(x, "")
	case nil, bool, string, int64, float64, expr.DateTime, *expr.JToken:
		return v
	}
	return expr.DataOf(v)
}
