package apiops

import (
	"encoding/json"

	"gatehouse/internal/apim"
)

// maxSchema is how many bytes a named schema has, as in Azure.
const maxSchema = 4 << 20

// schemas reads the named schemas of a service ("schemas/") or an API
// ("apis/x/schemas/"). A schema that is damaged only harms the policies that
// name it: it is kept as unusable, with a warning.
func (l *loader) schemas(resource, folder string) []*apim.Schema {
	var out []*apim.Schema
	for _, name := range l.files.children(folder) {
		for _, file := range []string{"schemaInformation.json", "apiSchemaInformation.json"} {
			n, ok := l.info("schemas", name, folder+name+"/"+file)
			if !ok {
				continue
			}
			s := &apim.Schema{ID: name, ContentType: l.schemaType(n), Document: l.schemaDocument(n, folder+name+"/")}
			if len(s.Document) == 0 || len(s.Document) > maxSchema {
				l.warn(resource+"schemas/"+name, "cannot be used: it holds no schema document, or one of more than %d MB", maxSchema>>20)
				s.Document = []byte(apim.UnusableSchema)
			}
			out = append(out, s)
		}
	}
	return out
}

func (l *loader) schemaType(n *node) string {
	if t := l.str(n, "contentType"); t != "" {
		return t
	}
	if fold(l.str(n, "schemaType")) == "xml" {
		return "application/xml"
	}
	return "application/json"
}

// schemaDocument is text in value, JSON in document (or text in document.value),
// or a file beside it.
func (l *loader) schemaDocument(n *node, folder string) []byte {
	for _, v := range []*node{n.get("document", "value"), n.get("value"), n.get("document")} {
		switch {
		case v.kind == text && v.text != "":
			return []byte(v.text)
		case v.kind == object && len(v.members) > 0:
			if data, err := json.Marshal(v.plain()); err == nil {
				return data
			}
		}
	}
	for _, file := range []string{"schema.json", "schema.xsd", "schema.xml"} {
		if data, _, ok := l.read(folder + file); ok {
			return trimBOM(data)
		}
	}
	return nil
}

// plain is the value as encoding/json decodes it.
func (n *node) plain() any {
	switch n.kind {
	case object:
		out := make(map[string]any, len(n.members))
		for _, m := range n.members {
			out[m.name] = m.value.plain()
		}
		return out
	case array:
		out := make([]any, len(n.list))
		for i, v := range n.list {
			out[i] = v.plain()
		}
		return out
	case text:
		return n.text
	case number:
		return json.Number(n.text)
	case boolean:
		return n.text == "true"
	}
	return nil
}
