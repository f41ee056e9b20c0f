package xslt

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/policy/xmldoc"
)

const open = `<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:output omit-xml-declaration="yes"/>`

func transform(t testing.TB, sheet, document string, parameters map[string]string) (string, error) {
	t.Helper()
	s, problems := Compile(sheet)
	if problems != nil {
		t.Fatalf("%s: %v at %d", sheet, problems[0], problems[0].Offset)
	}
	doc, err := xmldoc.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return s.Transform(context.Background(), doc, parameters)
}

const books = `<books xmlns:p="urn:p"><book id="1" p:x="y"><title>B</title><price>10</price></book><book id="2"><title>a</title><price>9</price></book><!-- c --><?pi v?><book id="3"><title>C</title><price>1.5</price></book></books>`

// TestExpressions holds XPath, each with the books document.
func TestExpressions(t *testing.T) {
	for expression, want := range map[string]string{
		`count(//book)`: "3", `count(/books/book[price > 5])`: "2", `//book[2]/title`: "a", `//book[last()]/@id`: "3",
		`sum(//price)`: "20.5", `//book[title='C']/price * 2`: "3", `7 mod 4 - -1`: "4", `1 div 0`: "Infinity", `-1 div 0`: "-Infinity", `0 div 0`: "NaN",
		`concat('a', 1 + 1, true())`: "a2true", `substring('12345', 2, 3)`: "234", `substring('12345', 1.5, 2.6)`: "234", `substring('12345', 0 div 0, 3)`: "", `substring('12345', -42, 1 div 0)`: "12345",
		`substring-before('1999/04', '/')`: "1999", `substring-after('1999/04', '/')`: "04", `normalize-space('  a   b ')`: "a b", `translate('bar', 'abc', 'AB')`: "BAr",
		`string-length('äb')`: "2", `contains('abc', 'b')`: "true", `starts-with('abc', 'b')`: "false", `not(//none)`: "true", `boolean('')`: "false",
		`round(2.5)`: "3", `round(-2.5)`: "-2", `floor(-1.5)`: "-2", `ceiling(1.2)`: "2", `number('x')`: "NaN", `number(' 12 ')`: "12", `string(1000000)`: "1000000", `string(0.1 + 0.2)`: "0.30000000000000004",
		`name(//*[@id=1]/..)`: "books", `local-name(//@*[namespace-uri()='urn:p'])`: "x", `name(//processing-instruction())`: "pi", `count(//comment())`: "1", `count(//text())`: "6", `count(//node())`: "18",
		`//book[1]/following-sibling::book[1]/@id`: "2", `//book[3]/preceding-sibling::book[1]/@id`: "2", `count(//title[1]/ancestor::*)`: "4", `count(//book[2]/following::*)`: "3", `count(//book[3]/preceding::*)`: "6",
		`//book[@id='2' or @id='3'][1]/@id`: "2", `(//book)[3]/@id`: "3", `//book/@id = 2`: "true", `//book/@id != 2`: "true", `//price < 2`: "true", `'a' = 'a' and 1 = '1'`: "true", `true() = 'x'`: "true",
		`count(//title | //price | //title)`: "6", `//book[position() = 2]/descendant-or-self::node()/title`: "a", `count(//*[self::title])`: "3", `count(/)`: "1", `count(//book/..)`: "1",
		`format-number(1234.567, '#,##0.00')`: "1,234.57", `format-number(0.5, '#.##')`: ".5", `format-number(-3, '0;(0)')`: "(3)", `format-number(0.256, '0.0%')`: "25.6%", `format-number(7, '000')`: "007",
		`system-property('xsl:version')`: "1", `count(//book[current()/books])`: "3", `generate-id(//book[1]) = generate-id(//book[@id=1])`: "true", `2 * 3`: "6", `count(*)`: "1", `count(child::books/attribute::*)`: "0", `(1 + 2) * 3`: "9", `//book[price = 9]/title = 'a'`: "true",
	} {
		got, err := transform(t, open+`<xsl:template match="/"><xsl:value-of select="`+expression0(expression)+`"/></xsl:template></xsl:stylesheet>`, books, nil)
		if err != nil || got != want {
			t.Errorf("%s = %q (%v), want %q", expression, got, err, want)
		}
	}
}

