package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The commands of the guide, for a machine, a container and Kubernetes, are what
// the command takes.
func TestGuideOfTheProxy(t *testing.T) {
	text, err := os.ReadFile("../../docs/guides/identity-aware-proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	joined := strings.ReplaceAll(string(text), "\\\n", " ")
	var commands [][]string
	for _, line := range strings.Split(joined, "\n") {
		if _, rest, ok := strings.Cut(line, "gatehouse proxy --"); ok && strings.Contains(line, "--upstream") {
			commands = append(commands, strings.Fields("--"+rest))
		}
	}
	var args []string
	for _, m := range regexp.MustCompile(`(?m)^ +- (--\S+)$`).FindAllStringSubmatch(string(text), -1) {
		args = append(args, m[1])
	}
	if commands = append(commands, args); len(commands) != 3 {
		t.Fatalf("%d commands are in the guide, want 3", len(commands))
	}
	for _, one := range commands {
		c, err := proxySettings(one)
		if err != nil {
			t.Errorf("%v: %v", one, err)
			continue
		}
		if p := c.Identity.Proxies[0]; len(p.Groups) != 1 || p.Upstream == "" || p.ClientID == "" || time.Duration(p.Session) != 8*time.Hour {
			t.Errorf("%v: %+v", one, p)
		}
	}
	for want, bad := range map[string][]string{"missing: ": nil, "no flag": {"x"}, "empty": {"--allow-group="}} {
		if _, err := proxySettings(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
