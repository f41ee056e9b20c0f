package expr

import (
	"fmt"
	"strings"
	"sync"
)

// typeRow is one type of the table: its declaration, how to know its values,
// and its members.
type typeRow struct {
	decl     string // e.g. "class System.Collections.Generic.List<T> : IList<T>"
	is       func(any) bool
	enum     string // "Name=1 Name ..."
	extended bool
	rows     []row
}

// row is one member. The signature is C#:
//
//	static bool IsNullOrEmpty(string? s)    method; ? marks arguments that may be null
//	int Length                              property
//	V this[K key]                           indexer
//	new(string s)                           constructor
//	static R Select<T,R>(this IEnumerable<T> s, Func<T,R> f)   extension method
//	static DateTime op_+(DateTime d, TimeSpan t)               operator
//	static implicit JToken(string? s)                          conversion
type row struct {
	sig string
	get any
	set any
}

// extended marks a row that only the extended profile has.
const extendedMark = "extended "

type universe struct {
	byName map[string][]*typeDef // simple name with arity
	full   map[string]*typeDef
	spaces map[string]bool
	ext    map[string][]*member // extension methods by name

	object, void, null, boolean, char, str, float32, float64, decimal *typ
	int8, uint8, int16, uint16, int32, uint32, int64, uint64          *typ
	array, nullable, enumerable, exception, context, disposable       *typeDef
	token, list, dictionary, pair                                     *typeDef
	timeSpan, dateTime                                                *typ

	collators [2]sync.Pool // of the invariant culture, with and without case
}

// lazyUniverse builds the table of types once.
type lazyUniverse struct {
	once sync.Once
	u    *universe
}

// table is immutable after its first use, but for the pools of collators.
var table lazyUniverse

// types is the table of all types, built from the rows.
func types() *universe {
	table.once.Do(func() { table.u = buildUniverse() })
	return table.u
}

func buildUniverse() *universe {
	u := &universe{byName: map[string][]*typeDef{}, full: map[string]*typeDef{}, spaces: map[string]bool{}, ext: map[string][]*member{}}
	tables := memberTables()
	defs := make([]*typeDef, len(tables))
	for i := range tables {
		defs[i] = u.declare(&tables[i])
	}
	u.wellKnown()
	for i := range tables {
		u.inherit(defs[i], tables[i].decl)
	}
	for i := range tables {
		for _, r := range tables[i].rows {
			u.addRow(defs[i], r)
		}
	}
	return u
}

var declKinds = map[string]kind{"class": kRef, "interface": kRef, "static": kRef, "struct": kStruct, "enum": kEnum, "flags": kEnum, "delegate": kFunc}

var builtinKinds = map[string]kind{"Void": kVoid, "Null": kNull, "Boolean": kBool, "Char": kChar, "SByte": kInt8, "Byte": kUint8,
	"Int16": kInt16, "UInt16": kUint16, "Int32": kInt32, "UInt32": kUint32, "Int64": kInt64, "UInt64": kUint64, "Single": kFloat32,
	"Double": kFloat64, "Decimal": kDecimal, "String": kString, "Nullable": kNullable, "ArrayOf": kArray}

// keywords are the C# names of predefined types.
var keywords = map[string]string{"bool": "Boolean", "char": "Char", "sbyte": "SByte", "byte": "Byte", "short": "Int16", "ushort": "UInt16",
	"int": "Int32", "uint": "UInt32", "long": "Int64", "ulong": "UInt64", "float": "Single", "double": "Double", "decimal": "Decimal",
	"string": "String", "object": "Object", "void": "Void"}

