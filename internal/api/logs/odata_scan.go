package logs

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/api/timespan"
)

// scanOData divides an expression into tokens; the last one is the end.
func scanOData(text string) ([]token, error) {
	if len(text) > maxExpression || !utf8.ValidString(text) {
		return nil, fmt.Errorf("the expression is longer than %d bytes or not UTF-8", maxExpression)
	}
	var out []token
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '(' || c == ')' || c == ',':
			out = append(out, token{markToken, text[i : i+1], i})
			i++
		case c == '\'':
			value, after, ok := quoted(text, i)
			if !ok {
				return nil, fmt.Errorf("at character %d: the quote is not closed", i+1)
			}
			out = append(out, token{textToken, value, i})
			i = after
		default:
			end := i
			for end < len(text) && !strings.ContainsRune(" \t\r\n(),'", rune(text[end])) {
				end++
			}
			out = append(out, wordToken(text[i:end], i))
			i = end
		}
	}
	return append(out, token{endToken, "", len(text)}), nil
}

// quoted reads a text in quotes, in which a quote is doubled.
func quoted(text string, from int) (value string, after int, ok bool) {
	var b strings.Builder
	for i := from + 1; i < len(text); i++ {
		switch {
		case text[i] != '\'':
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == '\'':
			b.WriteByte('\'')
			i++
		default:
			return b.String(), i + 1, true
		}
	}
	return "", 0, false
}

func wordToken(word string, pos int) token {
	if number(word) {
		return token{numberToken, word, pos}
	}
	if word[0] >= '0' && word[0] <= '9' {
		if t, err := timespan.Time(word); err == nil {
			return token{timeToken, t.Format("2006-01-02T15:04:05.9999999Z"), pos}
		}
	}
	return token{nameToken, word, pos}
}

// number is a decimal number as OData and KQL both write it.
func number(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, fraction, dot := strings.Cut(s, ".")
	return digits(whole) && (!dot || digits(fraction)) && len(s) < 30
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
