package kql

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// Rows are worked out by hand from Kusto's documentation.
func TestSteps(t *testing.T) {
	e := engine(t)
	const arrays = `datatable(k:string, l:dynamic)["a", dynamic([5,1,3]), "b", dynamic([4,10,8,7])] `
	const visits = `datatable(u:string, t:datetime)["a", datetime(2024-01-01 01:00), "a", datetime(2024-01-01 02:00), "b", datetime(2024-01-01 05:00), "a", datetime(2024-01-02 01:00), "c", datetime(2024-01-02 02:00), "c", datetime(2024-01-03 23:00)] `
	const sales = `datatable(region:string, who:string, amount:long)["east","ann",5, "east","bob",3, "east","cid",1, "west","dan",4, "west","eve",6, "north","fay",2] `
	for _, c := range []struct{ name, query, want string }{
		{"mv-apply keeps what it does not expand", arrays + `| mv-apply top1 = l to typeof(long) on (top 1 by top1)`, `a,[5,1,3],5;b,[4,10,8,7],10`},
		{"mv-apply summarizes each row", arrays + `| mv-apply l to typeof(long) on (summarize s = sum(l), n = count())`, "a,9,3;b,29,4"},
		{"mv-apply keeps the order of the elements", arrays + `| mv-apply e = l to typeof(long) on (where e > 3 | summarize list = make_list(e)) | project k, list`, "a,[5];b,[4,10,8,7]"},
		{"mv-apply top, then a list", arrays + `| mv-apply e = l to typeof(long) on (top 2 by e | summarize t = make_list(e)) | project t`, "[5,3];[10,8]"},
		{"mv-apply with positions", arrays + `| mv-apply with_itemindex=i e = l to typeof(long) on (where i >= 2) | project k, e, i`, "a,3,2;b,8,2;b,7,3"},
		{"mv-apply over two arrays", `datatable(v:int, a:dynamic, b:dynamic)[1, dynamic(["A1","A2"]), dynamic(["B1","B2","B3"])] | mv-apply x = a, y = b on (extend o = strcat(x, "_", y) | summarize o = make_list(o)) | project v, o`, `1,["A1_B1","A2_B2","_B3"]`},
		{"mv-apply of a bag by an inner mv-expand", `print p = dynamic({"x":"555","y":"777"}) | mv-apply q = p on (mv-expand kind=array q | where q[1] !startswith "555" | summarize drop = make_set(q[0])) | project bag_remove_keys(p, drop)`, `{"x":"555"}`},
		{"mv-apply of rows that are alike", `datatable(l:dynamic)[dynamic([1,2]), dynamic([1,2])] | mv-apply l to typeof(long) on (summarize sum(l))`, "3;3"},
		{"mv-apply drops rows with an empty array", `datatable(k:long, l:dynamic)[1, dynamic([]), 2, dynamic([7])] | mv-apply l to typeof(long) on (summarize m = max(l))`, "2,7"},
		{"row numbers in each part", arrays + `| mv-apply l to typeof(long) on (serialize n = row_number() | where n == 2) | project k, l`, "a,1;b,10"},
		{"mv-apply in mv-apply", `print g = dynamic([[1,2],[3]]) | mv-apply r = g on (mv-apply e = r to typeof(long) on (summarize s = sum(e)) | summarize ss = make_list(s)) | project ss`, "[3,3]"},
		{"partition takes the best of each", sales + `| partition hint.strategy=native by region (top 1 by amount) | sort by amount | project region, who`, "west,eve;east,ann;north,fay"},
		{"partition summarizes each", sales + `| partition by region (summarize n = count(), total = sum(amount)) | sort by total`, "2,10;3,9;1,2"},
		{"partition with a source of its own", `range x from 1 to 2 step 1 | partition by x {datatable(y:long)[1,2,2] | where y == toscalar(x)} | count`, "3"},
		{"partition names its part", sales + `| partition by region (as part | extend share = amount * 100 / toscalar(part | summarize sum(amount))) | where who == "dan" | project share`, "40"},
		{"partition with a step that is run for each", sales + `| partition by region (make-series sum(amount) on amount from 0 to 8 step 4) | project sum_amount`, "[4,5];[2,0];[0,10]"},
		{"top-nested", sales + `| top-nested 2 of region by sum(amount), top-nested 1 of who by sum(amount)`, "west,10,eve,6;east,9,ann,5"},
		{"top-nested with others", sales + `| top-nested 1 of region with others="rest" by total=sum(amount)`, "west,10;rest,11"},
		{"top-nested others below", sales + `| top-nested 1 of region by sum(amount), top-nested 1 of who with others="rest" by count()`, "west,10,dan,1;west,10,rest,1"},
		{"top-nested without a number gives all", sales + `| top-nested of region by ignore=max(1), top-nested 1 of who by amount=max(amount) | project region, who | sort by region asc`, "east,ann;north,fay;west,eve"},
		{"top-nested upwards, of a value without a name", sales + `| top-nested 1 of strlen(region) by min(amount) asc`, "4,1"},
		{"pivot", sales + `| project region, kind = iff(amount > 2, "big", "small") | evaluate pivot(kind)`, "east,2,1;north,0,1;west,2,0"},
		{"pivot with an aggregate and rows", sales + `| evaluate pivot(region, sum(amount), who) | where who in ("ann", "fay")`, "ann,5,0,0;fay,0,2,0"},
		{"pivot of nothing aggregated", sales + `| evaluate pivot(region, take_any(who), amount) | where amount == 5`, "5,ann,,"},
		{"pivot with a schema", sales + `| evaluate pivot(region, count(), who) : (who:string, west:long, south:long) | where who == "eve"`, "eve,1,null"},
		{"bag_unpack", `datatable(d:dynamic)[dynamic({"Name":"John","Age":20}), dynamic({"Name":"Dave","Height":170,"Age":40})] | evaluate bag_unpack(d)`, "20,null,John;40,170,Dave"},
		{"bag_unpack with a prefix", `print d = dynamic({"Name":"John","Age":20}) | evaluate bag_unpack(d, "P_") | getschema | project strcat(ColumnName, ":", ColumnType)`, "P_Age:long;P_Name:string"},
		{"bag_unpack keeps the source", `print Name = "old", d = dynamic({"Name":"John","Age":20}) | evaluate bag_unpack(d, columnsConflict='keep_source')`, "old,20"},
		{"bag_unpack replaces the source", `print Name = "old", d = dynamic({"Name":"John","Age":20}) | evaluate bag_unpack(d, columnsConflict='replace_source')`, "20,John"},
		{"bag_unpack ignores", `print d = dynamic({"Name":"John","Age":20}) | evaluate bag_unpack(d, ignoredProperties=dynamic(['Age']))`, "John"},
		{"bag_unpack with a schema", `print d = dynamic({"Name":"John","Age":"20"}), s = "x" | evaluate bag_unpack(d) : (*, Name:string, Age:long)`, "x,John,20"},
		{"bag_unpack of several types", `datatable(d:dynamic)[dynamic({"a":1,"b":1}), dynamic({"a":1.5,"b":"x"})] | evaluate bag_unpack(d) | getschema | project ColumnType`, "real;dynamic"},
		{"autocluster", `datatable(a:string, b:string, n:long)["x","p",1,"x","p",2,"x","p",3,"y","q",4] | evaluate autocluster() | project Count, Percent, a, b, n`, "3,75,x,p,null;1,25,y,q,4"},
		{"basket", `datatable(a:string, b:string)["x","p","x","p","x","q"] | evaluate basket(0.5) | project Count, a, b`, "3,x,;2,x,p;2,,p"},
		{"basket of nothing", `datatable(a:string)[] | evaluate basket()`, ""},
		{"activity_metrics", visits + `| evaluate activity_metrics(u, t, datetime(2024-01-01), datetime(2024-01-03 23:59), 1d)`,
			"2024-01-01T00:00:00Z,2,2,null,null;2024-01-02T00:00:00Z,2,1,0.5,0.5;2024-01-03T00:00:00Z,1,0,0.5,0.5"},
		{"activity_counts_metrics", visits + `| evaluate activity_counts_metrics(u, t, datetime(2024-01-01), datetime(2024-01-03 23:59), 1d)`,
			"2024-01-01T00:00:00Z,3,2,2,2;2024-01-02T00:00:00Z,2,2,1,3;2024-01-03T00:00:00Z,1,1,0,3"},
		{"activity_engagement looks back before its start", visits + `| evaluate activity_engagement(u, t, datetime(2024-01-02), datetime(2024-01-03 23:59), 1d, 2d)`,
			"2024-01-02T00:00:00Z,2,3,0.6666666666666666;2024-01-03T00:00:00Z,1,2,0.5"},
		{"a plugin's range of time is what the table is read for", `requests | evaluate activity_counts_metrics(operation_Id, timestamp, datetime(2026-03-01), datetime(2026-03-14 23:00), 1d)`, "2026-03-14T00:00:00Z,3,3,3,3"},
		{"session_count on numbers", `datatable(u:string, t:long)["a",1,"a",3,"a",9,"a",12,"b",4,"b",5,"b",11] | evaluate session_count(u, t, 1, 20, 10, 4)`, "1,3;11,2"},
		{"session_count on times, by a dimension", visits + `| extend kind = iff(u == "a", "x", "y") | evaluate session_count(u, t, datetime(2024-01-01), datetime(2024-01-04), 1d, 30m, kind)`,
			"2024-01-01T00:00:00Z,x,2;2024-01-01T00:00:00Z,y,1;2024-01-02T00:00:00Z,x,1;2024-01-02T00:00:00Z,y,1;2024-01-03T00:00:00Z,y,1"},
		{"funnel_sequence_completion", `datatable(u:string, t:datetime, s:string)["a",datetime(2024-01-01 00:00),"in", "a",datetime(2024-01-01 00:30),"buy", "b",datetime(2024-01-01 01:00),"in", "b",datetime(2024-01-01 05:00),"buy", "b",datetime(2024-01-01 05:10),"pay", "c",datetime(2024-01-01 02:00),"buy"] | evaluate funnel_sequence_completion(u, t, datetime(2024-01-01), datetime(2024-01-02), 1d, s, dynamic(["in", "buy", "pay"]), dynamic([1h, 1d])) | project s, Period, dcount`,
			"in,01:00:00,2;buy,01:00:00,1;pay,01:00:00,0;in,1.00:00:00,2;buy,1.00:00:00,2;pay,1.00:00:00,1"},
		{"sessions of rows", `datatable(u:string, t:datetime)["a",datetime(2024-01-01 00:00),"a",datetime(2024-01-01 00:20),"a",datetime(2024-01-01 00:55),"a",datetime(2024-01-01 01:02),"b",datetime(2024-01-01 01:03),"b",datetime(null),"b",datetime(2024-01-01 01:04)] | serialize | extend s = row_window_session(t, 1h, 40m, u != prev(u)) | project format_datetime(s, "HH:mm")`, "00:00;00:00;00:00;01:02;01:03;;01:04"},
		{"sessions beside members and orders that the query does not see", `requests | sort by bin(timestamp, 10s) asc | extend s = row_window_session(timestamp, 1h, 61s), api = tostring(customDimensions["API Name"]), n = row_number() | summarize count() by api, s = datetime_diff("second", now(), s)`, "pets,180,3"},
		{"sessions in each part", visits + `| partition by u (sort by t asc | extend s = row_window_session(t, 10d, 20h)) | summarize dcount(s) by u | sort by u asc`, "a,2;b,1;c,2"},
		{"scan adds up", `range x from 1 to 5 step 1 | scan declare (total:long = 0) with (step s: true => total = x + s.total;) | project total`, "1;3;6;10;15"},
		{"scan starts again", `range x from 1 to 5 step 1 | scan declare (total:long = 0) with (step s: true => total = iff(s.total >= 10, x, x + s.total);) | project total`, "1;3;6;10;5"},
		{"scan fills what is empty", `datatable(t:int, e:string)[0,"A", 1,"", 2,"B", 3,"", 4,""] | sort by t asc | scan declare (f:string = "") with (step s: true => f = iff(isempty(e), s.f, e);) | project f`, "A;A;B;B;B"},
		{"scan tags sessions", `datatable(t:timespan)[0m, 1m, 31m, 32m, 70m] | sort by t asc | scan with_match_id=m declare (start:timespan) with (step s: true => start = iff(isnull(s.start), t, iff(t - s.start > 30m, t, s.start));)`,
			"00:00:00,00:00:00,0;00:01:00,00:00:00,0;00:31:00,00:31:00,0;00:32:00,00:31:00,0;01:10:00,01:10:00,0"},
		{"scan finds what lies between", `datatable(t:timespan, e:string)[0m,"x", 1m,"Start", 2m,"b", 4m,"Stop", 6m,"c", 8m,"Start", 11m,"e", 12m,"Stop", 14m,"Start", 30m,"d"] | sort by t asc | scan with_match_id=m with_step_name=n with (step a: e == "Start"; step b: e !in ("Start", "Stop") and t - a.t <= 5m; step c: e == "Stop" and t - a.t <= 5m;) | project e, m, n`,
			"Start,0,a;b,0,b;Stop,0,c;Start,1,a;e,1,b;Stop,1,c;Start,2,a"},
		{"a row is asked of the last step first, and of all", `datatable(t:long, v:long)[1,5, 2,6, 3,4, 4,3, 5,9] | sort by t asc | scan with_match_id=m declare (down:bool = false) with (step up: isnull(up.v) or v > up.v; step fall: v < up.v and fall.down == false => down = true;) | project t, m, down`,
			"1,0,false;2,0,false;3,0,true;3,1,false;4,1,true;4,2,false;5,2,false"},
		{"a step may give its last row only, or none", `range x from 1 to 6 step 1 | scan with (step a output=none: x == 1; step b output=last: x < 5; step c: x == 5;)`, "4;5"},
		{"scan over each part", sales + `| partition by region (sort by amount asc | scan declare (sum:long = 0) with (step s: true => sum = amount + s.sum;)) | sort by region asc, sum asc | project region, sum`, "east,1;east,4;east,9;north,2;west,4;west,10"},
		{"scan with parts of its own", sales + `| sort by amount asc | scan partition by region declare (list:dynamic = dynamic([])) with (step s: true => list = array_concat(s.list, pack_array(who));) | summarize arg_max(array_length(list), list) by region | sort by region asc | project list`, `["cid","bob","ann"];["fay"];["dan","eve"]`},
		{"sliding_window_counts", visits + `| evaluate sliding_window_counts(u, t, datetime(2024-01-02), datetime(2024-01-03 23:59), 2d, 1d)`,
			"2024-01-02T00:00:00Z,5,3;2024-01-03T00:00:00Z,3,2"},
		{"diffpatterns", `range i from 0 to 99 step 1 | project side = iff(i % 2 == 0, "bad", "good"), node = iff(i % 2 == 0 and i < 80, "n1", strcat("n", i % 10)), zone = iff(i % 2 == 0 and i < 80, "west", "east"), same = "x" | evaluate diffpatterns(side, "bad", "good") | project CountA, CountB, PercentA, PercentB, PercentDiffAB, node, zone, same`,
			"40,0,80,0,80,n1,west,x;10,50,20,100,80,,east,x"},
		{"diffpatterns of what does not differ", `range i from 0 to 99 step 1 | project side = i % 2, v = "x" | evaluate diffpatterns(side, 0, 1) | count`, "0"},
		{"columns in a bag", `print a = 1, b = "x", c = 2 | project bag_pack_columns(a, b)`, `{"a":1,"b":"x"}`},
		{"narrow", `print a = 1, b = "x" | evaluate narrow()`, "0,a,1;0,b,x"},
		{"dcount_intersect", `range x from 1 to 100 step 1 | summarize a = hll(x), e = hll_if(x, x % 2 == 0), h = hll_if(x, x > 50) | evaluate dcount_intersect(a, e, h) | project s0, s1, s2`, "100,50,25"},
	} {
		got, err := ask(e, c.query)
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, c.query)
		} else if got != c.want {
			t.Errorf("%s: got %q, want %q\n%s", c.name, got, c.want, c.query)
		}
	}
}

