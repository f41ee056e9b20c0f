package apiops

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"gatehouse/internal/apim"
)

type kind uint8

const (
	null kind = iota
	object
	array
	text
	number
	boolean
)

// node is a JSON or YAML value that knows where it stands. A missing value is
// a null node at the place of its parent.
type node struct {
	kind    kind
	at      apim.Position
	text    string // of text, number and boolean ("true", "false")
	list    []*node
	members []member
}

type member struct {
	name  string
	value *node
}

// get finds a member without regard to letter case; never nil.
func (n *node) get(path ...string) *node {
	for _, name := range path {
		n = n.child(name)
	}
	return n
}

func (n *node) child(name string) *node {
	for i := range n.members {
		if strings.EqualFold(n.members[i].name, name) {
			return n.members[i].value
		}
	}
	return &node{at: n.at}
}

// merge lays the overrides on a value: objects member by member, all else as a
// whole. Neither argument is changed.
func merge(base, over *node) *node {
	if base.kind != object || over.kind != object {
		return over
	}
	out := &node{kind: object, at: base.at}
	for _, m := range base.members {
		if o := over.child(m.name); o.kind != null {
			m.value = merge(m.value, o)
		}
		out.members = append(out.members, m)
	}
	for _, m := range over.members {
		if base.child(m.name).kind == null {
			out.members = append(out.members, m)
		}
	}
	return out
}

// jsonReader builds nodes from tokens.
type jsonReader struct {
	decoder *json.Decoder
	data    []byte
	file    string
	offset  int // of the last position asked for
	line    int
	start   int // offset of the line's first byte
}

// maxDepth of nested values in a resource's file.
const maxDepth = 64

func parseJSON(data []byte, file string) (*node, *Problem) {
	data = trimBOM(data)
	r := &jsonReader{decoder: json.NewDecoder(bytes.NewReader(data)), data: data, file: file, line: 1}
	r.decoder.UseNumber()
	n, err := r.value(0)
	if err == nil {
		if _, err = r.decoder.Token(); err == nil {
			err = errors.New("has text behind the end of the JSON value")
		} else if err == io.EOF {
			return n, nil
		}
	}
	at := r.position(int(r.decoder.InputOffset()))
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		// The offset counts the bytes read, the offending one included.
		at = (&jsonReader{data: data, file: file, line: 1}).position(int(syntax.Offset) - 1)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("unexpected end of the file")
	}
	return nil, &Problem{at, fmt.Sprintf("is not valid JSON: %v", err)}
}

// next skips white space and separators to where the next token starts.
func (r *jsonReader) next() apim.Position {
	i := int(r.decoder.InputOffset())
	for i < len(r.data) && strings.IndexByte(" \t\r\n,:", r.data[i]) >= 0 {
		i++
	}
	return r.position(i)
}

// position must be asked for in rising order of offsets.
func (r *jsonReader) position(offset int) apim.Position {
	offset = max(min(offset, len(r.data)), 0)
	for ; r.offset < offset; r.offset++ {
		if r.data[r.offset] == '\n' {
			r.line++
			r.start = r.offset + 1
		}
	}
	return apim.Position{File: r.file, Line: r.line, Column: offset - r.start + 1}
}

func (r *jsonReader) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("values are nested deeper than %d", maxDepth)
	}
	n := &node{at: r.next()}
	token, err := r.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return n, r.object(n, depth)
		}
		return n, r.array(n, depth)
	case string:
		n.kind, n.text = text, t
	case json.Number:
		n.kind, n.text = number, t.String()
	case bool:
		n.kind, n.text = boolean, fmt.Sprint(t)
	}
	return n, nil
}

func (r *jsonReader) object(n *node, depth int) error {
	n.kind = object
	for r.decoder.More() {
		key, err := r.decoder.Token()
		if err != nil {
			return err
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.members = append(n.members, member{fmt.Sprint(key), v})
	}
	_, err := r.decoder.Token()
	return err
}

func (r *jsonReader) array(n *node, depth int) error {
	n.kind = array
	for r.decoder.More() {
		v, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.list = append(n.list, v)
	}
	_, err := r.decoder.Token()
	return err
}
