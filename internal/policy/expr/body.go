package expr

import (
	"bytes"
	"net/url"
	"strings"
	"unicode/utf8"
)

func bodyRows() []row {
	return []row{
		{sig: "T As<T>(bool preserveContent = false)", get: bodyAs},
		{sig: "FormContent AsFormUrlEncodedContent(bool preserveContent = false)", get: func(f *frame, a []any) any {
			q := queryOf(strings.TrimSpace(bodyText(readBody(a[0].(*Body), unboxBool(a[1])))))
			d := newDictionary(types().str, named("System.Object"))
			for _, n := range q.names {
				l := stringArray(q.values[n])
				l.list = true
				d.set(n, l)
			}
			return d
		}},
		{sig: "static string ToQueryString(this IDictionary<string,IList<string>> form)", get: func(f *frame, a []any) any { return formText(f, a[0]) }},
		{sig: "static byte[] ToFormUrlEncodedContent(this IDictionary<string,IList<string>> form)", get: func(f *frame, a []any) any { return []byte(formText(f, a[0])) }},
	}
}

func formText(f *frame, v any) string {
	var out []string
	each(f, v, func(p any) bool {
		pair := p.(*Pair)
		for _, s := range textsOf(f, pair.value) {
			out = append(out, url.QueryEscape(ToString(pair.key))+"="+url.QueryEscape(s))
		}
		return true
	})
	return strings.Join(out, "&")
}

func readBody(b *Body, preserve bool) []byte {
	data, err := b.Bytes(preserve)
	if err != nil {
		panic(&exception{Type: "System.InvalidOperationException", Message: err.Error(), pos: -1, cause: err})
	}
	return data
}

// bodyText decodes UTF-8 and drops a byte order mark.
func bodyText(data []byte) string {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	s := string(data)
	if !utf8.ValidString(s) {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}

// bodyAs is IMessageBody.As<T>.
func bodyAs(f *frame, t []*typ, a []any) any {
	b := a[0].(*Body)
	u := types()
	want := t[0]
	f.ctx.Budget.grantBody(b)
	r := &bodyReader{f: f, body: b, known: b.parsed}
	r.parsedBody = r.known.of(readBody(b, unboxBool(a[1])))
	switch {
	case want.is(kString):
		return r.string()
	case want.is(kArray) && want.args[0].is(kUint8):
		f.charge(len(r.data))
		return bytes.Clone(r.data)
	case want.as(u.token) != nil:
		tok := r.token()
		if !isInstance(tok, want) {
			throw("System.InvalidCastException", notJSON+"It is a %s, not a %s.", jsonClass(tok.kind), want)
		}
		return tok
	}
	switch want.def.name {
	case "XDocument", "XElement", "XNode", "XContainer":
		return xmlBody(r.document(), want.def.name)
	}
	throw("System.InvalidCastException", "A body cannot be read as %s.", want)
	return nil
}

// notJSON begins what Azure says of a body that cannot be read as it is asked for.
const notJSON = "The message body is not a valid JSON. "

// parseBody parses a body; a failure says that it is one of the body.
func parseBody(f *frame, text string) *JToken {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(*exception); ok && e.Type == "Newtonsoft.Json.JsonReaderException" {
				e.Message = notJSON + e.Message
			}
			panic(r)
		}
	}()
	return parseJSON(f.machine, text)
}

// parsedBody is what buffered bytes were read as. Nothing changes it, as
// several requests and branches of one may have the body.
type parsedBody struct {
	data []byte
	text string
	json *JToken
	xml  *xmlNode
	size int64 // estimate of what it holds beside data
}

// of gives what is known of bytes.
func (p *parsedBody) of(data []byte) parsedBody {
	if p != nil && len(p.data) == len(data) && (len(data) == 0 || &p.data[0] == &data[0]) {
		return *p
	}
	return parsedBody{data: data}
}

// bodyReader reads a body as something else. It decodes and parses once: the
// body remembers as long as its bytes stay in memory.
type bodyReader struct {
	f    *frame
	body *Body
	parsedBody
	known *parsedBody // what it was read as before
}

// keep remembers what was found, which holds what was charged since before.
func (r *bodyReader) keep(before int64) {
	r.size += max(r.f.ctx.Budget.held-before, 0)
	p := r.parsedBody
	r.known = &p
	if r.body.state == bodyBuffered {
		r.body.parsed = &p
	}
}

func (r *bodyReader) string() string {
	if r.text == "" && len(r.data) > 0 {
		before := r.f.ctx.Budget.held
		r.f.charge(len(r.data))
		r.text = bodyText(r.data)
		r.keep(before)
	}
	return r.text
}

// token is the body as JSON, a copy that the policy may change.
func (r *bodyReader) token() *JToken {
	text, before := r.string(), r.f.ctx.Budget.held
	if r.json == nil {
		r.json = parseBody(r.f, text)
		if r.body.state != bodyBuffered {
			return r.json
		}
		r.keep(before)
	}
	return copyOf(r.json, &unread{of: r.known, budget: &r.f.ctx.Budget})
}

// document is the body as XML, a copy that the policy may change.
func (r *bodyReader) document() *xmlNode {
	text, before := r.string(), r.f.ctx.Budget.held
	if r.xml == nil {
		r.xml = parseXML(r.f, text)
		if r.body.state != bodyBuffered {
			return r.xml
		}
		r.keep(before)
	}
	return copyOfXML(r.xml, &unreadXML{of: r.known, budget: &r.f.ctx.Budget})
}