func TestTextSteps(t *testing.T) {
	e := engine(t)
	for _, c := range []struct{ name, query, want string }{
		{"parse-kv with delimiters", `print s = "ThreadId:458745723, Machine:Node001, Text: The service is up, Level: Info" | parse-kv s as (Text:string, ThreadId:long, Machine:string) with (pair_delimiter=',', kv_delimiter=':') | project-away s`, "The service is up,458745723,Node001"},
		{"parse-kv with quotes", `print s = 'src=10.1.1.123 bytes=125 failure="connection aborted" "event time"=2021-01-01T10:00:54' | parse-kv s as (['event time']:datetime, src:string, bytes:long, failure:string) with (pair_delimiter=' ', kv_delimiter='=', quote='"') | project-away s`, "2021-01-01T10:00:54Z,10.1.1.123,125,connection aborted"},
		{"parse-kv with two quotes", `print s = 'a=(x y) (b c)=(z)' | parse-kv s as (a:string, ['b c']:string) with (pair_delimiter=' ', kv_delimiter='=', quote='()') | project-away s`, "x y,z"},
		{"parse-kv with escapes", `print s = 'f="sent \\"bye!\\"" n=5' | parse-kv s as (f:string, n:long) with (pair_delimiter=' ', kv_delimiter='=', quote='"', escape='\\') | project-away s`, `sent "bye!",5`},
		{"parse-kv stops at the next pair", `print s = 'name=John Doe phone=555 5555 city=New York' | parse-kv s as (name:string, phone:string, city:string) with (pair_delimiter=' ', kv_delimiter='=') | project-away s`, "John,555,New"},
		{"parse-kv greedy", `print s = 'name=John Doe phone=555 5555 city=New York' | parse-kv s as (name:string, phone:string, city:string) with (pair_delimiter=' ', kv_delimiter='=', greedy=true) | project-away s`, "John Doe,555 5555,New York"},
		{"parse-kv without delimiters", `print s = "2021-01-01T10:00:34 [INFO] ThreadId:458745723, Machine:Node001, Text: Started" | parse-kv s as (Text:string, ThreadId:long, Machine:string) | project-away s`, "Started,458745723,Node001"},
		{"parse-kv by a regular expression", `print s = '["a b: 1", "c: 2"]' | parse-kv s as (['a b']:long, c:long) with (regex=@'"([\w ]+)\s*:\s*([^"]*)"') | project-away s`, "1,2"},
		{"parse-kv takes the first, absent is null", `print s = "a=1,a=2" | parse-kv s as (a:long, b:long, c:string) with (pair_delimiter=',', kv_delimiter='=') | project-away s`, "1,null,"},
		{"row numbers that start again", `datatable(k:string, v:long)["a",1,"a",2,"b",3,"b",4,"a",5] | serialize | extend n = row_number(1, k != prev(k)), s = row_cumsum(v, k != prev(k)) | project n, s`, "1,1;2,3;1,3;2,7;1,5"},
		{"sums that start again in each part", `datatable(k:string, v:long)["a",1,"a",9,"a",1,"b",5] | partition by k (sort by v asc | extend s = row_cumsum(v, v > 5)) | sort by k asc, v asc, s asc | project s`, "1;2;9;5"},
		{"a long that overflows is null", `print n = 9223372036854775807 | project a = n + 1, b = n - 1, c = n * 2, d = -n - 2`, "null,9223372036854775806,null,null"},
		{"so is a sum that does", `range x from 1 to 2 step 1 | extend v = 9223372036854775807 - x | summarize s = sum(v), i = sumif(v, x == 1)`, "null,9223372036854775806"},
		{"and a timespan", `print a = 1h * 1e300, b = 1h / 0.0, c = totimespan(real(nan)), d = todatetime(real(+inf))`, "null,null,null,null"},
		{"a column as the beginning or the end of a term", `datatable(t:string, p:string)["one twofold", "two", "one twofold", "fold", "x", "y"] | project a = t hasprefix p, b = t hassuffix p, c = t has p`, "true,false,false;false,true,false;false,false,false"},
		{"find projects", `let a = view() { datatable(id:string, v:long)["x",1,"y",2] }; let b = view() { datatable(id:string, w:real)["x",0.5] }; find in (a, b) where id == "x" project v, w`, "a,1,null;b,null,0.5"},
		{"find is smart by itself", `let a = view() { datatable(id:string, v:long)["x",1] }; let b = view() { datatable(id:string, w:real)["x",0.5] }; find in (a, b) where id == "x"`, `a,x,{"v":1};b,x,{"w":0.5}`},
		{"find leaves tables without the column out", `let a = view() { datatable(id:string)["x"] }; let b = view() { datatable(k:string)["x"] }; find withsource=T in (a, b) where id == "x"`, "a,x,{}"},
		{"find a word anywhere", `find in (requests, traces) "pets" | count`, "3"},
		{"find over all tables", `find where operation_Id == "00000000000000000000000000000001" project itemType | distinct itemType`, "request"},
		{"any column has", `datatable(a:string, b:string)["one two","x","x","two three","y","z"] | where * has "two" | count`, "2"},
		{"reduce", `range x from 1 to 10 step 1 | project t = strcat("user ", tostring(x), " signed in") | union (print t = "other") | reduce by t with threshold=0.5 | project Pattern, Count`, "user * signed in,10;,1"},
	} {
		got, err := ask(e, c.query)
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, c.query)
		} else if got != c.want {
			t.Errorf("%s: got %q, want %q\n%s", c.name, got, c.want, c.query)
		}
	}
}

