package record

import (
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// state keeps what policies see now and gives its number: that of the branch's
// last state when nothing changed.
func (r *Recorder) state(c *policy.Context) int {
	if r.rec.size >= r.o.MaxBytes {
		r.rec.Stateless++
		return NoState
	}
	s := State{Target: r.target(c), Request: r.request(&c.Request), Response: r.response(c.Response), LastError: lastFailure(c.LastError, r.mask)}
	c.Variables.Each(func(name string, value any) { s.Variables = append(s.Variables, r.variable(name, value)) })
	b := r.branches[c]
	if b != nil && b.current != NoState && r.rec.States[b.current].equal(&s) {
		return b.current
	}
	r.rec.size += s.size()
	r.rec.States = append(r.rec.States, s)
	n := len(r.rec.States) - 1
	if b != nil {
		b.current = n
	}
	return n
}

func (r *Recorder) target(c *policy.Context) string {
	if c.Target.Backend != "" {
		return "backend " + c.Target.Backend
	}
	if c.Target.URL.Host == "" {
		return ""
	}
	return r.mask.url(&c.Target.URL)
}

func (r *Recorder) request(q *expr.Request) Message {
	return Message{Method: q.Method, URL: r.mask.url(&q.URL), Headers: r.headers(q.Header), Body: r.body(&q.Body, q.Header)}
}

func (r *Recorder) response(p *expr.Response) *Message {
	if p == nil {
		return nil
	}
	return &Message{Status: p.StatusCode, Reason: p.StatusReason, Headers: r.headers(p.Header), Body: r.body(&p.Body, p.Header)}
}

func (r *Recorder) headers(h expr.Header) []Header {
	out := make([]Header, 0, len(h))
	for name, values := range h {
		for _, v := range values {
			text, _ := cut(r.mask.header(name, v), r.o.MaxValue)
			out = append(out, Header{name, text})
		}
	}
	slices.SortStableFunc(out, func(a, b Header) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// body looks at a body without consuming it.
func (r *Recorder) body(b *expr.Body, h expr.Header) Body {
	if !b.Present() {
		return Body{State: "none"}
	}
	data, whole := b.Buffered()
	if !whole && r.o.ReadBodies && !b.Replayable() {
		data, whole = b.Peek(int64(r.o.MaxBody))
	}
	switch {
	case !whole && b.Size() == 0:
		return Body{State: "consumed"}
	case !whole:
		return Body{State: "stream", Size: b.Size()}
	case !readable(h, data):
		return Body{State: "binary", Size: int64(len(data))}
	}
	out := Body{State: "text", Size: int64(len(data))}
	// Masked before it is cut, so that no half of a secret stays; a body far over
	// the limit is cut first, with room for a secret at the edge.
	if len(data) > 4*r.o.MaxBody {
		data = data[:4*r.o.MaxBody]
	}
	out.Text, out.Cut = cut(r.mask.text(strings.ToValidUTF8(string(data), "\uFFFD")), r.o.MaxBody)
	return out
}

// readable tells whether a body is text.
func readable(h expr.Header, data []byte) bool {
	if len(h.Values("Content-Encoding")) > 0 && h.Get("Content-Encoding") != "identity" {
		return false
	}
	head := data[:min(len(data), 512)]
	for len(head) > 0 {
		c, n := utf8.DecodeRune(head)
		if c == utf8.RuneError && n == 1 && len(head) >= utf8.UTFMax || c == 0 {
			return false
		}
		head = head[n:]
	}
	return true
}

func (r *Recorder) variable(name string, value any) Variable {
	out := Variable{Name: name, Type: expr.TypeName(value)}
	text := "null"
	switch v := value.(type) {
	case nil:
	case *expr.Response:
		text = r.responseText(v)
	case *expr.JToken:
		text = v.JSON(false)
	default:
		text = expr.ToString(value)
	}
	if len(text) > 16*r.o.MaxValue {
		text = text[:16*r.o.MaxValue]
	}
	out.Value, out.Cut = cut(r.mask.named(name, strings.ToValidUTF8(text, "\uFFFD")), r.o.MaxValue)
	return out
}

func (r *Recorder) responseText(p *expr.Response) string {
	if p == nil {
		return "null"
	}
	m := r.response(p)
	var b strings.Builder
	b.WriteString(strings.TrimSpace(itoa(m.Status) + " " + m.Reason))
	for _, h := range m.Headers {
		b.WriteString("\n" + h.Name + ": " + h.Value)
	}
	if m.Body.Text != "" {
		b.WriteString("\n\n" + m.Body.Text)
	}
	return b.String()
}

// cut shortens a text at a character.
func cut(text string, limit int) (string, bool) {
	if len(text) <= limit {
		return text, false
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit], true
}

func (s *State) equal(o *State) bool {
	return s.Target == o.Target && slices.Equal(s.Variables, o.Variables) && s.Request.equal(&o.Request) && equalPointer(s.LastError, o.LastError) &&
		(s.Response == nil) == (o.Response == nil) && (s.Response == nil || s.Response.equal(o.Response))
}

func (m *Message) equal(o *Message) bool {
	return m.Method == o.Method && m.URL == o.URL && m.Status == o.Status && m.Reason == o.Reason && m.Body == o.Body && slices.Equal(m.Headers, o.Headers)
}

func equalPointer[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// size is about how much memory a state takes.
func (s *State) size() int64 {
	n := int64(256) + s.Request.size()
	if s.Response != nil {
		n += s.Response.size()
	}
	for _, v := range s.Variables {
		n += int64(64 + len(v.Name) + len(v.Type) + len(v.Value))
	}
	return n
}

func (m *Message) size() int64 {
	n := int64(128 + len(m.URL) + len(m.Body.Text))
	for _, h := range m.Headers {
		n += int64(32 + len(h.Name) + len(h.Value))
	}
	return n
}
