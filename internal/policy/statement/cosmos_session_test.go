package statement

import (
	"encoding/base64"
	"net/url"
	"testing"
)

// TestCosmosAuthorization checks the signature against the published example
// of the REST API: verb, type, link and date in lines of their own.
func TestCosmosAuthorization(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("dsZQi3KtZmCv1ljt3VNWNm7sQUF1y5rJfC6kv5JiwvW0EndXdDku/dkKBp8/ufDToSxLzR4y+O/0H/t4bQtVNw==")
	if err != nil {
		t.Fatal(err)
	}
	s := &cosmosSession{key: key}
	got, err := url.QueryUnescape(s.sign("GET", "dbs", "dbs/ToDoList", "Thu, 27 Apr 2017 00:51:12 GMT"))
	if want := "type=master&ver=1.0&sig=c09PEVJrgp2uQRkr934kFbTqhByc7TVr3OHyqlu+c+c="; err != nil || got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
