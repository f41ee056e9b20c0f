package liquid

import (
	"strconv"
	"strings"
)

// expression gives a value.
type expression func(r *run) any

// words reads the tokens of an expression.
type words struct {
	p      *parser
	text   string
	offset int // of text in the template
	i      int
	kind   byte // of the current word: i(dentifier) n(umber) s(tring) p(unctuation), 0 at the end
	word   string
	at     int // where the current word begins in the template
	depth  int
}

func (p *parser) words(text string, offset int) *words {
	w := &words{p: p, text: text, offset: offset}
	w.next()
	return w
}

func (w *words) fail(format string, args ...any) { fail(w.at, format, args...) }

func isNameStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// next reads one word.
func (w *words) next() {
	for w.i < len(w.text) && strings.IndexByte(blanks, w.text[w.i]) >= 0 {
		w.i++
	}
	start := w.i
	w.at = w.offset + start
	if start >= len(w.text) {
		w.kind, w.word = 0, ""
		return
	}
	c := w.text[start]
	switch {
	case isNameStart(c):
		w.i++
		for w.i < len(w.text) && (isNameStart(w.text[w.i]) || isDigit(w.text[w.i]) || w.text[w.i] == '-') {
			w.i++
		}
		if w.i < len(w.text) && w.text[w.i] == '?' {
			w.i++
		}
		w.kind = 'i'
	case isDigit(c), c == '-' && start+1 < len(w.text) && isDigit(w.text[start+1]):
		w.number()
	case c == '"' || c == '\'':
		end := strings.IndexByte(w.text[start+1:], c)
		if end < 0 {
			w.fail("this text is never closed: expected %c", c)
		}
		w.i = start + end + 2
		w.kind, w.word = 's', w.text[start+1:start+1+end]
		return
	default:
		w.kind = 'p'
		w.i++
		if start+1 < len(w.text) {
			switch w.text[start : start+2] {
			case "==", "!=", "<>", "<=", ">=", "..":
				w.i++
			}
		}
	}
	w.word = w.text[start:w.i]
}

func (w *words) number() {
	w.kind = 'n'
	w.i++
	for w.i < len(w.text) && isDigit(w.text[w.i]) {
		w.i++
	}
	if w.i+1 < len(w.text) && w.text[w.i] == '.' && isDigit(w.text[w.i+1]) {
		w.i++
		for w.i < len(w.text) && isDigit(w.text[w.i]) {
			w.i++
		}
	}
}

// is tells whether a mark stands here, and moves behind it.
func (w *words) is(mark string) bool {
	if w.kind != 'p' || w.word != mark {
		return false
	}
	w.next()
	return true
}

func (w *words) keyword(name string) bool {
	if w.kind != 'i' || w.word != name {
		return false
	}
	w.next()
	return true
}

func (w *words) expect(mark string) {
	if !w.is(mark) {
		w.fail("expected %s%s", mark, w.found())
	}
}

func (w *words) found() string {
	if w.kind == 0 {
		return ", found the end"
	}
	return ", found " + strconv.Quote(w.word)
}

func (w *words) name(what string) string {
	if w.kind != 'i' {
		w.fail("expected %s%s", what, w.found())
	}
	name := w.word
	w.next()
	return name
}

func (w *words) end() {
	if w.kind != 0 {
		w.fail("unexpected %q", w.word)
	}
}

func (w *words) enter() {
	if w.depth++; w.depth > maxDepth {
		w.fail("the expression is nested more than %d deep", maxDepth)
	}
}

// filtered reads a value with its filters.
func (w *words) filtered() expression {
	e := w.value()
	for w.is("|") {
		e = w.filter(e)
	}
	return e
}

// value reads a literal, a range or a variable with its path.
func (w *words) value() expression {
	w.enter()
	defer func() { w.depth-- }()
	switch w.kind {
	case 's':
		s := w.word
		w.next()
		return w.path(constant(s))
	case 'n':
		return constant(w.numeral())
	case 'i':
		return w.variable()
	}
	if w.is("(") {
		return w.rangeOf()
	}
	if w.kind == 'p' && w.word == "[" {
		return w.path(func(r *run) any { return scope{r} })
	}
	w.fail("expected a value%s", w.found())
	return nil
}

