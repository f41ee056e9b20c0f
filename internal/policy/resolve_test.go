package policy

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/internal/apim"
)

// inbound wraps text in a policy document; it begins at 1:21.
func inbound(text string) apim.Document {
	return apim.Document{File: "p.xml", Text: "<policies><inbound>" + text + "</inbound></policies>"}
}

func TestPlaces(t *testing.T) {
	set, _ := NewSet([]*apim.NamedValue{{ID: "n", Name: "n", Value: "long\nvalue"}}, nil)
	text := "\ufeff<policies>\r\n  <inbound>\r\n    <a b=\"@(ü + &quot;x&quot; + {{n}} + y\r\n +z)\" />\r\n</inbound></policies>"
	d, m := set.Parse(apim.Document{File: "p.xml", Text: text}, API)
	if d == nil {
		t.Fatal(m)
	}
	v := d.Inbound[0].Attr("b").Value
	for part, want := range map[string]string{
		"ü": "3:13", `"x"`: "3:17", `x"`: "3:23", "long": "3:33", "value": "3:33", "+ y": "3:39", "z": "4:3",
	} {
		p := v.Position(strings.Index(v.Text, part))
		if got := fmt.Sprintf("%d:%d", p.Line, p.Column); got != want || p.File != "p.xml" {
			t.Errorf("%q is at %s, want %s", part, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	set, messages := NewSet([]*apim.NamedValue{{Name: "big", Value: strings.Repeat("x", 60<<10)}, {ID: "huge", Name: "huge", Value: strings.Repeat("x", 70<<10)}},
		[]*apim.PolicyFragment{{ID: "many", Document: apim.Document{File: "many", Text: "<fragment>" + strings.Repeat("<a/>", 10_000) + "</fragment>"}},
			{ID: "long", Document: apim.Document{File: "long", Text: "<fragment>" + strings.Repeat(" ", maxFragmentBytes) + "</fragment>"}}})
	for _, want := range []string{`the value of the named value "huge" has more than 65536 bytes`, `the fragment "long" has 524309 bytes; at most 524288 are allowed`} {
		if !strings.Contains(messages.Error(), want) {
			t.Errorf("missing %q in %v", want, messages)
		}
	}
	attributes := ""
	for i := range 101 {
		attributes += fmt.Sprintf(" a%d=''", i)
	}
	for _, c := range []struct{ name, text, want string }{
		{"depth", strings.Repeat("<a>", 99), "nest deeper than 100"},
		{"depth of bodies", strings.Repeat("<set-body>@(1)<a>", 99), "nest deeper than 100"},
		{"elements", strings.Repeat("<a/>", 20_000), "more than 20000 elements"},
		{"attributes", "<a" + attributes + "/>", "more than 100 attributes"},
		{"bytes", strings.Repeat(" ", 1<<20), "at most 1048576"},
		{"expanded", strings.Repeat("{{big}}", 100), "after named values were put in"},
		{"included", strings.Repeat("<include-fragment fragment-id='many' />", 2), "after fragments were put in"},
		{"expression", "<a b='@(" + strings.Repeat("1 +", 30_000) + "1)' />", "more than 65536 bytes"},
	} {
		d, m := set.Parse(inbound(c.text), API)
		if d != nil || !strings.Contains(m.Error(), c.want) {
			t.Errorf("%s: got %.200s", c.name, m.Error())
		}
	}
}

func TestMergeLimit(t *testing.T) {
	set, _ := NewSet(nil, nil)
	parse := func(text string) *Document {
		d, m := set.Parse(inbound(text), API)
		if d == nil {
			t.Fatal(m)
		}
		return d
	}
	bases := parse(strings.Repeat("<base/>", 10))
	e := Merge(bases, bases, bases, bases, parse(strings.Repeat("<a/>", 1000)))
	if !e.Messages.Failed() || !strings.Contains(e.Messages.Error(), "more than 100000 elements") {
		t.Fatalf("got %d elements and %v", len(e.Inbound), e.Messages)
	}
	if e := Merge(nil, parse("<base/><a/>"), nil); len(e.Inbound) != 1 || e.Inbound[0].Name != "a" {
		t.Errorf("a base without a broader scope is nothing: got %d elements", len(e.Inbound))
	}
}

// TestSharedSet parses with one set from many goroutines; the race detector
// watches.
func TestSharedSet(t *testing.T) {
	set, _ := NewSet([]*apim.NamedValue{{Name: "n", Value: "1"}}, []*apim.PolicyFragment{{ID: "f", Document: apim.Document{File: "f", Text: `<fragment><choose><when condition="@({{n}} == 1)"/></choose></fragment>`}}})
	done := make(chan string)
	for i := range 8 {
		go func() {
			d, _ := set.Parse(inbound(`<include-fragment fragment-id="f"/><base/>`), Scope(1<<(i%5)))
			Merge(d, d)
			done <- d.Inbound[0].Scope.String()
		}()
	}
	seen := map[string]bool{}
	for range 8 {
		seen[<-done] = true
	}
	if len(seen) != 5 {
		t.Errorf("got scopes %v", seen)
	}
}

// TestIncludedMessages checks that a message about a fragment names both places.
func TestIncludedMessages(t *testing.T) {
	set, _ := NewSet(nil, []*apim.PolicyFragment{{ID: "f", Document: apim.Document{File: "f.xml", Text: "<fragment>\n<nope/></fragment>"}}})
	d, _ := set.Parse(inbound("<include-fragment fragment-id='f' />"), API)
	_, m := Compile(Merge(d), &Environment{})
	if want := "f.xml:2:1: unknown policy <nope> (included at p.xml:1:20)"; m.Error() != want {
		t.Errorf("got %q, want %q", m.Error(), want)
	}
}

// FuzzParse looks for documents that make the parser panic, tell a secret, or
// give wrong places.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`<policies><inbound><base/><set-body>{"a": 1}</set-body></inbound></policies>`,
		`<policies><inbound><set-variable name="a" value="@("{{s}}")" />{{tag}}</inbound></policies>`,
		`<policies><inbound><include-fragment fragment-id="f" /><set-body template="liquid"><a>{{x}}{% y %}</a></set-body></inbound></policies>`,
		`<policies><backend><a><![CDATA[@(1)]]></a><b c='&amp;&#65;'>&lt; x <!-- --> y</b></backend></policies>`,
		`<policies><inbound><xsl-transform><x>{{s}}</x></xsl-transform><a b="{{q}}" /></inbound></policies>`,
	} {
		f.Add(seed)
	}
	set, _ := NewSet([]*apim.NamedValue{{Name: "s", Value: "hunter2", Secret: true}, {Name: "q", Value: `"hunter2`, Secret: true}, {Name: "tag", Value: `<a b="1">x</a>`}},
		[]*apim.PolicyFragment{{ID: "f", Document: apim.Document{File: "f", Text: `<fragment><a b="{{s}}{{u}}"/></fragment>`}}})
	lenient := *set
	lenient.Lenient = true
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range []*Set{set, &lenient} {
			d, m := s.Parse(apim.Document{File: "p.xml", Text: text}, API)
			if (d == nil) != m.Failed() {
				t.Fatalf("document %v with messages %v", d != nil, m)
			}
			checkMessages(t, text, m)
			if d == nil {
				continue
			}
			Merge(d, nil, d, d)
			for _, section := range []Section{Inbound, Backend, Outbound, OnError} {
				walk(*d.section(section), func(e *Element) { checkElement(t, text, e) })
			}
		}
	})
}

