package expr

import "testing"

func TestDetach(t *testing.T) {
	tree := NewJObject()
	tree.Set("a", int32(1))
	list := &Array{items: []any{tree, []byte("x")}, list: true}
	copied := Detach(list).(*Array)
	tree.Set("a", int32(2))
	list.items[1].([]byte)[0] = 'y'
	if got := copied.items[0].(*JToken).JSON(false); got != `{"a":1}` {
		t.Errorf("the copy of a tree changed to %s", got)
	}
	if got := string(copied.items[1].([]byte)); got != "x" {
		t.Errorf("the copy of bytes changed to %s", got)
	}
	response := &Response{StatusCode: 200, Header: Header{"A": {"1"}}}
	kept := Detach(response).(*Response)
	response.Header.Set("A", "2")
	if got := kept.Header.Get("A"); got != "1" {
		t.Errorf("the copy of a response changed to %s", got)
	}
	loop := &Array{items: []any{nil}}
	loop.items[0] = loop
	Detach(loop) // ends
}
