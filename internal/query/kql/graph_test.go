package kql

import (
	"strings"
	"testing"
)

const (
	stations = `let connections = datatable(from_station:string, to_station:string, line:string)["Central","North","red", "North","Central","red", "Central","South","red", "South","Central","red", "South","South-West","red", "South-West","South","red", "South-West","West","red", "West","South-West","red", "Central","East","blue", "East","Central","blue", "Central","West","blue", "West","Central","blue"]; connections | make-graph from_station --> to_station with_node_id=station `
	family   = `let c = datatable(child:string, parent:string)["Alice","Bob", "Carol","Alice", "Carol","Dave", "Greg","Alice", "Greg","Dave", "Howard","Alice", "Howard","Dave", "Eve","Frank", "Frank","Mallory", "Eve","Kirk"]; c | make-graph child --> parent with_node_id=name `
)

// The railway and the families are those of Kusto's documentation, with its rows.
func TestGraphs(t *testing.T) {
	e := engine(t)
	const circle = `datatable(a:string, b:string)["x","y", "y","z", "z","x", "z","w", "w","v"] | make-graph a --> b with_node_id = id `
	for _, c := range []struct{ name, query, want string }{
		{"a shortest path", stations + `| graph-shortest-paths (start)-[connections*1..5]->(destination) where start.station == "South-West" and destination.station == "North" project from = start.station, n = array_length(map(connections, to_station)), to = destination.station`, "South-West,3,North"},
		{"all shortest paths", stations + `| graph-shortest-paths output=all (start)-[connections*1..5]->(destination) where start.station == "South-West" and destination.station == "North" project from = start.station, path = map(connections, to_station), line = map(connections, line), to = destination.station | sort by tostring(path) asc`,
			`South-West,["South","Central","North"],["red","red","red"],North;South-West,["West","Central","North"],["red","blue","red"],North`},
		{"nodes that a path leaves out", stations + `| graph-shortest-paths (start)-[connections*1..5]->(destination) where all(inner_nodes(connections), station != "West") and start.station == "North" project from = start.station, stations = strcat_array(map(inner_nodes(connections), station), "->"), to = destination.station | sort by strlen(stations) asc, ['to'] asc`,
			"North,,Central;North,Central,East;North,Central,South;North,Central,West;North,Central->South,South-West"},
		{"there and back on different lines", stations + `| graph-match (start)-[outward*1..5]->(destination)-[return*1..5]->(start) where start.station != destination.station and all(outward, line == "red") and all(return, line == "blue") project from = start.station, o = strcat_array(map(inner_nodes(outward), station), "->"), to = destination.station, r = strcat_array(map(inner_nodes(return), station), "->") | sort by ['from'] asc, ['to'] asc, o asc, r asc`,
			"Central,North->Central->South->South-West,West,;Central,North->Central->South->South-West,West,Central->East;Central,South->South-West,West,;Central,South->South-West,West,Central->East;West,South-West->South,Central,;West,South-West->South,Central,East->Central;West,South-West->South->Central->North,Central,;West,South-West->South->Central->North,Central,East->Central"},
		{"edges that a shortest path leaves out", stations + `| graph-shortest-paths (a)-[e*1..9]->(b) where all(e, line == "red") and a.station == "West" and b.station == "Central" project strcat_array(map(e, to_station), ",")`, "South-West,South,Central"},
		{"a path against its edges", circle + `| graph-shortest-paths (p)<-[e*1..4]-(q) where p.id == "v" and q.id == "x" project strcat_array(map(e, a), ""), strcat_array(map(inner_nodes(e), id), "")`, "wzyx,wzy"},
		{"a path whose end decides where the search begins", circle + `| graph-shortest-paths (p)-[e*1..4]->(q) where q.id == "v" project p.id, s = strcat_array(map(e, a), "") | sort by p_id asc`, "w,w;x,xyzw;y,yzw;z,zw"},
		{"a path that is too long", circle + `| graph-shortest-paths (p)-[e*1..2]->(q) where p.id == "x" project q.id | sort by q_id asc`, "y;z"},
		{"a path of no step", circle + `| graph-shortest-paths (p)-[e*0..1]->(q) where p.id == "w" project q.id, n = array_length(map(e, a)) | sort by q_id asc`, "v,1;w,0"},
		{"a path that must be longer", circle + `| graph-shortest-paths (p)-[e*4..5]->(q) where p.id == "x" project q.id, n = array_length(map(e, a)) | sort by q_id asc`, "v,4;y,4;z,5"},
		{"a path with an edge behind it", circle + `| graph-shortest-paths (p)-[e*1..4]->(q)-[f]->(r) where p.id == "x" and f.b == "v" project q.id, r.id, strcat_array(map(e, b), "")`, "w,v,yzw"},
		{"two edges of several steps", circle + `| graph-shortest-paths (p)-[e*1..3]->(q)-[f*1..3]->(r) where p.id == "x" and r.id == "v" project array_length(map(e, a)) + array_length(map(f, a))`, "4"},
		{"conditions on the ends together", circle + `| graph-shortest-paths (p)-[e*1..3]->(q) where p.id > q.id project p.id, q.id | sort by p_id asc, q_id asc`, "w,v;x,w;y,v;y,w;y,x;z,v;z,w;z,x;z,y"},
		{"any of the edges", circle + `| graph-match (p)-[e*1..3]->(q) where p.id == "x" and any(e, b == "w") project q.id`, "w"},
		{"degrees and the id", circle + `| graph-match (p)-[e]->(q) where node_degree_out(p) == 2 project node_id(p), node_degree_in(q), q.id | sort by q_id asc`, "z,1,w;z,1,x"},
		{"a condition on one edge", circle + `| graph-match (p)-[e]->(q) where e.a == "z" project q.id | sort by q_id asc`, "w;x"},
		{"components", family + `| graph-mark-components with_component_id = family | graph-to-table nodes | summarize strcat_array(array_sort_asc(make_list(name)), " ") by family | sort by family asc`, "0,Alice Bob Carol Dave Greg Howard;1,Eve Frank Kirk Mallory"},
		{"the eldest of each component", family + `| graph-mark-components with_component_id = family | graph-match (descendant)-[childOf*1..5]->(ancestor) project name = ancestor.name, lineage = map(childOf, child), family = ancestor.family | summarize (generations, name) = arg_max(array_length(lineage), name) by family | sort by family asc`, "0,2,Bob;1,2,Mallory"},
		{"strong components", circle + `| graph-mark-components kind = strong | graph-to-table nodes | summarize ids = strcat_array(array_sort_asc(make_list(id)), "") by ComponentId | project ids | sort by ids asc`, "v;w;xyz"},
		{"a node of no table is in a component", `datatable(a:string, b:string)["x","y"] | make-graph a --> b with (datatable(n:string)["x", "q"]) on n | graph-mark-components | graph-to-table nodes | summarize count() by ComponentId | sort by count_ desc | project count_`, "2;1"},
		{"nodes left out", stations + `| graph-where-nodes station startswith "South" | graph-to-table edges | count`, "2"},
		{"edges left out", stations + `| graph-where-edges line == "blue" | graph-match (a)-[e]->(b) where a.station == "West" project b.station`, "Central"},
	} {
		got, err := ask(e, c.query)
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, c.query)
		} else if got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q\n%s", c.name, got, c.want, c.query)
		}
	}
	for query, word := range map[string]string{
		circle + `| graph-shortest-paths (p)-[e]->(q) project p.id`:                                "several steps",
		circle + `| graph-shortest-paths (p)-[e*1..3]->(p) project p.id`:                           "twice",
		circle + `| graph-shortest-paths (p)-[e*1..3]->(q) where any(e, a == "x") project p.id`:    "bound the search",
		circle + `| graph-shortest-paths output=best (p)-[e*1..3]->(q) project p.id`:               "least length",
		circle + `| graph-mark-components kind = odd | graph-to-table nodes`:                       "kind odd",
		circle + `| graph-mark-components with_component_id = id | graph-to-table nodes`:           "already",
		circle + `| graph-match (p)-[e*1..3]->(q) project map(p, id)`:                              "edges of a path",
		`range i from 1 to 5 step 1 | graph-shortest-paths (p)-[e*1..3]->(q) project p.id | count`: "works on a graph",
	} {
		if got, err := ask(e, query); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %q, %v; want an error with %q", query, got, err, word)
		}
	}
}

// A graph in which everything leads everywhere meets the bounds of the search
// instead of filling the memory.
func TestGraphIsBounded(t *testing.T) {
	e := engine(t)
	dense := `range i from 0 to 249999 step 1 | project a = i % 500, b = i / 500 | make-graph a --> b with_node_id = id `
	if got, err := ask(e, dense+`| graph-shortest-paths output=all (p)-[e*3..9]->(q)-[f*3..9]->(r) project p.id`); err == nil || !strings.Contains(err.Error(), "graph-shortest-paths finds more") {
		t.Errorf("%.40q, %v", got, err)
	}
}
