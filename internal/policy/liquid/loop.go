package liquid

import (
	"fmt"
	"strings"
)

// loopNode is for, tablerow and JSONArrayFor.
type loopNode struct {
	kind          string
	variable      string
	list          expression
	limit, offset expression
	cols          expression
	where         string // of JSONArrayFor: only elements of this name
	reversed      bool
	body, none    []node
	at            int
}

func (p *parser) loop(t *token, end string) node {
	n := &loopNode{kind: strings.ToLower(t.name), at: t.offset}
	w := p.words(t.args, t.argsAt)
	n.variable = w.name("the variable of the loop")
	if !w.keyword("in") {
		w.fail("expected in%s", w.found())
	}
	n.list = w.filtered()
	n.modifiers(w)
	p.loops++
	n.body = p.block(t, "else", end)
	p.loops--
	if c := p.current(); strings.EqualFold(c.name, "else") {
		p.close()
		n.none = p.block(t, end)
	}
	p.close()
	return n
}

func (n *loopNode) modifiers(w *words) {
	for w.kind != 0 {
		w.is(",")
		at := w.at
		name := w.name("reversed, limit: or offset:")
		switch name {
		case "reversed":
			n.reversed = true
			continue
		case "where":
			w.is("==")
			if w.kind != 's' && w.kind != 'i' {
				w.fail("where takes the name of an element")
			}
			n.where = w.word
			w.next()
			continue
		}
		w.expect(":")
		e := w.value()
		switch name {
		case "limit":
			n.limit = e
		case "offset":
			n.offset = e
		case "cols":
			n.cols = e
		default:
			fail(at, "a loop has no %s: expected reversed, limit: or offset:", name)
		}
	}
}

func (n *loopNode) render(r *run) {
	list := n.items(r)
	if len(list) == 0 {
		r.nodes(n.none)
		return
	}
	outer, had := r.variables[n.variable]
	outerLoop := r.variables["forloop"]
	columns := len(list)
	if n.cols != nil {
		if c, ok := wholeOf(n.cols(r)); ok && c > 0 {
			columns = int(min(c, int64(len(list))))
		}
	}
	state := &loopState{length: len(list)}
	for i, v := range list {
		r.step(n.at)
		state.index = i
		r.variables[n.variable], r.variables["forloop"] = v, state
		n.once(r, i, len(list), columns)
		stop := r.interrupt == breakLoop
		r.interrupt = goOn
		if stop {
			break
		}
	}
	r.variables["forloop"] = outerLoop
	if had {
		r.variables[n.variable] = outer
	} else {
		delete(r.variables, n.variable)
	}
}

// once renders one item with what a kind of loop puts around it.
func (n *loopNode) once(r *run, i, length, columns int) {
	switch n.kind {
	case "jsonarrayfor":
		if i > 0 {
			r.write(n.at, ",")
		}
	case "tablerow":
		if i%columns == 0 {
			r.write(n.at, fmt.Sprintf(`<tr class="row%d">`, i/columns+1))
		}
		r.write(n.at, fmt.Sprintf(`<td class="col%d">`, i%columns+1))
		defer func() {
			r.write(n.at, "</td>")
			if (i+1)%columns == 0 || i+1 == length {
				r.write(n.at, "</tr>")
			}
		}()
	}
	r.nodes(n.body)
}

func (n *loopNode) items(r *run) []any {
	list := each(n.list(r))
	r.steps += len(list) / 16
	r.step(n.at)
	if n.where != "" {
		list = named(list, n.where)
	}
	if n.offset != nil {
		if o, ok := wholeOf(n.offset(r)); ok && o > 0 {
			list = list[min(o, int64(len(list))):]
		}
	}
	if n.limit != nil {
		if l, ok := wholeOf(n.limit(r)); ok && l >= 0 {
			list = list[:min(l, int64(len(list)))]
		}
	}
	if n.reversed {
		turned := make([]any, len(list))
		for i, v := range list {
			turned[len(list)-1-i] = v
		}
		return turned
	}
	return list
}

// loopState is the variable forloop.
type loopState struct{ index, length int }

// Property is a member of forloop.
func (s *loopState) Property(name string) (any, bool) {
	switch strings.ToLower(name) {
	case "index":
		return int64(s.index + 1), true
	case "index0":
		return int64(s.index), true
	case "rindex":
		return int64(s.length - s.index), true
	case "rindex0":
		return int64(s.length - s.index - 1), true
	case "first":
		return s.index == 0, true
	case "last":
		return s.index == s.length-1, true
	case "length":
		return int64(s.length), true
	}
	return nil, false
}

// Entries are none: nobody loops over forloop.
func (s *loopState) Entries() []Entry { return nil }
