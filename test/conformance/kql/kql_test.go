// Package kql compares the parser of KQL with what was not written here: real
// queries, and the official language service of Kusto.
package kql

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/test/conformance/npm"
)

// corpus is read from beside the repository, never copied.
func corpus(t *testing.T) (names, texts []string) {
	t.Helper()
	files, err := filepath.Glob("../../../../shared/corpus/kql/*.kql")
	if err != nil || len(files) == 0 {
		t.Skip("no corpus beside the repository")
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		names, texts = append(names, filepath.Base(f)), append(texts, string(b))
	}
	return names, texts
}

// goldens are the parser's own examples: every operator, and faults.
func goldens(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../../internal/query/kql/syntax/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no goldens")
	}
	var texts []string
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if strings.HasSuffix(f.Name, ".kql") {
				texts = append(texts, string(f.Data))
			}
		}
	}
	return texts
}

func TestParse(t *testing.T) {
	names, texts := corpus(t)
	passed := 0
	for i, text := range texts {
		if _, errs := syntax.Read(text, syntax.Options{}); len(errs) > 0 {
			t.Errorf("%s: %+v", names[i], errs)
			continue
		}
		passed++
	}
	fmt.Printf("kql/parse %d/%d\n", passed, len(texts))
}

// pieces cuts a query into what a mutation moves: strings, words, blanks, marks.
var pieces = regexp.MustCompile(`//[^\n]*|@?"(?:[^"\\\n]|\\.)*"|@?'(?:[^'\\\n]|\\.)*'|[A-Za-z_0-9]+(?:\.[0-9]+)?|\s+|[=!<>]=|=~|!~|\.\.|.`)

// mutations gives n texts that differ from the query by one piece left out,
// written twice, changed for its neighbour, or taken from elsewhere. The seed is fixed.
func mutations(text string, n int, r *rand.Rand) []string {
	parts := pieces.FindAllString(text, -1)
	var solid []int
	for i, p := range parts {
		if strings.TrimSpace(p) != "" && !strings.HasPrefix(p, "//") {
			solid = append(solid, i)
		}
	}
	var list []string
	for k := range n {
		changed := slices.Clone(parts)
		at := r.IntN(len(solid) - 1)
		i, j := solid[at], solid[at+1]
		switch k % 4 {
		case 0:
			changed[i] = " "
		case 1:
			changed[i], changed[j] = changed[j], changed[i]
		case 2:
			changed[i] += " " + changed[i]
		case 3:
			changed[i] = parts[solid[r.IntN(len(solid))]]
		}
		list = append(list, strings.Join(changed, ""))
	}
	return list
}

// packages is the language service.
var packages npm.Suite

// official asks the language service, which npm installs; without npm or its
// registry the test is skipped.
func official(t *testing.T, queries []string) []string {
	t.Helper()
	dir := packages.Run(t, "official.cjs")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	in, err := json.Marshal(queries)
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(ctx, "node", "official.cjs")
	run.Dir, run.Stdin = dir, bytes.NewReader(in)
	out, err := run.Output()
	if err != nil {
		t.Fatalf("the official language service: %v", err)
	}
	var answers []string
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != len(queries) {
		t.Fatalf("%d answers for %d queries: %v", len(answers), len(queries), err)
	}
	return answers
}

// deliberate are differences that are wanted: what the official syntax leaves
// to its semantic analysis is a fault of the text here already.
func deliberate(e syntax.Error) bool {
	switch {
	case e.Code == "SYN0005": // datetime(x): a constant without meaning
		return true
	case e.Code == "SYN0002" && e.Hint == "to compare, write ==": // where a = 1
		return true
	case strings.Contains(e.Message, "needs rows to work on"): // where ... without a table
		return true
	}
	return false
}

// skipped finds what the parser steps over without reading it, to refuse it by name.
var skipped = regexp.MustCompile(`\bscan\b|\bexternaldata\b`)

func TestDifferential(t *testing.T) {
	_, queries := corpus(t)
	queries = append(queries, goldens(t)...)
	r := rand.New(rand.NewPCG(2026, 11))
	for _, text := range slices.Clone(queries) {
		queries = append(queries, mutations(text, 12, r)...)
	}
	answers := official(t, queries)
	agreed, wanted := 0, 0
	for i, text := range queries {
		_, errs := syntax.Read(text, syntax.Options{})
		switch {
		case (len(errs) > 0) == (answers[i] != ""):
			agreed++
		case len(errs) > 0 && deliberate(errs[0]), len(errs) == 0 && skipped.MatchString(text):
			wanted++
		case len(errs) > 0:
			t.Logf("refused here only: %s\n%s", errs[0].Message, around(text, errs[0].Span.Start))
		default:
			at := 0
			_, _ = fmt.Sscanf(answers[i], "%d:", &at)
			t.Logf("refused there only: %s\n%s", answers[i], around(text, at))
		}
	}
	t.Logf("%d differences are wanted", wanted)
	fmt.Printf("kql/differential %d/%d\n", agreed, len(queries))
	if least := len(queries) * 99 / 100; agreed+wanted < least {
		t.Errorf("%d of %d agree, at least %d must", agreed+wanted, len(queries), least)
	}
}

func around(text string, at int) string {
	at = min(max(at, 0), len(text))
	return strings.ToValidUTF8(text[max(0, at-60):at]+"«»"+text[at:min(len(text), at+40)], "")
}
