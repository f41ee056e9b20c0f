package expr

import (
	"reflect"
	"testing"
	"time"
)

func TestEncodedValuesComeBack(t *testing.T) {
	tree, err := ParseJSON([]byte(`{"a": [1, 2.5, "x", null, true], "at": "2026-01-02T03:04:05Z"}`))
	if err != nil {
		t.Fatal(err)
	}
	response := &Response{StatusCode: 201, StatusReason: "Made", Header: Header{"A": {"1", "2"}}, Body: BytesBody([]byte("body"))}
	for _, v := range []any{"", "text", []byte{1, 0, 2}, true, false, int32(-5), int64(1 << 40), 2.5, Guid{1, 2}, NewDateTime(time.Unix(1, 0)), response,
		&Response{StatusCode: 204, Header: Header{}}} {
		data, ok := Encode(v)
		back, err := Decode(data)
		if !ok || err != nil || !reflect.DeepEqual(back, v) {
			t.Errorf("%T %v: %v %v %v", v, v, back, ok, err)
		}
		for i := range data { // a part of it is no value of the same kind, and no panic
			_, _ = Decode(data[:i])
		}
	}
	data, _ := Encode(tree)
	back, err := Decode(data)
	if got, ok := back.(*JToken); err != nil || !ok || !got.deepEquals(tree) {
		t.Errorf("%v %v", back, err)
	}
	for _, v := range []any{nil, &Array{}, (*JToken)(nil), (*Response)(nil)} {
		if _, ok := Encode(v); ok {
			t.Errorf("%T was encoded", v)
		}
	}
	for _, bad := range []string{"", "?", "i123", "t123456789", "r", "r\xff\xff\xff\x7f", "r\x01\x00\x00\x00{", "j{"} {
		if v, err := Decode([]byte(bad)); err == nil {
			t.Errorf("%q: %v", bad, v)
		}
	}
}
