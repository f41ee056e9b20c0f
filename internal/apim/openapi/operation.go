package openapi

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"gatehouse/internal/apim"
)

// maxOperations of one description.
const maxOperations = 10_000

// operations lists the operations in order of path and verb.
func (d *Document) operations(doc *openapi3.T, messages map[string]*declared) {
	if doc.Paths == nil {
		return
	}
	used, budget := map[string]bool{}, sampleBytes
	served, hidden := map[string]bool{}, []string{}
	items := doc.Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(items)) {
		item := items[path]
		if item == nil {
			continue
		}
		verbs := item.Operations()
		for _, method := range slices.Sorted(maps.Keys(verbs)) {
			if len(d.Operations) == maxOperations {
				d.Warnings = append(d.Warnings, fmt.Sprintf("only the first %d operations are served", maxOperations))
				return
			}
			// What stands behind # tells overloads of an operation apart, and never
			// reaches a server.
			reached, _, overloaded := strings.Cut(path, "#")
			op := operation(reached, method, item, verbs[method], used, &budget)
			if overloaded && served[op.Method+" "+strings.ToLower(op.URLTemplate)] {
				hidden = append(hidden, op.Method+" "+path)
				continue
			}
			served[op.Method+" "+strings.ToLower(op.URLTemplate)] = true
			if m := messages[op.Method+" "+path]; m != nil {
				m.complete(op)
			}
			d.Operations = append(d.Operations, op)
		}
	}
	if n := len(hidden); n > 0 {
		d.Warnings = append(d.Warnings, fmt.Sprintf("%d operations differ from others only behind the # of their path, which never reaches a server, and are left out: %s", n, clip(strings.Join(hidden, ", "), 200)))
	}
	if budget <= 0 {
		d.Warnings = append(d.Warnings, "the schemas are too large: the later operations have no samples for mock-response")
	}
}

func operation(path, method string, item *openapi3.PathItem, op *openapi3.Operation, used map[string]bool, budget *int) *apim.Operation {
	out := &apim.Operation{Method: strings.ToUpper(method), URLTemplate: template(path, item.Parameters, op.Parameters), Responses: responses(op, budget)}
	out.ID = unique(operationID(op.OperationID, out.Method, path), used)
	out.Name, out.Description = op.Summary, op.Description
	if out.Name == "" {
		out.Name = op.OperationID
	}
	if out.Name == "" {
		out.Name = out.Method + " " + path
	}
	return out
}

// template adds the required query parameters to the path, as an import into
// Azure API Management does by default; an operation's parameter overrides the
// one of its path.
func template(path string, shared, own openapi3.Parameters) string {
	path = "/" + strings.TrimLeft(path, "/")
	if strings.Contains(path, "?") {
		return path
	}
	required := map[string]bool{}
	var names []string
	for _, list := range []openapi3.Parameters{shared, own} {
		for _, p := range list {
			if p == nil || p.Value == nil || p.Value.In != "query" || p.Value.Name == "" || strings.ContainsAny(p.Value.Name, "{}&=?#") {
				continue
			}
			if _, seen := required[p.Value.Name]; !seen {
				names = append(names, p.Value.Name)
			}
			required[p.Value.Name] = p.Value.Required
		}
	}
	separator := "?"
	for _, name := range names {
		if required[name] {
			path += separator + name + "={" + name + "}"
			separator = "&"
		}
	}
	return path
}

var resourceName = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9])?$`)

// operationID keeps an operationId that is a valid resource name and otherwise
// makes one as Azure's import does.
func operationID(id, method, path string) string {
	if resourceName.MatchString(id) {
		return id
	}
	if s := slug(id); s != "" {
		return s
	}
	if s := slug(method + "-" + path); s != "" {
		return s
	}
	return "operation"
}

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// slug lowers the case, makes one dash of every run of other characters and
// cuts after 76 characters, which leaves room for a number.
func slug(s string) string {
	s = strings.Trim(notName.ReplaceAllString(strings.ToLower(s), "-"), "-")
	return strings.Trim(s[:min(len(s), 76)], "-")
}

func unique(id string, used map[string]bool) string {
	key := strings.ToLower(id)
	for i := 1; used[key]; i++ {
		key = strings.ToLower(id[:min(len(id), 70)]) + "-" + strconv.Itoa(i)
	}
	used[key] = true
	if strings.EqualFold(key, id) {
		return id
	}
	return key
}

// responses lists the declared responses in order of status; "default" counts
// as 200 when nothing else is declared, ranges as their first status.
func responses(op *openapi3.Operation, budget *int) []apim.Response {
	if op.Responses == nil {
		return nil
	}
	declared := op.Responses.Map()
	byStatus := map[int]*openapi3.ResponseRef{}
	for code, r := range declared {
		status := statusOf(code, len(declared))
		if status > 0 && r != nil && (byStatus[status] == nil || !strings.ContainsAny(code, "Xx")) {
			byStatus[status] = r
		}
	}
	var out []apim.Response
	for _, status := range slices.Sorted(maps.Keys(byStatus)) {
		out = append(out, apim.Response{StatusCode: status, Representations: representations(byStatus[status].Value, budget)})
	}
	return out
}

// statusOf is the status that a response is kept under, 0 when it is left out.
func statusOf(code string, declared int) int {
	if code == "default" && declared == 1 {
		return 200
	}
	status, err := strconv.Atoi(strings.NewReplacer("X", "0", "x", "0").Replace(code))
	if err != nil || status < 100 || status > 599 {
		return 0
	}
	return status
}

// complete adds what the operation declares of its messages.
func (m *declared) complete(op *apim.Operation) {
	op.Parameters, op.Requests, op.NeedsBody = m.parameters, m.requests, m.needsBody
	for code, r := range m.responses {
		status := statusOf(code, len(m.responses))
		_, exact := m.responses[strconv.Itoa(status)]
		if exact && strings.ContainsAny(code, "Xx") {
			continue
		}
		for i := range op.Responses {
			if op.Responses[i].StatusCode == status {
				r.complete(&op.Responses[i])
			}
		}
	}
}

func (r *declaredResponse) complete(out *apim.Response) {
	out.Headers = r.headers
	for i := range out.Representations {
		rep := &out.Representations[i]
		if rep.Schema = r.content[rep.ContentType]; rep.Schema == nil {
			rep.Schema = r.all
		}
	}
}
