// Package syntax reads KQL: text becomes a tree with positions, or a list of
// errors with the codes that Azure's clients show.
//
// What comes in: a query's text. What goes out: a Query. It must never know
// tables, columns or functions by name: whether a name exists is the binder's
// question, not the parser's.
package syntax

import "gatehouse/internal/query/kql/table"

// Span is a range of bytes in the query's text.
type Span struct{ Start, End int }

// Error is a fault in a query's text: of the parser (SYN...) or of the binder
// (SEM...). Line and Column count from 1, Span is in bytes.
type Error struct {
	Code    string // SYN0002, SEM0100, ...
	Message string
	Hint    string // how to mend it, "" when there is no better advice than the message
	Token   string // the text at fault
	Span    Span
	Line    int
	Column  int
}

// Query is a whole text: statements, of which the last that is a tabular
// expression gives the result.
type Query struct {
	Text       string
	Statements []Statement
}

// Statement is *Let, *Set, *Declare, *Alias or *ExpressionStatement.
type Statement interface{ statement() }

type (
	// Let binds a name to a scalar, a tabular expression or a *Lambda.
	Let struct {
		Span
		Name  string
		Value Expr
	}
	// Set is "set option = value;".
	Set struct {
		Span
		Name  string
		Value Expr // nil: no value
	}
	// Declare is "declare query_parameters(name:type = default, ...);".
	Declare struct {
		Span
		Parameters []Parameter
	}
	// Alias is "alias database name = expr;".
	Alias struct {
		Span
		Name string
		X    Expr
	}
	// ExpressionStatement is a query's result.
	ExpressionStatement struct {
		Span
		X Expr
	}
)

func (*Let) statement()                 {}
func (*Set) statement()                 {}
func (*Declare) statement()             {}
func (*Alias) statement()               {}
func (*ExpressionStatement) statement() {}

// Expr is a scalar or tabular expression: which of them, the binder tells.
type Expr interface{ Position() Span }

// Position gives where a node stands.
func (s Span) Position() Span { return s }

type (
	// Literal is a constant. Value is nil for a typed null, e.g. long(null);
	// otherwise bool, int64 (Int, Long, and ticks of Datetime and Timespan),
	// float64, or string (String, GUID in lower case, Decimal as written, Dynamic
	// as JSON text).
	Literal struct {
		Span
		Type  table.Type
		Value any
	}
	// Name is an identifier: x, ['x y'], or a wildcard in a list of columns or
	// tables (Pattern: it holds a *).
	Name struct {
		Span
		Name    string
		Quoted  bool
		Pattern bool
	}
	// Star is * alone: all columns.
	Star struct{ Span }
	// Unary is "-" or "+".
	Unary struct {
		Span
		Op string
		X  Expr
	}
	// Binary is an operator between two scalars: + - * / % and or == != <> (given
	// as !=) < <= > >= =~ !~, the string operators (contains, !contains,
	// contains_cs, has, hasprefix, startswith, endswith, "matches regex", like, ...
	// with their negations and _cs forms) and ":" of search.
	Binary struct {
		Span
		Op   string
		OpAt Span
		L, R Expr
	}
	// In is in, !in, in~, !in~, has_any or has_all. List may hold one tabular
	// expression instead of scalars.
	In struct {
		Span
		Op   string
		X    Expr
		List []Expr
	}
	// Between is between or !between (Low .. High).
	Between struct {
		Span
		Not          bool
		X, Low, High Expr
	}
	// Call is a function call; it may stand for a table, or for a plugin.
	Call struct {
		Span
		Of        Expr // what stands before the point of x.f(), nil for f()
		Name      string
		NameAt    Span
		Arguments []Argument
	}
	// Path is x.Member; also of tabular prefixes: app('x').requests, database("d").T.
	Path struct {
		Span
		X        Expr
		Member   string
		MemberAt Span
		Pattern  bool // Member holds a *: database("d").T*
	}
	// List is several names as the value of one property: ycolumns = a, b.
	List struct {
		Span
		Items []Expr
	}
	// Index is x[Key].
	Index struct {
		Span
		X, Key Expr
	}
	// Pipe is Source | Operators; Source is nil when the first operator makes rows
	// itself (range, print, union, search, find, datatable is an Expr).
	Pipe struct {
		Span
		Source    Expr
		Operators []Operator
	}
	// Datatable is datatable(name:type, ...)[v, ...].
	Datatable struct {
		Span
		Columns []Parameter
		Values  []Expr
	}
	// Lambda is a user's function: "(T:(a:long, *), x:long = 1) { ... }" or "view () { ... }".
	Lambda struct {
		Span
		View       bool
		Parameters []Parameter
		Body       []Statement // the last is an *ExpressionStatement
	}
	// TypeLiteral is typeof(long).
	TypeLiteral struct {
		Span
		Type table.Type
	}
)

