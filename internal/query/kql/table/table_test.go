package table_test

import (
	"context"
	"strings"
	"testing"

	"gatehouse/internal/query/kql/table"
	"gatehouse/internal/store/lake"
)

// TestRows reads every table over rows of every sender.
func TestRows(t *testing.T) {
	l := openLake(t, fixtureSpans(), fixtureLogs())
	for _, tab := range table.All() {
		golden(t, "testdata/"+tab.Name+".txt", read(t, l, tab))
	}
}

// TestEmptyLake: statements run without rows too.
func TestEmptyLake(t *testing.T) {
	l := openLake(t, nil, nil)
	for _, tab := range table.All() {
		if got := read(t, l, tab); got != "" {
			t.Errorf("%s has rows in an empty lake: %s", tab.Name, got)
		}
	}
}

// TestKeys: a member read through Keys is what the whole object holds.
func TestKeys(t *testing.T) {
	l := openLake(t, fixtureSpans(), fixtureLogs())
	for _, tab := range table.All() {
		for n, b := range tab.Branches {
			for column, keys := range b.Keys {
				for member, sql := range keys {
					text := "SELECT count(*) FROM " + b.From + " WHERE (" + b.Where + ") AND coalesce(json_extract_string(" + b.Columns[column] +
						", '$.\"" + member + "\"'), '')<>" + sql
					if b.Where == "" {
						text = strings.Replace(text, "() AND ", "", 1)
					}
					if got := count(t, l, text, b.Source); got != 0 {
						t.Errorf("%s, branch %d, %s[%q] differs in %d rows", tab.Name, n, column, member, got)
					}
				}
			}
		}
	}
}

// TestIds: items of one table have ids of their own.
func TestIds(t *testing.T) {
	l := openLake(t, fixtureSpans(), fixtureLogs())
	for _, tab := range table.All() {
		for _, b := range tab.Branches {
			sql, ok := b.Columns["itemId"]
			if !ok {
				continue
			}
			text := "SELECT count(*)-count(DISTINCT " + sql + ") FROM " + b.From
			if b.Where != "" {
				text += " WHERE " + b.Where
			}
			if got := count(t, l, text, b.Source); got != 0 {
				t.Errorf("%s: %d ids are not unique", tab.Name, got)
			}
		}
	}
}

func count(t *testing.T, l *lake.Lake, text, source string) (n int) {
	t.Helper()
	rows, err := l.Query(context.Background(), lake.Statement{SQL: text, Sources: map[string]lake.Source{"rows": {Table: source}}})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	defer rows.Close()
	if !rows.Next() {
		t.Fatalf("no row: %v\n%s", rows.Err(), text)
	}
	if err := rows.Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestConstants(t *testing.T) {
	l := openLake(t, fixtureSpans(), nil)
	requests, _ := table.Lookup("AppRequests")
	b := requests.Branches[0]
	text := "SELECT count(*) FROM {rows} WHERE kind='server' AND source='gateway' AND " + b.Columns["Type"] + "='AppRequests' AND " + b.Columns["_IsBillable"] +
		"='False' AND " + b.Columns["_ResourceId"] + "='/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/gatehouse/providers/microsoft.insights/components/orders'"
	if got := count(t, l, text, b.Source); got != 1 {
		t.Errorf("%d rows of the workspace, want 1", got)
	}
}

func TestLookup(t *testing.T) {
	for _, name := range []string{"requests", "AppSystemEvents"} {
		if tab, ok := table.Lookup(name); !ok || tab.Name != name {
			t.Errorf("%s is not found", name)
		}
	}
	if _, ok := table.Lookup("Requests"); ok {
		t.Error("names of tables are case-sensitive")
	}
	for _, tab := range table.All() {
		c, ok := tab.Column(tab.Time)
		if !ok || c.Type != table.Datetime {
			t.Errorf("%s has no time column %s", tab.Name, tab.Time)
		}
		seen := map[string]bool{}
		for _, c := range tab.Columns {
			if seen[c.Name] || c.Type == table.Unknown {
				t.Errorf("%s.%s is there twice or has no type", tab.Name, c.Name)
			}
			seen[c.Name] = true
		}
		for _, b := range tab.Branches {
			for name := range b.Columns {
				if !seen[name] {
					t.Errorf("%s has SQL for %s, which is no column", tab.Name, name)
				}
			}
		}
	}
}

// TestOperands: each expression can stand in a larger one.
func TestOperands(t *testing.T) {
	l := openLake(t, fixtureSpans(), fixtureLogs())
	requests, _ := table.Lookup("requests")
	b := requests.Branches[0]
	text := "SELECT count(DISTINCT " + b.Columns["timestamp"] + "//600000000) FROM {rows} WHERE NOT " + b.Where + " OR " + b.Where + " AND 1=1"
	if got := count(t, l, text, b.Source); got != 1 {
		t.Errorf("%d minutes, want 1", got)
	}
	for _, tab := range table.All() {
		for _, b := range tab.Branches {
			for name, sql := range b.Columns {
				if strings.Contains(sql, " ") && !strings.HasPrefix(sql, "(") {
					t.Errorf("%s.%s is no operand: %s", tab.Name, name, sql)
				}
			}
		}
	}
}
