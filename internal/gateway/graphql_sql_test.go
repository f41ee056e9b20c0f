package gateway

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"gatehouse/internal/apim"
	"gatehouse/internal/gateway/sqlserver/tdstest"
)

// shop is a database with one table, served over the protocol of SQL Server.
type shop struct {
	mu    sync.Mutex
	asked []tdstest.Request
}

func (s *shop) answer(r tdstest.Request) []tdstest.Result {
	s.mu.Lock()
	s.asked = append(s.asked, r)
	s.mu.Unlock()
	people := tdstest.Result{Columns: []tdstest.Column{tdstest.BigInt("id"), tdstest.Text("name")},
		Rows: [][][]byte{{tdstest.Int(1), tdstest.String("Ada")}, {tdstest.Int(2), tdstest.String("Bob")}}}
	switch {
	case strings.Contains(r.Statement, "UPDATE"):
		people.Rows = [][][]byte{{tdstest.Int(1), tdstest.String(r.Values["@name"].(string))}}
	case strings.Contains(r.Statement, "@id"):
		people.Rows = people.Rows[:1]
	case strings.Contains(r.Statement, "Missing"):
		return []tdstest.Result{{Error: 208}}
	}
	return []tdstest.Result{people}
}

func (s *shop) last() tdstest.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1]
}

func sqlSource(connection, statement, more string) string {
	return "<sql-data-source><connection-info><connection-string>" + connection + "</connection-string></connection-info><request" + more + "><sql-statement>" + statement + "</sql-statement>"
}

// TestGraphQLOnADatabase answers a synthetic GraphQL API from a server that
// speaks SQL Server's protocol.
func TestGraphQLOnADatabase(t *testing.T) {
	data := &shop{}
	server := &tdstest.Server{Answer: data.answer, User: "reader"}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	host, port, _ := net.SplitHostPort(server.Addr)
	connection := "{{shop}}"
	api := blogAPI("http://127.0.0.1:1", func(resolvers map[string]string) {
		clear(resolvers)
		resolvers["Query/user"] = sqlSource(connection, "SELECT id, name FROM People WHERE id = @id", ` single-result="true"`) +
			`<parameters><parameter name="@id" sql-type="bigint">@(context.GraphQL.Arguments["id"])</parameter></parameters></request></sql-data-source>`
		resolvers["Query/users"] = sqlSource(connection, "SELECT id, name FROM People", "") +
			`</request><response><set-body>@(context.Response.Body.As<JObject>()["items"].ToString())</set-body></response></sql-data-source>`
		resolvers["Query/boom"] = sqlSource(connection, "SELECT secret FROM Missing", "") + `</request></sql-data-source>`
		resolvers["Mutation/rename"] = sqlSource(connection, "UPDATE People SET name = @name OUTPUT inserted.* WHERE id = 1", ` single-result="true"`) +
			`<parameters><parameter name="@name">@(context.GraphQL.Arguments["name"])</parameter></parameters></request></sql-data-source>`
	})
	h := newHarness(t, &apim.Service{Name: "test", APIs: []*apim.API{api}, NamedValues: []*apim.NamedValue{{ID: "shop", Name: "shop", Secret: true,
		Value: fmt.Sprintf("Server=tcp:%s,%s;Initial Catalog=shop;User ID=reader;Password=hidden-word;Encrypt=disable", host, port)}}}, nil)
	for _, c := range []struct{ query, want string }{
		{`{ user(id: 1) { id name } }`, `{"data":{"user":{"id":"1","name":"Ada"}}}`},
		{`{ users { name } }`, `{"data":{"users":[{"name":"Ada"},{"name":"Bob"}]}}`},
		{`mutation { rename(id: 1, name: "O'Neil; DROP TABLE People") { name } }`, `{"data":{"rename":{"name":"O'Neil; DROP TABLE People"}}}`},
		{`{ boom }`, `{"errors":[{"message":"Internal server error","locations":[{"line":1,"column":3}],"path":["boom"],"extensions":{"code":"DataSourceError"}}],"data":{"boom":null}}`},
	} {
		body, _ := json.Marshal(map[string]string{"query": c.query})
		if _, got := h.call(t, "POST", "/blog", strings.NewReader(string(body)), "Content-Type", "application/json"); got != c.want {
			t.Errorf("%s: %s, want %s", c.query, got, c.want)
		}
		e := h.recorder.last(t)
		if len(e.Calls) != 1 || e.Calls[0].Source != "sql-data-source" || e.Calls[0].Path != "/shop" {
			t.Errorf("%s: calls %+v", c.query, e.Calls)
		}
		if text := fmt.Sprintf("%+v", e); strings.Contains(text, "hidden-word") || strings.Contains(text, "Missing") && !strings.Contains(c.query, "Missing") {
			t.Errorf("%s: the record tells a secret or the database's text: %s", c.query, text)
		}
		if r := data.last(); r.User != "reader" || r.Database != "shop" {
			t.Errorf("%s: asked as %q on %q", c.query, r.User, r.Database)
		}
	}
	if n := server.Logins(); n != 1 {
		t.Errorf("%d logins for four requests after each other", n)
	}
}