// Argument of a call; Name is not empty for "name = value".
type Argument struct {
	Name  string
	Value Expr
}

// Parameter is "name:type = default". Tabular parameters have Columns, or Any for (*).
type Parameter struct {
	Span
	Name    string
	Type    table.Type
	Default Expr // nil: none
	Tabular bool
	Columns []Parameter
	Any     bool
}

// Named is "expr" or "name = expr" or "(a, b) = expr".
type Named struct {
	Span
	Names []string // empty: the name is derived
	X     Expr
}

// Ordered is "expr [asc|desc] [nulls first|last]".
type Ordered struct {
	Named
	Asc   bool
	Nulls string // "first", "last" or "": by the direction
	Given bool   // the direction was written
}

// Option is "name = value" between an operator's name and its operands (kind =,
// hint.strategy =, withsource =, isfuzzy =, with_itemindex =, ...). Value is a
// *Name for a word.
type Option struct {
	Span
	Name  string
	Value Expr
}

// Operator is one step of a pipe.
type Operator interface {
	Position() Span
	operator()
}

type (
	// Where is where or filter.
	Where struct {
		Span
		Options   []Option
		Predicate Expr
	}
	// Project is project and its variants: Kind is "project", "project-away",
	// "project-keep", "project-rename", "project-reorder" or "extend".
	Project struct {
		Span
		Kind    string
		Columns []Ordered // the direction only of project-reorder
	}
	// Summarize has either list empty, or both.
	Summarize struct {
		Span
		Options    []Option
		Aggregates []Named
		By         []Named
	}
	// Distinct has one *Star, or columns.
	Distinct struct {
		Span
		Columns []Named
	}
	// Sort is sort or order.
	Sort struct {
		Span
		By []Ordered
	}
	// Top is "top n by expr [asc]".
	Top struct {
		Span
		Count Expr
		By    Ordered
	}
	// TopNested is top-nested with its levels.
	TopNested struct {
		Span
		Levels []TopLevel
	}
	// Take is take or limit.
	Take struct {
		Span
		Count Expr
	}
	// Sample is sample, or sample-distinct with Of.
	Sample struct {
		Span
		Count Expr
		Of    Expr // nil: sample
	}
	// Count is count.
	Count struct {
		Span
		As string
	}
	// Join is join, or lookup (Lookup). Kind "" is the default of the operator.
	Join struct {
		Span
		Lookup  bool
		Kind    string
		Options []Option
		Right   Expr
		On      []Expr // columns, or $left.a == $right.b
	}
	// Union unites its input, when it has one, with Tables (names, patterns, expressions).
	Union struct {
		Span
		Options []Option
		Tables  []Expr
	}
	// MvExpand is mv-expand or mvexpand.
	MvExpand struct {
		Span
		Deprecated bool // mvexpand: at most 128 rows each
		Options    []Option
		Columns    []Expansion
		Limit      Expr // nil: none
	}
	// MvApply is mv-apply: Query runs over the rows of each expansion.
	MvApply struct {
		Span
		Options []Option
		Columns []Expansion
		Limit   Expr
		Body    []Operator
	}
	// MakeSeries is make-series; either From/To/Step, or Range of the older form
	// "in range(start, stop, step)".
	MakeSeries struct {
		Span
		Options    []Option
		Aggregates []SeriesAggregate
		On         Named
		From, To   Expr // nil: by the data
		Step       Expr
		InRange    bool // the older form: To is inclusive
		By         []Named
	}
	// Range is the source "range x from a to b step c".
	Range struct {
		Span
		Name           string
		From, To, Step Expr
	}
	// Print is the source "print a = 1, ...".
	Print struct {
		Span
		Columns []Named
	}
	// Render is render; properties as written.
	Render struct {
		Span
		Kind       string
		Properties []Option
	}
	// Evaluate calls a plugin.
	Evaluate struct {
		Span
		Options []Option
		Plugin  *Call
		Schema  []Parameter // ": (a:string, ...)", nil: none
		Open    bool        // the schema holds a *: other columns may follow
	}
	// Serialize is serialize, with columns or without.
	Serialize struct {
		Span
		Columns []Named
	}
	// Parse is parse, or parse-where (Where).
	Parse struct {
		Span
		Where   bool
		Kind    string // simple, relaxed, regex; "" is simple
		Flags   string
		X       Expr
		Pattern []ParsePart
	}
	// ParseKV is parse-kv x as (a:string, ...) with (...).
	ParseKV struct {
		Span
		X       Expr
		Columns []Parameter
		Options []Option
	}
	// Search is search, as a source or as a step.
	Search struct {
		Span
		Options   []Option
		Tables    []Expr // of "search in (T1, T2) ..."
		Predicate Expr
	}
	// Find is find [in (...)] where ... [project ...].
	Find struct {
		Span
		Options   []Option
		Tables    []Expr
		Predicate Expr
		Project   []Named
		Types     []table.Type // of the columns of Project; Unknown: not given
		Smart     bool         // project-smart
	}
	// GetSchema is getschema.
	GetSchema struct{ Span }
	// As is "as name".
	As struct {
		Span
		Options []Option
		Name    string
	}
	// Invoke is "invoke f(...)".
	Invoke struct {
		Span
		Call *Call
	}
	// Partition is partition [hint...] by column (subquery).
	Partition struct {
		Span
		Options []Option
		By      Expr
		Body    []Operator // of "( ... )"
		Full    Expr       // of "{ ... }", instead of Body
	}
	// Reduce is reduce by expr.
	Reduce struct {
		Span
		Options []Option
		By      Expr
	}
	// MakeGraph is "make-graph a --> b [with T on c]".
	MakeGraph struct {
		Span
		Source, Target Expr
		Nodes          []GraphNodes
		NodeID         string // of with_node_id: the property that names the nodes
	}
	// GraphMark is graph-mark-components [kind = weak | strong] [with_component_id = name].
	GraphMark struct {
		Span
		Options []Option
	}
	// GraphWhere is graph-where-nodes, or graph-where-edges (Edges).
	GraphWhere struct {
		Span
		Edges     bool
		Predicate Expr
	}
	// GraphToTable is graph-to-table nodes, or edges (Edges).
	GraphToTable struct {
		Span
		Edges bool
	}
	// TopHitters is top-hitters n of expr [by weight].
	TopHitters struct {
		Span
		Count  Expr
		Of     Named
		Weight Expr // nil: rows are counted
	}
	// Fork is "fork [name =] (operators) ...": each gives a table of its own.
	Fork struct {
		Span
		Branches []Branch
	}
	// Facet is "facet by columns [with (operators)]".
	Facet struct {
		Span
		By   []Expr
		With []Operator
	}
	// Consume is consume: the rows are read and not given.
	Consume struct{ Span }
	// AssertSchema is assert-schema (name:type, ...).
	AssertSchema struct {
		Span
		Columns []Parameter
		Open    bool // other columns may follow
	}
	// Scan is scan [with_match_id = name] [order by ...] [partition by ...]
	// [declare (name:type = default, ...)] with (step ...; ...).
	Scan struct {
		Span
		Options     []Option // with_match_id, with_step_name
		OrderBy     []Ordered
		PartitionBy []Named
		Declared    []Parameter
		Steps       []ScanStep
	}
	// GraphMatch is graph-match: one or more comma-separated patterns; or
	// graph-shortest-paths (Shortest), which has one.
	GraphMatch struct {
		Span
		Shortest bool
		Options  []Option
		Patterns [][]GraphStep
		Where    Expr // nil: none
		Project  []Named
	}
	// Unsupported is an operator that KQL has and this product has not
	// (macro-expand, graph-shortest-paths, ...); its text was skipped with balanced brackets.
	Unsupported struct {
		Span
		Name string
		Text string // as written
	}
)

