package telemetry

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
)

// What is written reads back as it was, wherever in it the characters stand
// that need an escape.
func TestEscapedTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	odd := []string{"\"", "\\", "\n", "\x00", "\x1f", "é", "€", "😀", "\x7f", "</script>", "\u2028"}
	for length := range 200 {
		for range 20 {
			text := []byte(strings.Repeat("abcdefgh", length/8+1))[:length]
			in := string(text)
			for range random.IntN(4) {
				at := random.IntN(length + 1)
				in = string(text[:at]) + odd[random.IntN(len(odd))] + string(text[at:])
			}
			var out string
			if err := json.Unmarshal(AppendJSON(nil, in), &out); err != nil || out != in {
				t.Fatalf("%q: %q %v", in, out, err)
			}
		}
	}
	if got := string(AppendJSON(nil, "a\xffb")); got != `"a`+"\ufffd"+`b"` {
		t.Errorf("a byte that is no text: %s", got)
	}
}
