package graphql

import (
	"bytes"
	"encoding/json"
)

// JSON is the response as it goes to the client: errors first, as the
// specification advises.
func (r *Response) JSON() []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	if len(r.Errors) > 0 {
		b.WriteString(`"errors":`)
		encode(&b, r.Errors)
		b.WriteByte(',')
	}
	b.WriteString(`"data":`)
	appendValue(&b, r.Data)
	b.WriteByte('}')
	return b.Bytes()
}

func appendValue(b *bytes.Buffer, value any) {
	switch v := value.(type) {
	case *object:
		b.WriteByte('{')
		for i, name := range v.names {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + name + `":`) // a GraphQL name needs no escapes
			appendValue(b, v.values[i])
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, one := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			appendValue(b, one)
		}
		b.WriteByte(']')
	case json.Number:
		b.WriteString(string(v))
	default:
		encode(b, value)
	}
}

func encode(b *bytes.Buffer, value any) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		b.WriteString("null")
		return
	}
	b.Truncate(b.Len() - 1) // the line end that Encode adds
}
