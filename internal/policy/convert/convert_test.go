package convert

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/internal/policy/expr"
	"gatehouse/internal/policy/xmldoc"
)

// TestTooLarge holds that a small body does not become a huge one.
func TestTooLarge(t *testing.T) {
	nulls, err := expr.ParseJSON([]byte("[" + strings.Repeat("null,", 200_000) + "1]"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (ToXML{Separator: "_"}).Document(nulls); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func FuzzToJSON(f *testing.F) {
	f.Add(`<?xml version="1.0"?><a x:y="1" xmlns:x="urn:x"><b>1</b><b/>text<![CDATA[c]]></a>`, true, false)
	f.Fuzz(func(t *testing.T, text string, friendly, always bool) {
		doc, err := xmldoc.Parse([]byte(text))
		if err != nil {
			return
		}
		out := ToJSON{Friendly: friendly, AlwaysArray: always}.Document(doc).JSON(false)
		if _, err := expr.ParseJSONText([]byte(out)); err != nil && !strings.Contains(err.Error(), "MaxDepth") {
			t.Fatalf("%q became %q: %v", text, out, err)
		}
	})
}

func FuzzToXML(f *testing.F) {
	f.Add(`{"a":{"xmlns":"u","xmlns_b":"v","b_c":[1,[null],{"@d":"e","#text":"f","#a":{"x":true}}]}}`, "_", "xmlns", "#a")
	f.Fuzz(func(t *testing.T, text, separator, prefix, block string) {
		j, err := expr.ParseJSON([]byte(text))
		if err != nil {
			return
		}
		out, err := ToXML{Separator: separator, Prefix: prefix, AttributeBlock: block}.Document(j)
		if err != nil {
			return
		}
		if _, err := xmldoc.Parse([]byte(out)); err != nil && !strings.Contains(err.Error(), "deep") && !strings.Contains(err.Error(), "tag is too large") {
			t.Fatalf("%q became %q: %v", text, out, err)
		}
	})
}
