package table

// Pairs gives the names of a table's columns, classic and workspace.
func Pairs(name string) (out [][2]string) {
	for _, d := range definitions() {
		if d.classic != name {
			continue
		}
		for _, c := range d.columns {
			out = append(out, [2]string{c.classic, c.workspace})
		}
	}
	return out
}
