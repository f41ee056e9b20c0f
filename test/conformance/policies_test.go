// Package conformance measures how much of what people really write Gatehouse
// takes: real documents go in, and lines NAME passed/total come out.
package conformance

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
)

// corpus returns a folder of published documents, and skips the test where it
// is not at hand.
func corpus(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "corpus", name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no corpus at hand: %v", err)
	}
	return dir
}

// policyFile is one document of the corpus.
type policyFile struct {
	group string // the folder below valid, malformed, ...
	apim.Document
}

func policyFiles(t *testing.T, kind string) []policyFile {
	t.Helper()
	root := filepath.Join(corpus(t, "policies"), kind)
	var out []policyFile
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		group, _, _ := strings.Cut(name, "/")
		out = append(out, policyFile{group, apim.Document{File: name, Text: string(text)}})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var (
	reference   = regexp.MustCompile(`\{\{([A-Za-z0-9._-]+)\}\}`)
	inclusion   = regexp.MustCompile(`fragment-id="([^"]+)"`)
	fragmentTag = regexp.MustCompile(`(?m)^\s*<fragment[\s>]`)
)

// setFor gives a document the named values and fragments that it refers to,
// with values of the kind that their names suggest.
func setFor(f policyFile) (*policy.Set, policy.Messages) {
	seen := map[string]bool{}
	var values []*apim.NamedValue
	for _, m := range reference.FindAllStringSubmatch(f.Text, -1) {
		name := m[1]
		if seen[name] {
			continue
		}
		seen[name] = true
		values = append(values, &apim.NamedValue{ID: name, Name: name, Value: plausible(f.Text, name), Secret: strings.Contains(strings.ToLower(name), "key")})
	}
	fragments := []*apim.PolicyFragment{}
	for _, m := range inclusion.FindAllStringSubmatch(f.Text, -1) {
		if !seen["fragment "+strings.ToLower(m[1])] {
			seen["fragment "+strings.ToLower(m[1])] = true
			fragments = append(fragments, &apim.PolicyFragment{ID: m[1], Document: apim.Document{File: "empty", Text: "<fragment/>"}})
		}
	}
	if isFragment(f) {
		fragments = append(fragments, &apim.PolicyFragment{ID: "under-test", Document: f.Document})
	}
	return policy.NewSet(values, fragments)
}

// plausible suits the place of the first use and the name: a URL where only
// one can stand, a number for a time or count, a C# literal in bare code.
func plausible(text, name string) string {
	lower, ref := strings.ToLower(name), `\{\{`+regexp.QuoteMeta(name)+`\}\}`
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(lower, w) })
	}
	switch {
	case regexp.MustCompile(`(<set-url>|base-url=")\s*` + ref).MatchString(text):
		return "https://example.org"
	case comparedWithNumber(text, ref):
		return "1"
	case has("timeout", "seconds", "period", "calls", "weight"):
		return "60"
	case regexp.MustCompile(`[=(,]\s*` + ref + `\s*[;,)]`).MatchString(text):
		return `"bare"`
	case has("enabled", "validated"):
		return "true"
	case has("url", "endpoint"):
		return "https://example.org"
	case has("key", "iv", "secret"):
		return "MDEyMzQ1Njc4OWFiY2RlZg=="
	}
	return "value-of-" + name
}

// comparedWithNumber: the reference is the value of a variable of an expression
// that the same text compares with a number.
func comparedWithNumber(text, ref string) bool {
	m := regexp.MustCompile(`var\s+(\w+)\s*=\s*` + ref + `\s*;`).FindStringSubmatch(text)
	return m != nil && regexp.MustCompile(`\b`+m[1]+`\s*==\s*\d`).MatchString(text)
}

func isFragment(f policyFile) bool {
	return fragmentTag.MatchString(f.Text) && !strings.Contains(f.Text, "<policies")
}

// includer is a document that includes the fragment under test in one section.
func includer(f policyFile, s policy.Section) apim.Document {
	return apim.Document{File: "includes/" + f.File,
		Text: fmt.Sprintf("<policies><%s><include-fragment fragment-id=\"under-test\"/></%s></policies>", s, s)}
}

// resolve parses one file with everything it needs.
func resolve(f policyFile, scope policy.Scope, section policy.Section) (*policy.Document, policy.Messages) {
	set, messages := setFor(f)
	if messages.Failed() {
		return nil, messages
	}
	doc := f.Document
	if isFragment(f) {
		doc = includer(f, section)
	}
	return set.Parse(doc, scope)
}

// tally counts by group and prints the lines.
type tally struct {
	order         []string
	passed, total map[string]int
}

func (c *tally) add(name string, ok bool) {
	if c.total == nil {
		c.passed, c.total = map[string]int{}, map[string]int{}
	}
	if c.total[name]++; c.total[name] == 1 {
		c.order = append(c.order, name)
	}
	if ok {
		c.passed[name]++
	}
}

func (c *tally) print() {
	for _, name := range c.order {
		fmt.Printf("%s %d/%d\n", name, c.passed[name], c.total[name])
	}
}

func TestPoliciesParse(t *testing.T) {
	var all tally
	for _, f := range policyFiles(t, "valid") {
		_, messages := resolve(f, policy.API, policy.Inbound)
		ok := !messages.Failed()
		all.add("policies/valid/parse", ok)
		if !ok {
			t.Errorf("%v", messages)
		}
	}
	all.print()
}

func TestPoliciesMalformed(t *testing.T) {
	var count tally
	for _, f := range policyFiles(t, "malformed") {
		_, messages := resolve(f, policy.API, policy.Inbound)
		ok := messages.Failed() && messages[0].Pos.Line > 1 && messages[0].Pos.Column > 0
		count.add("policies/malformed", ok)
		t.Log(messages)
		if !ok {
			t.Errorf("%s: want an error with line and column, got %v", f.File, messages)
		}
	}
	count.print()
}
