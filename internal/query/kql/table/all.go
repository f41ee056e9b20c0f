package table

import (
	"strings"
	"sync"
)

// All gives every table: the classic ones, then their workspace names, then the
// gateway's own logs. The
// tables are shared and must not be changed.
func All() []*Table { return tables().list }

// Lookup finds a table by name. Names are case-sensitive, as in Azure.
func Lookup(name string) (*Table, bool) {
	t, ok := tables().byName[name]
	return t, ok
}

type index struct {
	list   []*Table
	byName map[string]*Table
}

var tables = sync.OnceValue(func() index {
	all := index{byName: map[string]*Table{}}
	for _, workspace := range []bool{false, true} {
		for _, d := range definitions() {
			t := d.table(workspace)
			all.list = append(all.list, t)
			all.byName[t.Name] = t
		}
	}
	for _, logs := range []*Table{gatewayLogs(), modelLogs()} {
		all.list, all.byName[logs.Name] = append(all.list, logs), logs
	}
	return all
})

// definition is a table under both of its names.
type definition struct {
	classic, workspace string
	item               string // itemType of the classic table
	columns            []column
	branches           []branch
}

// column is a column under both of its names; "" is absent under that one.
type column struct {
	classic, workspace string
	typ                Type
}

// branch is a Branch before names are chosen: SQL by the classic column's name,
// or the workspace column's where there is no classic one.
type branch struct {
	source, from, where string
	sql                 values
	keys                map[string]values // by classic column, then member
}

type values map[string]string

// with gives the values with more of them.
func (v values) with(more values) values {
	out := values{}
	for name, sql := range v {
		out[name] = sql
	}
	for name, sql := range more {
		out[name] = sql
	}
	return out
}

func (d definition) table(workspace bool) *Table {
	t := &Table{Name: d.classic, Time: "timestamp"}
	if workspace {
		t.Name, t.Time = d.workspace, "TimeGenerated"
	}
	for _, c := range d.columns {
		if name := c.name(workspace); name != "" {
			t.Columns = append(t.Columns, Column{Name: name, Type: c.typeIn(workspace)})
		}
	}
	for _, b := range d.branches {
		t.Branches = append(t.Branches, d.branch(b, workspace))
	}
	completeKeys(t.Branches)
	return t
}

// completeKeys gives every branch the keys that another has: what is cheap in
// one is read from the whole object in the others.
func completeKeys(branches []Branch) {
	members := map[string]values{}
	for _, b := range branches {
		for column, keys := range b.Keys {
			members[column] = members[column].with(keys)
		}
	}
	for _, b := range branches {
		for column, keys := range members {
			all, object := values{}, b.Columns[column]
			if object == "" {
				object = "NULL"
			}
			for name := range keys {
				all[name] = "coalesce(json_extract_string(" + object + ", " + literal(`$."`+name+`"`) + "), '')"
			}
			b.Keys[column] = operands(all).with(b.Keys[column])
		}
	}
}

func (d definition) branch(b branch, workspace bool) Branch {
	out := Branch{Source: b.source, From: b.from, Where: operand(b.where), Columns: map[string]string{}, Keys: map[string]map[string]string{}}
	for _, c := range d.columns {
		name := c.name(workspace)
		sql, ok := b.sql[c.classic]
		if c.classic == "" {
			sql, ok = b.sql[c.workspace]
		}
		switch {
		case name == "":
			continue
		case name == "itemType":
			sql, ok = literal(d.item), true
		case name == "Type":
			sql, ok = literal(d.workspace), true
		case c.classic == "success" && !workspace:
			sql = "CASE WHEN " + sql + " THEN 'True' ELSE 'False' END"
		}
		if ok {
			out.Columns[name] = operand(sql)
		}
		if keys := b.keys[c.classic]; keys != nil {
			out.Keys[name] = operands(keys)
		}
	}
	return out
}

func (c column) name(workspace bool) string {
	if workspace {
		return c.workspace
	}
	return c.classic
}

// typeIn: success is a text in the classic tables.
func (c column) typeIn(workspace bool) Type {
	if c.classic == "success" && !workspace {
		return String
	}
	return c.typ
}

// operand puts parentheses around what is more than a name or constant, so that
// it can stand in any expression.
func operand(sql string) string {
	if strings.ContainsAny(sql, " =<>+-*/|,(") {
		return "(" + sql + ")"
	}
	return sql
}

func operands(v values) values {
	out := values{}
	for name, sql := range v {
		out[name] = operand(sql)
	}
	return out
}

// literal is a constant of SQL.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
