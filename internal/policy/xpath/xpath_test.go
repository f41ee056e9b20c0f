package xpath

import (
	"errors"
	"math"
	"strings"
	"testing"

	"gatehouse/internal/policy/xmldoc"
)

const library = `<?xml version="1.0"?><lib xmlns:p="urn:p"><book id="a" year="1999"><title>One</title><price>10</price></book>` +
	`<book id="b" year="2005"><title>Two</title><price>2.5</price><p:note>rare</p:note></book><!--end--><?pi data?></lib>`

func scope() Scope {
	return Scope{
		Namespace: func(prefix string) (string, bool) { return "urn:p", prefix == "p" },
		Variable:  func(n Name) bool { return n.Local == "v" },
	}
}

var errTooMuch = errors.New("too much work")

// at is the context of the document element; it allows that much work.
func at(t testing.TB, document string, steps int) *Context {
	t.Helper()
	root, err := xmldoc.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	left := steps
	run := &Run{Variable: func(Name) Value { return 7.0 }, Step: func(n int) {
		if left -= n; left < 0 {
			panic(errTooMuch)
		}
	}}
	return &Context{Run: run, Node: root, Position: 1, Size: 1, Current: root}
}

// The values are worked out by hand from XPath 1.0.
func TestValues(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"count(/lib/book)", "2"},
		{"/lib/book[2]/title", "Two"},
		{"/lib/book[last()]/@id", "b"},
		{"/lib/book[@year > 2000]/title", "Two"},
		{"/lib/book[price < 5]/title", "Two"},
		{"string(//title)", "One"},
		{"sum(//price)", "12.5"},
		{"//p:note", "rare"},
		{"name(//p:note)", "p:note"},
		{"local-name(//p:note)", "note"},
		{"namespace-uri(//p:note)", "urn:p"},
		{"count(//@*)", "4"},
		{"count(//comment()) + count(//processing-instruction())", "2"},
		{"//title[. = 'Two']/../@id", "b"},
		{"//book[1]/following-sibling::book/title", "Two"},
		{"//book[2]/preceding-sibling::book/title", "One"},
		{"name(//title[1]/ancestor::*[1])", "book"},
		{"count(//title | //price | //title)", "4"},
		{"10 div 4", "2.5"},
		{"-7 mod 3", "-1"},
		{"7 mod -3", "1"},
		{"1 div 0", "Infinity"},
		{"string(0 div 0)", "NaN"},
		{"round(2.5)", "3"},
		{"round(-2.5)", "-2"},
		{"floor(-1.5)", "-2"},
		{"ceiling(1.2)", "2"},
		{"substring('12345', 1.5, 2.6)", "234"},
		{"substring('12345', 0, 3)", "12"},
		{"substring-before('1999/04', '/')", "1999"},
		{"substring-after('1999/04', '/')", "04"},
		{"translate('bar', 'abc', 'AB')", "BAr"},
		{"normalize-space('  a   b ')", "a b"},
		{"concat('a', 1, true())", "a1true"},
		{"starts-with('abc', 'ab') and contains('abc', 'bc')", "true"},
		{"string-length('é')", "1"},
		{"boolean('') or not(1)", "false"},
		{"//price = 10", "true"},
		{"//price != 10", "true"},
		{"//nothing = //nothing", "false"},
		{"$v * 2", "14"},
		{"number('x')", "NaN"},
	} {
		e, problem := Compile(c.text, scope())
		if problem != nil {
			t.Errorf("%s: %v", c.text, problem)
			continue
		}
		if got := e.String(at(t, library, 1e6)); got != c.want {
			t.Errorf("%s = %q, want %q", c.text, got, c.want)
		}
	}
}

func TestKinds(t *testing.T) {
	e, _ := Compile("//book", scope())
	if nodes, ok := e.Nodes(at(t, library, 1e6)); !ok || len(nodes) != 2 || !e.Bool(at(t, library, 1e6)) {
		t.Errorf("%v %v", nodes, ok)
	}
	e, _ = Compile("1 + 1", scope())
	if _, ok := e.Nodes(at(t, library, 1e6)); ok || e.Number(at(t, library, 1e6)) != 2 {
		t.Error("a number is given as nodes")
	}
	e, _ = Compile("//title", scope())
	if n := e.Number(at(t, library, 1e6)); !math.IsNaN(n) {
		t.Errorf("number of a text: %v", n)
	}
}

// What is wrong is told at compile time, at its place.
func TestProblems(t *testing.T) {
	for _, c := range []string{"", "/lib/", "book[", "a b", "'open", "$w", "q:a", "unknown()", "id('a')", "key('k', 1)", "namespace::*", "substring('a')", "1 +", "a[1]]", strings.Repeat("(", 200) + "1" + strings.Repeat(")", 200)} {
		e, problem := Compile(c, scope())
		if problem == nil || problem.Text == "" || problem.Offset < 0 || problem.Offset > len(c) {
			t.Errorf("%.30q: %v, %+v", c, e, problem)
		}
	}
}

func TestPatterns(t *testing.T) {
	root := at(t, library, 1e6)
	e, _ := Compile("//title[1] | //p:note | /lib/book[2]/@id", scope())
	nodes, _ := e.Nodes(root)
	count := func(pattern string) (n int) {
		p, problem := CompilePattern(pattern, scope())
		if problem != nil {
			t.Fatalf("%s: %v", pattern, problem)
		}
		for _, node := range nodes {
			for _, a := range p.Alternatives {
				if a.Matches(root, node) {
					n++
				}
			}
		}
		return n
	}
	for pattern, want := range map[string]int{"title": 2, "book/title": 2, "/lib/book/title": 2, "lib//title": 2, "p:*": 1, "@id": 1, "book[2]/title": 1, "title|p:note": 3, "price": 0, "*": 3} {
		if got := count(pattern); got != want {
			t.Errorf("%s matches %d nodes, want %d", pattern, got, want)
		}
	}
	if _, problem := CompilePattern("ancestor::a", scope()); problem == nil {
		t.Error("an axis that patterns do not have is taken")
	}
}

// Work is counted: an expression that is costly on a large document ends.
func TestWorkIsBounded(t *testing.T) {
	e, _ := Compile("count(//*[count(//*[count(//*) > 0]) > 0])", scope())
	defer func() {
		if r := recover(); r != errTooMuch {
			t.Errorf("ended with %v", r)
		}
	}()
	e.String(at(t, "<a>"+strings.Repeat("<b/>", 500)+"</a>", 10_000))
	t.Error("the work was not stopped")
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{"/lib/book[2]/title", "count(//*) + 1", "a[", "$v", "p:*|@id", "substring('a', -1 div 0)", "-(-1)", "//book[position() mod 2]"} {
		f.Add(s)
	}
	root := at(f, library, math.MaxInt).Node
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = CompilePattern(text, scope())
		e, problem := Compile(text, scope())
		if problem != nil {
			return
		}
		defer func() {
			switch r := recover().(type) {
			case nil, *Problem:
			default:
				if r != errTooMuch {
					panic(r)
				}
			}
		}()
		left := 100_000
		e.String(&Context{Run: &Run{Variable: func(Name) Value { return "v" }, Step: func(n int) {
			if left -= n; left < 0 {
				panic(errTooMuch)
			}
		}}, Node: root, Position: 1, Size: 1, Current: root})
	})
}
