package kql

import (
	"encoding/csv"
	"encoding/xml"
	"path"
	"strings"

	"gatehouse/internal/store/lake"
)

// parserFunctions take texts of a known form apart.
func parserFunctions() []function {
	one := func(name string) function {
		return function{name, "s", "j", "CAST(kql_" + name + "({0}) AS JSON)", unnamed}
	}
	return []function{one("parse_csv"), one("parse_path"), one("parse_xml"),
		{"parse_command_line", "ss", "j", "CAST(kql_parse_command_line({0}, {1}) AS JSON)", unnamed}}
}

func parserNatives() []lake.Function {
	return []lake.Function{
		native("parse_csv", "s>s", func(a []any) any { return parseCSV(a[0].(string)) }),
		native("parse_path", "s>s", func(a []any) any { return parsePath(a[0].(string)) }),
		native("parse_xml", "s>s", func(a []any) any { return parseXML(a[0].(string)) }),
		native("parse_command_line", "ss>s", func(a []any) any {
			if !strings.EqualFold(a[1].(string), "windows") {
				return nil
			}
			return jsonOf(commandLine(a[0].(string)))
		}),
	}
}

// parseCSV gives the fields of the first record.
func parseCSV(text string) any {
	r := csv.NewReader(strings.NewReader(text))
	r.LazyQuotes, r.FieldsPerRecord = true, -1
	fields, err := r.Read()
	if err != nil {
		return jsonOf([]string{text})
	}
	return jsonOf(fields)
}

// parsePath knows paths of Windows and Unix, shares, and URLs of files.
func parsePath(text string) any {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		scheme, rest = "", text
	}
	root := ""
	if len(rest) > 1 && rest[1] == ':' && alphanumeric(rune(rest[0])) {
		root = rest[:2]
	}
	cut := strings.LastIndexAny(rest, `\/`)
	directory, file := "", rest
	if cut >= 0 {
		directory, file = rest[:cut], rest[cut+1:]
	} else if root != "" {
		file = rest[2:]
	}
	file, stream, _ := strings.Cut(file, ":")
	name := directory[strings.LastIndexAny(directory, `\/`)+1:]
	if name == root {
		name = ""
	}
	return jsonOf(map[string]string{"Scheme": scheme, "RootPath": root, "DirectoryPath": directory, "DirectoryName": name, "Filename": file,
		"Extension": strings.TrimPrefix(path.Ext(file), "."), "AlternateDataStreamName": stream})
}

// maxXML and maxXMLDepth bound what parse_xml reads; beyond is null.
const (
	maxXML      = 128 << 10
	maxXMLDepth = 100
)

// parseXML makes JSON of a document as Json.NET does: attributes have @ in
// front, text beside them is #text, elements of one name are an array.
func parseXML(text string) any {
	if len(text) > maxXML {
		return nil
	}
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		t, err := d.Token()
		if err != nil {
			return nil
		}
		if start, ok := t.(xml.StartElement); ok {
			v, err := xmlValue(d, start, 0)
			if err != nil {
				return nil
			}
			return jsonOf(map[string]any{xmlName(start.Name): v})
		}
	}
}

func xmlName(n xml.Name) string { return n.Local }

func xmlValue(d *xml.Decoder, start xml.StartElement, depth int) (any, error) {
	out := map[string]any{}
	for _, a := range start.Attr {
		out["@"+xmlName(a.Name)] = a.Value
	}
	var body strings.Builder
	for {
		t, err := d.Token()
		if err != nil || depth > maxXMLDepth {
			return nil, deepOr(err)
		}
		switch t := t.(type) {
		case xml.CharData:
			body.Write(t)
		case xml.StartElement:
			v, err := xmlValue(d, t, depth+1)
			if err != nil {
				return nil, err
			}
			addMember(out, xmlName(t.Name), v)
		case xml.EndElement:
			return xmlContent(out, strings.TrimSpace(body.String())), nil
		}
	}
}

func deepOr(err error) error {
	if err == nil {
		return xml.UnmarshalError("elements stand too deep within each other")
	}
	return err
}

func addMember(out map[string]any, name string, v any) {
	switch old := out[name].(type) {
	case nil:
		if _, there := out[name]; there {
			out[name] = []any{nil, v}
			return
		}
		out[name] = v
	case []any:
		out[name] = append(old, v)
	default:
		out[name] = []any{old, v}
	}
}

func xmlContent(out map[string]any, body string) any {
	switch {
	case len(out) == 0 && body == "":
		return nil
	case len(out) == 0:
		return body
	case body != "":
		out["#text"] = body
	}
	return out
}

// commandLine splits as Windows does: quotes hold an argument together,
// backslashes escape only before a quote.
func commandLine(text string) []string {
	out := []string{}
	var b strings.Builder
	quoted, started := false, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\':
			n := 0
			for i < len(text) && text[i] == '\\' {
				n, i = n+1, i+1
			}
			if i == len(text) || text[i] != '"' {
				b.WriteString(strings.Repeat(`\`, n))
				i--
			} else {
				b.WriteString(strings.Repeat(`\`, n/2))
				if n%2 == 1 {
					b.WriteByte('"')
				} else {
					i--
				}
			}
			started = true
		case c == '"':
			quoted, started = !quoted, true
		case (c == ' ' || c == '\t') && !quoted:
			if started {
				out = append(out, b.String())
			}
			b.Reset()
			started = false
		default:
			b.WriteByte(c)
			started = true
		}
	}
	if started {
		out = append(out, b.String())
	}
	return out
}
