package expr

import (
	"slices"
	"strings"
)

// Use is one thing that an expression takes of the context: a chain of members
// such as Request.Headers or Request.Body.As.
type Use struct {
	Path     string   // without "context.": Request.Body.As; calls and indexers add nothing
	Key      string   // the first literal text given to the chain, e.g. a header name
	Preserve bool     // a body is read with preserveContent: true
	Offset   int      // of "context" in the text
	Types    []string // the first type arguments of the chain, e.g. JObject
}

// Uses lists what an expression takes of the context, in the order of the text.
// It is for tools that explain policies; running an expression does not need it.
func Uses(text string, block bool) ([]Use, *Error) {
	tree, err := parseProgram(text, block)
	if err != nil {
		return nil, err
	}
	var out []Use
	inner := map[node]bool{} // chains that are part of a longer one
	walk(tree, func(n node) {
		if inner[n] {
			return
		}
		if u, ok := chain(n, inner); ok {
			out = append(out, u)
		}
	})
	return out, nil
}

// chain reads a chain from its end back to the name context.
func chain(n node, inner map[node]bool) (u Use, ok bool) {
	var parts []string
	for {
		switch x := n.(type) {
		case *conditionalX:
			if _, ok := u.links(x.tail, &parts, inner).(*receiverX); !ok {
				return u, false
			}
			n = x.x
		case *nameX:
			if x.name != "context" || len(parts) == 0 {
				return u, false
			}
			u.Offset = x.offset()
			slices.Reverse(parts)
			u.Path = strings.Join(parts, ".")
			return u, true
		default:
			rest := u.links(n, &parts, inner)
			if rest == n {
				return u, false
			}
			n = rest
		}
		inner[n] = true
	}
}

// links reads members, calls and indexers from the end, and gives what stands
// in front of them.
func (u *Use) links(n node, parts *[]string, inner map[node]bool) node {
	for {
		inner[n] = true
		switch x := n.(type) {
		case *memberX:
			*parts = append(*parts, x.name)
			if len(x.targs) > 0 {
				u.Types = typeNames(x.targs)
			}
			n = x.x
		case *callX:
			u.arguments(x.args)
			n = x.fn
		case *indexX:
			u.arguments(x.args)
			n = x.x
		default:
			return n
		}
	}
}

// arguments notes what a call or indexer was given.
func (u *Use) arguments(args []argument) {
	for i, a := range args {
		l, ok := a.x.(*literalX)
		if !ok {
			continue
		}
		if text, is := l.value.(string); is && i == 0 {
			u.Key = text
		}
		if on, is := l.value.(bool); is && on {
			u.Preserve = true
		}
	}
}

func typeNames(list []*typeX) []string {
	var out []string
	for _, t := range list {
		if len(t.parts) > 0 {
			out = append(out, t.parts[len(t.parts)-1].name)
		}
	}
	return out
}
