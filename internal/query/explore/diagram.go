package explore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/store/lake"
)

// Map is the application map (Lightstep: the service diagram) of a time range:
// which role called which, how often, how well and how fast.
type Map struct {
	Nodes   []Node `json:"nodes"` // the busiest first
	Edges   []Edge `json:"edges"` // the busiest first
	Partial bool   `json:"partial"`
}

// Kinds of node.
const (
	NodeRole     = "role"     // sends telemetry
	NodeExternal = "external" // is called, and sends none
	NodeUnknown  = "unknown"  // calls, and is not known: a browser, a job, a service without telemetry
)

// Node is a role, or something outside that roles call. Counts are weighted by
// sampling; times are those of the requests that it served.
type Node struct {
	ID       string  `json:"id"`
	Kind     string  `json:"kind"`
	Requests int64   `json:"requests"`
	Failed   int64   `json:"failed"`
	AvgMS    float64 `json:"avg_ms"`
	P95MS    float64 `json:"p95_ms"`
}

// How an edge was found.
const (
	MatchedBySpan = "span" // the called side's span names the caller's span as its parent
	MatchedByHost = "host" // no span does, but the called host is that of one role
	MatchedNot    = "none"
)

// Edge is the calls from one node to another, as the caller saw them.
type Edge struct {
	From   string  `json:"from"`
	To     string  `json:"to"`
	Target string  `json:"target"` // host that was called, "" when it is not told
	Match  string  `json:"match"`
	Calls  int64   `json:"calls"`
	Failed int64   `json:"failed"`
	AvgMS  float64 `json:"avg_ms"`
	P95MS  float64 `json:"p95_ms"`
	// Why says what is known when the edge was not matched by spans.
	Why string `json:"why,omitempty"`
}

// maxMapEdges bounds the map: beyond it a picture shows nothing.
const maxMapEdges = 1000

// callsSQL is every call that a span or a request of the gateway made.
const callsSQL = `calls AS (
	SELECT trace_id, span_id, service, duration_ns, greatest(item_count, 1) AS weight, status = 'error' AS failed,
		coalesce(nullif(target, ''), nullif(server_address, ''), json_extract_string(nullif(attributes, ''), '$."peer.service"'),
			json_extract_string(nullif(attributes, ''), '$."db.system"'), json_extract_string(nullif(attributes, ''), '$."messaging.system"'), '') AS target
	FROM {spans} WHERE kind IN ('client', 'producer')
	UNION ALL
	SELECT trace_id, c.span_id, service, c.duration_ns, greatest(item_count, 1), c.status >= 400 OR c.outcome IN ('error', 'timeout'), coalesce(nullif(c.target, ''), c.backend)
	FROM (SELECT trace_id, service, item_count, unnest(calls) AS c FROM {spans} WHERE source = 'gateway'))`

const mapEdgesSQL = `WITH ` + callsSQL + `,
	entries AS (SELECT trace_id, parent_span_id, any_value(service) AS service FROM {spans}
		WHERE kind IN ('server', 'consumer') AND parent_span_id <> '' GROUP BY ALL)
	SELECT calls.service, coalesce(entries.service, ''), calls.target, CAST(sum(weight) AS BIGINT) AS n, CAST(coalesce(sum(weight) FILTER (failed), 0) AS BIGINT),
		avg(duration_ns) / 1e6, quantile_cont(duration_ns, 0.95) / 1e6
	FROM calls LEFT JOIN entries ON entries.trace_id = calls.trace_id AND entries.parent_span_id = calls.span_id
	GROUP BY ALL ORDER BY n DESC, 1, 2, 3 LIMIT 1000`