func TestGraphSteps(t *testing.T) {
	e := engine(t)
	const g = `let people = datatable(name:string, age:long)["ann",30, "bob",20, "cid",40, "dan",50];
let knows = datatable(a:string, b:string, since:long)["ann","bob",1, "bob","cid",2, "cid","dan",3, "ann","cid",4];
knows | make-graph a --> b with people on name `
	for _, c := range []struct{ name, query, want string }{
		{"one edge", g + `| graph-match (x)-[k]->(y) where x.age < y.age project x.name, y.name, k.since | sort by k_since asc`, "bob,cid,2;cid,dan,3;ann,cid,4"},
		{"an edge against its direction", g + `| graph-match (x)<-[k]-(y) where x.name == "cid" project y = y.name | sort by y asc`, "ann;bob"},
		{"an edge of either direction", g + `| graph-match (x)--(y) where x.name == "cid" project y = y.name | sort by y asc`, "ann;bob;dan"},
		{"a path of several steps", g + `| graph-match (x)-[k*1..3]->(y) where x.name == "ann" and y.name == "dan" project s = tostring(k.since) | sort by s asc`, "[1,2,3];[4,3]"},
		{"two edges", g + `| graph-match (x)-[k]->(y)-[l]->(z) where x.name == "ann" project y.name, z.name | sort by y_name asc`, "bob,cid;cid,dan"},
		{"two patterns with a node in common", g + `| graph-match (x)-[k]->(y), (z)-[l]->(y) where x.name == "ann" and z.name == "bob" project y.name`, "cid"},
		{"from the end when that is shorter", g + `| graph-match (x)-[k]->(y)-[l]->(z) where z.name == "dan" project x.name, l.since | sort by x_name asc`, "ann,3;bob,3"},
		{"all properties without project", g + `| graph-match (x)-[k]->(y) where x.name == "cid"`, "cid,40,cid,dan,3,dan,50"},
		{"a node as a bag", g + `| graph-match (x)-[k]->(y) where x.name == "cid" project n = x.name, bag = x`, `cid,{"name":"cid","age":40}`},
		{"a node that no table has", `datatable(a:string, b:string)["x","y"] | make-graph a --> b with (datatable(n:string, v:long)["x",1]) on n | graph-match (p)-[e]->(q) project p.v, q.v`, "1,null"},
		{"nodes of the edges", `datatable(a:long, b:long)[1,2,2,3] | make-graph a --> b with_node_id = id | graph-to-table nodes | sort by id asc`, "1;2;3"},
		{"edges as rows", g + `| graph-to-table edges | count`, "4"},
		{"an edge is used once", `datatable(a:string, b:string)["x","y","y","x"] | make-graph a --> b with_node_id = id | graph-match (p)-[e*1..5]->(q) where p.id == "x" project n = array_length(e.a) | sort by n asc`, "1;2"},
		{"no node twice", `datatable(a:string, b:string)["x","y","y","x"] | make-graph a --> b with_node_id = id | graph-match cycles=none (p)-[e*1..5]->(q) where p.id == "x" project n = array_length(e.a)`, "1"},
		{"top-hitters", `datatable(a:string, w:long)["x",1,"x",1,"y",9] | top-hitters 1 of a`, "x,2"},
		{"top-hitters by weight", `datatable(a:string, w:long)["x",1,"x",1,"y",9] | top-hitters 1 of a by w`, "y,9"},
		{"assert-schema", `print a = 1 | assert-schema (a:long)`, "1"},
		{"consume", `print a = 1 | consume`, ""},
	} {
		got, err := ask(e, c.query)
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, c.query)
		} else if got != c.want {
			t.Errorf("%s: got %q, want %q\n%s", c.name, got, c.want, c.query)
		}
	}
}

