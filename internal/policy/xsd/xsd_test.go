package xsd

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const orders = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:o="urn:orders" targetNamespace="urn:orders" elementFormDefault="qualified">
 <xs:include schemaLocation="/schemas/common"/>
 <xs:element name="order" type="o:Order"/>
 <xs:element name="note" type="xs:string"/>
 <xs:complexType name="Order">
  <xs:sequence>
   <xs:element name="id" type="xs:positiveInteger"/>
   <xs:choice minOccurs="0"><xs:element name="mail" type="o:Mail"/><xs:element name="phone" type="xs:token"/></xs:choice>
   <xs:element name="line" type="o:Line" maxOccurs="unbounded"/>
   <xs:element ref="o:note" minOccurs="0"/>
   <xs:element name="parent" type="o:Order" minOccurs="0"/>
   <xs:any namespace="##other" processContents="lax" minOccurs="0"/>
  </xs:sequence>
  <xs:attribute name="state" use="required"><xs:simpleType><xs:restriction base="xs:string"><xs:enumeration value="open"/><xs:enumeration value="closed"/></xs:restriction></xs:simpleType></xs:attribute>
  <xs:attribute name="day" type="xs:date"/>
 </xs:complexType>
 <xs:complexType name="Line"><xs:all><xs:element name="sku" type="o:Sku"/><xs:element name="price" nillable="true"><xs:simpleType><xs:restriction base="xs:decimal"><xs:minExclusive value="0"/><xs:fractionDigits value="2"/></xs:restriction></xs:simpleType></xs:element><xs:element name="sizes" type="o:Sizes" minOccurs="0"/></xs:all></xs:complexType>
 <xs:complexType name="Gift"><xs:complexContent><xs:extension base="o:Line"><xs:attribute name="to" type="xs:string" use="required"/></xs:extension></xs:complexContent></xs:complexType>
 <xs:simpleType name="Sizes"><xs:restriction><xs:simpleType><xs:list itemType="xs:int"/></xs:simpleType><xs:maxLength value="2"/></xs:restriction></xs:simpleType>
 <xs:element name="money"><xs:complexType><xs:simpleContent><xs:extension base="xs:decimal"><xs:attribute name="currency" type="xs:NMTOKEN" use="required"/></xs:extension></xs:simpleContent></xs:complexType></xs:element>
</xs:schema>`

const common = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:simpleType name="Sku"><xs:restriction base="xs:string"><xs:pattern value="[A-Z]{2}\d+"/></xs:restriction></xs:simpleType>
 <xs:simpleType name="Mail"><xs:restriction base="xs:token"><xs:maxLength value="20"/><xs:pattern value=".+@.+"/></xs:restriction></xs:simpleType></xs:schema>`

func load(location string) ([]byte, bool) { return []byte(common), location == "/schemas/common" }

