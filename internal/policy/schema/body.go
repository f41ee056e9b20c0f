package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Limits of a value in a message: numbers beyond them cost more than they tell.
const (
	maxValueDepth = 256
	maxDigits     = 400
	maxExponent   = 400
)

// Validate checks a body; nil means that it conforms.
func (s *Schema) Validate(data []byte) []Problem {
	v, err := decode(data)
	if err == nil {
		v, err = s.prepare(v, 0)
	}
	if err != nil {
		return []Problem{syntaxProblem(data, err)}
	}
	problems := s.check(v)
	for i := range problems {
		problems[i].Line, problems[i].Position = locate(data, problems[i].path, s.fold)
	}
	return inOrder(problems)
}

func (s *Schema) check(v any) []Problem { return check(s.compiled, v) }

// check runs the library. A pattern or a value that is too much for it is a
// problem of the message.
func check(s *jsonschema.Schema, v any) (problems []Problem) {
	defer func() {
		if r := recover(); r != nil {
			problems = []Problem{{Text: "The value cannot be checked against the schema."}}
		}
	}()
	return inOrder(problemsOf(s.Validate(v)))
}

// prepare refuses values that cannot be checked in a bounded time and lowers
// names where letter case does not count.
func (s *Schema) prepare(v any, depth int) (any, error) {
	if depth > maxValueDepth {
		return nil, fmt.Errorf("values are nested deeper than %d", maxValueDepth)
	}
	switch x := v.(type) {
	case json.Number:
		return v, checkNumber(string(x))
	case []any:
		for i := range x {
			item, err := s.prepare(x[i], depth+1)
			if err != nil {
				return nil, err
			}
			x[i] = item
		}
	case map[string]any:
		return s.prepareObject(x, depth)
	}
	return v, nil
}

func (s *Schema) prepareObject(in map[string]any, depth int) (any, error) {
	out := in
	if s.fold {
		out = make(map[string]any, len(in))
	}
	for name, v := range in {
		value, err := s.prepare(v, depth+1)
		if err != nil {
			return nil, err
		}
		if !s.fold {
			out[name] = value
			continue
		}
		low := strings.ToLower(name)
		if _, twice := out[low]; twice {
			return nil, errors.New("an object has two properties whose names differ only in letter case")
		}
		out[low] = value
	}
	return out, nil
}

func checkNumber(text string) error {
	mantissa, exponent, scaled := strings.Cut(strings.ToLower(text), "e")
	if n, err := strconv.Atoi(exponent); len(mantissa) > maxDigits || scaled && (err != nil || n > maxExponent || n < -maxExponent) {
		return errors.New("a number is too large or too long")
	}
	return nil
}
