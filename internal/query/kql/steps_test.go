package kql

import "testing"

// Rows are worked out by hand from Kusto's documentation.
func TestSteps(t *testing.T) {
	e := engine(t)
	const arrays = `datatable(k:string, l:dynamic)["a", dynamic([5,1,3]), "b", dynamic([4,10,8,7])] `
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
