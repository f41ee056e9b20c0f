package schema

import (
	"strings"
	"testing"
	"time"
)

func mustCompile(t testing.TB, document string, o Options) *Schema {
	t.Helper()
	s, err := Compile([]byte(document), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func text(problems []Problem) string {
	var out []string
	for _, p := range problems {
		out = append(out, p.String())
	}
	return strings.Join(out, " | ")
}

const pet = `{"type":"object","required":["id","name"],"properties":{"id":{"type":"integer","minimum":1},"name":{"type":"string","maxLength":3,"pattern":"^[a-z]+$"},
 "parent":{"$ref":"#"},"tags":{"type":"array","uniqueItems":true,"items":{"enum":["a","b"]}},"mail":{"type":"string","format":"email"}}}`

func TestValidate(t *testing.T) {
	s := mustCompile(t, pet, Options{})
	for body, want := range map[string]string{
		`{"id":1,"name":"abc"}`:                        "",
		`{"id":1,"name":"abc","parent":{"id":2}}`:      "Required properties are missing from object at 'parent': name. Line: 1, Position: 31",
		"{\n  \"id\": \"secret\",\n  \"name\": \"a\"}": "Invalid type at 'id'. Expected Integer but got String. Line: 2, Position: 9",
		`{"id":0,"name":"a"}`:                          "Number is less than minimum value of 1 at 'id'. Line: 1, Position: 7",
		`{"id":1,"name":"secret"}`:                     "String exceeds maximum length of 3 at 'name'. Line: 1, Position: 16",
		`{"id":1,"name":"A"}`:                          "String does not match regex pattern '^[a-z]+$' at 'name'. Line: 1, Position: 16",
		`{"id":1,"name":"a","tags":["a","c"]}`:         "Value is not defined in enum at 'tags[1]'. Line: 1, Position: 32",
		`{"id":1,"name":"a","tags":["a","a"]}`:         "Non-unique array item at index 1 at 'tags'. Line: 1, Position: 27",
		`{"id":1,"name":"a","mail":"x"}`:               "String does not validate against format 'email' at 'mail'. Line: 1, Position: 27",
		`[]`:                                           "Invalid type. Expected Object but got Array. Line: 1, Position: 1",
		``:                                             "Body is empty. Line: 1, Position: 1",
		"{\n\"id\": 1,,}":                              "Body is not valid JSON. Line: 2, Position: 9",
		`{"id":1} x`:                                   "Body cannot be checked: there is text behind the end of the JSON value. Line: 1, Position: 1",
		`{"id":1e999999999,"name":"a"}`:                "Body cannot be checked: a number is too large or too long. Line: 1, Position: 1",
		strings.Repeat("[", 300) + strings.Repeat("]", 300): "Body cannot be checked: values are nested deeper than 256. Line: 1, Position: 1",
	} {
		if got := text(s.Validate([]byte(body))); got != want {
			t.Errorf("%s:\n got %s\nwant %s", body, got, want)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		ok            bool
	}{
		{`^(?=.*\\d)(?=.*[a-z]).{3,}$`, "abc1", true}, {`^(?=.*\\d)(?=.*[a-z]).{3,}$`, "abcd", false},
		{`^(a|b)\\1$`, "aa", true}, {`^(a|b)\\1$`, "ab", false}, {`^.{1,2000}$`, "x", true}, {`^[\\u0041-\\u005a]+\\/$`, "AZ/", true},
		{`^(?!x)(a+)+$`, strings.Repeat("a", 40) + "!", false}, // gives up after a second
		{`^(?!x)(a+)+$", "not": {"pattern": "^(?!x)(a+)+$"}, "x": "`, strings.Repeat("a", 40) + "!", false},
	} {
		s := mustCompile(t, `{"pattern":"`+c.pattern+`"}`, Options{})
		start := time.Now()
		if ok := s.Validate([]byte(`"`+c.text+`"`)) == nil; ok != c.ok {
			t.Errorf("%s %s: %v", c.pattern, c.text, ok)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%s took %v", c.pattern, d)
		}
	}
}

func TestOverrides(t *testing.T) {
	const base = `{"components":{"schemas":{"Base":{"type":"object","required":["ID"],"properties":{"ID":{"type":"integer"}},"additionalProperties":true},
	 "Pet":{"allOf":[{"$ref":"#/components/schemas/Base"},{"properties":{"Name":{"type":"string"},"Map":{"type":"object","additionalProperties":{"type":"integer"}}}}]},
	 "Closed":{"type":"object","properties":{"a":{}},"additionalProperties":false}}}}`
	for _, c := range []struct {
		o          Options
		body, want string
	}{
		{Options{Ref: "#/components/schemas/Pet"}, `{"ID":1,"x":1}`, ""},
		{Options{Ref: "#/components/schemas/Pet", Additional: Forbidden}, `{"ID":1,"Name":"a","Map":{"any":1}}`, ""},
		{Options{Ref: "#/components/schemas/Pet", Additional: Forbidden}, `{"ID":1,"x":1}`, "A property has not been defined and the schema does not allow it at 'x'. Line: 1, Position: 13"},
		{Options{Ref: "#/components/schemas/Closed"}, `{"b":1}`, "Properties have not been defined and the schema does not allow additional properties: b. Line: 1, Position: 1"},
		{Options{Ref: "#/components/schemas/Closed", Additional: Allowed}, `{"b":1}`, ""},
		{Options{Ref: "#/components/schemas/Pet"}, `{"id":1}`, "Required properties are missing from object: ID. Line: 1, Position: 1"},
		{Options{Ref: "#/components/schemas/Pet", FoldNames: true}, `{"id":1,"NAME":2}`, "Invalid type at 'name'. Expected String but got Number. Line: 1, Position: 16"},
		{Options{Ref: "#/components/schemas/Pet", FoldNames: true}, `{"id":1,"ID":2}`, "Body cannot be checked: an object has two properties whose names differ only in letter case. Line: 1, Position: 1"},
	} {
		if got := text(mustCompile(t, base, c.o).Validate([]byte(c.body))); got != c.want {
			t.Errorf("%+v %s:\n got %s\nwant %s", c.o, c.body, got, c.want)
		}
	}
	if s := mustCompile(t, base, Options{Ref: "#/components/schemas/Pet"}); s.Name != "Pet" {
		t.Errorf("name %q", s.Name)
	}
}

func TestCompileErrors(t *testing.T) {
	for document, want := range map[string]string{
		`"unusable"`:                       "a schema must be an object, not text",
		`{"type":"strin"}`:                 "at '/type': got string, want array",
		`{"$ref":"other.json#/a"}`:         `the reference "other.json#/a" leads to another document`,
		`{"$ref":"#/a/b"}`:                 `the reference "#/a/b" points to nothing`,
		`{"pattern":"(a"}`:                 "",
		`{"minLength":"3"}`:                "",
		`{"minimum":1e999999999}`:          "",
		`{`:                                "the schema is not valid JSON: unexpected EOF",
		`{"properties":{"a":{"items":3}}}`: "a schema must be an object, not a number",
	} {
		_, err := Compile([]byte(document), Options{})
		if err == nil || want != "" && err.Error() != want {
			t.Errorf("%s: %v; want %s", document, err, want)
		}
	}
}

func TestParameter(t *testing.T) {
	for _, c := range []struct {
		schema string
		w      Writing
		texts  []string
		want   string
	}{
		{`{"type":"integer"}`, Writing{}, []string{"12"}, ""},
		{`{"type":"integer"}`, Writing{}, []string{"1.5"}, "Invalid type. Expected Integer but got Number."},
		{`{"type":"integer"}`, Writing{}, []string{"abc"}, "Invalid type. Expected Integer but got String."},
		{`{"type":"integer"}`, Writing{}, []string{"1e999999999"}, "Invalid type. Expected Integer but got String."},
		{`{"type":"boolean"}`, Writing{}, []string{"True"}, ""},
		{`{"type":"boolean"}`, Writing{}, []string{"1"}, "Invalid type. Expected Boolean but got String."},
		{`{"type":"string","maxLength":2}`, Writing{}, []string{"123"}, "String exceeds maximum length of 2."},
		{`{"type":["integer","string"],"minimum":5}`, Writing{}, []string{"7"}, ""},
		{`{"enum":[1,2]}`, Writing{}, []string{"2"}, ""},
		{`{"enum":[1,2]}`, Writing{}, []string{"3"}, "Value is not defined in enum."},
		{`{"type":"string","format":"date"}`, Writing{}, []string{"2024-02-30"}, "String does not validate against format 'date'."},
		{`{"type":"array","items":{"type":"integer"},"maxItems":2}`, Writing{}, []string{"1,2"}, ""},
		{`{"type":"array","items":{"type":"integer"},"maxItems":2}`, Writing{}, []string{"1,x"}, "Invalid type at '[1]'. Expected Integer but got String."},
		{`{"type":"array","items":{"type":"integer"},"maxItems":2}`, Writing{Explode: true}, []string{"1", "2", "3"}, "Array item count 3 exceeds maximum count of 2."},
		{`{"type":"array","items":{"type":"string"},"minItems":3}`, Writing{Separator: "|"}, []string{"a|b|c"}, ""},
		{`{"$ref":"#/d","d":{"type":"array","items":{"$ref":"#/e"}},"e":{"type":"number"}}`, Writing{}, []string{"1,2.5"}, ""},
		{`{"type":"object","required":["a"]}`, Writing{}, []string{"b,1"}, "Required properties are missing from object: a."},
		{`{"type":"object","required":["a"]}`, Writing{JSON: true}, []string{`{"a":1}`}, ""},
		{`{"type":"object","required":["a"]}`, Writing{JSON: true}, []string{`{`}, "The value is not JSON that can be checked."},
	} {
		p := NewParameter(mustCompile(t, c.schema, Options{}), c.w)
		if got := text(p.Check(c.texts)); got != c.want {
			t.Errorf("%s %v: got %q, want %q", c.schema, c.texts, got, c.want)
		}
	}
	p := NewParameter(mustCompile(t, `{"type":"object","properties":{"n":{"type":"integer"}}}`, Options{}), Writing{})
	if got := text(p.CheckObject(map[string]string{"n": "x"})); got != "Invalid type at 'n'. Expected Integer but got String." {
		t.Error(got)
	}
}

func TestXML(t *testing.T) {
	const soap = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body><a/></s:Body></s:Envelope>`
	for body, want := range map[string]string{
		`<a b="1"><c/></a>`:              "",
		soap:                             "",
		``:                               "Body is not valid XML: it has no root element. Line: 1, Position: 1",
		`<a>`:                            "Body is not valid XML. Line: 1, Position: 4",
		`<a/><b/>`:                       "Body is not valid XML: it has more than one root element. Line: 1, Position: 9",
		`<!DOCTYPE a><a/>`:               "Body holds a document type declaration, which is not allowed. Line: 1, Position: 13",
		`<a b="1" b="2"/>`:               "Body is not valid XML: an attribute stands twice in an element. Line: 1, Position: 17",
		`{"a":1}`:                        "Body is not valid XML: it has text outside of the root element. Line: 1, Position: 8",
		strings.Repeat("<a>", 300) + "x": "Body is nested too deeply. Line: 1, Position: 772",
	} {
		if got := text(ValidateXML([]byte(body))); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
	for body, ok := range map[string]bool{
		soap: true, "<a/>": false,
		`<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope"><Body/></Envelope>`:                     true,
		`<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope"><Body/><Body/></Envelope>`:              false,
		`<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope"><Header/></Envelope>`:                   false,
		`<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope"><Body/><x xmlns="urn:x"/></Envelope>`:   false,
		`<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body/><x xmlns="urn:x"/></Envelope>`: true,
	} {
		if got := ValidateSOAP([]byte(body)) == nil; got != ok {
			t.Errorf("%s: %v", body, got)
		}
	}
}

func FuzzValidate(f *testing.F) {
	f.Add([]byte(pet), []byte(`{"id":1}`))
	f.Add([]byte(`{"$ref":"#"}`), []byte(`1`))
	f.Fuzz(func(t *testing.T, document, body []byte) {
		for _, o := range []Options{{}, {Additional: Forbidden, FoldNames: true}, {Additional: Allowed}} {
			s, err := Compile(document, o)
			if err != nil {
				continue
			}
			s.Validate(body)
			NewParameter(s, Writing{}).Check([]string{string(body)})
		}
		ValidateSOAP(body)
	})
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		mustCompile(b, pet, Options{})
	}
}

func BenchmarkValidate(b *testing.B) {
	s := mustCompile(b, pet, Options{})
	body := []byte(`{"id":1,"name":"abc","parent":{"id":2,"name":"x"},"tags":["a","b"]}`)
	b.ReportAllocs()
	for b.Loop() {
		if s.Validate(body) != nil {
			b.Fatal("refused")
		}
	}
}
