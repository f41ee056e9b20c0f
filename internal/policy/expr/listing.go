package expr

import (
	"slices"
	"strings"
)

// ListedType is one type of the table, for pages that tell what there is.
type ListedType struct {
	Space    string // namespace; "" for the types of the context
	Name     string // with its parameters: Dictionary<K,V>
	Extended bool   // only the extended profile has it
}

// hiddenTypes are rows that make the language work and have no name in C#.
var hiddenTypes = []string{"Void", "Null", "ArrayOf", "ArrayOf2", "ArrayOf3", "CryptoExtensions"}

// ListTypes gives all types that expressions can name, by namespace and name.
func ListTypes() []ListedType {
	var out []ListedType
	for _, d := range types().full {
		space, name := "", d.full
		if i := strings.LastIndexByte(d.full, '.'); i >= 0 {
			space, name = d.full[:i], d.full[i+1:]
		}
		if slices.Contains(hiddenTypes, name) {
			continue
		}
		if len(d.params) > 0 {
			params := make([]string, len(d.params))
			for i, p := range d.params {
				params[i] = p.def.name
			}
			name += "<" + strings.Join(params, ",") + ">"
		}
		out = append(out, ListedType{space, name, d.extended})
	}
	slices.SortFunc(out, func(a, b ListedType) int {
		if a.Space != b.Space {
			return strings.Compare(a.Space, b.Space)
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}
