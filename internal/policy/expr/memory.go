package expr

import (
	"strings"
	"unsafe"
)

// What the expressions of a request may hold at a time.
const (
	// DefaultBudgetBytes is what expressions hold beside bodies.
	DefaultBudgetBytes = 16 << 20
	// bodyGrant is how many bytes a byte of a body that is read allows on top:
	// a tree of small JSON values takes ten to fifteen times its text.
	bodyGrant = 16
	// errorReserve is for the expressions of on-error.
	errorReserve = 2 << 20
	// surveyFloor is what may be held before anybody looks what is in use.
	surveyFloor = 2 << 20
)

// Estimated sizes of values.
const (
	tokenBytes = 96 // a JSON value, or the property that holds it
	nodeBytes  = 160
	entryBytes = 96
	itemBytes  = 16
)

// limit is how much may be held now.
func (b *Budget) limit() int64 { return b.Bytes + b.granted }

// grant allows for a body of size bytes. No more is allowed than for one body
// of the largest size.
func (b *Budget) grant(size, largest int64) {
	b.granted = max(b.granted, min(b.granted+bodyGrant*size, bodyGrant*largest))
}

// grantBody allows for a body that is about to be read, once.
func (b *Budget) grantBody(body *Body) {
	if body.granted || body.state == bodyNone || body.state == bodyConsumed {
		return
	}
	largest := body.maxBytes
	if largest == 0 {
		largest = DefaultMaxBody
	}
	body.granted = true
	_ = body.Buffer() // which says the same to the reader
	b.grant(int64(len(body.data)), largest)
}

// HandleError allows a little more, so that the expressions of on-error run
// also where variables fill the budget.
func (b *Budget) HandleError() {
	if !b.failing {
		b.failing = true
		b.Bytes += errorReserve
	}
}

// Share leaves an equal part of what is left to one of n that run at a time.
func (b Budget) Share(n int) Budget {
	b.Bytes = b.held - b.granted + max(b.limit()-b.held, 0)/int64(max(n, 1))
	return b
}

// Rejoin counts what one that ran beside holds beyond what it began with.
func (b *Budget) Rejoin(share *Budget, began int64) { b.held += max(share.held-began, 0) }

// Held is the estimate of what is held.
func (b *Budget) Held() int64 { return b.held }

// charge takes n bytes from the budget of the request, and steps for writing many.
func (m *machine) charge(n int) {
	if n < 64 {
		return
	}
	if n >= 4<<10 {
		m.step(n >> 12)
	}
	b := &m.ctx.Budget
	if b.held += int64(n); b.held > b.limit() {
		throwLimit("the expressions of this request used up their memory budget")
	}
}

// settle gives back what is in use no more, where nothing is under way that
// only Go's own stack knows: at the start of an evaluation, and between the
// statements of the program itself. It looks again only after much was made.
func (f *frame) settle() {
	if b := &f.ctx.Budget; b.held > surveyFloor && b.held > b.again && f.depth == 0 && f.pinned == 0 {
		f.takeStock()
	}
}

func (f *frame) takeStock() {
	b := &f.ctx.Budget
	s := survey{seen: map[any]bool{}}
	s.root(f)
	f.steps += s.nodes >> 4 // which the next step looks at
	if !s.opaque && s.bytes < b.held {
		b.held = s.bytes
	}
	b.again = b.held + b.limit()/16
}

// survey adds up what can be reached.
type survey struct {
	seen   map[any]bool
	bytes  int64
	nodes  int
	opaque bool // met a value whose contents it cannot see
}

func (s *survey) root(f *frame) {
	f.ctx.Variables.Each(func(_ string, v any) { s.value(v) })
	s.body(&f.ctx.Request.Body)
	if f.ctx.Response != nil {
		s.body(&f.ctx.Response.Body)
	}
	s.frame(f)
	s.slot(&f.ret)
	s.value(f.err)
	for _, v := range f.stack {
		s.value(v)
	}
	for _, t := range f.tails {
		if t != nil {
			s.bytes += int64(t.Cap())
		}
	}
	s.bytes += int64(cap(f.buf))
}

// first tells whether the value is met for the first time.
func (s *survey) first(v any) bool {
	s.nodes++
	if s.seen[v] {
		return false
	}
	s.seen[v] = true
	return true
}

func (s *survey) frame(f *frame) {
	for ; f != nil && s.first(f); f = f.outer {
		for i := range f.slots {
			s.slot(&f.slots[i])
		}
	}
}

func (s *survey) slot(x *slot) {
	s.text(x.s)
	s.value(x.a)
}

// text counts a string that stands in many places once.
func (s *survey) text(t string) {
	if len(t) >= 64 && s.first(unsafe.StringData(t)) {
		s.bytes += int64(len(t))
		s.nodes += len(t) >> 10
	}
}

func (s *survey) body(b *Body) {
	if p := b.parsed; p != nil && s.first(p) {
		s.bytes += p.size
	}
}

func (s *survey) value(v any) {
	switch x := v.(type) {
	case nil, bool, int32, int64, uint8, int8, int16, uint16, uint32, uint64, float32, float64, Char, Decimal, Enum,
		Guid, DateTime, DateTimeOffset, TimeSpan, *URI, *typ, Header, culture, xName, xSpace, *Certificate, *random, encoding,
		*API, *Operation, *Product, *Subscription, *User, *Deployment, *Context, *Request, *Body, *URL, *LastError, *Variables,
		*Jwt, *claims, *Authorization, *basicCredentials, *uriBuilder, ipAddress, *symmetric, *rsaKey, *regex, *timeZone, comparer, *queryMap:
	case string:
		s.text(x)
	case []byte:
		if len(x) > 0 && s.first(&x[0]) {
			s.bytes += int64(len(x))
		}
	case *slot:
		if s.first(x) {
			s.slot(x)
		}
	case *closure:
		if s.first(x) {
			s.frame(x.outer)
		}
	case *JToken:
		s.json(x)
	case *xmlNode:
		s.xml(x)
	case *Response:
		if x != nil && s.first(x) {
			s.body(&x.Body)
		}
	case *exception:
		for ; x != nil && s.first(x); x = x.Inner {
			s.text(x.Message)
		}
	default:
		s.collection(v)
	}
}

