package policy

import "strings"

// referenceRule is how strictly what follows an & is judged.
type referenceRule uint8

const (
	// In texts and attributes XML knows no & that is not the start of a
	// reference, and no reference to anything but characters.
	referencesInText referenceRule = iota
	// Markup is kept as it is written, whatever its references are.
	referencesInMarkup
	// In expressions & is an operator: only numbers are certain to be meant as
	// references.
	referencesInExpression
)

// references reports what begins like a reference to a character and is none.
// It would stand for itself here, and Azure refuses the document. What comes
// out of a named value is left alone: passwords hold any character.
func (p *parser) references(pieces []piece, rule referenceRule) bool {
	for _, one := range pieces {
		for i := one.start; one.decode && i < one.end; i++ {
			next := strings.IndexByte(p.src.text[i:one.end], '&')
			if next < 0 {
				break
			}
			i += next
			rest := p.src.text[i:one.end]
			if _, width := entity(rest); width > 0 || p.src.within(i) != nil {
				continue
			}
			if !p.reference(i, referenceName(rest), rule) {
				return false
			}
		}
	}
	return true
}

// referenceName is the name or number of the reference that text begins with,
// "" when the & stands alone.
func referenceName(text string) string {
	end := strings.IndexByte(text[:min(len(text), 40)], ';')
	if end < 2 {
		return ""
	}
	name := strings.TrimPrefix(text[1:end], "#")
	for i := 0; i < len(name); i++ {
		if !isNameByte(name[i]) {
			return ""
		}
	}
	return text[1:end]
}

// reference reports one that stands for no character.
func (p *parser) reference(offset int, name string, rule referenceRule) bool {
	number := strings.HasPrefix(name, "#")
	switch {
	case rule == referencesInExpression && !number:
	case name == "" && rule == referencesInText:
		p.warn(offset, "this & stands for itself, and Azure refuses it: write &amp; for it")
	case name == "":
	case rule != referencesInText:
		p.warn(offset, "&%s; stands for no character of XML: it is kept as it is written, and Azure refuses it; write the character itself, or &amp; for &", name)
	case number:
		return p.fail(offset, "&%s; stands for no character of XML: write the character itself, or &amp; for &", name)
	default:
		return p.fail(offset, "&%s; is not known: XML has &amp; &lt; &gt; &quot; &apos; and numbers such as &#160; alone; write the character itself, or &amp; for &", name)
	}
	return true
}
