package statement

import (
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/apim/openapi"
	"gatehouse/internal/policy"
)

// declare gives a case what the API declares: the file "openapi" with the
// operation that context names, the file "edmx" and the file "schemas".
func (g *goldenCase) declare(env *policy.Environment) {
	if text := g.files["schemas"]; text != "" {
		env.Service = &apim.Service{}
		for block := range strings.SplitSeq(strings.TrimPrefix(text, "--- "), "\n--- ") {
			head, document, _ := strings.Cut(block, "\n")
			id, contentType, _ := strings.Cut(head, " ")
			env.Service.Schemas = append(env.Service.Schemas, &apim.Schema{ID: id, ContentType: contentType, Document: []byte(document)})
		}
	}
	if text := g.files["edmx"]; text != "" {
		env.API = &apim.API{Schemas: []*apim.Schema{{ID: "metadata", ContentType: "application/xml", Document: []byte(text)}}}
	}
	if g.files["openapi"] == "" {
		return
	}
	doc, err := openapi.Load([]byte(g.files["openapi"]), "openapi")
	if err != nil {
		g.t.Fatal(err)
	}
	service := openapi.Service(doc, "https://backend.example")
	env.API = service.APIs[0]
	if env.Service == nil {
		env.Service = service
	}
	for _, op := range doc.Operations {
		if op.ID == g.settings["operation"] {
			env.Operation, env.Responses = op, op.Responses
		}
	}
	if env.Operation == nil {
		g.t.Fatalf("the description has no operation %q", g.settings["operation"])
	}
}