// TopLevel is one "top-nested [n] of expr [with others = x] by aggregate [asc|desc]".
type TopLevel struct {
	Count  Expr // nil: all
	Of     Named
	Others Expr // nil: none
	By     Ordered
}

// Expansion is one column of mv-expand: "[name =] expr [to typeof(type)]".
type Expansion struct {
	Named
	To table.Type // Unknown: not given
}

// SeriesAggregate is "name = aggregate default = value".
type SeriesAggregate struct {
	Named
	Default Expr // nil: 0
}

// ParsePart is a piece of a parse pattern: a text, a column, or *.
type ParsePart struct {
	Span
	Text   string     // when IsText
	Name   string     // when it is a column
	Type   table.Type // String when not given
	IsText bool
	Star   bool
}

// ScanStep is "step name [optional] [output = all|last|none]: condition => assignments".
type ScanStep struct {
	Span
	Name      string
	Optional  bool
	Output    string // "": all
	Condition Expr
	Assign    []Named
}

// Branch is one sub-query of fork.
type Branch struct {
	Name string // "": none
	Body []Operator
}

// GraphNodes is "T on column".
type GraphNodes struct {
	Table Expr
	Key   Expr
}

// GraphStep is a node "(n)" or an edge "-[e]->", "<-[e]-", "--", with a variable
// length "*min..max" (Max 0: not variable; an open bound is 1 or 1000).
type GraphStep struct {
	Span
	Name     string
	Edge     bool
	Left     bool // <-
	Right    bool // ->
	Min, Max int
}

