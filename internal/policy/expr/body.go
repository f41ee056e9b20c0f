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
	data := readBody(b, unboxBool(a[1]))
	f.charge(len(data))
	switch {
	case want.is(kString) || want.def == u.object.def:
		return bodyText(data)
	case want.is(kArray) && want.args[0].is(kUint8):
		return bytes.Clone(data)
	case want.as(u.token) != nil:
		tok := b.json(f, data)
		if !isInstance(tok, want) {
			throw("System.InvalidCastException", notJSON+"It is a %s, not a %s.", jsonClass(tok.kind), want)
		}
		return tok
	}
	switch want.def.name {
	case "XDocument", "XElement", "XNode", "XContainer":
		return xmlBody(f, bodyText(data), want.def.name)
	}
	throw("System.InvalidCastException", "A body cannot be read as %s.", want)
	return nil
}

// notJSON begins what Azure says of a body that cannot be read as it is asked for.
const notJSON = "The message body is not a valid JSON. "

// parseBody parses a body; a failure says that it is one of the body.
func parseBody(f *frame, data []byte) *JToken {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(*exception); ok && e.Type == "Newtonsoft.Json.JsonReaderException" {
				e.Message = notJSON + e.Message
			}
			panic(r)
		}
	}()
	return parseJSON(f.machine, bodyText(data))
}

// parsedBody remembers the JSON tree of the buffered bytes.
type parsedBody struct {
	data []byte
	json *JToken
}

// json parses the body once; every reader gets a copy that it may change.
func (b *Body) json(f *frame, data []byte) *JToken {
	if b.state == bodyBuffered && b.parsed != nil && len(b.parsed.data) == len(data) && (len(data) == 0 || &b.parsed.data[0] == &data[0]) {
		f.step(1 + len(data)/64)
		f.charge(len(data))
		return b.parsed.json.clone()
	}
	tok := parseBody(f, data)
	if b.state != bodyBuffered {
		return tok
	}
	b.parsed = &parsedBody{data, tok.clone()}
	return tok
}