func constant(v any) expression { return func(*run) any { return v } }

func (w *words) numeral() any {
	word := w.word
	defer w.next()
	if n, err := strconv.ParseInt(word, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(word, 64)
	if err != nil {
		w.fail("%s is too large for a number", word)
	}
	return f
}

func (w *words) rangeOf() expression {
	at := w.at
	from := w.value()
	w.expect("..")
	to := w.value()
	w.expect(")")
	return func(r *run) any {
		a, _ := wholeOf(from(r))
		b, _ := wholeOf(to(r))
		if b-a >= maxSteps || b-a < 0 && b > a {
			fail(at, "the range has more than %d numbers", maxSteps)
		}
		return span{a, b}
	}
}

func (w *words) variable() expression {
	name := w.word
	w.next()
	switch name {
	case "true":
		return constant(true)
	case "false":
		return constant(false)
	case "nil", "null":
		return constant(nil)
	case "blank", "empty":
		return constant(emptiness(name))
	}
	return w.path(func(r *run) any { return r.variable(name) })
}

// variable finds a variable; letter case counts only when two differ in it.
func (r *run) variable(name string) any {
	v, ok := r.variables[name]
	if !ok {
		for known := range r.variables {
			if strings.EqualFold(known, name) {
				name = known
			}
		}
		v = r.variables[name]
	}
	if lazy, ok := v.(Lazy); ok {
		made, err := lazy()
		if err != nil {
			panic(lazyFailure{err})
		}
		v = plain(made)
		r.variables[name] = v
	}
	return plain(v)
}

// path reads .name and [index].
func (w *words) path(e expression) expression {
	for {
		at := w.at
		switch {
		case w.is("."):
			prefix := ""
			if w.is("@") {
				prefix = "@"
			}
			key := w.member(prefix)
			from := e
			e = func(r *run) any {
				r.step(at)
				return member(r.weigh(at, from(r), false), key)
			}
		case w.is("["):
			index := w.filtered()
			w.expect("]")
			from := e
			e = func(r *run) any {
				r.step(at)
				return item(r.weigh(at, from(r), false), index(r))
			}
		default:
			whole := e
			return func(r *run) any { return r.weigh(at, whole(r), true) }
		}
	}
}

func (w *words) member(prefix string) string {
	if w.kind == 'n' { // body.items.0.name
		name := w.word
		w.next()
		return name
	}
	return prefix + w.name("a name after the dot")
}

// condition reads comparisons joined by and, or. As in Liquid the right side
// binds first: there is no precedence.
func (w *words) condition() expression {
	w.enter()
	defer func() { w.depth-- }()
	left := w.comparison()
	switch {
	case w.keyword("and"):
		right := w.condition()
		return func(r *run) any { return truthy(left(r)) && truthy(right(r)) }
	case w.keyword("or"):
		right := w.condition()
		return func(r *run) any { return truthy(left(r)) || truthy(right(r)) }
	}
	return left
}

func (w *words) comparison() expression {
	left := w.filtered()
	at, operator := w.at, ""
	switch {
	case w.kind == 'p' && strings.Contains(" == != <> < > <= >= ", " "+w.word+" "):
		operator = w.word
	case w.kind == 'i':
		operator = strings.ReplaceAll(strings.ToLower(w.word), "_", "")
		if operator == "and" || operator == "or" {
			return left
		}
	default:
		return left
	}
	compare := operators(operator)
	if compare == nil {
		w.fail("%q is no operator: expected ==, !=, <, >, <=, >=, contains, startswith, endswith, haskey or hasvalue", w.word)
	}
	w.next()
	right := w.filtered()
	return func(r *run) any {
		r.step(at)
		return compare(left(r), right(r))
	}
}
