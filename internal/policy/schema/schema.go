// Package schema checks the bodies and parameters of messages against what an
// API declares.
//
// What comes in: schemas, once, and texts of messages. What goes out: compiled
// schemas that all requests share, and the places where a text breaks one. It
// must never fetch a schema, follow a document type declaration, quote a value
// of a message in a problem, or take a text for right that it could not check.
package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"gatehouse/internal/apim/dialect"
)

// MaxSchema is how many bytes a schema document may have, as in Azure.
const MaxSchema = 4 << 20

// Schema is a compiled JSON schema.
type Schema struct {
	// Name of the definition, "" when the schema stands where it is used.
	Name     string
	compiled *jsonschema.Schema
	fold     bool
}

// Additional says what becomes of properties that a schema does not name.
type Additional uint8

const (
	AsDeclared Additional = iota
	Allowed
	Forbidden
)

// Options of Compile.
type Options struct {
	Ref        string // place of the schema in the document, e.g. #/components/schemas/Pet; "" is the whole
	Additional Additional
	FoldNames  bool // names of properties match in any letter case
}

// Compile compiles a schema of a JSON document. Its errors are for the author
// of the policy.
func Compile(document []byte, o Options) (s *Schema, err error) {
	// The library must not take a reload down over a strange schema.
	defer func() {
		if r := recover(); r != nil {
			s, err = nil, fmt.Errorf("the schema is contradictory: %v", r)
		}
	}()
	if len(document) > MaxSchema {
		return nil, fmt.Errorf("the schema is larger than %d MB", MaxSchema>>20)
	}
	tree, err := decode(document)
	if err != nil {
		return nil, fmt.Errorf("the schema is not valid JSON: %w", err)
	}
	if tree, err = new(Schema).prepare(tree, 0); err != nil {
		return nil, fmt.Errorf("the schema cannot be used: %w", err)
	}
	target := tree
	if o.Ref != "" {
		target = map[string]any{"$ref": o.Ref}
	}
	bundle, err := dialect.Bundle(tree, target, dialect.Options{})
	if err != nil {
		return nil, err
	}
	s = &Schema{fold: o.FoldNames}
	if m, ok := bundle.(map[string]any); ok {
		ref, _ := m["$ref"].(string)
		s.Name = ref[strings.LastIndexByte(ref, '/')+1:]
	}
	if s.compiled, err = compile(override(bundle, o)); err != nil {
		return nil, reason(err)
	}
	return s, nil
}

// place of the schema for the library; nothing is ever fetched from it.
const place = "schema:document"

func compile(document any) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(noLoader{})
	c.UseRegexpEngine(compilePattern)
	if err := c.AddResource(place, document); err != nil {
		return nil, err
	}
	return c.Compile(place)
}

type noLoader struct{}

func (noLoader) Load(string) (any, error) {
	return nil, errors.New("references to other documents are not followed")
}

// reason makes one line of what the library says of a schema.
func reason(err error) error {
	var invalid *jsonschema.SchemaValidationError
	if errors.As(err, &invalid) {
		err = invalid.Err
	}
	lines := strings.Split(err.Error(), "\n")
	return errors.New(strings.TrimPrefix(strings.TrimSpace(lines[len(lines)-1]), "- "))
}

func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("there is text behind the end of the JSON value")
	}
	return v, nil
}
