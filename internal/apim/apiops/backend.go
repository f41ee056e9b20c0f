package apiops

import (
	"net/url"
	"strings"

	"gatehouse/internal/apim"
)

func (l *loader) backends() {
	type reference struct {
		at *node
		to *apim.PoolMember
	}
	known := map[string]string{}
	var members []reference
	for _, id := range l.files.children("backends/") {
		n, ok := l.info("backends", id, "backends/"+id+"/backendInformation.json")
		if !ok {
			continue
		}
		known[fold(id)] = id
		b := l.backend(id, n)
		for i, s := range n.get("pool", "services").list {
			members = append(members, reference{s, &b.Pool[i]})
		}
		l.service.Backends = append(l.service.Backends, b)
	}
	for _, m := range members {
		id, ok := known[fold(m.to.ID)]
		if !ok {
			l.fail(m.at.at, "the pool refers to the backend %q, which does not exist", clip(m.to.ID))
			continue
		}
		m.to.ID = id
	}
}

func (l *loader) backend(id string, n *node) *apim.Backend {
	b := &apim.Backend{
		ID: id, Protocol: l.enum(n, "http", []string{"http", "soap"}, "protocol"),
		TLS: apim.BackendTLS{
			ValidateChain: l.boolean(n, true, "tls", "validateCertificateChain"), ValidateName: l.boolean(n, true, "tls", "validateCertificateName"),
			ServerName: l.str(n, "tls", "serverName"),
		},
		Credentials:    l.credentials(id, n.get("credentials")),
		Proxy:          l.proxy(n.get("proxy")),
		CircuitBreaker: l.circuitBreaker(id, n),
	}
	for _, s := range l.list(n, "pool", "services") {
		b.Pool = append(b.Pool, apim.PoolMember{
			ID: lastSegment(l.str(s, "id")), Weight: l.integer(s, 1, 0, 100, "weight"), Priority: l.integer(s, 1, 0, 100, "priority"),
		})
	}
	switch single := n.get("url"); {
	case len(b.Pool) == 0 && strings.EqualFold(n.get("type").text, "Pool"):
		l.fail(n.get("type").at, "the pool has no services")
	case len(b.Pool) > 0 && single.text != "":
		l.warn("backends/"+id, "is a pool; its url is not used")
	case len(b.Pool) == 0 && single.text == "":
		l.fail(n.at, "the backend has neither a url nor a pool of services")
	case len(b.Pool) == 0:
		b.URL = l.absoluteURL(n, "url")
	}
	return b
}

func (l *loader) credentials(id string, n *node) apim.BackendCredentials {
	c := apim.BackendCredentials{Header: l.multi(n.get("header")), Query: l.multi(n.get("query"))}
	if scheme := l.str(n, "authorization", "scheme"); scheme != "" {
		parameter := n.get("authorization", "parameter")
		c.Authorization = strings.TrimSpace(scheme + " " + l.resolve(parameter, l.str(parameter)))
	}
	if len(n.get("certificate").list)+len(n.get("certificateIds").list) > 0 {
		c.Certificate = l.certificateName(id, n)
	}
	return c
}

// certificateName is the id or thumbprint of the client certificate.
func (l *loader) certificateName(id string, n *node) string {
	var names []string
	for _, ref := range l.strings(n, "certificateIds") {
		names = append(names, lastSegment(ref))
	}
	names = append(names, l.strings(n, "certificate")...)
	if len(names) > 1 {
		l.warn("backends/"+id, "names %d client certificates; only the first is shown", len(names))
	}
	return names[0]
}

// multi reads an object of names with one value or a list of values.
func (l *loader) multi(n *node) map[string][]string {
	if len(n.members) == 0 {
		return nil
	}
	out := map[string][]string{}
	for _, m := range n.members {
		for _, v := range l.strings(m.value) {
			out[m.name] = append(out[m.name], l.resolve(m.value, v))
		}
	}
	return out
}

func (l *loader) proxy(n *node) string {
	raw := l.absoluteURL(n, "url")
	if raw == "" {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	if user := l.resolve(n, l.str(n, "username")); user != "" {
		u.User = url.UserPassword(user, l.resolve(n, l.str(n, "password")))
	}
	return u.String()
}

func (l *loader) circuitBreaker(id string, n *node) *apim.CircuitBreaker {
	rules := l.list(n, "circuitBreaker", "rules")
	if len(rules) == 0 {
		return nil
	}
	if len(rules) > 1 {
		l.warn("backends/"+id, "has %d circuit breaker rules; only the first is served", len(rules))
	}
	r := rules[0]
	f := r.get("failureCondition")
	c := &apim.CircuitBreaker{
		Name: l.str(r, "name"), Count: l.integer(f, 0, 1, 1_000_000, "count"), Percentage: l.integer(f, 0, 1, 100, "percentage"),
		IntervalSeconds: l.seconds(f, 60, "interval"), TripSeconds: l.seconds(r, 60, "tripDuration"),
		ErrorReasons: l.strings(f, "errorReasons"), AcceptRetryAfter: l.boolean(r, false, "acceptRetryAfter"),
	}
	if c.Count == 0 && c.Percentage == 0 {
		l.fail(f.at, "failureCondition needs a count or a percentage")
	}
	for _, s := range l.list(f, "statusCodeRanges") {
		low := l.integer(s, 500, 100, 599, "min")
		high := l.integer(s, 599, 100, 599, "max")
		if high < low {
			l.fail(s.at, "the status code range ends (%d) before it starts (%d)", high, low)
		}
		c.StatusRanges = append(c.StatusRanges, [2]int{low, high})
	}
	return c
}