// Some queries give several tables.
func TestSeveralTables(t *testing.T) {
	e := engine(t)
	for query, want := range map[string]string{
		`requests | fork a = (count) (summarize sum(itemCount))`:                                          "a 1x1;Table_1 1x1",
		`print a = 1; print b = 2, c = 3`:                                                                 "Table_0 1x1;Table_1 1x2",
		`let m = requests; m | project name, id; m | count`:                                               "Table_0 3x2;Table_1 1x1",
		`requests | facet by resultCode, name with (take 2 | project id)`:                                 "Table_0 3x2;Table_1 1x2;Table_2 2x1",
		`let f = view() { requests | where timestamp > ago(1d) }; f | fork (take 1 | project id) (count)`: "Table_0 1x1;Table_1 1x1",
	} {
		r, err := e.Query(context.Background(), Request{Query: query, Workspaces: []string{""}, Now: present()})
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		var got []string
		for _, x := range r.Tables {
			got = append(got, fmt.Sprintf("%s %dx%d", x.Name, len(x.Rows), len(x.Columns)))
		}
		if strings.Join(got, ";") != want {
			t.Errorf("%s: %q, want %q", query, strings.Join(got, ";"), want)
		}
	}
	for _, query := range []string{`requests | fork (count) | take 1`, `let a = requests | fork (count); a | count`, `union (requests | facet by name), traces`,
		`print a = 1 | make-graph a --> a`, `print a = 1 | make-graph a --> a | count`, `print a = 1 | graph-match (x)--(y)`, `print a = 1 | assert-schema (b:long)`} {
		if _, err := ask(e, query); err == nil {
			t.Errorf("%s is not refused", query)
		}
	}
}
