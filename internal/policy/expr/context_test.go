package expr

import (
	"time"
)

// testContext is a request with a bit of everything.
func testContext() *Context {
	u, _ := ParseURL("https://api.example.com/v1/items?q=a%20b&tag=x&tag=y")
	c := &Context{
		API:          &API{ID: "api1", Name: "Echo", Path: "v1", Revision: "2", Protocols: []string{"https"}, ServiceURL: u, SubscriptionKeyHeader: "Ocp-Apim-Subscription-Key"},
		Operation:    &Operation{ID: "get-items", Name: "Get items", Method: "GET", URLTemplate: "/items"},
		Subscription: &Subscription{ID: "sub1", Name: "first", Key: "k", PrimaryKey: "k"},
		Deployment:   &Deployment{GatewayID: "managed", Region: "West Europe", ServiceName: "demo", ServiceID: "demo"},
		User:         &User{ID: "u1", Email: "ann@example.com", FirstName: "Ann", Groups: []Group{{"g1", "Developers"}, {"g2", "Admins"}}},
		RequestID:    Guid{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10},
		Timestamp:    time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC),
		LastError:    &LastError{Source: "validate-jwt", Reason: "TokenExpired", Message: "expired", HTTPErrorCode: 401},
		Now:          func() time.Time { return time.Date(2024, 5, 6, 7, 8, 10, 500_000_000, time.UTC) },
		Budget:       Budget{Bytes: DefaultBudgetBytes},
	}
	n := uint64(0)
	c.Random = func() uint64 { n += 0x9E3779B97F4A7C15; return n }
	c.Request = Request{Method: "GET", URL: u, OriginalURL: u, IPAddress: "10.0.0.1",
		Header:            Header{"X-A": {"b"}, "Accept": {"text/html", "*/*"}, "Content-Type": {"application/json"}, "Authorization": {"Basic dXNlcjpwYXNz"}},
		Body:              BytesBody([]byte(`{"user":{"name":"Ann","age":30},"tags":["x","y"],"when":"2024-01-02T03:04:05Z","price":1.5,"ok":true,"none":null}`)),
		MatchedParameters: []Parameter{{"id", "42"}}}
	c.Response = &Response{StatusCode: 429, StatusReason: "Too Many Requests", Header: Header{"Retry-After": {"30"}}, Body: BytesBody([]byte("hello"))}
	c.Variables.Set("s", "text")
	c.Variables.Set("n", int32(7))
	c.Variables.Set("big", int64(1)<<40)
	c.Variables.Set("b", true)
	c.Variables.Set("empty", "")
	c.Variables.Set("resp", &Response{StatusCode: 200, Header: Header{}, Body: BytesBody([]byte(`{"a":[1,2,3]}`))})
	return c
}
