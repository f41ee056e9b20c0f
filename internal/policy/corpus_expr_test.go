package policy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

var (
	valueName  = regexp.MustCompile(`\{\{([A-Za-z0-9._-]+)\}\}`)
	fragmentID = regexp.MustCompile(`fragment-id="([^"]+)"`)
	fragmentOf = regexp.MustCompile(`(?s)^(\x{FEFF}|\s|<!--.*?-->)*<fragment`)
)

// TestCorpusExpressions compiles every expression of the published documents.
func TestCorpusExpressions(t *testing.T) {
	for folder, profile := range map[string]expr.Profile{"valid": expr.Strict, "extended-types": expr.Extended} {
		root := filepath.Join("..", "..", "..", "shared", "corpus", "policies", folder)
		if _, err := os.Stat(root); err != nil {
			t.Skip("the corpus is not here")
		}
		count := 0
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			count += compileAll(t, path, string(text), profile)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d expressions", folder, count)
	}
}

func compileAll(t *testing.T, path, text string, profile expr.Profile) int {
	var values []*apim.NamedValue
	seen := map[string]bool{}
	for _, m := range valueName.FindAllStringSubmatch(text, -1) {
		if !seen[m[1]] {
			seen[m[1]] = true
			values = append(values, &apim.NamedValue{ID: m[1], Name: m[1], Value: "7"})
		}
	}
	fragments := map[string]string{}
	for _, m := range fragmentID.FindAllStringSubmatch(text, -1) {
		fragments[m[1]] = "<fragment></fragment>"
	}
	if fragmentOf.MatchString(text) {
		fragments["document"] = text
		text = `<policies><inbound><include-fragment fragment-id="document" /></inbound></policies>`
	}
	var list []*apim.PolicyFragment
	for id, f := range fragments {
		list = append(list, &apim.PolicyFragment{ID: id, Document: apim.Document{File: path, Text: f}})
	}
	set, messages := policy.NewSet(values, list)
	if messages.Failed() {
		t.Error(messages)
	}
	doc, messages := set.Parse(apim.Document{File: path, Text: text}, policy.API)
	if doc == nil {
		t.Error(messages)
		return 0
	}
	n := 0
	for _, elements := range [][]*policy.Element{doc.Inbound, doc.Backend, doc.Outbound, doc.OnError} {
		for _, e := range elements {
			n += compileElement(t, e, profile)
		}
	}
	return n
}

func compileElement(t *testing.T, e *policy.Element, profile expr.Profile) int {
	n := compileValue(t, e.Text, expr.String, profile)
	for i := range e.Attrs {
		want := expr.Any
		if e.Attrs[i].Name == "condition" {
			want = expr.Bool
		}
		n += compileValue(t, e.Attrs[i].Value, want, profile)
	}
	for _, c := range e.Children {
		n += compileElement(t, c, profile)
	}
	return n
}

func compileValue(t *testing.T, v policy.Value, want expr.Type, profile expr.Profile) int {
	if !v.Expression {
		return 0
	}
	if _, err := expr.Compile(v.Text, v.Block, want, profile); err != nil {
		p := v.Position(err.Offset)
		from := max(0, min(err.Offset, len(v.Text))-20)
		t.Errorf("%s:%d:%d: %v near %q", p.File, p.Line, p.Column, err, strings.TrimSpace(v.Text[from:min(len(v.Text), from+60)]))
	}
	return 1
}
