package xpath

import "strings"

// word is one token of an expression.
type word struct {
	kind   wordKind
	text   string
	offset int
}

type wordKind uint8

const (
	endWord wordKind = iota
	nameWord
	numberWord
	literalWord
	markWord     // ( ) [ ] . .. @ , :: / // | + - = != < <= > >= * $
	operatorWord // and or mod div, and * as an operator
)

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isNameStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
func isNameByte(c byte) bool { return isNameStart(c) || isDigit(c) || c == '-' || c == '.' }

// lex cuts an expression into words.
func lex(text string) []word {
	var out []word
	for i := 0; ; {
		for i < len(text) && isSpace(text[i]) {
			i++
		}
		if i >= len(text) {
			return append(out, word{endWord, "", len(text)})
		}
		if len(out) > 10_000 {
			fail(i, "the expression is too long")
		}
		w := next(text, i, out)
		i += w.length(text)
		out = append(out, w)
	}
}

func (w word) length(text string) int {
	if w.kind == literalWord {
		return len(w.text) + 2
	}
	return len(w.text)
}

func next(text string, i int, before []word) word {
	c := text[i]
	switch {
	case c == '"' || c == '\'':
		end := strings.IndexByte(text[i+1:], c)
		if end < 0 {
			fail(i, "this text is never closed: expected %c", c)
		}
		return word{literalWord, text[i+1 : i+1+end], i}
	case isDigit(c), c == '.' && i+1 < len(text) && isDigit(text[i+1]):
		end := i
		for end < len(text) && (isDigit(text[end]) || text[end] == '.') {
			end++
		}
		return word{numberWord, text[i:end], i}
	case isNameStart(c):
		return name(text, i, before)
	case c == '*' && operand(before):
		return word{operatorWord, "*", i}
	}
	for _, mark := range [...]string{"::", "//", "..", "!=", "<=", ">="} {
		if strings.HasPrefix(text[i:], mark) {
			return word{markWord, mark, i}
		}
	}
	if strings.IndexByte("()[].@,/|+-=<>*$", c) < 0 {
		fail(i, "unexpected %q", text[i:i+1])
	}
	return word{markWord, text[i : i+1], i}
}

// operand tells whether the last word ends an operand: then a name or * that
// follows is an operator.
func operand(before []word) bool {
	if len(before) == 0 {
		return false
	}
	last := before[len(before)-1]
	switch last.kind {
	case operatorWord:
		return false
	case markWord:
		return last.text == ")" || last.text == "]" || last.text == "." || last.text == ".." || last.text == "*"
	}
	return true
}

// name reads a qualified name, prefix:* or an operator such as and.
func name(text string, i int, before []word) word {
	end := i
	for end < len(text) && isNameByte(text[end]) {
		end++
	}
	if operand(before) {
		switch text[i:end] {
		case "and", "or", "mod", "div":
			return word{operatorWord, text[i:end], i}
		}
	}
	if end+1 < len(text) && text[end] == ':' && text[end+1] == '*' {
		return word{nameWord, text[i : end+2], i}
	}
	if end+1 < len(text) && text[end] == ':' && isNameStart(text[end+1]) {
		end++
		for end < len(text) && isNameByte(text[end]) {
			end++
		}
	}
	return word{nameWord, text[i:end], i}
}
