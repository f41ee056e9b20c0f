package statement

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// published holds policies that people published, beside the repository.
const published = "../../../../shared/corpus/policies/valid"

var (
	namedValue = regexp.MustCompile(`\{\{([A-Za-z0-9._-]+)\}\}`)
	fragmentID = regexp.MustCompile(`fragment-id="([^"]+)"`)
)

// TestPublishedPolicies compiles every published document: what the statements
// of the table say of it must be warnings at most.
func TestPublishedPolicies(t *testing.T) {
	if _, err := os.Stat(published); err != nil {
		t.Skip("no published policies here")
	}
	err := filepath.WalkDir(published, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".xml" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), "<policies") {
			return err
		}
		var errors policy.Messages
		for _, scope := range []policy.Scope{policy.API, policy.Product, policy.Global} { // files do not say theirs
			if errors = compilePublished(filepath.Base(path), string(text), scope); len(errors) == 0 {
				return nil
			}
		}
		t.Error(errors)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// notBuilt tells whether a message is about a statement outside the table.
func notBuilt(message string) bool {
	return strings.Contains(message, "unknown policy") || strings.Contains(message, "liquid") || strings.Contains(message, "has no child <authentication-")
}

// compilePublished gives the errors that are not for want of a statement.
func compilePublished(file, text string, scope policy.Scope) policy.Messages {
	var values []*apim.NamedValue
	var fragments []*apim.PolicyFragment
	seen := map[string]bool{}
	for _, m := range namedValue.FindAllStringSubmatch(text, -1) {
		if !seen[m[1]] {
			values = append(values, &apim.NamedValue{ID: m[1], Name: m[1], Value: plausible(m[1], text)})
		}
		seen[m[1]] = true
	}
	for _, m := range fragmentID.FindAllStringSubmatch(text, -1) {
		if !seen["fragment "+m[1]] {
			fragments = append(fragments, &apim.PolicyFragment{ID: m[1], Document: apim.Document{File: m[1], Text: "<fragment/>"}})
		}
		seen["fragment "+m[1]] = true
	}
	set, messages := policy.NewSet(values, fragments)
	doc, more := set.Parse(apim.Document{File: file, Text: text}, scope)
	if messages = append(messages, more...); messages.Failed() {
		return messages
	}
	broader := []*policy.Document{doc}
	if scope != policy.Global {
		global, _ := set.Parse(apim.Document{File: "global.xml", Text: globalDocument}, policy.Global)
		broader = append(broader, global)
	}
	_, more = policy.Compile(policy.Merge(broader...), &policy.Environment{Definitions: Table(), Profile: expr.Strict})
	return slices.DeleteFunc(append(messages, more...), func(m policy.Message) bool { return m.Warning || notBuilt(m.Text) })
}

// plausible is a value that fits a named value by its name; bare in code it is
// a number.
func plausible(name, text string) string {
	if strings.Contains(text, "= {{"+name+"}};") {
		return "1"
	}
	name = strings.ToLower(name)
	for _, kind := range []struct{ words, value string }{
		{"timeout calls period expiration count weight duration", "60"},
		{"key secret", "c2VjcmV0"},
		{"ip-", "10.0.0.1"},
	} {
		for word := range strings.FieldsSeq(kind.words) {
			if strings.Contains(name, word) {
				return kind.value
			}
		}
	}
	return "https://example.com"
}
