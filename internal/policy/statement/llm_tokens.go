package statement

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer/codec"
)

// encoding splits text as OpenAI's models since gpt-4o do (o200k_base). It is
// made when the first text is counted; it is part of the binary.
var encoding = sync.OnceValue(codec.NewO200kBase)

const (
	// maxCounted is how much of a text is split into tokens; the rest is taken to
	// be like it.
	maxCounted = 64 << 10
	// maxPiece is how much is split at once: the time for some texts, such as
	// blanks and line ends in turn, grows with the square of their length.
	maxPiece = 1 << 10
)

// estimateTokens gives about how many tokens a model makes of a text: the exact
// number for many models, one within some percent for others.
func estimateTokens(text string) int64 {
	n, counted := int64(0), 0
	for counted < len(text) && counted < maxCounted {
		piece := cutPiece(text[counted:])
		counted += len(piece)
		tokens, err := encoding().Count(piece)
		if err != nil { // four bytes are about one token
			tokens = (len(piece) + 3) / 4
		}
		n += int64(tokens)
	}
	if counted < len(text) {
		n = int64(float64(n) * float64(len(text)) / float64(counted))
	}
	return n
}

// cutPiece is the start of a text, cut in front of a blank where tokens begin,
// or else between two characters.
func cutPiece(text string) string {
	if len(text) <= maxPiece {
		return text
	}
	if i := strings.LastIndexByte(text[:maxPiece], ' '); i > maxPiece/2 {
		return text[:i]
	}
	i := maxPiece
	for i > maxPiece-utf8.UTFMax && !utf8.RuneStart(text[i]) {
		i--
	}
	return text[:i]
}