func (u *universe) declare(r *typeRow) *typeDef {
	word, rest, _ := strings.Cut(r.decl, " ")
	head, _, _ := strings.Cut(rest, " : ")
	name, params, _ := strings.Cut(strings.TrimSuffix(head, ">"), "<")
	d := &typeDef{full: name, kind: declKinds[word], is: r.is, flags: word == "flags", extended: r.extended, members: map[string][]*member{}}
	space := ""
	d.name = name
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		space, d.name = name[:i], name[i+1:]
	}
	if k, ok := builtinKinds[d.name]; ok && space == "System" {
		d.kind = k
	}
	if params != "" {
		for _, p := range strings.Split(params, ",") {
			d.params = append(d.params, &typ{def: &typeDef{name: strings.TrimSpace(p), kind: kParam}})
		}
	}
	next := int64(0)
	for _, e := range strings.Fields(r.enum) {
		n, v, ok := strings.Cut(e, "=")
		if ok {
			fmt.Sscan(v, &next)
		}
		d.enum, d.values = append(d.enum, n), append(d.values, next)
		next++
	}
	key := arity(d.name, len(d.params))
	u.byName[key] = append(u.byName[key], d)
	u.full[arity(name, len(d.params))] = d
	for s := space; s != ""; {
		u.spaces[s] = true
		i := strings.LastIndexByte(s, '.')
		s = s[:max(i, 0)]
	}
	return d
}

func arity(name string, n int) string {
	if n == 0 {
		return name
	}
	return fmt.Sprintf("%s`%d", name, n)
}

func (u *universe) wellKnown() {
	t := func(name string) *typ { return &typ{def: u.full["System."+name]} }
	u.object, u.void, u.null, u.boolean, u.char, u.str = t("Object"), t("Void"), t("Null"), t("Boolean"), t("Char"), t("String")
	u.float32, u.float64, u.decimal = t("Single"), t("Double"), t("Decimal")
	u.int8, u.uint8, u.int16, u.uint16 = t("SByte"), t("Byte"), t("Int16"), t("UInt16")
	u.int32, u.uint32, u.int64, u.uint64 = t("Int32"), t("UInt32"), t("Int64"), t("UInt64")
	u.timeSpan, u.dateTime = t("TimeSpan"), t("DateTime")
	u.array, u.nullable = u.full["System.ArrayOf`1"], u.full["System.Nullable`1"]
	u.enumerable = u.full["System.Collections.Generic.IEnumerable`1"]
	u.list, u.dictionary = u.full["System.Collections.Generic.List`1"], u.full["System.Collections.Generic.Dictionary`2"]
	u.pair = u.full["System.Collections.Generic.KeyValuePair`2"]
	u.exception, u.disposable = u.full["System.Exception"], u.full["System.IDisposable"]
	u.context, u.token = u.full["IProxyRequestContext"], u.full["Newtonsoft.Json.Linq.JToken"]
	for k, n := range keywords {
		d := u.full["System."+n]
		u.byName[k] = []*typeDef{d}
		if d.name != "Void" && d.name != "Null" {
			d.name = k
		}
	}
}

func (u *universe) inherit(d *typeDef, decl string) {
	_, list, ok := strings.Cut(decl, " : ")
	if ok {
		p := newParser(list, 0, len(list), 0)
		for {
			d.bases = append(d.bases, u.tableType(p.typeName(), d.params, nil))
			if !p.accept(",") {
				break
			}
		}
	}
	if d.kind == kEnum {
		d.bases = append(d.bases, &typ{def: u.full["System.Enum"]})
	}
	if d != u.object.def && d.kind != kVoid && d.kind != kNull {
		d.bases = append(d.bases, u.object)
	}
}

func (u *universe) arrayOf(t *typ) *typ { return &typ{def: u.array, args: []*typ{t}} }

func (u *universe) nullableOf(t *typ) *typ {
	if t.nullable() {
		return t
	}
	return &typ{def: u.nullable, args: []*typ{t}}
}

func (u *universe) make(d *typeDef, args ...*typ) *typ { return &typ{def: d, args: args} }

// tableType resolves a type of the table; params are the type parameters in reach.
func (u *universe) tableType(x *typeX, params, more []*typ) *typ {
	switch {
	case x.array:
		return u.arrayOf(u.tableType(x.elem, params, more))
	case x.nullable:
		return u.nullableOf(u.tableType(x.elem, params, more))
	}
	last := x.parts[len(x.parts)-1]
	for _, list := range [][]*typ{more, params} {
		for _, p := range list {
			if p.def.name == last.name && len(x.parts) == 1 {
				return p
			}
		}
	}
	d := u.byName[arity(last.name, len(last.args))]
	if len(d) == 0 {
		panic("type table: unknown type " + last.name)
	}
	t := &typ{def: d[0]}
	for _, a := range last.args {
		t.args = append(t.args, u.tableType(a, params, more))
	}
	return t
}