func (s *survey) collection(v any) {
	var items []any
	size := int64(itemBytes)
	switch x := v.(type) {
	case *Array:
		items = x.items
	case *tuple:
		items = x.items
	case *Object:
		items = x.values
	case *Pair:
		items = []any{x.key, x.value}
	case *groupOf:
		items = append([]any{x.key}, x.items...)
	case *orderedSeq:
		items = x.items
	case *Grid:
		items = x.items
	case *Set:
		items, size = x.items, entryBytes
	case *Dictionary:
		for _, k := range x.keys {
			items = append(items, k, x.values[x.keyOf(k)])
		}
		size = entryBytes / 2
	case *regexMatches:
		for _, m := range x.list {
			items = append(items, m)
		}
	case *match:
		s.text(x.text)
	case *builder:
		if s.first(x) {
			s.bytes += int64(cap(x.b))
		}
		return
	default:
		s.opaque = true
		return
	}
	if !s.first(v) {
		return
	}
	s.bytes += int64(len(items)) * size
	for _, i := range items {
		s.value(i)
	}
}

// json counts the whole tree that a token stands in.
func (s *survey) json(t *JToken) {
	for t != nil && t.parent != nil {
		t = t.parent
	}
	if t != nil && s.first(t) {
		s.token(t)
	}
}

func (s *survey) token(t *JToken) {
	s.nodes++
	s.bytes += tokenBytes
	switch x := t.value.(type) {
	case string:
		s.bytes += int64(len(x))
	case *unread:
		if s.first(x.of) {
			s.bytes += x.of.size
		}
	case []byte:
		s.value(x)
	}
	for _, c := range t.list {
		s.token(c)
	}
}

func (s *survey) xml(n *xmlNode) {
	for n != nil && n.parent != nil {
		n = n.parent
	}
	if n != nil && s.first(n) {
		s.node(n)
	}
}

func (s *survey) node(n *xmlNode) {
	s.nodes++
	s.bytes += nodeBytes + int64(len(n.value))
	if n.unread != nil && s.first(n.unread.of) {
		s.bytes += n.unread.of.size
	}
	for _, a := range n.attrs {
		s.bytes += nodeBytes + int64(len(a.value))
	}
	for _, c := range n.children {
		s.node(c)
	}
}

// weigh estimates the size of a token with all below it.
func (t *JToken) weigh() int {
	n := tokenBytes
	for _, c := range t.peek() {
		n += c.weigh()
	}
	return n
}

// weigh estimates the size of a node with all below it.
func (n *xmlNode) weigh() int {
	size := nodeBytes * (1 + len(n.attrs))
	for _, c := range n.peek() {
		size += c.weigh()
	}
	return size
}

// copies takes from the budget what adding content to a tree may copy or make:
// of nodes that stand in a tree already, and of all in a list, which may name
// one twice.
func (m *machine) copies(v any) { m.copiesAt(v, 0) }

func (m *machine) copiesAt(v any, depth int) {
	if depth > maxJSONNesting {
		return // what holds itself is refused later
	}
	switch x := v.(type) {
	case *JToken:
		if x != nil && (depth > 0 || x.parent != nil) {
			m.copied(x.weigh())
		}
	case *xmlNode:
		if x != nil && (depth > 0 || x.parent != nil) {
			m.copied(x.weigh())
		}
	case *Array:
		m.copiesAll(x.items, depth)
	case *Object:
		m.copiesAll(x.values, depth)
	case *tuple:
		m.copiesAll(x.items, depth)
	case *Dictionary:
		m.copied(len(x.keys) * tokenBytes)
		for _, k := range x.keys {
			m.copiesAt(x.values[x.keyOf(k)], depth+1)
		}
	}
}

func (m *machine) copiesAll(items []any, depth int) {
	m.copied(len(items) * tokenBytes)
	for _, i := range items {
		m.copiesAt(i, depth+1)
	}
}

func (m *machine) copied(n int) {
	m.step(n >> 9)
	m.charge(n)
}

// tailFrom is the length from which a text that is continued keeps room behind it.
const tailFrom = 1 << 10

// continued gives a text of at least tailFrom bytes to be written on. It is
// built where it stands when nothing was put behind it yet, so that s += x in a
// loop neither copies nor counts s each time.
func (f *frame) continued(s string) *strings.Builder {
	for _, t := range f.tails {
		if t != nil && t.Len() == len(s) && t.String() == s {
			return t
		}
	}
	t := &strings.Builder{}
	f.tails[f.tail%len(f.tails)] = t
	f.tail++
	f.charge(len(s))
	t.WriteString(s)
	return t
}

// grown gives the text of a builder that had room for before bytes.
func (f *frame) grown(t *strings.Builder, before int) string {
	f.charge(t.Cap() - before)
	return t.String()
}

// cut forgets the texts that are being continued.
func (m *machine) cut() {
	if m.tail > 0 {
		clear(m.tails[:])
		m.tail = 0
	}
}
