package gateway

import (
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// Shorter values would mask ordinary words.
const minSecret = 6

// serviceSecrets are what must not stand in telemetry: the values of secret
// named values, the credentials of backends and loggers, and subscription keys,
// of which there may be many.
func serviceSecrets(s *apim.Service) (secrets, keys []string) {
	var out []string
	for _, v := range s.NamedValues {
		if v.Secret {
			out = append(out, v.Value)
		}
	}
	for _, sub := range s.Subscriptions {
		keys = append(keys, sub.PrimaryKey, sub.SecondaryKey)
	}
	for _, b := range s.Backends {
		for _, values := range b.Credentials.Header {
			out = append(out, values...)
		}
		for _, values := range b.Credentials.Query {
			out = append(out, values...)
		}
		out = append(out, b.Credentials.Authorization)
	}
	for _, g := range s.Loggers {
		for name, v := range g.Credentials {
			if name != "name" && name != "endpointAddress" && name != apim.LoggerIdentity {
				out = append(out, v)
			}
		}
	}
	return out, keys
}

// credentials are what a request brought, as it came: policies may take them
// off it before the record is scrubbed.
type credentials struct {
	authorization, proxy, cookie []string
	key                          string // subscription key, "" without one or without an API
}

// requestSecrets are the credentials in a request's headers and key parameter,
// and the tokens that statements obtained for it.
func (x *exchange) requestSecrets() []string {
	var out []string
	add := func(v string) {
		if len(v) >= minSecret {
			out = append(out, v)
		}
	}
	for _, values := range [2][]string{x.brought.authorization, x.brought.proxy} {
		for _, v := range values {
			add(v)
			if _, token, ok := strings.Cut(v, " "); ok {
				add(token)
			}
			add(expr.BasicPassword(v))
		}
	}
	for _, c := range x.brought.cookie {
		add(c)
		for pair := range strings.SplitSeq(c, ";") {
			if _, v, ok := strings.Cut(pair, "="); ok {
				add(strings.TrimSpace(v))
			}
		}
	}
	add(x.brought.key)
	for _, v := range x.Concealed() {
		add(v)
	}
	return out
}

// scrub masks secrets in everything of the record that a policy or a caller
// could have put text into.
func (x *exchange) scrub() {
	e, known := x.Exchange, x.snapshot.secrets
	var own []string
	if len(e.Events)+len(e.Measurements)+len(e.Captures) > 0 || e.Failure.Reason != "" || x.mayLeak() {
		own = x.requestSecrets()
	}
	if len(known.heads)+len(own) == 0 {
		return
	}
	clean := func(s *string) {
		*s = known.mask(*s)
		for _, secret := range own {
			if len(*s) >= len(secret) && strings.Contains(*s, secret) {
				*s = strings.ReplaceAll(*s, secret, maskText)
			}
		}
	}
	clean(&e.Path)
	clean(&e.Query)
	clean(&e.UserAgent)
	clean(&e.Host)
	clean(&e.Failure.Message)
	for i := range e.Calls {
		clean(&e.Calls[i].Path)
		clean(&e.Calls[i].Host)
		clean(&e.Calls[i].Error)
	}
	inTrace := func(s *string) {
		clean(s)
		*s = x.snapshot.disguised.mask(*s)
	}
	for i := range e.Events {
		inTrace(&e.Events[i].Message)
		cleanAttributes(e.Events[i].Metadata, inTrace)
	}
	for i := range e.Measurements {
		clean(&e.Measurements[i].Name)
		cleanAttributes(e.Measurements[i].Dimensions, clean)
	}
	for i := range e.Captures {
		clean(&e.Captures[i].Value)
	}
}

func cleanAttributes(list []telemetry.Attribute, clean func(*string)) {
	for i := range list {
		clean(&list[i].Key)
		clean(&list[i].Value)
	}
}

// mayLeak tells whether the request brought or obtained a credential that could
// also stand in its path or user agent, or in the path of a call.
func (x *exchange) mayLeak() bool {
	b := &x.brought
	return len(b.authorization) > 0 || len(b.cookie) > 0 || len(b.proxy) > 0 || b.key != "" || len(x.Concealed()) > 0
}

// keyQuery is the query parameter that carries the subscription key.
func (x *exchange) keyQuery() string {
	if x.api == nil {
		return ""
	}
	return x.api.keyQuery
}

// maskQuery masks the values of query parameters, or with diagnostics those that
// they name and those that sound like secrets. key is the parameter of the
// subscription key, which is left out whatever the diagnostics say.
func maskQuery(rawQuery, key string, plan []*telemetry.Diagnostic) string {
	if rawQuery == "" {
		return ""
	}
	keep := len(plan) > 0
	for _, d := range plan {
		keep = keep && d.KeepQuery
	}
	var b strings.Builder
	b.Grow(len(rawQuery))
	for pair := range strings.SplitSeq(rawQuery, "&") {
		name, value, ok := strings.Cut(pair, "=")
		mode := "mask"
		if keep {
			mode = queryMode(plan, strings.ToLower(name))
		}
		if mode == "hide" || key != "" && strings.EqualFold(name, key) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name)
		if ok {
			b.WriteByte('=')
			if mode == "mask" {
				value = maskText
			}
			b.WriteString(value)
		}
	}
	return b.String()
}

func queryMode(plan []*telemetry.Diagnostic, name string) string {
	for _, d := range plan {
		for _, key := range [2]string{name, "*"} {
			if mode := d.FrontendRequest.MaskQuery[key]; mode != "" {
				return mode
			}
		}
	}
	if strings.Contains(name, "key") || strings.Contains(name, "token") || strings.Contains(name, "sig") || strings.Contains(name, "secret") || strings.Contains(name, "password") || name == "code" {
		return "mask"
	}
	return "keep"
}
