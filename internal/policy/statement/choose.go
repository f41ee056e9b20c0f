package statement

import "gatehouse/internal/policy"

// chooseStatement runs the block of the first condition that is true.
type chooseStatement struct {
	whens     []when
	otherwise policy.Block
}

type when struct {
	condition policy.Bool
	block     policy.Block
}

func choose() *policy.Definition {
	return &policy.Definition{Name: "choose", Sections: policy.AnySection, Scopes: policy.AnyScope, Compile: compileChoose}
}

func compileChoose(k *policy.Compiler, e *policy.Element) policy.Statement {
	s := &chooseStatement{}
	checkChildren(k, e, "when", "otherwise")
	otherwise := only(k, e, "otherwise")
	for i, c := range e.Children {
		switch c.Name {
		case "when":
			checkAttributes(k, c, "condition")
			k.Required(c, "condition")
			s.whens = append(s.whens, when{condition: k.Bool(c, "condition", false), block: k.Block(c.Children)})
		case "otherwise":
			checkAttributes(k, c)
			if i != len(e.Children)-1 && c == otherwise {
				k.Errorf(c.Pos, "<otherwise> must be the last child of <choose>")
			}
			s.otherwise = k.Block(c.Children)
		}
	}
	if len(s.whens) == 0 {
		report(k, &e.Text, e.Pos, "<choose> needs at least one <when>")
	}
	return s
}

func (s *chooseStatement) Run(c *policy.Context) error {
	for i := range s.whens {
		w := &s.whens[i]
		ok, err := w.condition.Eval(c)
		if err != nil {
			return err
		}
		if ok {
			return w.block.Run(c)
		}
	}
	return s.otherwise.Run(c)
}
