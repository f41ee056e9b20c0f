package expr

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestPeek(t *testing.T) {
	for _, one := range []struct {
		name  string
		size  int64
		limit int64
		whole bool
	}{
		{"fits", -1, 5, true}, {"fits exactly, size known", 5, 5, true},
		{"too long", -1, 4, false}, {"too long, size known", 5, 4, false},
	} {
		t.Run(one.name, func(t *testing.T) {
			b := StreamBody(io.NopCloser(iotest.OneByteReader(strings.NewReader("12345"))), one.size)
			data, whole := b.Peek(one.limit)
			if whole != one.whole || whole && string(data) != "12345" {
				t.Fatalf("got %q, %v", data, whole)
			}
			if b.Replayable() != one.whole || b.Size() != one.size && !one.whole {
				t.Fatal("a long body must stay a stream, a short one is buffered")
			}
			r, _ := b.Take()
			if all, err := io.ReadAll(r); err != nil || string(all) != "12345" {
				t.Fatalf("afterwards %q, %v", all, err)
			}
		})
	}
}

func TestPeekKeepsTheFailureOfTheStream(t *testing.T) {
	broken := errors.New("broken")
	b := StreamBody(io.NopCloser(io.MultiReader(strings.NewReader("12"), iotest.ErrReader(broken))), -1)
	if _, whole := b.Peek(10); whole {
		t.Fatal("a broken body is not whole")
	}
	r, _ := b.Take()
	if all, err := io.ReadAll(r); string(all) != "12" || !errors.Is(err, broken) {
		t.Fatalf("got %q, %v", all, err)
	}
}

func TestPeekOfNoStream(t *testing.T) {
	var none Body
	if data, whole := none.Peek(1); data != nil || !whole {
		t.Fatalf("no body: %q, %v", data, whole)
	}
	b := BytesBody([]byte("123"))
	if data, whole := b.Peek(1); string(data) != "123" || !whole {
		t.Fatalf("buffered: %q, %v", data, whole)
	}
	if _, err := b.Bytes(false); err != nil {
		t.Fatal(err)
	}
	if _, whole := b.Peek(1); whole {
		t.Fatal("a consumed body is not whole")
	}
}

func TestHeadLeavesTheStream(t *testing.T) {
	b := StreamBody(io.NopCloser(io.MultiReader(strings.NewReader("123"), strings.NewReader("456"))), 6)
	for _, limit := range []int64{4, 2, 100} {
		if head := b.Head(limit); string(head) != "123456"[:min(limit, 6)] {
			t.Errorf("head of %d: %q", limit, head)
		}
	}
	r, size := b.Take()
	if data, err := io.ReadAll(r); string(data) != "123456" || err != nil || size != 6 {
		t.Errorf("%q %v %d", data, err, size)
	}
}
