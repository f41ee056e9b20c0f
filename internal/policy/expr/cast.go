package expr

// cast applies an explicit conversion.
func (b *binder) cast(o *operand, t *typ, pos int) *operand {
	u := types()
	if o.cost(t) >= 0 {
		r := *b.convert(o, t)
		return &r
	}
	from := o.t
	switch {
	case o.kind != isValue:
		b.failConvert(o, t)
	case from.is(kNull) || from.is(kVoid):
		b.failConvert(o, t)
	case (from.numeric() || from.is(kEnum)) && (t.numeric() || t.is(kEnum)):
		return b.numeric(o, t)
	case from.is(kNullable) && !t.is(kNullable):
		f := o.a
		inner := fromAny(func(fr *frame) any {
			v := f(fr)
			if v == nil {
				throw("System.InvalidOperationException", "Nullable object must have a value.")
			}
			return v
		}, from.args[0], pos)
		return b.cast(inner, t, pos)
	case t.is(kNullable) && from.is(kNullable):
		return b.lift(o, func(v *operand) *operand { return b.cast(v, t.args[0], pos) }, t)
	}
	if m := userConversion(from, t, "explicit", 0); m != nil {
		return b.cast(b.emit(&method{member: m}, nil, []*operand{b.convert(o, m.params[0].t)}, pos), t, pos)
	}
	if t.is(kNullable) && from.def != u.object.def {
		return fromAny(b.cast(o, t.args[0], pos).a, t, pos)
	}
	if from.def != u.object.def && !castable(from, t) {
		b.failConvert(o, t)
	}
	return unboxed(o, t, pos)
}

// castable tells whether a reference of one type may hold the other.
func castable(from, to *typ) bool {
	if conversionOrUp(to, from, 0) >= 0 {
		return true
	}
	if from.is(kArray) && to.is(kArray) {
		return from.args[0].nullable() && to.args[0].nullable() && castable(from.args[0], to.args[0])
	}
	return isInterface(from.def) && to.nullable() || isInterface(to.def) && from.nullable() && !from.is(kString)
}

func isInterface(d *typeDef) bool {
	return d.kind == kRef && len(d.name) > 1 && d.name[0] == 'I' && d.name[1] >= 'A' && d.name[1] <= 'Z'
}

// unboxed casts a reference at run time.
func unboxed(o *operand, t *typ, pos int) *operand {
	f := o.a
	switch t.def.kind {
	case kString:
		return fromString(func(fr *frame) (string, bool) {
			v := f(fr)
			s, ok := v.(string)
			if !ok && v != nil {
				fr.pos = pos
				castFailed(v, t)
			}
			return s, ok
		}, pos)
	case kInt32:
		return fromInt(func(fr *frame) int64 {
			v := f(fr)
			n, ok := v.(int32)
			if !ok {
				fr.pos = pos
				castFailed(v, t)
			}
			return int64(n)
		}, t, pos)
	}
	return fromAny(func(fr *frame) any {
		v := f(fr)
		if v == nil && t.nullable() || isInstance(v, t) {
			return v
		}
		fr.pos = pos
		castFailed(v, t)
		return nil
	}, t, pos)
}

func castFailed(v any, t *typ) {
	if v == nil {
		throwNull("")
	}
	throw("System.InvalidCastException", "Unable to cast object of type '%s' to type '%s'.", typeOf(v).fullName(), t.fullName())
}

// isInstance is the run-time test behind is, as and casts.
func isInstance(v any, t *typ) bool {
	if v == nil {
		return false
	}
	u := types()
	if t.def == u.object.def {
		return true
	}
	switch t.def.kind {
	case kBool:
		_, ok := v.(bool)
		return ok
	case kNullable:
		return isInstance(v, t.args[0])
	case kEnum:
		e, ok := v.(Enum)
		return ok && e.def == t.def
	case kArray:
		if t.args[0].is(kUint8) {
			_, ok := v.([]byte)
			return ok
		}
		a, ok := v.(*Array)
		return ok && !a.list && (same(a.elem, t.args[0]) || t.args[0].nullable() && conversionOrUp(a.elem, t.args[0], 0) >= 0)
	case kAnonymous:
		o, ok := v.(*Object)
		return ok && o.def == t.def
	case kFunc:
		_, ok := v.(*closure)
		return ok
	}
	if g, ok := v.(*Grid); ok && t.rank() > 1 {
		return same(g.t, t)
	}
	if x, ok := v.(*tuple); ok && t.tuple() {
		return x.of != nil && same(x.of, t)
	}
	if t.def == u.list {
		a, ok := v.(*Array)
		return ok && a.list && same(a.elem, t.args[0])
	}
	if t.def.is != nil {
		return t.def.is(v)
	}
	vt := typeOf(v)
	return conversionOrUp(vt, t, 0) >= 0
}

func (b *binder) failConvert(o *operand, t *typ) {
	switch o.kind {
	case isLambda:
		fail(o.pos, "a lambda expression cannot be converted to "+t.String(), "")
	case isGroup:
		fail(o.pos, "'"+o.name+"' is a method; call it with ()", "")
	case isType:
		fail(o.pos, "'"+o.t.String()+"' is a type and is used like a value", "")
	case isNamespace:
		fail(o.pos, "unknown name '"+o.space+"'", "")
	case isUntyped:
		fail(o.pos, "the type of this tuple cannot be inferred", "write the types: (string, int) t = (null, 1);")
	}
	hint := ""
	switch {
	case o.isNull():
		fail(o.pos, "null cannot be converted to "+t.String(), "")
	case o.t.def == types().object.def:
		hint = "cast it: (" + t.String() + ")..."
	case t.is(kString):
		hint = "call .ToString()"
	case t.is(kBool):
		hint = "compare it: ... == ..."
	}
	fail(o.pos, "cannot convert "+o.t.String()+" to "+t.String(), hint)
}