func compiled(t testing.TB) *Schema {
	t.Helper()
	s, err := Compile([]byte(orders), load)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func shown(problems []Problem) string {
	var out []string
	for _, p := range problems {
		out = append(out, fmt.Sprintf("%s %d:%d", p.Text, p.Line, p.Position))
	}
	return strings.Join(out, " | ")
}

func order(attrs, inner string) string {
	return `<order xmlns="urn:orders" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ` + attrs + `>` + inner + `</order>`
}

func TestValidate(t *testing.T) {
	s := compiled(t)
	const line = `<line><price>1.50</price><sku>AB1</sku></line>`
	for body, want := range map[string]string{
		order(`state="open"`, `<id>1</id>`+line): "",
		order(`state="open" day="2024-02-29"`, `<id>1</id><mail>a@b</mail>`+line+line+`<note>x</note><x xmlns="urn:x"><y/></x>`): "",
		order(`state="open"`, `<id>1</id>`+line+`<parent state="closed"><id>2</id>`+line+`</parent>`):                            "",
		order(`state="open"`, `<id>1</id><line xsi:type="Gift" to="me"><sku>AB1</sku><price>1</price></line>`):                   "",
		order(`state="open"`, `<id>1</id><line><sku>AB1</sku><price xsi:nil="true"/></line>`):                                    "",
		`<money xmlns="urn:orders" currency="EUR"> 1.5 </money>`:                                                                 "",
		order(`state="secret"`, `<id>1</id>`+line):                                                                               "The value of the attribute 'state' is not one of the values of its type. 1:1",
		order(``, `<id>1</id>`+line):                                                                           "The required attribute 'state' is missing at the element 'order'. 1:1",
		order(`state="open" other="1"`, `<id>1</id>`+line):                                                     "The attribute 'other' is not declared at the element 'order'. 1:1",
		order(`state="open" day="2024-02-30"`, `<id>1</id>`+line):                                              "The value of the attribute 'day' does not fit its type. 1:1",
		order(`state="open"`, `<id>0</id>`+line):                                                               "The value of the element 'id' does not fit its type. 1:94",
		order(`state="open"`, `<id>1</id>`):                                                                    "The element 'order' has incomplete content. Expected: mail, phone, line. 1:1",
		order(`state="open"`, line):                                                                            "The element 'order' has invalid child element 'line'. Expected: id. 1:94",
		order(`state="open"`, `<id>1</id>`+line+`<nope/>`):                                                     "The element 'order' has invalid child element 'nope'. Expected: line, note, parent, any element. 1:150",
		order(`state="open"`, `<id>1</id>text`+line):                                                           "The element 'order' must not contain text. 1:1",
		order(`state="open"`, `<id>1</id><mail>secret</mail>`+line):                                            "The value of the element 'mail' does not match the pattern of its type. 1:104",
		order(`state="open"`, `<id>1</id><line><sku>ab1</sku><price>0</price></line>`):                         "The value of the element 'sku' does not match the pattern of its type. 1:110 | The value of the element 'price' is not above 0. 1:124",
		order(`state="open"`, `<id>1</id><line><sku>AB1</sku><price>1.234</price><sizes>1 2 3</sizes></line>`): "The value of the element 'price' has more than 2 decimal places. 1:124 | The value of the element 'sizes' is longer than 2. 1:144",
		order(`state="open"`, `<id>1</id><line><sku>AB1</sku></line>`):                                         "The element 'line' has incomplete content. Expected: price, sizes. 1:104",
		order(`state="open"`, `<id>1</id><line xsi:type="Order" state="open"><id>1</id>`+line+`</line>`):       "The xsi:type of the element 'line' is not derived from its type. 1:104",
		order(`state="open"`, `<id xsi:nil="true"/>`+line):                                                     "The element 'id' must not be nil. 1:94",
		`<order/>`: "The element 'order' is not declared. 1:1",
		`<order`:   "Body cannot be checked: it is not valid XML. 1:1",
		`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`: "Body cannot be checked: document type declarations are not allowed. 1:1",
	} {
		if got := shown(s.Validate([]byte(body))); got != want {
			t.Errorf("%s:\n got %s\nwant %s", body, got, want)
		}
	}
}

func TestSOAP(t *testing.T) {
	s := compiled(t)
	envelope := func(inner string) []byte {
		return []byte(`<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header><x/></e:Header><e:Body>` + inner + `</e:Body></e:Envelope>`)
	}
	for inner, ok := range map[string]bool{`<note xmlns="urn:orders">a</note>`: true, `<note xmlns="urn:orders"><b/></note>`: false, `<nope/>`: false, `<e:Fault><faultcode/></e:Fault>`: true} {
		if got := s.ValidateSOAP(envelope(inner)); (got == nil) != ok {
			t.Errorf("%s: %v", inner, got)
		}
	}
}

func TestSimpleTypes(t *testing.T) {
	for kind, texts := range map[string][2]string{
		"int": {"-5|+7| 12 |2147483647", "2147483648|1.0|x||1e3"}, "boolean": {"true|0", "TRUE|yes"}, "double": {"1e5|INF|-1.5|NaN", "inf|1e99999|x"},
		"dateTime": {"2024-01-31T10:00:00Z|2024-01-31T10:00:00.5+02:00|2024-01-31T10:00:00", "2024-01-31|2024-13-01T10:00:00"}, "duration": {"P1D|PT5M|-P1Y2M", "P|PT|1D"},
		"base64Binary": {"YWJj|", "a"}, "hexBinary": {"0aFF", "0a1"}, "NCName": {"a-b|_x", "a:b|1a"}, "language": {"en|en-US", "e_"}, "gYear": {"2024", "24"}, "anyURI": {"x:y|a b", ""},
	} {
		s := builtin(kind)
		for i, list := range texts {
			if list == "" {
				continue
			}
			for _, v := range strings.Split(list, "|") {
				if got := s.valid(v); (got == "") != (i == 0) {
					t.Errorf("%s %q: %q", kind, v, got)
				}
			}
		}
	}
}

func TestCompileErrors(t *testing.T) {
	wrap := func(s string) string {
		return `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">` + s + `</xs:schema>`
	}
	for document, want := range map[string]string{
		`<a/>`:   "its root is not <schema> of XML Schema",
		`<a`:     "it is not valid XML",
		wrap(``): "it declares no element that a document could start with",
		wrap(`<xs:include schemaLocation="http://example.com/x.xsd"/>`): `line 1: <include> names "http://example.com/x.xsd", which is no schema of the service; name it as /schemas/ID`,
		wrap(`<xs:redefine/>`):                                                               "line 1: <redefine> is not supported",
		wrap(`<xs:element name="a" type="Nope"/>`):                                           `line 1: there is no type "Nope"`,
		wrap(`<xs:element name="a" type="y:Nope"/>`):                                         `line 1: the prefix of "y:Nope" is not declared`,
		wrap(`<xs:element name="a" type="xs:nope"/>`):                                        `line 1: there is no built-in type "nope"`,
		wrap(`<xs:element name="a" substitutionGroup="b"/>`):                                 "line 1: substitution groups are not supported",
		wrap(`<xs:group name="g"><xs:sequence><xs:group ref="g"/></xs:sequence></xs:group>`): `line 1: the group "g" holds itself`,
		wrap(`<xs:simpleType name="s"><xs:restriction base="s"/></xs:simpleType>`):           `line 1: the type "s" is made of itself`,
		wrap(`<xs:simpleType name="s"><xs:restriction base="xs:string"><xs:pattern value="("/></xs:restriction></xs:simpleType>`):      "line 1: the pattern cannot be used: error parsing regexp: missing closing ): `^(?:()$`",
		wrap(`<xs:simpleType name="s"><xs:restriction base="xs:string"><xs:minInclusive value="1"/></xs:restriction></xs:simpleType>`): "line 1: minInclusive is not supported for this type",
	} {
		if _, err := Compile([]byte(document), load); err == nil || err.Error() != want {
			t.Errorf("%s: %v; want %s", document, err, want)
		}
	}
}

// Many children, text in many pieces and nested repetition stay linear.
func TestLargeDocuments(t *testing.T) {
	s := compiled(t)
	start := time.Now()
	line := `<line><price>1.50</price><sku>AB1</sku></line>`
	if got := s.Validate([]byte(order(`state="open"`, `<id>1</id>`+strings.Repeat(line, 50_000)))); got != nil {
		t.Error(shown(got))
	}
	s.Validate([]byte(`<note xmlns="urn:orders">` + strings.Repeat("a<!-- -->", 200_000) + `</note>`))
	nested, err := Compile([]byte(`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="r"><xs:complexType><xs:sequence maxOccurs="unbounded"><xs:element name="a" minOccurs="0" maxOccurs="unbounded"/><xs:choice minOccurs="0" maxOccurs="unbounded"><xs:element name="a"/><xs:element name="b"/></xs:choice></xs:sequence></xs:complexType></xs:element></xs:schema>`), load)
	if err != nil {
		t.Fatal(err)
	}
	if got := nested.Validate([]byte("<r>" + strings.Repeat("<a/><b/>", 50_000) + "</r>")); got != nil {
		t.Error(shown(got))
	}
	if d := time.Since(start); d > 200*time.Second {
		t.Errorf("took %v", d)
	}
}

func FuzzValidate(f *testing.F) {
	f.Add([]byte(orders), []byte(order(`state="open"`, `<id>1</id>`)))
	f.Fuzz(func(t *testing.T, schema, body []byte) {
		if s, err := Compile(schema, load); err == nil {
			s.Validate(body)
		}
		s := compiled(t)
		s.Validate(body)
		s.ValidateSOAP(body)
	})
}
