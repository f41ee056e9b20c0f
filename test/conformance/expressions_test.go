package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/policy/expr"
)

// TestExpressions evaluates the cases of the expression engine: values that
// the documentation of .NET and Newtonsoft gives.
func TestExpressions(t *testing.T) {
	files, err := filepath.Glob("../../internal/policy/expr/testdata/cases/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	passed, total := 0, 0
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			line = strings.TrimSuffix(line, "\n")
			i := strings.LastIndex(line, " ==>")
			if i < 0 || strings.HasPrefix(line, "# ") {
				continue
			}
			total++
			want := strings.NewReplacer(`\\`, `\`, `\n`, "\n").Replace(strings.TrimPrefix(line[i+4:], " "))
			if got := evaluated(line[:i]); got != want {
				t.Errorf("%s: %s gives %q, not %q", filepath.Base(name), line[:i], got, want)
				continue
			}
			passed++
		}
	}
	fmt.Printf("expressions/cases %d/%d\n", passed, total)
}

// evaluated is the text of the value, "!" and the exception, or "?" when it does not compile.
func evaluated(text string) string {
	block := strings.HasPrefix(text, "@{") && strings.HasSuffix(text, "}")
	if block {
		text = text[2 : len(text)-1]
	}
	p, cerr := expr.Compile(text, block, expr.String, expr.Strict)
	if cerr != nil {
		return "?"
	}
	s, err := p.String(sampleRequest())
	if e, ok := err.(*expr.RuntimeError); ok {
		return "!" + e.Exception
	}
	return s
}

// sampleRequest is the request that the cases speak of.
func sampleRequest() *expr.Context {
	u, _ := expr.ParseURL("https://api.example.com/v1/items?q=a%20b&tag=x&tag=y")
	c := &expr.Context{
		API:          &expr.API{ID: "api1", Name: "Echo", Path: "v1", Revision: "2", Protocols: []string{"https"}, ServiceURL: u},
		Operation:    &expr.Operation{ID: "get-items", Name: "Get items", Method: "GET", URLTemplate: "/items"},
		Subscription: &expr.Subscription{ID: "sub1", Name: "first", Key: "k", PrimaryKey: "k"},
		Deployment:   &expr.Deployment{GatewayID: "managed", Region: "West Europe", ServiceName: "demo", ServiceID: "demo"},
		User: &expr.User{ID: "u1", Email: "ann@example.com", FirstName: "Ann",
			Groups: []expr.Group{{ID: "g1", Name: "Developers"}, {ID: "g2", Name: "Admins"}}},
		RequestID: expr.Guid{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10},
		Timestamp: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC),
		LastError: &expr.LastError{Source: "validate-jwt", Reason: "TokenExpired", Message: "expired", HTTPErrorCode: 401},
		Now:       func() time.Time { return time.Date(2024, 5, 6, 7, 8, 10, 500_000_000, time.UTC) },
		Budget:    expr.Budget{Bytes: expr.DefaultBudgetBytes},
	}
	n := uint64(0)
	c.Random = func() uint64 { n += 0x9E3779B97F4A7C15; return n }
	c.Request = expr.Request{Method: "GET", URL: u, OriginalURL: u, IPAddress: "10.0.0.1",
		Header: expr.Header{"X-A": {"b"}, "Accept": {"text/html", "*/*"}, "Content-Type": {"application/json"}, "Authorization": {"Basic dXNlcjpwYXNz"}},
		Body: expr.BytesBody([]byte(`{"user":{"name":"Ann","age":30},"tags":["x","y"],"when":"2024-01-02T03:04:05Z",` +
			`"price":1.5,"ok":true,"none":null}`)),
		MatchedParameters: []expr.Parameter{{Name: "id", Value: "42"}}}
	c.Response = &expr.Response{StatusCode: 429, StatusReason: "Too Many Requests", Header: expr.Header{"Retry-After": {"30"}}, Body: expr.BytesBody([]byte("hello"))}
	c.Variables.Set("s", "text")
	c.Variables.Set("n", int32(7))
	c.Variables.Set("big", int64(1)<<40)
	c.Variables.Set("b", true)
	c.Variables.Set("empty", "")
	c.Variables.Set("resp", &expr.Response{StatusCode: 200, Header: expr.Header{}, Body: expr.BytesBody([]byte(`{"a":[1,2,3]}`))})
	return c
}
