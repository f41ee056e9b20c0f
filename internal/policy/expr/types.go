package expr

import "strings"

// kind says how a type behaves and how its values are held.
type kind uint8

const (
	kRef kind = iota // class or interface
	kVoid
	kNull // type of the literal null
	kBool
	kChar
	kInt8
	kUint8
	kInt16
	kUint16
	kInt32
	kUint32
	kInt64
	kUint64
	kFloat32
	kFloat64
	kDecimal
	kString
	kEnum
	kStruct
	kArray
	kNullable
	kFunc // delegate
	kParam
	kAnonymous
)

// typ is a static type: a definition with its type arguments. Two typ of the
// same type may be different pointers; compare with same.
type typ struct {
	def   *typeDef
	args  []*typ
	names []string // of a tuple's items, "" for none; nil when none has one
}

// typeDef is a row of the type table.
type typeDef struct {
	name, full string
	kind       kind
	params     []*typ // type parameters
	bases      []*typ // in terms of params
	members    map[string][]*member
	extended   bool
	flags      bool           // an enumeration of bits
	is         func(any) bool // does a boxed value have this type
	enum       []string
	values     []int64
	fields     []string // anonymous types: names and types in order
	types      []*typ
}

// member is a row of the member table.
type member struct {
	name    string
	owner   *typeDef
	static  bool
	method  bool
	this    bool // extension method
	ext     bool // only in the extended profile
	targs   []*typ
	params  []param
	ret     *typ
	get     any // the Go function
	set     any
	konst   bool // a compile-time constant
	canonic bool // the first argument is a header name
}

type param struct {
	name     string
	t        *typ
	nullable bool
	params   bool // params T[]
	out      bool
	ref      bool // the argument must be a variable with a value; out is set too
	optional bool
	def      any
}

// representation is how a compiled expression hands over a value.
type representation uint8

const (
	repAny representation = iota
	repBool
	repInt
	repFloat
	repString
	repVoid
)

func (t *typ) rep() representation {
	switch k := t.def.kind; {
	case k == kBool:
		return repBool
	case k >= kChar && k <= kUint64 || k == kEnum:
		return repInt
	case k == kFloat32 || k == kFloat64:
		return repFloat
	case k == kString:
		return repString
	case k == kVoid:
		return repVoid
	}
	return repAny
}

func (t *typ) is(k kind) bool { return t.def.kind == k }

func (t *typ) integral() bool { return t.def.kind >= kChar && t.def.kind <= kUint64 }

func (t *typ) numeric() bool { return t.def.kind >= kChar && t.def.kind <= kDecimal }

// reference tells whether null is a value of the type.
func (t *typ) nullable() bool {
	switch t.def.kind {
	case kRef, kNull, kString, kArray, kNullable, kFunc, kAnonymous:
		return true
	}
	return false
}

func (t *typ) String() string {
	switch t.def.kind {
	case kArray:
		return t.args[0].String() + "[]"
	case kNullable:
		return t.args[0].String() + "?"
	}
	if len(t.args) == 0 {
		return t.def.name
	}
	if rank := t.rank(); rank > 1 {
		return t.args[0].String() + "[" + strings.Repeat(",", rank-1) + "]"
	}
	names := make([]string, len(t.args))
	for i, a := range t.args {
		names[i] = a.String()
	}
	if t.tuple() && len(t.args) > 1 {
		return "(" + strings.Join(names, ", ") + ")"
	}
	return t.def.name + "<" + strings.Join(names, ", ") + ">"
}

func same(a, b *typ) bool {
	if a == b {
		return true
	}
	if a.def != b.def || len(a.args) != len(b.args) {
		return false
	}
	for i := range a.args {
		if !same(a.args[i], b.args[i]) {
			return false
		}
	}
	return true
}

// substitution maps type parameters to types.
type substitution map[*typeDef]*typ

func (s substitution) apply(t *typ) *typ {
	if t == nil || len(s) == 0 {
		return t
	}
	if t.def.kind == kParam {
		if r := s[t.def]; r != nil {
			return r
		}
		return t
	}
	if len(t.args) == 0 {
		return t
	}
	args := make([]*typ, len(t.args))
	for i, a := range t.args {
		args[i] = s.apply(a)
	}
	return &typ{def: t.def, args: args, names: t.names}
}

// open tells whether t still holds type parameters.
func (t *typ) open() bool {
	if t.def.kind == kParam {
		return true
	}
	for _, a := range t.args {
		if a.open() {
			return true
		}
	}
	return false
}

// own is the substitution of a constructed type's own parameters.
func (t *typ) own() substitution {
	if len(t.args) == 0 {
		return nil
	}
	s := substitution{}
	for i, p := range t.def.params {
		if i < len(t.args) {
			s[p.def] = t.args[i]
		}
	}
	return s
}

// bases of a constructed type.
func (t *typ) bases() []*typ {
	s := t.own()
	out := make([]*typ, len(t.def.bases))
	for i, b := range t.def.bases {
		out[i] = s.apply(b)
	}
	return out
}

// as finds the base of t, or t itself, that is made from def; nil when there is none.
func (t *typ) as(def *typeDef) *typ {
	if t.def == def {
		return t
	}
	for _, b := range t.bases() {
		if r := b.as(def); r != nil {
			return r
		}
	}
	return nil
}

// signature of a delegate type; ret is nil for void.
func (t *typ) signature() (params []*typ, ret *typ) {
	switch t.def.name {
	case "Action":
		return t.args, nil
	case "Predicate":
		return t.args, types().boolean
	case "Comparison":
		return []*typ{t.args[0], t.args[0]}, types().int32
	}
	return t.args[:len(t.args)-1], t.args[len(t.args)-1]
}
