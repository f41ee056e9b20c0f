package route

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/apim"
)

// operations reads "GET /a", "POST /b" into operations with the ids o0, o1, ...
func operations(lines ...string) []*apim.Operation {
	var list []*apim.Operation
	for i, line := range lines {
		method, template, _ := strings.Cut(line, " ")
		list = append(list, &apim.Operation{ID: fmt.Sprintf("o%d", i), Method: method, URLTemplate: template})
	}
	return list
}

func compile(t testing.TB, s *apim.Service) *Table {
	t.Helper()
	table, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// describe is the short form in which the tables below give results.
func describe(m Match) string {
	switch m.Outcome {
	case NoAPI:
		return "no api"
	case NoOperation:
		return m.API.ID + " no operation"
	case MethodNotAllowed:
		return m.API.ID + " allows " + strings.Join(m.Allowed, ",")
	}
	s := m.API.ID
	if !m.API.IsCurrent && m.API.Revision != "" {
		s += ";rev=" + m.API.Revision
	}
	s += " " + m.Operation.ID
	for _, p := range m.Parameters {
		s += fmt.Sprintf(" %s=%s", p.Name, p.Value)
	}
	return s
}

func parseRequest(line string) *Request {
	method, target, _ := strings.Cut(line, " ")
	target, header, _ := strings.Cut(target, " | ")
	r := &Request{Method: method, Header: map[string][]string{}}
	r.Path, r.RawQuery, _ = strings.Cut(target, "?")
	if name, value, ok := strings.Cut(header, ": "); ok {
		r.Header[name] = []string{value}
	}
	return r
}

type example struct{ request, want, rest string }

func run(t *testing.T, table *Table, examples []example) {
	t.Helper()
	for _, one := range examples {
		m := table.Match(parseRequest(one.request), nil)
		if got := describe(m); got != one.want {
			t.Errorf("%s: got %q, want %q", one.request, got, one.want)
		} else if one.rest != "" && m.Rest != one.rest {
			t.Errorf("%s: rest is %q, want %q", one.request, m.Rest, one.rest)
		}
	}
}

func TestOperations(t *testing.T) {
	table := compile(t, &apim.Service{APIs: []*apim.API{{ID: "a", Path: "api", IsCurrent: true, Operations: operations(
		"GET /users",                 // o0
		"GET /users/{id}",            // o1
		"GET /users/me",              // o2
		"POST /users/{id}",           // o3
		"GET /users/{id}/posts/{p}",  // o4
		"GET /files/*",               // o5
		"GET /tree/{*path}",          // o6
		"GET /files/{name}.json",     // o7
		"GET /search?q={q}",          // o8
		"GET /search",                // o9
		"POST /soap?action=buy",      // o10
		"POST /soap?action=sell",     // o11
		"* /any",                     // o12
		"GET /any",                   // o13
		"GET /odata({key})",          // o14
		"GET /pre*",                  // o15
		"GET /slash/",                // o16
		"GET /slash",                 // o17
		"GET /",                      // o18
		"GET /range/{from}-{to}.txt", // o19
		"DELETE /users/me",           // o20
		"GET /search?q={q}&page={p}", // o21
		"GET /caf%C3%A9",             // o22
		"GET /star/*/end",            // o23
	)}}})
	run(t, table, []example{
		{"GET /api/users", "a o0", "/users"},
		{"GET /api/users/", "a o0", "/users/"},
		{"GET /API/Users", "a o0", "/Users"},
		{"GET /api//users", "a o0", "//users"},
		{"GET /api/users/7", "a o1 id=7", "/users/7"},
		{"GET /api/users/a%20b%2Fc", "a o1 id=a b/c", "/users/a%20b%2Fc"},
		{"GET /api/users/me", "a o2", ""},
		{"GET /api/users/%6de", "a o2", "/users/%6de"},
		{"POST /api/users/me", "a o3 id=me", ""},
		{"PUT /api/users/me", "a allows DELETE,GET,POST", ""},
		{"HEAD /api/users", "a allows GET", ""},
		{"GET /api/users/7/posts/8", "a o4 id=7 p=8", ""},
		{"GET /api/users/me/posts/8", "a o4 id=me p=8", ""},
		{"GET /api/users/7/posts", "a no operation", ""},
		{"GET /api/files", "a o5", ""},
		{"GET /api/files/a/b/c", "a o5", ""},
		{"GET /api/files/x.json", "a o7 name=x", ""},
		{"GET /api/files/.json", "a o5", ""},
		{"GET /api/tree", "a o6 path=", ""},
		{"GET /api/tree/a%20b/c", "a o6 path=a b/c", ""},
		{"GET /api/search?q=x+y%21", "a o8 q=x y!", ""},
		{"GET /api/search?q=x&page=2", "a o21 q=x p=2", ""},
		{"GET /api/search", "a o9", ""},
		{"GET /api/search?z=1", "a o9", ""},
		{"POST /api/soap?action=buy", "a o10", ""},
		{"POST /api/soap?x=1&Action=sell", "a o11", ""},
		{"POST /api/soap?action=steal", "a no operation", ""},
		{"GET /api/any", "a o13", ""},
		{"PURGE /api/any", "a o12", ""},
		{"GET /api/odata('k')", "a o14 key='k'", ""},
		{"GET /api/odata()", "a no operation", ""},
		{"GET /api/prefix/x", "a o15", ""},
		{"GET /api/slash/", "a o16", ""},
		{"GET /api/slash", "a o17", ""},
		{"GET /api", "a o18", ""},
		{"GET /api/", "a o18", "/"},
		{"GET /api/range/1-2-3.txt", "a o19 from=1 to=2-3", ""},
		{"GET /api/caf%c3%a9", "a o22", ""},
		{"GET /api/star/x/end", "a o23", ""},
		{"GET /apix/users", "no api", ""},
		{"GET /", "no api", ""},
		{"OPTIONS *", "no api", ""},
		{"GET /x/../api/users/./me", "a o2", "/users/me"},
		{"GET /api/files/%2e%2E/users/me", "a o2", "/users/me"},
		{"GET /api/files/..;x/users/me", "a o2", "/users/me"},
		{"GET /api/files/..%2fusers%2fme", "no api", ""},
		{"GET /api/files/x%5C..%5Cy", "no api", ""},
		{"GET /api/files/a..b", "a o5", ""},
		{"GET /../../api/users", "a o0", ""},
	})
}

func TestVersions(t *testing.T) {
	ops := operations("GET /x")
	table := compile(t, &apim.Service{
		VersionSets: []*apim.VersionSet{{ID: "s", Scheme: "Segment"}, {ID: "h", Scheme: "Header", Header: "api-version"}, {ID: "q", Scheme: "Query", Query: "v"}},
		APIs: []*apim.API{
			{ID: "seg", Path: "seg", IsCurrent: true, Operations: ops},
			{ID: "seg1", Path: "seg", Version: "v1", VersionSet: "s", IsCurrent: true, Operations: ops},
			{ID: "seg2", Path: "seg/v2", Version: "v2", VersionSet: "s", IsCurrent: true, Operations: ops},
			{ID: "head1", Path: "head", Version: "1", VersionSet: "h", IsCurrent: true, Operations: ops},
			{ID: "head2", Path: "head", Version: "2", VersionSet: "h", IsCurrent: true, Operations: ops},
			{ID: "query", Path: "query", IsCurrent: true, Operations: ops},
			{ID: "query1", Path: "query", Version: "2024-01-01", VersionSet: "q", IsCurrent: true, Operations: ops},
			{ID: "root", Path: "", IsCurrent: true, Operations: operations("GET /*")},
			{ID: "deep", Path: "seg/v1/deep", IsCurrent: true, Operations: ops},
			{ID: "ql", Path: "ql", Type: apim.TypeGraphQL, IsCurrent: true},
		},
	})
	run(t, table, []example{
		{"GET /seg/x", "seg o0", "/x"},
		{"GET /seg/v1/x", "seg1 o0", "/x"},
		{"GET /SEG/V2/x", "seg2 o0", "/x"},
		{"GET /seg/v3/x", "seg no operation", "/v3/x"},
		{"GET /seg/v1/deep/x", "deep o0", "/x"},
		{"GET /head/x | Api-Version: 1", "head1 o0", "/x"},
		{"GET /head/x | Api-Version: 2", "head2 o0", ""},
		{"GET /head/x", "root o0", "/head/x"},
		{"GET /query/x?v=2024-01-01", "query1 o0", ""},
		{"GET /query/x", "query o0", ""},
		{"GET /query/x?v=", "query o0", ""},
		{"GET /query/x?v=1999", "root o0", ""},
		{"GET /ql/x", "ql no operation", "/x"},
		{"GET /", "root o0", "/"},
	})
}

func TestRevisions(t *testing.T) {
	table := compile(t, &apim.Service{
		VersionSets: []*apim.VersionSet{{ID: "s", Scheme: "Segment"}},
		APIs: []*apim.API{
			{ID: "a", Path: "a", Revision: "1", IsCurrent: true, Operations: operations("GET /x")},
			{ID: "a", Path: "a", Revision: "2", Operations: operations("GET /x", "GET /y")},
			{ID: "v", Path: "a", Version: "v1", VersionSet: "s", Revision: "1", Operations: operations("GET /x")},
			{ID: "v", Path: "a", Version: "v1", VersionSet: "s", Revision: "3", IsCurrent: true, Operations: operations("GET /x")},
			{ID: "only", Path: "only", Revision: "1", Operations: operations("GET /x")},
			{ID: "r", Path: "", Revision: "1", IsCurrent: true, Operations: operations("GET /z")},
			{ID: "r", Path: "", Revision: "9", Operations: operations("GET /z")},
		},
	})
	run(t, table, []example{
		{"GET /a/x", "a o0", "/x"},
		{"GET /a;rev=1/x", "a o0", "/x"},
		{"GET /a;rev=2/y", "a;rev=2 o1", "/y"},
		{"GET /A;REV=2/y", "a;rev=2 o1", "/y"},
		{"GET /a/y", "a no operation", ""},
		{"GET /a;rev=4/x", "r no operation", ""},
		{"GET /a/v1/x", "v o0", "/x"},
		{"GET /a/v1;rev=1/x", "v;rev=1 o0", "/x"},
		{"GET /only/x", "only;rev=1 o0", "/x"},
		{"GET /z", "r o0", "/z"},
		{"GET /;rev=9/z", "r;rev=9 o0", "/z"},
		{"GET /a;rev=/x", "r no operation", ""},
	})
	if m := table.Match(&Request{Method: "GET", Path: "/a;rev=2"}, nil); m.Outcome != NoOperation || m.API.Revision != "2" || m.APIIndex != 1 || m.Rest != "" {
		t.Errorf("got %+v", m)
	}
}

func TestCompileErrors(t *testing.T) {
	sets := []*apim.VersionSet{{ID: "h", Scheme: "Header", Header: "X-V"}, {ID: "none", Scheme: "Query"}, {ID: "odd", Scheme: "Cookie"}}
	for _, one := range []struct {
		name string
		apis []*apim.API
		want []string
	}{
		{"same path", []*apim.API{{ID: "a", Path: "p/q", IsCurrent: true}, {ID: "b", Path: "/P/q/", IsCurrent: true}}, []string{"apis/a", "apis/b", "/P/q"}},
		{"same version", []*apim.API{{ID: "a", Path: "p", Version: "1", VersionSet: "h"}, {ID: "b", Path: "p", Version: "1", VersionSet: "h"}}, []string{"apis/a", "apis/b"}},
		{"two current", []*apim.API{{ID: "a", Path: "p", Revision: "1", IsCurrent: true}, {ID: "a", Path: "p", Revision: "2", IsCurrent: true}}, []string{"apis/a"}},
		{"same operation", []*apim.API{{ID: "a", Operations: operations("GET /x/{a}", "get /X/{b}")}}, []string{"operations/o0", "operations/o1", "apis/a"}},
		{"same wildcard", []*apim.API{{ID: "a", Operations: operations("GET /x/*", "GET /x/{*all}")}}, []string{"operations/o0", "operations/o1"}},
		{"same query", []*apim.API{{ID: "a", Operations: operations("GET /x?a={a}&b=1", "GET /x?b=1&a={z}")}}, []string{"operations/o0", "operations/o1"}},
		{"open brace", []*apim.API{{ID: "a", Operations: operations("GET /x/{a")}}, []string{"operations/o0", "{ has no }"}},
		{"close brace", []*apim.API{{ID: "a", Operations: operations("GET /x/a}")}}, []string{"} has no {"}},
		{"no name", []*apim.API{{ID: "a", Operations: operations("GET /x/{}")}}, []string{"needs a name"}},
		{"adjacent", []*apim.API{{ID: "a", Operations: operations("GET /x/{a}{b}")}}, []string{"text between"}},
		{"wildcard in front", []*apim.API{{ID: "a", Operations: operations("GET /{*x}/a")}}, []string{"last segment"}},
		{"unknown set", []*apim.API{{ID: "a", Version: "1", VersionSet: "zz"}}, []string{"apiVersionSets/zz"}},
		{"no name in set", []*apim.API{{ID: "a", Version: "1", VersionSet: "none"}}, []string{"apiVersionSets/none"}},
		{"odd scheme", []*apim.API{{ID: "a", Version: "1", VersionSet: "odd"}}, []string{"Cookie"}},
	} {
		_, err := Compile(&apim.Service{APIs: one.apis, VersionSets: sets})
		if err == nil {
			t.Errorf("%s: no error", one.name)
			continue
		}
		for _, part := range one.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not name %q", one.name, err, part)
			}
		}
	}
	_, err := Compile(&apim.Service{APIs: []*apim.API{{ID: "a", Operations: operations("GET /x?a=1", "GET /x?a=2", "GET /x", "POST /x", "GET /x/", "GET /x?a={a}")}}})
	if err != nil {
		t.Errorf("different templates clash: %v", err)
	}
}

