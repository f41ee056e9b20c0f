package rules

import (
	"embed"
	"fmt"
	"path"
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