const mapNodesSQL = `SELECT service, CAST(coalesce(sum(w) FILTER (entry), 0) AS BIGINT) AS n, CAST(coalesce(sum(w) FILTER (entry AND status = 'error'), 0) AS BIGINT),
		coalesce(avg(duration_ns) FILTER (entry), 0) / 1e6, coalesce(quantile_cont(duration_ns, 0.95) FILTER (entry), 0) / 1e6,
		coalesce(list(DISTINCT server_address) FILTER (entry AND server_address <> ''), [])[1:50]
	FROM (SELECT *, greatest(item_count, 1) AS w, kind IN ('server', 'consumer') AS entry FROM {spans}) GROUP BY service ORDER BY n DESC, 1 LIMIT 500`

// mapCallersSQL counts the requests of roles whose caller sent no span.
const mapCallersSQL = `WITH ids AS (SELECT trace_id, span_id FROM {spans} UNION ALL
		SELECT trace_id, c.span_id FROM (SELECT trace_id, unnest(calls) AS c FROM {spans} WHERE source = 'gateway'))
	SELECT e.service, e.parent_span_id <> '', CAST(sum(greatest(e.item_count, 1)) AS BIGINT) AS n,
		CAST(coalesce(sum(greatest(e.item_count, 1)) FILTER (e.status = 'error'), 0) AS BIGINT), avg(e.duration_ns) / 1e6, quantile_cont(e.duration_ns, 0.95) / 1e6
	FROM {spans} e ANTI JOIN ids ON ids.trace_id = e.trace_id AND ids.span_id = e.parent_span_id
	WHERE e.kind IN ('server', 'consumer') GROUP BY ALL ORDER BY n DESC, 1 LIMIT 500`

// Map draws the application map of a time range. An edge is matched by span
// ids first, by the called host second; what is left says why.
func (e *Explorer) Map(ctx context.Context, start, end time.Time) (*Map, error) {
	ctx, cancel := context.WithTimeout(ctx, e.o.SearchTimeout)
	defer cancel()
	m := &mapMaker{sources: map[string]lake.Source{"spans": {Table: lake.Spans, Start: start, End: end}}, nodes: map[string]*Node{}, hosts: map[string][]string{}}
	for _, read := range []func(context.Context, *Explorer) error{m.readNodes, m.readCalls, m.readCallers} {
		if err := read(ctx, e); errors.Is(err, context.DeadlineExceeded) {
			m.partial = true
			break
		} else if err != nil {
			return nil, fmt.Errorf("draw the application map: %w", err)
		}
	}
	return m.result(), nil
}

type mapMaker struct {
	sources map[string]lake.Source
	nodes   map[string]*Node
	hosts   map[string][]string // roles by the host that their requests name
	edges   []Edge
	partial bool
}

func (m *mapMaker) readNodes(ctx context.Context, e *Explorer) error {
	return e.each(ctx, lake.Statement{SQL: mapNodesSQL, Sources: m.sources}, func(scan func(...any) error) error {
		n := Node{Kind: NodeRole}
		var hosts any
		if err := scan(&n.ID, &n.Requests, &n.Failed, &n.AvgMS, &n.P95MS, &hosts); err != nil {
			return err
		}
		m.nodes[n.ID] = &n
		for _, h := range texts(hosts) {
			h = hostName(h)
			if !slices.Contains(m.hosts[h], n.ID) {
				m.hosts[h] = append(m.hosts[h], n.ID)
			}
		}
		return nil
	})
}

func (m *mapMaker) readCalls(ctx context.Context, e *Explorer) error {
	return e.each(ctx, lake.Statement{SQL: mapEdgesSQL, Sources: m.sources}, func(scan func(...any) error) error {
		edge := Edge{Match: MatchedBySpan}
		if err := scan(&edge.From, &edge.To, &edge.Target, &edge.Calls, &edge.Failed, &edge.AvgMS, &edge.P95MS); err != nil {
			return err
		}
		m.edges = append(m.edges, edge)
		return nil
	})
}