func expression0(s string) string {
	return strings.NewReplacer("<", "&lt;", `"`, "&quot;").Replace(s)
}

func TestInstructions(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`<xsl:template match="@*|node()"><xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:template><xsl:template match="price"/>`,
			`<books xmlns:p="urn:p"><book id="1" p:x="y"><title>B</title></book><book id="2"><title>a</title></book><!-- c --><?pi v?><book id="3"><title>C</title></book></books>`},
		{`<xsl:template match="/"><l><xsl:for-each select="//book"><xsl:sort select="title"/><b n="{position()}-{@id}{{}}"/></xsl:for-each></l></xsl:template>`, `<l><b n="1-2{}" /><b n="2-1{}" /><b n="3-3{}" /></l>`},
		{`<xsl:template match="/"><xsl:for-each select="//book"><xsl:sort select="price" data-type="number" order="descending"/><xsl:value-of select="price"/>,</xsl:for-each></xsl:template>`, `10,9,1.5,`},
		{`<xsl:template match="book[1]" priority="2">one</xsl:template><xsl:template match="book">b</xsl:template><xsl:template match="text()"/>`, `onebb`},
		{`<xsl:template match="books/book[2]">2</xsl:template><xsl:template match="book">b</xsl:template><xsl:template match="*/*/title"/><xsl:template match="text()"/>`, `b2b`},
		{`<xsl:template match="book" mode="m">m<xsl:value-of select="@id"/></xsl:template><xsl:template match="/"><xsl:apply-templates select="//book" mode="m"/></xsl:template>`, `m1m2m3`},
		{`<xsl:template name="f"><xsl:param name="n"/><xsl:param name="d" select="'x'"/><xsl:value-of select="$d"/><xsl:if test="$n &gt; 0"><xsl:call-template name="f"><xsl:with-param name="n" select="$n - 1"/></xsl:call-template></xsl:if></xsl:template><xsl:template match="/"><xsl:call-template name="f"><xsl:with-param name="n" select="3"/></xsl:call-template></xsl:template>`, `xxxx`},
		{`<xsl:template match="/"><xsl:for-each select="//book"><xsl:choose><xsl:when test="@id = 1">a</xsl:when><xsl:when test="@id = 2">b</xsl:when><xsl:otherwise>c</xsl:otherwise></xsl:choose></xsl:for-each></xsl:template>`, `abc`},
		{`<xsl:variable name="b" select="$a + 1"/><xsl:variable name="a" select="1"/><xsl:template match="/"><xsl:variable name="t"><x><xsl:value-of select="$b"/></x>!</xsl:variable><xsl:copy-of select="$t"/><xsl:value-of select="$t"/></xsl:template>`, `<x>2</x>!2!`},
		{`<xsl:template match="/"><xsl:element name="{name(*)}" namespace="urn:n"><xsl:attribute name="q:a" namespace="urn:q">v&lt;</xsl:attribute><xsl:text> t </xsl:text><xsl:comment>a--b-</xsl:comment><xsl:processing-instruction name="p">x</xsl:processing-instruction></xsl:element></xsl:template>`,
			`<books xmlns="urn:n" xmlns:q="urn:q" q:a="v&lt;"> t <!--a- -b- --><?p x?></books>`},
		{`<xsl:template match="/"><a xmlns="urn:d"><b xmlns=""/><xsl:copy-of select="//book[1]/title"/></a></xsl:template>`, `<a xmlns="urn:d"><b xmlns="" /><title xmlns="" xmlns:p="urn:p">B</title></a>`},
		{`<xsl:template match="/"><xsl:value-of select="'&lt;b/&gt;'" disable-output-escaping="yes"/><xsl:value-of select="'&lt;'"/></xsl:template>`, `<b/>&lt;`},
		{`<xsl:strip-space elements="*"/><xsl:template match="/"><xsl:copy-of select="//title[. = 'B']"/><xsl:message>m</xsl:message><xsl:number value="2.6"/><xsl:fallback/></xsl:template>`, `<title xmlns:p="urn:p">B</title>3`},
		{`<xsl:template match="/books"><xsl:apply-templates select="book"><xsl:sort select="@id" order="descending"/><xsl:with-param name="p" select="'w'"/></xsl:apply-templates></xsl:template><xsl:template match="book"><xsl:param name="p"/><xsl:value-of select="concat($p, @id, position())"/></xsl:template>`, `w31w22w13`},
	} {
		got, err := transform(t, open+c.body+"</xsl:stylesheet>", books, nil)
		if err != nil || got != c.want {
			t.Errorf("%s\n got %s (%v)\nwant %s", c.body, got, err, c.want)
		}
	}
}

