package table_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/query/kql/table"
	"gatehouse/internal/store/lake"
	"gatehouse/internal/telemetry"
)

var update = flag.Bool("update", false, "write the golden files")

// minute is when the rows of these tests happened.
var minute = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

func openLake(t *testing.T, spans []telemetry.Span, logs []telemetry.LogRecord) *lake.Lake {
	t.Helper()
	o := lake.DefaultOptions(t.TempDir())
	o.Now = func() time.Time { return minute.Add(time.Hour) }
	l, err := lake.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := l.Spans(context.Background(), spans); err != nil {
		t.Fatal(err)
	}
	if err := l.Logs(context.Background(), logs); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	return l
}

// selectAll is the statement that reads all columns of a branch, and where the
// members of its keys stand.
func selectAll(t *table.Table, b table.Branch) string {
	var list []string
	for _, c := range t.Columns {
		sql, ok := b.Columns[c.Name]
		switch {
		case ok:
		case c.Type == table.String:
			sql = "''"
		default:
			sql = "NULL"
		}
		list = append(list, sql+` AS "`+c.Name+`"`)
	}
	text := "SELECT " + strings.Join(list, ", ") + " FROM " + b.From
	if b.Where != "" {
		text += " WHERE " + b.Where
	}
	return text + " ORDER BY 1, 2, 3"
}

// read gives the rows of a table as "column: value" lines, without what is
// empty; rows are divided by blank lines.
func read(t *testing.T, l *lake.Lake, tab *table.Table) string {
	t.Helper()
	var out strings.Builder
	for _, b := range tab.Branches {
		rows, err := l.Query(context.Background(), lake.Statement{SQL: selectAll(tab, b), Sources: map[string]lake.Source{"rows": {Table: b.Source}}})
		if err != nil {
			t.Fatalf("%s: %v\n%s", tab.Name, err, selectAll(tab, b))
		}
		types, err := rows.ColumnTypes()
		if err != nil {
			t.Fatal(err)
		}
		for n, c := range tab.Columns {
			if _, ok := b.Columns[c.Name]; ok && !fits(c.Type, types[n].DatabaseTypeName()) {
				t.Errorf("%s.%s is %s in SQL, but %s in KQL", tab.Name, c.Name, types[n].DatabaseTypeName(), c.Type)
			}
		}
		for rows.Next() {
			cells := make([]any, len(tab.Columns))
			into := make([]any, len(cells))
			for n := range cells {
				into[n] = &cells[n]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			for n, c := range tab.Columns {
				write(t, &out, tab, c, cells[n])
			}
			out.WriteString("\n")
		}
		if err := rows.Err(); err != nil {
			t.Fatalf("%s: %v\n%s", tab.Name, err, selectAll(tab, b))
		}
		rows.Close()
	}
	return out.String()
}

func fits(t table.Type, sql string) bool {
	want := map[table.Type]string{table.Bool: "BOOLEAN", table.Int: "INTEGER", table.Long: "BIGINT", table.Real: "DOUBLE", table.String: "VARCHAR",
		table.Datetime: "BIGINT", table.Timespan: "BIGINT", table.GUID: "VARCHAR", table.Dynamic: "JSON"}[t]
	return sql == want || (t == table.Dynamic && sql == "VARCHAR") // the driver may show JSON's storage
}

func write(t *testing.T, out *strings.Builder, tab *table.Table, c table.Column, v any) {
	switch {
	case v == nil && c.Type == table.String:
		t.Errorf("%s.%s: a text is NULL", tab.Name, c.Name)
	case v == nil || v == "":
	case c.Type == table.Datetime:
		at := time.Unix(0, (v.(int64)-table.UnixTicks)*100).UTC()
		fmt.Fprintf(out, "%s: %s\n", c.Name, at.Format(time.RFC3339Nano))
	case constant[c.Name]:
	default:
		fmt.Fprintf(out, "%s: %v\n", c.Name, v)
	}
}

// constant columns would fill the golden file; TestConstants reads them.
var constant = map[string]bool{"itemId": true, "_ItemId": true, "_ResourceId": true, "_BilledSize": true, "_IsBillable": true, "_SubscriptionId": true,
	"SourceSystem": true, "Type": true}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update and read the difference. Got:\n%s", path, got)
	}
}