func checkMessages(t *testing.T, text string, m Messages) {
	for _, one := range m {
		if one.Pos.Line < 1 || one.Pos.Column < 1 || one.Pos.Line > 1+strings.Count(text, "\n") {
			t.Fatalf("no such place: %v", one)
		}
		if !strings.Contains(text, "hunter2") && strings.Contains(one.Text, "hunter2") {
			t.Fatalf("a message tells a secret: %v", one)
		}
	}
}

func checkElement(t *testing.T, text string, e *Element) {
	values := []Value{e.Text}
	for _, a := range e.Attrs {
		values = append(values, a.Value)
	}
	for _, v := range values {
		if v.Text == "" {
			continue
		}
		end := v.Position(len(v.Text))
		if end.Line < v.Pos.Line || v.Pos.Line < 1 {
			t.Fatalf("%q goes from %v to %v", v.Text, v.Pos, end)
		}
		if v.Place == nil && v.Pos.File == "p.xml" && !strings.HasPrefix(text[offsetOf(text, v.Pos):], v.Text) {
			t.Fatalf("%q is not at %v", v.Text, v.Pos)
		}
	}
}

func offsetOf(text string, p apim.Position) int {
	offset := 0
	if strings.HasPrefix(text, byteOrderMark) {
		offset = len(byteOrderMark)
	}
	for range p.Line - 1 {
		offset += strings.IndexByte(text[offset:], '\n') + 1
	}
	for range p.Column - 1 {
		_, width := utf8.DecodeRuneInString(text[offset:])
		offset += width
	}
	return offset
}

// BenchmarkParse reads 1,000 documents of usual size.
func BenchmarkParse(b *testing.B) {
	set, _ := NewSet([]*apim.NamedValue{{Name: "url", Value: "https://example.org"}}, []*apim.PolicyFragment{{ID: "f", Document: apim.Document{File: "f", Text: `<fragment><set-header name="a"><value>1</value></set-header></fragment>`}}})
	statement := `
        <set-variable name="a" value="@(context.Request.Headers.GetValueOrDefault("X-A", "none"))" />
        <include-fragment fragment-id="f" />
        <choose>
            <when condition="@(context.Variables.GetValueOrDefault<string>("a") == "b" &amp;&amp; true)">
                <set-backend-service base-url="{{url}}/path" />
            </when>
            <otherwise><return-response><set-status code="404" reason="Not Found" /><set-body>@{
                var o = new JObject(); // made here
                return o.ToString();
            }</set-body></return-response></otherwise>
        </choose>`
	document := inbound("<base/>" + strings.Repeat(statement, 5))
	b.SetBytes(int64(1000 * len(document.Text)))
	b.ReportAllocs()
	for b.Loop() {
		for range 1000 {
			if d, m := set.Parse(document, API); d == nil {
				b.Fatal(m)
			}
		}
	}
}