func (m *mapMaker) readCallers(ctx context.Context, e *Explorer) error {
	return e.each(ctx, lake.Statement{SQL: mapCallersSQL, Sources: m.sources}, func(scan func(...any) error) error {
		edge := Edge{From: "client", Match: MatchedNot, Why: "these requests came without trace context: their traces begin here"}
		var named bool
		if err := scan(&edge.To, &named, &edge.Calls, &edge.Failed, &edge.AvgMS, &edge.P95MS); err != nil {
			return err
		}
		if named {
			edge.From = "unknown caller"
			edge.Why = "the caller sent trace context but no span of its own was received in this time: it sends no telemetry, samples, or sends it elsewhere"
		}
		m.node(edge.From, NodeUnknown)
		m.edges = append(m.edges, edge)
		return nil
	})
}

func (m *mapMaker) node(id, kind string) {
	if m.nodes[id] == nil {
		m.nodes[id] = &Node{ID: id, Kind: kind}
	}
}

func (m *mapMaker) result() *Map {
	m.partial = m.partial || len(m.edges) >= maxMapEdges
	matched := map[[2]string]string{} // (caller, target) -> role that spans of it led to
	for _, e := range m.edges {
		if e.To != "" && e.Target != "" {
			matched[[2]string{e.From, e.Target}] = e.To
		}
	}
	for i := range m.edges {
		if m.edges[i].To == "" {
			m.guess(&m.edges[i], matched)
		}
	}
	out := &Map{Nodes: []Node{}, Edges: merge(m.edges), Partial: m.partial}
	for _, n := range m.nodes {
		out.Nodes = append(out.Nodes, *n)
	}
	slices.SortFunc(out.Nodes, func(a, b Node) int { return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.ID, b.ID)) })
	return out
}

// guess finds where an edge without a span on the other side leads to.
func (m *mapMaker) guess(e *Edge, matched map[[2]string]string) {
	host := hostName(e.Target)
	switch roles := m.hosts[host]; {
	case e.Target != "" && matched[[2]string{e.From, e.Target}] != "":
		e.To, e.Match = matched[[2]string{e.From, e.Target}], MatchedByHost
		e.Why = "other calls to this host were answered by this role with a span of its own, these were not: it failed before it had one, samples, or is late"
	case len(roles) == 1:
		e.To, e.Match = roles[0], MatchedByHost
		e.Why = "the role serves this host, but none of its spans names these calls as parent: trace context does not reach it (a proxy drops traceparent, or another protocol is in use)"
	case len(roles) > 1:
		e.To, e.Match = e.Target, MatchedNot
		e.Why = fmt.Sprintf("%d roles serve this host, so the host alone does not tell which was called: %s", len(roles), strings.Join(roles, ", "))
	case e.Target == "":
		e.To, e.Match = "unnamed target", MatchedNot
		e.Why = "the caller's spans name no target, and no span of the other side was received"
	default:
		e.To, e.Match = e.Target, MatchedNot
		e.Why = "no telemetry of this target was received in this time: it is outside, or is not instrumented"
	}
	m.node(e.To, NodeExternal)
}

// merge makes one edge of those with the same ends, target and match; averages
// by the number of calls, the slowest p95.
func merge(edges []Edge) []Edge {
	type key struct{ from, to, target, match, why string }
	at := map[key]int{}
	out := []Edge{}
	for _, e := range edges {
		k := key{e.From, e.To, e.Target, e.Match, e.Why}
		i, known := at[k]
		if !known {
			at[k] = len(out)
			out = append(out, e)
			continue
		}
		o := &out[i]
		o.AvgMS = (o.AvgMS*float64(o.Calls) + e.AvgMS*float64(e.Calls)) / float64(max(o.Calls+e.Calls, 1))
		o.P95MS = max(o.P95MS, e.P95MS)
		o.Calls, o.Failed = o.Calls+e.Calls, o.Failed+e.Failed
	}
	slices.SortStableFunc(out, func(a, b Edge) int { return cmp.Compare(b.Calls, a.Calls) })
	return out
}

// hostName leaves the port and the letter case out.
func hostName(target string) string {
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		host = target
	}
	return strings.ToLower(host)
}
