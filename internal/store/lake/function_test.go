package lake

import (
	"context"
	"strings"
	"testing"
)

func TestFunctions(t *testing.T) {
	l, err := Open(DefaultOptions(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	upper := Function{Name: "go_upper", Args: []Value{Text}, Result: Text, Do: func(a []any) any { return strings.ToUpper(a[0].(string)) }}
	add := Function{Name: "go_add", Args: []Value{Integer, Real}, Result: Real, Do: func(a []any) any { return float64(a[0].(int64)) + a[1].(float64) }}
	if err := l.Define([]Function{upper}); err != nil {
		t.Fatal(err)
	}
	if got := one(t, l, "SELECT go_upper('a')"); got != "A" {
		t.Errorf("got %v", got)
	}
	if err := l.Define([]Function{upper, add}); err != nil { // the reader is open
		t.Fatal(err)
	}
	if got := one(t, l, "SELECT go_add(CAST(x AS BIGINT), 0.5::DOUBLE) FROM range(3, 4) t(x)"); got != 3.5 {
		t.Errorf("got %v", got)
	}
	if got := one(t, l, "SELECT go_upper(NULL)"); got != nil {
		t.Errorf("got %v", got)
	}
}

func one(t *testing.T, l *Lake, text string) (v any) {
	t.Helper()
	rows, err := l.Query(context.Background(), Statement{SQL: text})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
	}
	return v
}
