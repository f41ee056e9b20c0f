package policy

import (
	"strings"
	"testing"

	"gatehouse/internal/apim"
)

// TestEncodings reads one document in several encodings: it means the same, or
// the first byte that cannot be read is named.
func TestEncodings(t *testing.T) {
	document := func(declaration, value string) string {
		return declaration + "<policies>\n  <inbound>\n    <set-variable name=\"é\" value=\"" + value + "\" />\n  </inbound>\n</policies>"
	}
	latin := strings.NewReplacer("é", "\xe9", "€", "\x80")
	for _, one := range []struct{ name, text, value, message string }{
		{name: "UTF-8", text: document("", "caf€"), value: "caf€"},
		{name: "UTF-8 that says something else", text: document("<?xml version='1.0' encoding='utf-16'?>\n", "caf€"), value: "caf€"},
		{name: "Windows-1252", text: latin.Replace(document(`<?xml version="1.0" encoding="windows-1252" standalone="yes"?>`, "café €")), value: "café €"},
		{name: "Latin-1", text: latin.Replace(document("<?xml version='1.0' encoding='ISO-8859-1'?>\n", "café")), value: "café"},
		{name: "Cyrillic", text: document(`<?xml version="1.0" encoding="windows-1251"?>`, "\xcf\xf0\xe8\xe2\xe5\xf2"), value: "Привет"},
		{name: "undeclared", text: strings.Replace(document("", "caf€"), "€", "\x80", 1),
			message: `p.xml:3:38: the byte 0x80 is not UTF-8: the document seems to be written in Windows-1252 or Latin-1; save it as UTF-8 (iconv -f WINDOWS-1252 -t UTF-8), or begin it with <?xml version="1.0" encoding="windows-1252"?>`},
		{name: "declared as UTF-8", text: document(`<?xml version="1.0" encoding="utf-8"?>`, "\xff"),
			message: `p.xml:3:35: the byte 0xFF is not UTF-8, and the document is not wholly written in utf-8 as its XML declaration says; save it as UTF-8`},
		{name: "unknown encoding", text: document(`<?xml version="1.0" encoding="ebcdic-fr"?>`, "\xc1"),
			message: `p.xml:3:35: the byte 0xC1 is not UTF-8, and the encoding "ebcdic-fr" of the XML declaration is not known; save the document as UTF-8`},
		{name: "cut within a character", text: document("", "€")[:60],
			message: `p.xml:3:35: the byte 0xE2 is not UTF-8: the document seems to be written in Windows-1252 or Latin-1; save it as UTF-8 (iconv -f WINDOWS-1252 -t UTF-8), or begin it with <?xml version="1.0" encoding="windows-1252"?>`},
	} {
		set, _ := NewSet(nil, nil)
		d, messages := set.Parse(apim.Document{File: "p.xml", Text: one.text}, API)
		if one.message != "" {
			if d != nil || strings.TrimSpace(list(messages)) != one.message {
				t.Errorf("%s: %s", one.name, list(messages))
			}
			continue
		}
		if len(messages) > 0 {
			t.Errorf("%s: %s", one.name, list(messages))
			continue
		}
		if got := dump(d); !strings.Contains(got, `"`+one.value+`"`) || !strings.Contains(got, `"é"`) && one.name != "Cyrillic" {
			t.Errorf("%s: %s", one.name, got)
		}
	}
}
