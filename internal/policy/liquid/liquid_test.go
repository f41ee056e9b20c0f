package liquid

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/policy/expr"
	"gatehouse/internal/policy/xmldoc"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func body(t testing.TB, text string) any {
	if strings.HasPrefix(text, "<") {
		doc, err := xmldoc.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return &Element{Node: doc}
	}
	j, err := expr.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

const document = `{"a":1,"b":"text","c":[3,1,2],"d":{"x":"y","Z":null},"e":1.5,"t":true,"n":null,"s":"",
	"when":"2012-03-21T05:40:00Z","people":[{"name":"Bo","age":7},{"name":"al","age":70}],"big":12345678901}`

// TestRender holds the dialect, one template in a line.
func TestRender(t *testing.T) {
	for _, c := range []struct{ template, want string }{
		{`{{ body.a }}|{{body.b}}|{{ body['b'] }}|{{body.d.x}}|{{body.d["x"]}}`, "1|text|text|y|y"},
		{`{{ body.D.z }}|{{ body.none.deeper }}|{{ body.n }}`, "||"},
		{`{{ body.c }}|{{ body.c[0] }}|{{ body.c[-1] }}|{{ body.c.size }}|{{ body.c.first }}|{{ body.c.last }}`, "312|3|2|3|3|2"},
		{`{{ body.t }}|{{ body.e }}|{{ body.big }}|{{ body.when }}`, "true|1.5|12345678901|03/21/2012 05:40:00"},
		{`{{ body.d }}`, `{"x":"y","Z":null}`},
		{`{"x":{{{body.a}}}`, `{"x":{1}`},
		{`{{ "a}" }}{{ 'q"' }}{{ 1.50 }}{{ -3 }}{{ nil }}`, `a}q"1.5-3`},
		// conditions
		{`{% if body.a == 1 and body.b == 'text' %}y{% else %}n{% endif %}`, "y"},
		{`{% if body.a == 2 or body.t %}y{% endif %}{% unless body.n %}u{% endunless %}`, "yu"},
		{`{% if body.s %}empty is true{% endif %}{% if body.s == blank %} blank{% endif %}{% if body.s == empty %} empty{% endif %}`, "empty is true blank empty"},
		{`{% if body.a > 0 %}1{% elsif body.a < 0 %}2{% else %}3{% endif %}`, "1"},
		{`{% if body.c contains 2 %}a{% endif %}{% if body.b contains 'ex' %}b{% endif %}{% if body.d contains 'x' %}c{% endif %}`, "abc"},
		{`{% if body.b startswith 'te' %}a{% endif %}{% if body.b EndsWith 'xt' %}b{% endif %}{% if body.d hasKey 'x' %}c{% endif %}{% if body.d HasValue 'y' %}d{% endif %}`, "abcd"},
		{`{% if '10' == 10 %}a{% endif %}{% if body.when > '2011-01-01' %}b{% endif %}{% if body.a <> 2 %}c{% endif %}{% if nil < 1 %}d{% endif %}`, "abc"},
		{`{% if false and false or true %}y{% else %}n{% endif %}`, "n"}, // the right side binds first
		{`{% case body.a %}{% when 2, 1 %}one{% when 3 %}three{% else %}other{% endcase %}`, "one"},
		{`{% case body.b %} {% when 'x' or 'y' %}a{% else %}b{% endcase %}`, "b"},
		// loops
		{`{% for x in body.c %}{{ forloop.index }}={{ x }}{% unless forloop.last %},{% endunless %}{% endfor %}`, "1=3,2=1,3=2"},
		{`{% for x in body.c reversed limit:2 offset:1 %}{{ x }}{% endfor %}`, "21"},
		{`{% for x in (1..4) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}`, "13"},
		{`{% for x in body.none %}{% else %}none{% endfor %}`, "none"},
		{`{% for p in body.d %}{{ p.Key }}:{{ p.Value }};{{ p[0] }}:{{ p[1] }}.{% endfor %}`, "x:y;x:y.Z:;Z:."},
		{`[{% JSONArrayFor p in body.people -%} "{{ p.name }}" {%- endJSONArrayFor %}]`, `["Bo","al"]`},
		{`{% for a in (1..2) %}{% for b in (1..2) %}{{ a }}{{ b }} {% endfor %}{% endfor %}{{ a }}`, "11 12 21 22 "},
		{`{% tablerow x in (1..3) cols:2 %}{{ x }}{% endtablerow %}`, `<tr class="row1"><td class="col1">1</td><td class="col2">2</td></tr><tr class="row2"><td class="col1">3</td></tr>`},
		{`{% for i in (1..4) %}{% cycle 'a', 'b' %}{% endfor %}{% cycle 'g': 1, 2 %}`, "abab1"},
		{`{% for x in body.people %}{% ifchanged %}same{% endifchanged %}{% endfor %}`, "same"},
		{`{% increment n %}{% increment n %}{% decrement m %}`, "01-1"},
		// text and white space
		{"a {%- assign x = 1 -%} \n {{- x -}} b", "a1b"},
		{`{% assign x = body.b | Upcase %}{{ x }}{% capture y %}<{{ x }}>{% endcapture %}{{ y }}`, "TEXT<TEXT>"},
		{`{% raw %}{{ a }}{% endraw %}|{% comment %}{{ broken {% endcomment %}|{% literal %}{%if%}{% endliteral %}|{% # note %}`, "{{ a }}||{%if%}|"},
		// filters
		{`{{ 'ab cd' | Capitalize }}{{ 'x' | Append: 'y' | Prepend: 'w' }}{{ ' s ' | Strip }}{{ 'AbC' | Downcase }}`, "Ab Cdwxysabc"},
		{`{{ body.when | Date: "yyyyMMddTHH:mm:ssZ" }}|{{ '2020-02-03' | Date: 'dd.MM.yyyy' }}|{{ 'no date' | Date: 'yyyy' }}|{{ 'now' | Date: 'yyyy' }}|{{ nil | Date: 'yyyy' }}`, "20120321T05:40:00Z|03.02.2020|no date|2026|"},
		{`{{ body.a | Plus: 2 | Times: 3 | Minus: 1 | DividedBy: 3 }}|{{ 7 | Modulo: 4 }}|{{ 0.1 | Plus: 0.2 }}|{{ '1' | Plus: 2 }}|{{ 7 | DividedBy: 2.0 }}|{{ 'ab' | Times: 3 }}|{{ '6' | Minus: '2' }}`, "2|3|0.3|12|3.5|ababab|4"},
		{`{{ -4 | Abs }}|{{ 3 | AtLeast: 5 }}|{{ 9 | AtMost: 5 }}|{{ 2.5 | Round }}|{{ 2.345 | Round: 2 }}|{{ 'x' | Round }}`, "4|5|5|2|2.34|"},
		{`{{ 1234.5 | Currency }}|{{ -1234.5 | Currency: 'en-US' }}|{{ 1234567 | Currency: 'de-DE' }}`, "¤1,234.50|-$1,234.50|1.234.567,00 €"},
		{`{{ body.n | Default: 'd' }}{{ body.s | Default: 'e' }}{{ 0 | Default: 1 }}`, "de0"},
		{`{{ '<a b="c">&é' | Escape }}|{{ "'" | H }}`, "&lt;a b=&quot;c&quot;&gt;&amp;&#233;|&#39;"},
		{`{{ body.c | First }}{{ body.c | Last }}{{ body.c | Size }}{{ 'abc' | Size }}|{{ body.c | Sort | Join: '-' }}|{{ body.people | Sort: 'name' | Map: 'name' | Join }}`, "3233|1-2-3|al Bo"},
		{`{{ 'a,b,,a' | Split: ',' | Uniq | Join: '+' }}|{{ body.people | Map: 'none' | Compact | Size }}`, "a+b|0"},
		{`{{ 'abcdef' | Slice: 1, 3 }}|{{ 'abcdef' | Slice: -2, 5 }}|{{ 'abc' | Slice: 9 }}|{{ body.c | Slice: 1, 2 | Join }}`, "bcd|ef||1 2"},
		{`{{ 'a.b.c' | Replace: '\.', '-' }}|{{ 'x12y3' | Replace: '(\d)', '<$1>' }}|{{ 'aXa' | ReplaceFirst: 'a', 'b' }}|{{ 'a.b' | Remove: '.' }}|{{ 'aa' | RemoveFirst: 'a' }}|{{ 'a(b' | Replace: '(', '[' }}`, `a-b-c|x<1><2>y<3>|bXa|ab|a|a[b`},
		{`{{ 'one two three' | TruncateWords: 2 }}|{{ 'abcdefghij' | Truncate: 6 }}|{{ 'abc' | Truncate: 2, '' }}`, "one two...|abc...|ab"},
		{`{{ '<b>x</b><!-- c -->' | StripHtml }}|{{ 'a b&é' | UrlEncode }}|{{ 'a+b%26' | UrlDecode }}|{{ ' a' | Lstrip }}{{ 'b ' | Rstrip }}|`, "x|a+b%26%C3%A9|a b&|ab|"},
		{"{{ 'a\nb' | NewlineToBr }}|{{ 'a\r\nb' | StripNewlines }}", "a<br />\nb|ab"},
		{`{{ 'x' | upcase }}{{ 7 | divided_by: 2 }}`, "X3"},
	} {
		tpl, problem := Parse(c.template)
		if problem != nil {
			t.Errorf("%s: %v at %d", c.template, problem, problem.Offset)
			continue
		}
		got, err := tpl.Render(context.Background(), map[string]any{"body": body(t, document)}, now)
		if err != nil || string(got) != c.want {
			t.Errorf("%s\n got %s (%v)\nwant %s", c.template, got, err, c.want)
		}
	}
}

const soap = `<s:Envelope xmlns:s="urn:s"><s:Body><Resp id="7"><Item k="1"><Name>a</Name></Item><Item k="2"><Name>b</Name></Item>` +
	`<None xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"/><Text> t </Text><Empty/></Resp></s:Body></s:Envelope>`

func TestRenderXML(t *testing.T) {
	for _, c := range []struct {
		template, want string
		null           bool
	}{
		{`{{ body.envelope.body.resp.id }}{{ body.Envelope.Body.Resp.@id }}|{{ body.envelope.body.resp.text | Strip }}`, "77|t", false},
		{`{% for i in body.envelope.body.resp.item %}{{ i.k }}={{ i.Name }} {% endfor %}{{ body.envelope.body.resp.item[1].name }}`, "1=a 2=b b", false},
		{`{% for i in body.envelope.body.resp %}{{ forloop.index }}{% endfor %}|{% JSONArrayFor i in body.envelope.body.resp where 'Item' %}{{ i.name }}{% endJSONArrayFor %}`, "12345|a,b", false},
		{`{% if body.envelope.body.resp.none %}there{% else %}null{% endif %}[{{ body.envelope.body.resp.none }}]`, "there[]", false},
		{`{% if body.envelope.body.resp.none %}there{% else %}null{% endif %}[{{ body.envelope.body.resp.none }}]`, "null[]", true},
		{`{% if body.envelope.body.resp.empty == blank %}blank{% endif %}{% if body.envelope.body.resp.item contains 'x' %}no{% endif %}{{ body.envelope.body.resp.item.size }}`, "blank2", false},
	} {
		tpl, problem := Parse(c.template)
		if problem != nil {
			t.Fatalf("%s: %v", c.template, problem)
		}
		e := body(t, soap).(*Element)
		e.NilIsNull = c.null
		got, err := tpl.Render(context.Background(), map[string]any{"body": e}, now)
		if err != nil || string(got) != c.want {
			t.Errorf("%s\n got %s (%v)\nwant %s", c.template, got, err, c.want)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct {
		template, want string
		offset         int
	}{
		{`ab {{ x`, "this {{ is never closed: expected }}", 3},
		{`{% if x`, "this {% is never closed: expected %}", 0},
		{`{% if x %}a`, "{% if %} is never closed: expected {% endif %}", 2},
		{`{% comment %}`, "{% comment %} is never closed: expected {% endcomment %}", 2},
		{`{{ x | Nope }}`, `unknown filter "Nope"`, 7},
		{`{{ x | Append }}`, "the filter Append takes one argument, this has 0", 7},
		{`{{ x | Slice: 1,2,3 }}`, "the filter Slice takes one or two arguments, this has 3", 7},
		{`{{ x y }}`, `"y" is no operator`, 5},
		{`{{ 'x }}`, "this text is never closed: expected '", 3},
		{`{{ 99999999999999999999e }}`, `"e" is no operator`, 23},
		{`{{ x. }}`, "expected a name after the dot, found the end", 6},
		{`{{ x[1 }}`, "expected ], found the end", 7},
		{`{% nope %}`, `unknown tag "nope"`, 2},
		{`{% endif %}`, "{% endif %} has nothing that it belongs to", 2},
		{`{% include 'x' %}`, "a policy has no files to include", 2},
		{`{% for x of y %}{% endfor %}`, `expected in, found "of"`, 9},
		{`{% for x in y foo:1 %}{% endfor %}`, "a loop has no foo", 14},
		{`{% break %}`, "{% break %} stands in no loop", 2},
		{`{% assign = 1 %}`, `expected a variable, found "="`, 10},
		{`{% case x %}text{% when 1 %}{% endcase %}`, "there can be nothing", 2},
		{strings.Repeat("{% if x %}", 70), "nested more than 64 deep", 642},
		{"{{ " + strings.Repeat("(", 70) + " }}", "nested more than 64 deep", 66},
	} {
		_, problem := Parse(c.template)
		if problem == nil || !strings.Contains(problem.Text, c.want) || problem.Offset != c.offset {
			t.Errorf("%s: got %v, want %s at %d", c.template, problem, c.want, c.offset)
			if problem != nil {
				t.Logf("at %d", problem.Offset)
			}
		}
	}
}

// TestLimits holds that no template runs for ever or makes endless text.
func TestLimits(t *testing.T) {
	for template, want := range map[string]string{
		`{% for a in (1..900000) %}{% for b in (1..900000) %}{% endfor %}{% endfor %}`:                "steps",
		`{% for a in (1..99999999999) %}{% endfor %}`:                                                 "range",
		`{% assign s = 'xxxxxxxx' %}{% for a in (1..60) %}{% assign s = s | Append: s %}{% endfor %}`: "longer",
		`{% for a in (1..900000) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}`:              "longer",
		`{{ 'x' | Times: 999999999999 }}`:                                                             "longer",
		`{{ 1 | DividedBy: 0 }}`:                                                                      "zero",
		`{{ 9223372036854775807 | Plus: 1 }}`:                                                         "too large",
		`{{ 'x' | Minus: 1 }}`:                                                                        "numbers",
		`{{ 'x' | Slice: 'y' }}`:                                                                      "whole number",
		`{{ '2020-01-01' | Date: 'q' }}`:                                                              "date format",
		`{% assign s = 'aaaaaaaa' %}{% for i in (1..30) %}{% assign s = s | Replace: 'a', 'aaaa' %}{% endfor %}`: "places",
	} {
		tpl, problem := Parse(template)
		if problem != nil {
			t.Fatalf("%s: %v", template, problem)
		}
		start := time.Now()
		_, err := tpl.Render(context.Background(), nil, now)
		// A slow machine may reach the limit of time before that of steps.
		tooLong := want == "steps" && err != nil && strings.Contains(err.Error(), "too long")
		if !tooLong && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %s", template, err, want)
		}
		if took := time.Since(start); took > 40*time.Second {
			t.Errorf("%s took %v", template, took)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	tpl, _ := Parse(`{% for a in (1..900000) %}{% endfor %}`)
	if _, err := tpl.Render(ctx, nil, now); err == nil {
		t.Error("a template goes on after its request was given up")
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add(`{% for x in body.c %}{{ x | Plus: 1 }}{% endfor %}`, document)
	f.Add(`{% if body.envelope %}{{ body.envelope.body | Size }}{% endif %}`, soap)
	f.Add(`{% capture a %}{% cycle 1, 2 %}{% endcapture %}{{ a | Replace: '(a)', '$1' | Split: 'b' | Join }}`, `[]`)
	f.Fuzz(func(t *testing.T, template, text string) {
		tpl, problem := Parse(template)
		if problem != nil {
			if problem.Offset < 0 || problem.Offset > len(template) {
				t.Fatalf("offset %d of %d", problem.Offset, len(template))
			}
			return
		}
		var b any = text
		if doc, err := xmldoc.Parse([]byte(text)); err == nil {
			b = &Element{Node: doc, NilIsNull: true}
		} else if j, err := expr.ParseJSON([]byte(text)); err == nil {
			b = j
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		out, err := tpl.Render(ctx, map[string]any{"body": b}, now)
		if err == nil && len(out) > maxOutput {
			t.Fatalf("%d bytes", len(out))
		}
	})
}
