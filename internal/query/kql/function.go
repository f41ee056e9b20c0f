package kql

import (
	"strings"

	"gatehouse/internal/query/kql/table"
)

// function is one overload of a scalar function. Takes has a letter for each
// argument: s string, l long, i int, r real, b bool, d datetime, t timespan, g
// guid, j dynamic, n any number, a anything; "?" makes those that follow
// optional, "*" lets the last repeat. Gives is a letter, or "0", "1" for the
// type of that argument. SQL is the text for DuckDB with {0}, {1} for the
// arguments, {n} for how many, {*} for all that are left behind a comma.
type function struct {
	Name  string
	Takes string
	Gives string
	SQL   string
	Named naming // how a column is called that has no name of its own
}

// naming of a column from the call that makes it.
type naming uint8

const (
	unnamed     naming = iota // Column1
	asArgument                // timestamp of bin(timestamp, 1h)
	withPrefix                // strlen_name of strlen(name)
	asAggregate               // avg_duration, or count_ without argument
)

func letterType(c byte) table.Type {
	switch c {
	case 's':
		return table.String
	case 'l':
		return table.Long
	case 'i':
		return table.Int
	case 'r', 'n':
		return table.Real
	case 'b':
		return table.Bool
	case 'd':
		return table.Datetime
	case 't':
		return table.Timespan
	case 'g':
		return table.GUID
	case 'j':
		return table.Dynamic
	}
	return table.Unknown
}

// key is the name by which plans and dialects know the overload.
func (f *function) key() string { return f.Name + "(" + f.Takes + ")" }

// letters spells Takes out for n arguments; ok is false when n does not fit.
func (f *function) letters(n int) (letters string, ok bool) {
	least, optional, repeat := 0, false, false
	for _, c := range f.Takes {
		switch c {
		case '?':
			optional = true
		case '*':
			repeat = true
		default:
			letters += string(c)
			if !optional {
				least++
			}
		}
	}
	if n < least || n > len(letters) && !repeat {
		return "", false
	}
	for repeat && len(letters) < n {
		letters += letters[len(letters)-1:]
	}
	return letters[:n], true
}

// fits grades how well arguments fit: 0 not at all, 3 exactly.
func fits(letters string, args []expression) int {
	grade := 3
	for i, a := range args {
		grade = min(grade, fit(letters[i], a.kind()))
	}
	return grade
}

func fit(letter byte, t table.Type) int {
	want := letterType(letter)
	switch {
	case letter == 'a' || want == t:
		return 3
	case letter == 'n':
		if isNumber(t) {
			return 3
		}
	case letter == 'l' && t == table.Int, letter == 'r' && isNumber(t), letter == 's' && t == table.GUID:
		return 2
	}
	switch {
	case t == table.Dynamic, letter == 's':
		return 1
	case letter == 'j', letter == 'i' && isNumber(t), letter == 'l' && isNumber(t):
		return 1
	}
	return 0
}

func isNumber(t table.Type) bool {
	return t == table.Int || t == table.Long || t == table.Real || t == table.Decimal
}

// widest is the type of an operation on two numbers.
func widest(a, b table.Type) table.Type {
	for _, t := range []table.Type{table.Real, table.Decimal, table.Long} {
		if a == t || b == t {
			if t == table.Decimal {
				return table.Real
			}
			return t
		}
	}
	return table.Int
}

// result is the type of a call.
func (f *function) result(args []expression) table.Type {
	switch f.Gives {
	case "0", "1":
		return args[f.Gives[0]-'0'].kind()
	case "w": // the widest of all arguments
		t := table.Int
		for _, a := range args {
			t = widest(t, a.kind())
		}
		return t
	}
	return letterType(f.Gives[0])
}

// library is the functions by name.
type library struct {
	scalars    map[string][]*function
	aggregates map[string][]*function
	templates  map[string]string // SQL by key
	names      []string
}

func newLibrary() *library {
	l := &library{scalars: map[string][]*function{}, aggregates: map[string][]*function{}, templates: map[string]string{}}
	for _, f := range scalarFunctions() {
		if l.scalars[f.Name] == nil {
			l.names = append(l.names, f.Name)
		}
		l.scalars[f.Name] = append(l.scalars[f.Name], &f)
		l.templates[f.key()] = f.SQL
	}
	for _, f := range aggregateFunctions() {
		if l.aggregates[f.Name] == nil {
			l.names = append(l.names, f.Name)
		}
		l.aggregates[f.Name] = append(l.aggregates[f.Name], &f)
		l.templates["aggregate "+f.key()] = f.SQL
	}
	for op, sql := range operations() {
		l.templates[op] = sql
	}
	return l
}

// pick gives the overload that fits best, nil when none does.
func pick(overloads []*function, args []expression) (best *function, letters string) {
	grade := 0
	for _, f := range overloads {
		l, ok := f.letters(len(args))
		if !ok {
			continue
		}
		if len(args) == 0 {
			return f, ""
		}
		if g := fits(l, args); g > grade {
			best, letters, grade = f, l, g
		}
	}
	return best, letters
}

func usage(overloads []*function) string {
	var forms []string
	for _, f := range overloads {
		forms = append(forms, f.Name+"("+spell(f.Takes)+")")
	}
	return strings.Join(forms, " or ")
}

// spell writes Takes as words.
func spell(takes string) string {
	var b strings.Builder
	optional := false
	for _, c := range takes {
		switch c {
		case '?':
			optional = true
			continue
		case '*':
			b.WriteString(", ...")
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		word := letterType(byte(c)).String()
		switch c {
		case 'n':
			word = "number"
		case 'a':
			word = "any"
		}
		if optional {
			word = "[" + word + "]"
		}
		b.WriteString(word)
	}
	return b.String()
}