func TestProblems(t *testing.T) {
	const match = `<xsl:template match="/">`
	for body, want := range map[string]string{
		match + `<xsl:value-of select="$x"/></xsl:template>`:                        "at <x>|select: there is no variable or parameter $x here",
		match + `<xsl:value-of select="a["/></xsl:template>`:                        "at |select: expected a step, found the end",
		match + `<xsl:value-of select="key('a', 1)"/></xsl:template>`:               "at <key(>|unknown function key()",
		match + `<xsl:value-of select="namespace::a"/></xsl:template>`:              "at <namespace::>|the axis namespace is not supported",
		match + `<xsl:value-of select="q:a"/></xsl:template>`:                       "at <q:a>|the prefix q is not declared",
		match + `<xsl:value-of select="count(1)"/></xsl:template>`:                  "at <count(>|count() takes a node set",
		match + `<xsl:value-of select="concat(1)"/></xsl:template>`:                 "at <concat(>|concat() takes at least 2 arguments",
		match + `<xsl:value-of/></xsl:template>`:                                    "at <<xsl:value-of>|needs the attribute select",
		match + `<xsl:value-of select="1" x="y"/></xsl:template>`:                   "at <<xsl:value-of>|takes no attribute x",
		match + `<xsl:nope/></xsl:template>`:                                        "at <<xsl:nope>|not supported",
		match + `<xsl:call-template name="x"/></xsl:template>`:                      "at <<xsl:call>|there is no template named x",
		match + `<a b="{x"/></xsl:template>`:                                        "at <{x>|this { is never closed",
		match + `<a b="x}"/></xsl:template>`:                                        "at <}>|a } alone",
		match + `<xsl:if test="1 +"/></xsl:template>`:                               "at |expected a step, found the end",
		match + `<xsl:variable name="v" select="1">x</xsl:variable></xsl:template>`: "at <<xsl:variable>|both select and content",
		match + `<xsl:choose/></xsl:template>`:                                      "at <<xsl:choose>|needs a when",
		`<xsl:include href="x"/>`:                                                   "at <<xsl:include>|no files to include",
		`<xsl:key name="a" match="b" use="c"/>`:                                     "at <<xsl:key>|not supported",
		`<xsl:template match="a/ancestor::b"/>`:                                     "at <ancestor>|child and attribute steps",
		`<xsl:template/>`:                                                           "at <<xsl:template>|needs match or name",
		`<xsl:template name="a"/><xsl:template name="a"/>`:                          "at |two templates named a",
		`<xsl:output method="pdf"/>`:                                                "at <pdf>|method pdf is not supported",
		`<a/>`:                                                                      "at <<a/>|stands in no template",
	} {
		sheet := open + body + "</xsl:stylesheet>"
		_, problems := Compile(sheet)
		if len(problems) == 0 {
			t.Errorf("%s compiles", body)
			continue
		}
		place, text, _ := strings.Cut(want, "|")
		at := sheet[problems[0].Offset:]
		place = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(place, "at "), "<"), ">")
		if !strings.Contains(problems[0].Text, text) || !strings.HasPrefix(at, place) {
			t.Errorf("%s\n got %s at %.20q\nwant %s", body, problems[0].Text, at, want)
		}
	}
	if _, problems := Compile(`<a>`); len(problems) != 1 || problems[0].Text != "<a> is never closed" {
		t.Errorf("got %v", problems)
	}
}

