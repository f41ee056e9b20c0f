package apiops

import (
	"errors"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/apim/dialect"
	"gatehouse/internal/apim/openapi"
)

// operations reads those of the specification, adds the ones that have an
// information file of their own, and attaches policies and tags.
func (l *loader) operations(a *apim.API, folder string, n *node) {
	odata := a.Type == typeOData
	if odata {
		a.Type = apim.TypeHTTP
	}
	if a.Type != apim.TypeGraphQL { // which reads its own
		a.Schemas = l.schemas("apis/"+a.ID+"/", folder+"schemas/")
	}
	switch a.Type {
	case apim.TypeHTTP:
	case apim.TypeGraphQL:
		l.graphQL(a, folder)
	case apim.TypeWebSocket:
		a.Operations = append(a.Operations, &apim.Operation{ID: "onHandshake", Name: "onHandshake", Method: "GET", URLTemplate: "/*"})
	case apim.TypeSOAP:
		a.Operations = l.described(a, folder)
	case apim.TypeGRPC:
		l.grpcOperations(a, folder)
	case apim.TypeMCP:
		l.mcp(a, folder, n)
	default:
		l.warn("apis/"+a.ID, "is of the type %s, which is not served", a.Type)
	}
	l.specification(a, folder)
	if odata {
		l.odata(a, folder)
	}
	for _, name := range l.files.children(folder + "operations/") {
		below := folder + "operations/" + name + "/"
		op := l.declared(a, name, below)
		document := l.document(below + "policy.xml")
		if op == nil {
			if document != nil && hasOwnOperations(a.Type) {
				l.fail(apim.Position{File: document.File, Line: 1, Column: 1}, "the API has no operation %q%s", name, l.operationsOf(a))
			}
			continue
		}
		op.Policy = document
		op.Tags = l.ownTags(below + "tags/")
	}
	if a.Type == apim.TypeSOAP {
		l.preferListed(a, folder)
	}
	a.Tags = l.ownTags(folder + "tags/")
	if (a.Type == apim.TypeHTTP || a.Type == apim.TypeSOAP) && len(a.Operations) == 0 {
		l.warn("apis/"+a.ID, "has no operations: every request to it is answered with 404")
	}
}

// hasOwnOperations tells whether a policy of an operation that an API of the
// type does not have is a mistake: left out, it would protect nothing.
func hasOwnOperations(kind string) bool {
	switch kind {
	case apim.TypeHTTP, apim.TypeSOAP, apim.TypeWebSocket, apim.TypeGRPC:
		return true
	}
	return false
}

func (l *loader) operationsOf(a *apim.API) string {
	var ids []string
	for i, op := range a.Operations {
		if i == 20 {
			ids = append(ids, "...")
			break
		}
		ids = append(ids, op.ID)
	}
	if len(ids) == 0 {
		return "; its specification declares none"
	}
	return "; its specification declares " + strings.Join(ids, ", ")
}

// declared finds an operation by its folder's name, or makes it from the
// information file that raw extracts hold.
func (l *loader) declared(a *apim.API, name, folder string) *apim.Operation {
	var op *apim.Operation
	for _, o := range a.Operations {
		if strings.EqualFold(o.ID, name) {
			op = o
			break
		}
	}
	if op == nil && strings.Count(folder, "/") > 4 { // the layout of older extracts, see olderAPIs
		op = operationNamed(a, name)
	}
	for _, file := range []string{"operationInformation.json", "apiOperationInformation.json"} {
		n, ok := l.info("operations", a.ID+"/"+name, folder+file)
		if !ok {
			continue
		}
		if op == nil {
			op = &apim.Operation{ID: name}
			a.Operations = append(a.Operations, op)
		}
		l.operationInfo(a, op, n)
		if a.Type == apim.TypeWebSocket {
			op.Method, op.URLTemplate = "GET", "/*" // the path below the API goes to the backend
		}
	}
	return op
}

// operationNamed is the only operation of a display name.
func operationNamed(a *apim.API, name string) (found *apim.Operation) {
	for _, o := range a.Operations {
		if !strings.EqualFold(o.Name, name) {
			continue
		}
		if found != nil {
			return nil
		}
		found = o
	}
	return found
}

func (l *loader) operationInfo(a *apim.API, op *apim.Operation, n *node) {
	if s := l.str(n, "displayName"); s != "" {
		op.Name = s
	}
	if s := l.str(n, "description"); s != "" {
		op.Description = s
	}
	if s := l.str(n, "method"); s != "" {
		op.Method = strings.ToUpper(s)
	}
	if s := l.str(n, "urlTemplate"); s != "" {
		op.URLTemplate = s
	}
	if op.Method == "" || op.URLTemplate == "" {
		l.fail(n.at, "the operation needs a method and a urlTemplate")
	}
	l.declaredMessages(a, op, n)
	for _, r := range l.list(n, "responses") {
		op.Responses = append(op.Responses, apim.Response{StatusCode: l.integer(r, 200, 100, 599, "statusCode"),
			Representations: l.representations(a, r, dialect.Response), Headers: l.parameters(a, r, apim.InHeader, "headers")})
	}
}

func (l *loader) exampleOf(rep *node) string {
	if s := rep.get("sample"); s.kind == text {
		return s.text
	}
	for _, m := range rep.get("examples").members {
		if v := m.value.get("value"); v.kind == text {
			return v.text
		}
	}
	return ""
}

// specification reads the first file that an API of its type can have.
func (l *loader) specification(a *apim.API, folder string) {
	for _, extension := range []string{"yaml", "yml", "json"} {
		if data, file, ok := l.read(folder + "specification." + extension); ok {
			l.openAPI(a, data, file)
			return
		}
	}
	if data, file, ok := l.read(folder + "specification.wadl"); ok {
		operations, err := parseWADL(data, file)
		var problem *Problem
		if errors.As(err, &problem) {
			l.problems = l.problems.add(*problem)
		}
		a.Operations = operations
		return
	}
	for _, extension := range []string{"graphql", "wsdl", "xml"} {
		l.files.use(folder + "specification." + extension)
	}
}

func (l *loader) openAPI(a *apim.API, data []byte, file string) {
	if a.Type != apim.TypeHTTP {
		return
	}
	doc, err := openapi.Load(data, file)
	if err != nil {
		var at *openapi.Error
		if errors.As(err, &at) {
			l.fail(at.Position, "%s", at.Reason)
		} else {
			l.fail(apim.Position{File: file, Line: 1, Column: 1}, "%v", err)
		}
		return
	}
	a.Operations = doc.Operations
	a.Schemas = append(a.Schemas, doc.Schemas...)
	for _, w := range doc.Warnings {
		l.warn("apis/"+a.ID, "%s: %s", file, w)
	}
}