func TestMatchAppendsToTheCallersSlice(t *testing.T) {
	table := compile(t, &apim.Service{APIs: []*apim.API{{ID: "a", Path: "a", Operations: operations("GET /{x}/{y}")}}})
	m := table.Match(&Request{Method: "GET", Path: "/a/1/2"}, []Parameter{{"kept", "0"}})
	if want := []Parameter{{"kept", "0"}, {"x", "1"}, {"y", "2"}}; !slices.Equal(m.Parameters, want) {
		t.Fatalf("got %v", m.Parameters)
	}
}

func benchmarkService() *apim.Service {
	s := &apim.Service{}
	for a := range 50 {
		api := &apim.API{ID: fmt.Sprint("api", a), Path: fmt.Sprint("group/api", a), IsCurrent: true}
		for o := range 20 {
			api.Operations = append(api.Operations, &apim.Operation{ID: fmt.Sprint(o), Method: "GET", URLTemplate: fmt.Sprintf("/things%d/list", o)},
				&apim.Operation{ID: fmt.Sprint("p", o), Method: "GET", URLTemplate: fmt.Sprintf("/things%d/{id}/parts/{part}", o)})
		}
		s.APIs = append(s.APIs, api)
	}
	return s
}

func TestMatchAllocatesNothing(t *testing.T) {
	table := compile(t, benchmarkService())
	parameters := make([]Parameter, 0, 8)
	for _, path := range []string{"/group/api17/things9/list", "/Group/API17/Things9/List", "/group/api17/things9/abc/parts/def"} {
		r := Request{Method: "GET", Path: path}
		if n := testing.AllocsPerRun(100, func() {
			if m := table.Match(&r, parameters); m.Outcome != Found {
				t.Fatal(path, m.Outcome)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	table := compile(b, benchmarkService())
	parameters := make([]Parameter, 0, 8)
	for name, path := range map[string]string{"literal": "/group/api17/things9/list", "parameters": "/group/api17/things9/abc/parts/def", "folded": "/Group/API17/Things9/List"} {
		b.Run(name, func(b *testing.B) {
			r := Request{Method: "GET", Path: path}
			b.ReportAllocs()
			for b.Loop() {
				table.Match(&r, parameters)
			}
		})
	}
}