// addRow parses a signature of the table.
func (u *universe) addRow(d *typeDef, r row) {
	m := &member{owner: d, get: r.get, set: r.set, ret: u.void}
	sig := r.sig
	if s, ok := strings.CutPrefix(sig, extendedMark); ok {
		m.ext, sig = true, s
	}
	if s, ok := strings.CutPrefix(sig, "header "); ok {
		m.canonic, sig = true, s
	}
	if s, ok := strings.CutPrefix(sig, "const "); ok {
		m.konst, sig = true, s
	}
	p := newParser(sig, 0, len(sig), 0)
	m.static = p.acceptWord("static")
	head, _, _ := strings.Cut(sig, "(")
	// Type parameters of the method are known before its types are read.
	if i := strings.LastIndexByte(head, '<'); i >= 0 && strings.HasSuffix(head, ">") {
		for _, n := range strings.Split(head[i+1:len(head)-1], ",") {
			m.targs = append(m.targs, &typ{def: &typeDef{name: strings.TrimSpace(n), kind: kParam}})
		}
		head = head[:i]
		if !strings.Contains(head, " ") {
			panic("type table: " + sig)
		}
	}
	switch {
	case p.isWord("new"):
		p.i++
		m.name, m.method, m.ret = "new", true, &typ{def: d, args: d.params}
	case p.isWord("implicit") || p.isWord("explicit"):
		m.name, m.method = p.tok().text, true
		p.i++
		m.ret = u.tableType(p.typeName(), d.params, m.targs)
	default:
		if !p.acceptWord("void") {
			m.ret = u.tableType(p.typeName(), d.params, m.targs)
		}
		m.name = p.tok().text
		p.i++
		if m.name == "op_" {
			m.name += p.tok().text
			p.i++
			if p.is(">") || p.is("=") {
				m.name += ">"
				p.i++
			}
		}
		if len(m.targs) > 0 {
			p.typeArgumentNames()
		}
		m.method = p.is("(")
	}
	switch {
	case p.accept("("):
		m.params = u.tableParams(p, m, ")")
	case p.accept("["):
		m.params = u.tableParams(p, m, "]")
	}
	if m.this {
		u.ext[m.name] = append(u.ext[m.name], m)
	}
	d.members[m.name] = append(d.members[m.name], m)
}

// typeArgumentNames skips <T, R> of a table row.
func (p *parser) typeArgumentNames() {
	for !p.accept(">") {
		p.i++
	}
}

func (u *universe) tableParams(p *parser, m *member, closing string) []param {
	var out []param
	for !p.accept(closing) {
		if len(out) > 0 {
			p.expect(",", "in "+p.src)
		}
		var q param
		if p.acceptWord("this") {
			m.this = true
		}
		q.params = p.acceptWord("params")
		q.ref = p.acceptWord("ref")
		q.out = q.ref || p.acceptWord("out")
		x := p.typeName()
		q.nullable = x.nullable
		q.t = u.tableType(x, m.owner.params, m.targs)
		if p.tok().kind == tIdent {
			q.name = p.tok().text
			p.i++
		}
		if p.accept("=") {
			q.optional = true
			if t := p.tok(); t.kind == tIdent {
				q.def = map[string]any{"true": true, "false": false}[t.text]
			} else {
				q.def = t.value
			}
			p.i++
		}
		out = append(out, q)
	}
	return out
}

// find resolves a simple or qualified name with n type arguments.
func (u *universe) find(name string, n int, profile Profile) (d *typeDef, hidden bool) {
	key := arity(name, n)
	if d := u.full[key]; d != nil {
		if d.extended && profile == Strict {
			return nil, true
		}
		return d, false
	}
	for _, d := range u.byName[key] {
		if d.extended && profile == Strict {
			hidden = true
			continue
		}
		return d, false
	}
	return nil, hidden
}
