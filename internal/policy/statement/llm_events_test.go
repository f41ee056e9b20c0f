package statement

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func events(pieces ...string) (out []string) {
	s := eventScanner{event: func(data []byte) { out = append(out, string(data)) }}
	for _, p := range pieces {
		s.feed([]byte(p))
	}
	s.end()
	return out
}

func TestEventScanner(t *testing.T) {
	for _, one := range []struct {
		name   string
		pieces []string
		want   []string
	}{
		{"one", []string{"data: a\n\n"}, []string{"a"}},
		{"without space", []string{"data:a\n\n"}, []string{"a"}},
		{"two lines", []string{"data: a\ndata: b\n\n"}, []string{"a\nb"}},
		{"other fields", []string{": hello\nevent: x\nid: 1\nretry: 5\ndata: a\n\n"}, []string{"a"}},
		{"carriage returns", []string{"data: a\r\rdata: b\r\n\r\ndata: c\r", "\n\r", "\ndata: d\n\n"}, []string{"a", "b", "c", "d"}},
		{"cut anywhere", []string{"da", "ta", ": a", "b\n", "\nda", "ta: c\n\n"}, []string{"ab", "c"}},
		{"no end", []string{"data: a\n\ndata: b"}, []string{"a", "b"}},
		{"no data", []string{"event: ping\n\n\n\n"}, nil},
		{"too long", []string{"data: " + strings.Repeat("x", maxEvent) + "\ndata: y\n\ndata: a\n\n"}, []string{"a"}},
		{"too many lines", []string{strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", maxEvent/1000), "\ndata: a\n\n"}, []string{"a"}},
	} {
		t.Run(one.name, func(t *testing.T) {
			if got := events(one.pieces...); !slices.Equal(got, one.want) {
				t.Fatalf("got %q, want %q", got, one.want)
			}
			if got := events(strings.Split(strings.Join(one.pieces, ""), "")...); !slices.Equal(got, one.want) {
				t.Fatalf("byte by byte %q, want %q", got, one.want)
			}
		})
	}
}

// FuzzStreamedUsage: however a stream is cut, the same is read of it; nothing
// panics and nothing is kept beyond its bounds.
func FuzzStreamedUsage(f *testing.F) {
	f.Add("data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\ndata: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}\n\ndata: [DONE]\n\n", uint8(5))
	f.Add("event: message_start\r\ndata: {\"message\":{\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\r\n\r\ndata: {\"delta\":{\"text\":\"\\ud800\"},\"usage\":{\"output_tokens\":-1e300}}", uint8(1))
	f.Add("data: {\"delta\":\"a\",\ndata: \"response\":{\"usage\":[]},\"choices\":{\"text\":null}}\r\r", uint8(2))
	f.Add("data: [[[[{\"usage\":1}]]]]\n\n:\n", uint8(3))
	f.Fuzz(func(t *testing.T, stream string, size uint8) {
		read := func(step int) (u tokenUsage, seen string) {
			w := &llmWatch{prompt: &llmPrompt{}}
			w.then = append(w.then, func(got tokenUsage) { u = got })
			w.events = &eventScanner{event: func(data []byte) { seen += fmt.Sprintf("%q", data); w.event(data) }}
			for piece := range slices.Chunk([]byte(stream), step) {
				w.read(piece)
				if len(w.events.line)+len(w.events.data) > maxEvent+2 || w.text.Len() > maxEvent+textPiece {
					t.Fatal("more is kept than allowed")
				}
			}
			w.end(true)
			return u, seen
		}
		a, sawA := read(max(1, len(stream)))
		b, sawB := read(int(size) + 1)
		if a != b || sawA != sawB {
			t.Fatalf("whole %+v %s, in pieces %+v %s", a, sawA, b, sawB)
		}
		if a.prompt < 0 || a.completion < 0 || a.total < a.prompt+a.completion {
			t.Fatalf("usage %+v", a)
		}
	})
}

func FuzzPrompt(f *testing.F) {
	f.Add([]byte(`{"model":"m","stream":true,"messages":[{"role":"system","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]}]}`))
	f.Add([]byte(`{"input":["a",["b"]],"instructions":{"text":1},"contents":[{"parts":[{"text":"c"}]}]}`))
	f.Add([]byte(`not json`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p := parsePrompt(body)
		if n := p.tokens(); n < 0 || len(p.messages) == 0 && n != 0 {
			t.Fatalf("%d tokens of %+v", n, p)
		}
	})
}

func TestPrompt(t *testing.T) {
	for _, one := range []struct{ body, want string }{
		{`{"messages":[{"role":"system","content":"a"},{"role":"user","content":[{"type":"text","text":"b"},{"type":"image_url","image_url":{"url":"x"}}]},{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}]}`,
			"system:a user:b assistant:f{}"},
		{`{"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":"u"}]}`, "system:s user:u"},
		{`{"instructions":"i","input":[{"role":"user","content":[{"type":"input_text","text":"u"}]}]}`, "system:i user:u"},
		{`{"input":"one"}`, "user:one"},
		{`{"input":["one","two"]}`, "user:one user:two"},
		{`{"prompt":["one","two"]}`, "user:onetwo"},
		{`{"systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"role":"model","parts":[{"text":"m"}]}]}`, "system:s model:m"},
		// A second member and one of another letter case do not hide the first.
		{`{"messages":[{"role":"user","content":"seen"}],"Messages":[{"role":"user","content":"hidden"}]}`, "user:seen"},
		{`{"messages":[{"role":"user","content":"hidden"}],"messages":[{"role":"user","content":"seen"}]}`, "user:seen"},
		{`{"question":{"words":["a"]}}`, ":a\n"},
		{`plain text`, ":plain text"},
		{``, ""}, {`{}`, ":"}, {`[1]`, ":"},
	} {
		p := parsePrompt([]byte(one.body))
		var got []string
		for _, m := range p.messages {
			got = append(got, m.role+":"+m.text)
		}
		if strings.Join(got, " ") != one.want {
			t.Errorf("%s: got %q, want %q", one.body, got, one.want)
		}
	}
}

// TestEstimate: published counts of o200k_base, and texts of any length.
func TestEstimate(t *testing.T) {
	for _, one := range []struct {
		text string
		want int64
	}{
		{"", 0}, {"hello world", 2}, {"tiktoken is great!", 6}, {"antidisestablishmentarianism", 6}, {"お誕生日おめでとう", 8},
		{strings.Repeat("hello world ", 20_000), 40_000},
	} {
		got := estimateTokens(one.text)
		if d := got - one.want; d < -one.want/50 || d > one.want/50 {
			t.Errorf("%.30q: %d tokens, want %d", one.text, got, one.want)
		}
	}
	if n := estimateTokens(strings.Repeat("\xff", 100)); n <= 0 {
		t.Errorf("broken text: %d", n)
	}
}

// TestLongAnswer: the usage of an answer that is too long to be kept is found
// at its end, and no text of the answer passes for it.
func TestLongAnswer(t *testing.T) {
	var got tokenUsage
	w := &llmWatch{whole: true, then: []func(tokenUsage){func(u tokenUsage) { got = u }}}
	answer := `{"data":["` + strings.Repeat("x", 3*maxAnswer) + `\"usage\":{\"total_tokens\":1}"],"usage": {"prompt_tokens":8,"total_tokens":8} }`
	for piece := range slices.Chunk([]byte(answer), 1000) {
		w.read(piece)
		if len(w.answer) > maxAnswer+1000 {
			t.Fatalf("%d bytes kept", len(w.answer))
		}
	}
	w.end(true)
	if got != (tokenUsage{prompt: 8, total: 8}) {
		t.Fatalf("got %+v", got)
	}
}

func TestTokenPeriods(t *testing.T) {
	for i, want := range []string{
		"2026-01-02 03:00 1h0m0s", "2026-01-02 00:00 24h0m0s", "2025-12-29 00:00 168h0m0s", "2026-01-01 00:00 744h0m0s", "2026-01-01 00:00 8760h0m0s",
	} {
		w := tokenPeriods[i].window(testTime)
		if got := w.Start.Format("2006-01-02 15:04 ") + w.Period.String(); got != want {
			t.Errorf("%s: got %s, want %s", tokenPeriods[i].name, got, want)
		}
	}
	sunday := testTime.AddDate(0, 0, 2)
	if w := tokenPeriods[2].window(sunday); w.Start.Day() != 29 {
		t.Errorf("a Sunday belongs to the week of %s", w.Start)
	}
}

// BenchmarkStreamedEvent is what one event of a stream costs when its tokens
// are counted.
func BenchmarkStreamedEvent(b *testing.B) {
	event := []byte("data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\"finish_reason\":null}]}\n\n")
	w := &llmWatch{prompt: &llmPrompt{}}
	w.events = &eventScanner{event: w.event}
	w.read(event)
	w.countText() // the encoding is made once
	b.ReportAllocs()
	for b.Loop() {
		w.read(event)
	}
}
