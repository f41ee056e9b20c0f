package statement

import (
	"strings"

	"gatehouse/internal/policy"
)

// limitTarget is an API or operation that a limit of a subscription names: by
// id, or by name.
type limitTarget struct{ id, name string }

func compileLimitTarget(k *policy.Compiler, e *policy.Element) limitTarget {
	t := limitTarget{id: k.Literal(e, "id", ""), name: k.Literal(e, "name", "")}
	if t.id == "" && t.name == "" {
		k.Errorf(e.Pos, "<%s> needs the attribute \"id\" or \"name\"", e.Name)
	}
	return t
}

// is tells whether the target names the API or operation.
func (t *limitTarget) is(id, name string) bool {
	if t.id != "" {
		return strings.EqualFold(t.id, id)
	}
	return strings.EqualFold(t.name, name)
}
