package statement

import "testing"

// TestUsageThatIsNotBelieved reads counts that no call can have: they count as
// not told, so that they are estimated.
func TestUsageThatIsNotBelieved(t *testing.T) {
	for text, want := range map[string]tokenUsage{
		`{"usage":{"prompt_tokens":10,"completion_tokens":5}}`:                             {10, 5, 15},
		`{"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":99999999999}}`:  {10, 5, 15},
		`{"usage":{"prompt_tokens":1e300,"completion_tokens":-5,"total_tokens":-1000000}}`: {},
		`{"usage":{"prompt_tokens":"ten","total_tokens":null}}`:                            {},
		`{"usage":[1]}`: {},
	} {
		if got := usageOf(parseAnswer([]byte(text))); got != want {
			t.Errorf("%s: %+v", text, got)
		}
	}
}