func (*Where) operator()        {}
func (*Project) operator()      {}
func (*Summarize) operator()    {}
func (*Distinct) operator()     {}
func (*Sort) operator()         {}
func (*Top) operator()          {}
func (*TopNested) operator()    {}
func (*Take) operator()         {}
func (*Sample) operator()       {}
func (*Count) operator()        {}
func (*Join) operator()         {}
func (*Union) operator()        {}
func (*MvExpand) operator()     {}
func (*MvApply) operator()      {}
func (*MakeSeries) operator()   {}
func (*Range) operator()        {}
func (*Print) operator()        {}
func (*Render) operator()       {}
func (*Evaluate) operator()     {}
func (*Serialize) operator()    {}
func (*Parse) operator()        {}
func (*ParseKV) operator()      {}
func (*Search) operator()       {}
func (*Find) operator()         {}
func (*GetSchema) operator()    {}
func (*As) operator()           {}
func (*Invoke) operator()       {}
func (*Partition) operator()    {}
func (*Reduce) operator()       {}
func (*MakeGraph) operator()    {}
func (*GraphMatch) operator()   {}
func (*GraphToTable) operator() {}
func (*GraphMark) operator()    {}
func (*GraphWhere) operator()   {}
func (*TopHitters) operator()   {}
func (*Fork) operator()         {}
func (*Facet) operator()        {}
func (*Consume) operator()      {}
func (*AssertSchema) operator() {}
func (*Scan) operator()         {}
func (*Unsupported) operator()  {}
