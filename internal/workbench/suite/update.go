package suite

import (
	"net/http"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// update writes what came out into the expectations of a step: the sections
// that differ, or all of them when nothing was expected yet. Secrets of the
// service become wildcards.
func (p *player) update(s *step, got *observed) (bool, error) {
	want := &s.spec.Expect
	first := want.Response == nil && want.Backend == nil && want.Requests == nil && want.Variables == nil &&
		want.Traces == nil && want.Metrics == nil && want.Error == nil && want.Route == nil
	changed := false
	for _, one := range sections {
		if !first && len(one.compare(want, got)) == 0 {
			continue
		}
		value := p.written(one.name, want, got, first)
		if value == nil {
			continue
		}
		set(entry(s.node, "expect"), one.name, value)
		changed = true
	}
	return changed, nil
}

// written is a section as it came out, nil when there is nothing to say.
func (p *player) written(name string, want *expect, got *observed, first bool) *yaml.Node {
	switch name {
	case "route":
		if first && p.file.spec.Service == "" {
			return nil // the names of a single document's API are made up
		}
		return node(route{got.API, got.Operation, got.Product})
	case "response":
		n := mapping()
		set(n, "status", node(got.Status))
		if got.Broken {
			set(n, "fail", node("close"))
		}
		return p.message(n, want.Response, got.Header, got.Body)
	case "backend":
		return p.called(want.Backend, got.backend, true)
	case "requests":
		if first && len(got.requests) == 0 {
			return nil
		}
		return p.called(want.Requests, got.requests, false)
	case "variables":
		return p.variables(want, got, first)
	case "traces":
		return p.traces(got, first)
	case "metrics":
		return p.metrics(got, first)
	}
	if got.LastError == nil {
		if first {
			return nil
		}
		return node(failure{none: true})
	}
	e := got.LastError
	return node(failure{Source: e.Source, Reason: e.Reason, Message: p.hide(e.Message), Scope: e.Scope, Section: e.Section, Path: e.Path, ID: e.PolicyID})
}

// unsteady are headers that differ from run to run or that nobody expects.
func unsteady(name string) bool {
	return strings.HasPrefix(name, "X-Forwarded-") || slices.Contains([]string{"Traceparent", "Tracestate", "Request-Id", "Content-Length", "Ocp-Apim-Subscription-Key"}, name)
}

// message writes headers and body: those that were expected before, or all.
func (p *player) message(n *yaml.Node, want *message, header http.Header, body []byte) *yaml.Node {
	headers := mapping()
	names := sortedKeys(header)
	if want != nil {
		names = sortedKeys(want.Headers)
	}
	for _, name := range names {
		list := header.Values(name)
		switch {
		case want == nil && (unsteady(name) || len(list) == 0):
		case len(list) == 0:
			set(headers, name, node(nil))
		case len(list) == 1:
			set(headers, name, node(p.hide(list[0])))
		default:
			set(headers, name, node(list))
		}
	}
	if len(headers.Content) > 0 {
		set(n, "headers", headers)
	}
	if want == nil && len(body) == 0 || want != nil && want.Body == nil && want.JSON.Kind == 0 {
		return n
	}
	hidden := p.hide(string(body))
	if parsed, err := parseJSON([]byte(hidden)); err == nil && (want == nil || want.JSON.Kind != 0) {
		set(n, "json", node(parsed))
	} else {
		set(n, "body", node(hidden))
	}
	return n
}

func (p *player) called(want *messages, got []call, compact bool) *yaml.Node {
	if len(got) == 0 {
		return node("none")
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for i, c := range got {
		n := mapping()
		set(n, "method", node(c.method))
		set(n, "url", node(p.hide(c.url)))
		var one *message
		if want != nil && i < len(*want) {
			one = &(*want)[i]
		}
		list.Content = append(list.Content, p.message(n, one, c.header, c.body))
	}
	if compact && len(got) == 1 {
		return list.Content[0]
	}
	return list
}

func (p *player) variables(want *expect, got *observed, first bool) *yaml.Node {
	n := mapping()
	for _, v := range got.Variables {
		if _, expected := want.Variables[v.Name]; !expected && !first {
			continue
		}
		value := plain(v.Value)
		if s, ok := value.(string); ok {
			value = p.hide(s)
		}
		if f, ok := value.(float64); ok && f == float64(int64(f)) {
			value = int64(f)
		}
		set(n, v.Name, node(value))
	}
	if len(n.Content) == 0 {
		return nil
	}
	return n
}

func (p *player) traces(got *observed, first bool) *yaml.Node {
	list := []trace{}
	for _, e := range got.Exchange.Events {
		list = append(list, trace{e.Source, severities[e.Severity], p.hide(e.Message), p.attributes(e.Metadata)})
	}
	if first && len(list) == 0 {
		return nil
	}
	return node(list)
}

func (p *player) metrics(got *observed, first bool) *yaml.Node {
	list := []metric{}
	for _, m := range got.Exchange.Measurements {
		list = append(list, metric{m.Name, m.Namespace, &m.Value, p.attributes(m.Dimensions)})
	}
	if first && len(list) == 0 {
		return nil
	}
	return node(list)
}

func (p *player) attributes(list []telemetry.Attribute) map[string]string {
	if len(list) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, a := range list {
		out[a.Key] = p.hide(a.Value)
	}
	return out
}

func mapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode} }

// node is a value as YAML.
func node(v any) *yaml.Node {
	n := &yaml.Node{}
	if err := n.Encode(v); err != nil {
		return &yaml.Node{Kind: yaml.ScalarNode, Value: expr.ToString(v)}
	}
	return n
}

// set sets a key of a mapping.
func set(n *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content[i+1] = value
			return
		}
	}
	n.Content = append(n.Content, node(key), value)
}

// entry gives the mapping under a key, made when there is none.
func entry(n *yaml.Node, key string) *yaml.Node {
	if own := child(n, key); own != nil && own.Kind == yaml.MappingNode {
		return own
	}
	own := mapping()
	set(n, key, own)
	return own
}
