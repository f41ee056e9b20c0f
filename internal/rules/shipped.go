package rules

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed shipped/*.yml
var shipped embed.FS

// Shipped gives the rule files that come with Gatehouse, ready for Load:
// latency, success and rate of every API and operation. What objectives promise
// is in the room objective.
func Shipped() (map[string][]byte, error) {
	entries, err := shipped.ReadDir("shipped")
	if err != nil {
		return nil, fmt.Errorf("read shipped rules: %w", err)
	}
	out := make(map[string][]byte, len(entries))
	for _, e := range entries {
		name := path.Join("shipped", e.Name())
		if out[name], err = shipped.ReadFile(name); err != nil {
			return nil, fmt.Errorf("read shipped rules: %w", err)
		}
	}
	return out, nil
}

//go:embed packs/*.yml
var packs embed.FS

// Packs are the names that Pack knows.
func Packs() []string { return []string{"aks", "kubernetes", "nodes", "windows"} }

// Pack gives a rule file that is loaded when it is asked for, by its name.
func Pack(name string) (file string, text []byte, err error) {
	file = path.Join("packs", name+".yml")
	if !slices.Contains(Packs(), name) {
		return "", nil, fmt.Errorf("there is no pack of rules %q: use one of %s", name, strings.Join(Packs(), ", "))
	}
	text, err = packs.ReadFile(file)
	return file, text, err
}