func TestLimits(t *testing.T) {
	for body, want := range map[string]string{
		`<xsl:template match="/"><xsl:call-template name="f"/></xsl:template><xsl:template name="f"><xsl:call-template name="f"/></xsl:template>`: "recursion",
		`<xsl:template match="/"><xsl:apply-templates select="/"/></xsl:template>`:                                                                "recursion",
		`<xsl:template match="/"><xsl:for-each select="//node()"><xsl:for-each select="//node()"><xsl:for-each select="//node()"><xsl:for-each select="//node()"><xsl:for-each select="//node()"><xsl:for-each select="//node()"/></xsl:for-each></xsl:for-each></xsl:for-each></xsl:for-each></xsl:for-each></xsl:template>`:           "steps",
		`<xsl:template match="/"><xsl:call-template name="f"><xsl:with-param name="s" select="'xxxxxxxx'"/></xsl:call-template></xsl:template><xsl:template name="f"><xsl:param name="s"/><xsl:value-of select="$s"/><xsl:call-template name="f"><xsl:with-param name="s" select="concat($s, $s)"/></xsl:call-template></xsl:template>`: "longer",
		`<xsl:template match="/"><a/><xsl:attribute name="x">y</xsl:attribute></xsl:template>`: "attribute stands",
		`<xsl:template match="/"><xsl:element name="1"/></xsl:template>`:                       "not valid",
		`<xsl:template match="/"><xsl:message terminate="yes"/></xsl:template>`:                "ended",
		`<xsl:variable name="a" select="$b"/><xsl:variable name="b" select="$a"/>`:             "refers to itself",
		`<xsl:template match="/"><xsl:for-each select="'x'"/></xsl:template>`:                  "no node set",
	} {
		start := time.Now()
		_, err := transform(t, open+body+"</xsl:stylesheet>", books, nil)
		// A slow machine may reach the limit of time before that of steps.
		tooLong := want == "steps" && err != nil && strings.Contains(err.Error(), "too long")
		if !tooLong && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s\n got %v\nwant %s", body, err, want)
		}
		if took := time.Since(start); took > 40*time.Second {
			t.Errorf("%s took %v", body, took)
		}
	}
}

func FuzzTransform(f *testing.F) {
	f.Add(open+`<xsl:template match="book[@id > 1]//a|@*"><xsl:copy-of select="//title[position()=1]"/><b c="{name()}"/></xsl:template></xsl:stylesheet>`, books)
	f.Add(open+`<xsl:output method="html" indent="yes"/><xsl:param name="p"/><xsl:template match="/"><html><br/><xsl:for-each select="*/*"><xsl:sort select="a"/><xsl:value-of select="$p"/></xsl:for-each></html></xsl:template></xsl:stylesheet>`, `<a><b/>t</a>`)
	f.Fuzz(func(t *testing.T, sheet, document string) {
		s, problems := Compile(sheet)
		for _, p := range problems {
			if p.Offset < 0 || p.Offset > len(sheet) {
				t.Fatalf("offset %d of %d", p.Offset, len(sheet))
			}
		}
		doc, err := xmldoc.Parse([]byte(document))
		if s == nil || err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		out, _ := s.Transform(ctx, doc, map[string]string{"p": "v"})
		if len(out) > 2*maxOutput {
			t.Fatalf("%d bytes", len(out))
		}
	})
}

// FuzzExpression looks for expressions that compile and then fail to end.
func FuzzExpression(f *testing.F) {
	f.Add(`//book[position() = last()]/@id | /books/*[2]`)
	f.Add(`substring(concat('a', $p), -1, 1 div 0) = count(preceding::node())`)
	f.Fuzz(func(t *testing.T, expression string) {
		s, problems := Compile(open + `<xsl:param name="p"/><xsl:template match="/"><xsl:value-of select="` + expression0(strings.ToValidUTF8(expression, "")) + `"/></xsl:template></xsl:stylesheet>`)
		if problems != nil {
			return
		}
		doc, _ := xmldoc.Parse([]byte(books))
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, _ = s.Transform(ctx, doc, nil)
	})
}
