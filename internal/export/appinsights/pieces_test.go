package appinsights

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/golang/snappy"

	"gatehouse/internal/telemetry"
)

// traffic are rows as the gateway makes them of one operation.
func traffic(n int) []telemetry.Span {
	spans, _ := rows()
	out := make([]telemetry.Span, n)
	for i := range out {
		out[i] = spans[0]
		out[i].Time += int64(i) * 1_234_567_800
		out[i].TraceID, out[i].SpanID = fmt.Sprintf("%032x", i+1), fmt.Sprintf("%016x", i+1)
		out[i].RequestID = fmt.Sprintf("5f0c7c6e-7a1b-4f7d-9a53-%012x", i)
		out[i].Path = fmt.Sprintf("/petstore/pets/%d", i%7)
		out[i].ClientIP = fmt.Sprintf("192.0.2.%d", i%3)
	}
	return out
}

// A batch says of each row what it says of the row alone, whatever stood before.
func TestRowsOfABatchAreIndependent(t *testing.T) {
	var alone []byte
	all := fresh()
	for _, s := range traffic(300) {
		one := fresh()
		one.span(&s)
		alone = append(alone, made(one)...)
		all.span(&s)
	}
	if !bytes.Equal(made(all), alone) {
		t.Error("rows of a batch differ from the same rows alone")
	}
	if perRow := len(all.out) / 300; perRow > 1200 || perRow > len(alone)/300/2 {
		t.Errorf("a row takes %d bytes of the queue and %d as lines", perRow, len(alone)/300)
	}
	again := made(all)
	all.reset()
	for _, s := range traffic(300) {
		all.span(&s)
	}
	if !bytes.Equal(made(all), again) {
		t.Error("a batch that is used again makes other items")
	}
}

func TestBatchesOfBothVersionsAreSent(t *testing.T) {
	b := fresh()
	for _, s := range traffic(3) {
		b.span(&s)
	}
	lines := made(b)
	old := append([]byte{versionLines}, snappy.Encode(nil, lines)...)
	pieces, err := join([][]byte{b.out, old, b.out})
	if err != nil {
		t.Fatal(err)
	}
	e := &Exporter{}
	e.zippers.New = newZipper
	body, err := e.zip(pieces, `a"key`)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.ReplaceAll(bytes.Repeat(lines, 3), []byte(`"name":"Microsoft.`), []byte(`{"ver":1,"iKey":"a\"key","name":"Microsoft.`))
	want = bytes.ReplaceAll(want, []byte(`"time":"`), []byte(`{"ver":1,"iKey":"a\"key","time":"`))
	want = bytes.ReplaceAll(want, []byte(`Z",{"ver":1,"iKey":"a\"key",`), []byte(`Z",`)) // gateway items begin with their time
	if !bytes.Equal(got, want) {
		t.Errorf("sent\n%s\nwant\n%s", got, want)
	}
	for _, damaged := range [][]byte{{}, {3, 1}, b.out[:len(b.out)/2], append([]byte{version}, 0xff), {version, pieceAgain | 9<<pieceBits}} {
		if _, err := join([][]byte{damaged}); err == nil {
			t.Errorf("%d bytes that are no batch were read", len(damaged))
		}
	}
}

func TestLongCapturesAreCutAndMarked(t *testing.T) {
	s := traffic(1)[0]
	body, err := json.Marshal(strings.Repeat(`{"é": "x"}`, 2000))
	if err != nil {
		t.Fatal(err)
	}
	s.Attributes = `{"Request-Body":` + string(body) + `,"Response-Body":"` + strings.Repeat("y", maxValue) + `","n":3,"empty":"","none":null}`
	b := fresh()
	b.span(&s)
	line, _, _ := bytes.Cut(made(b), []byte("\n"))
	var v struct {
		Data struct {
			BaseData struct{ Properties map[string]string }
		}
	}
	if err := json.Unmarshal(append([]byte("{"), line...), &v); err != nil {
		t.Fatal(err)
	}
	p := v.Data.BaseData.Properties
	if n := len(p["Request-Body"]); n > maxValue || n < maxValue-3 || p["Response-Body"] != strings.Repeat("y", maxValue) || p[truncated] != "[Request-Body]" || p["n"] != "3" {
		t.Errorf("%d %d %q %q", n, len(p["Response-Body"]), p[truncated], p["n"])
	}
	for _, name := range []string{"empty", "none"} {
		if _, there := p[name]; there {
			t.Errorf("%s is there", name)
		}
	}
}

// FuzzMembers compares what is copied as it stands with what encoding/json reads.
func FuzzMembers(f *testing.F) {
	for _, text := range []string{`{}`, ` { "a" : "b\\\"c\u00e9\/", "n" : -1.5e3 , "t":true,"z":null } `, `{"a":{"b":1},"c":"x"}`, "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, "{\"a\":\"\x01\"}", `{"a":"1"}x`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := map[string]string{}
		for name, v := range parsed(text) {
			want[name] = str(v)
		}
		got := map[string]string{}
		for _, m := range readMembers(nil, text) {
			got[m.name] = m.value()
			if n := within(m.raw, 5); m.text {
				cut := member{raw: m.raw[:n], text: true}
				if !json.Valid([]byte(`"`+cut.raw+`"`)) || cut.value() != clip(m.value(), 5) {
					t.Fatalf("%q: %q is cut to %q", text, m.raw, cut.raw)
				}
			}
			if m.text && !json.Valid([]byte(`"`+m.raw+`"`)) {
				t.Fatalf("%q: the raw text %q is no JSON", text, m.raw)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%q: %q, want %q", text, got, want)
		}
	})
}

func BenchmarkGatewayRows(b *testing.B) {
	spans := traffic(256)
	e := &Exporter{}
	e.zippers.New = newZipper
	x := fresh()
	b.ReportAllocs()
	for range b.N {
		x.reset()
		for n := range spans {
			x.span(&spans[n])
		}
		pieces, err := join([][]byte{x.out})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := e.zip(pieces, key); err != nil {
			b.Fatal(err)
		}
	}
}
