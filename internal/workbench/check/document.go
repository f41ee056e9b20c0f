package check

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/statement"
)

// maxFileBytes is more than a policy document may have.
const maxFileBytes = 4 << 20

// maxFiles bounds a folder of documents.
const maxFiles = 20_000

// looksLikePolicy finds the root element; other XML files are left alone.
var looksLikePolicy = regexp.MustCompile(`(?m)^\s*<(policies|fragment|[a-z]+-data-source)[\s/>]`)

// byteOrderMark matches that of UTF-8 and what is left of one of UTF-16.
var byteOrderMark = regexp.MustCompile(`^(?:\x{FEFF}|\x{FFFD}{2})`)

// folder checks all policy documents below a folder that is no service.
func (c *checker) folder(dir string) error {
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.EqualFold(filepath.Ext(path), ".xml") && !strings.EqualFold(filepath.Ext(path), ".policy") {
			return err
		}
		if files++; files > maxFiles {
			return fmt.Errorf("%s holds more than %d files", dir, maxFiles)
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return c.file(path, filepath.ToSlash(name))
	})
	if err != nil {
		return fmt.Errorf("read what to check: %w", err)
	}
	if c.report.Documents == 0 {
		return fmt.Errorf("%s holds neither a service (folders such as apis, products) nor policy documents (*.xml with <policies>, <fragment> or the data source of a resolver)", dir)
	}
	return nil
}

// file checks one document that stands alone.
func (c *checker) file(path, name string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("read what to check: %w", err)
	}
	if info.Size() > maxFileBytes {
		return fmt.Errorf("read what to check: %s has %d bytes; at most %d are read", name, info.Size(), maxFileBytes)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read what to check: %w", err)
	}
	plain, err := policy.DecodeText(string(text))
	if err != nil {
		plain = strings.ReplaceAll(string(text), "\x00", "") // enough to see what it is; reading it tells the error
	}
	root := looksLikePolicy.FindStringSubmatch(byteOrderMark.ReplaceAllString(plain, ""))
	if root == nil && path != name { // one of a folder
		return nil
	}
	c.report.Documents++
	c.report.Files = append(c.report.Files, name)
	doc := apim.Document{File: name, Text: string(text)}
	switch {
	case root != nil && root[1] == "fragment":
		c.alone(fragmentFits(doc))
	case root != nil && root[1] != "policies":
		c.resolver(doc)
	default:
		c.alone(documentFits(doc))
	}
	return nil
}

// resolver checks the data source of a GraphQL resolver.
func (c *checker) resolver(doc apim.Document) {
	set, messages := policy.NewSet(nil, nil)
	set.Lenient = !c.options.Strict
	root, more := set.ParseResolver(doc)
	messages = append(messages, more...)
	if root == nil {
		c.messages(messages)
		return
	}
	effective := &policy.Effective{Resolvers: []policy.FieldResolver{{Type: "Query", Field: "field", Root: root}}}
	_, more = policy.Compile(effective, c.environment())
	c.messages(append(messages, more...))
	c.report.Policies++
	if !c.options.NoLint {
		c.lint(effective, nil)
	}
}

// fit is one way to read a document that does not say where it belongs.
type fit struct {
	doc       apim.Document
	fragments []*apim.PolicyFragment
	scope     policy.Scope
}

func documentFits(doc apim.Document) []fit {
	var out []fit
	for _, scope := range []policy.Scope{policy.API, policy.Global, policy.Product, policy.Operation} {
		out = append(out, fit{doc: doc, scope: scope})
	}
	return out
}

// fragmentFits includes a fragment in each section of an empty document.
func fragmentFits(doc apim.Document) []fit {
	const id = "fragment-under-check"
	fragments := []*apim.PolicyFragment{{ID: id, Document: doc}}
	var out []fit
	for _, section := range []policy.Section{policy.Inbound, policy.Outbound, policy.Backend, policy.OnError} {
		host := apim.Document{File: "(" + section.String() + ")",
			Text: fmt.Sprintf(`<policies><%[1]s><include-fragment fragment-id="%[2]s"/></%[1]s></policies>`, section, id)}
		for _, scope := range []policy.Scope{policy.API, policy.Product} {
			out = append(out, fit{doc: host, fragments: fragments, scope: scope})
		}
	}
	return out
}

// alone takes the reading with the fewest errors.
func (c *checker) alone(fits []fit) {
	var best policy.Messages
	var effective *policy.Effective
	fewest := -1
	for _, f := range fits {
		messages, e, _ := c.read(f)
		errs := 0
		for _, m := range messages {
			if !m.Warning {
				errs++
			}
		}
		if fewest < 0 || errs < fewest {
			best, effective, fewest = messages, e, errs
		}
		if errs == 0 {
			break
		}
	}
	c.messages(withoutHost(best))
	if effective == nil {
		return
	}
	c.report.Policies++
	if !c.options.NoLint {
		c.lint(effective, nil)
	}
}

// withoutHost drops the place of the document that was made around a fragment.
func withoutHost(list policy.Messages) policy.Messages {
	for i := range list {
		if at := strings.Index(list[i].Text, " (included at ("); at >= 0 {
			list[i].Text = list[i].Text[:at]
		}
	}
	return list
}

func (c *checker) read(f fit) (policy.Messages, *policy.Effective, *policy.Document) {
	set, messages := policy.NewSet(nil, f.fragments)
	set.Lenient = !c.options.Strict
	d, more := set.Parse(f.doc, f.scope)
	messages = append(messages, more...)
	if d == nil {
		return messages, nil, nil
	}
	effective := policy.Merge(d)
	_, more = policy.Compile(effective, c.environment())
	return append(messages, more...), effective, d
}

// environment is a service of which nothing is known.
func (c *checker) environment() *policy.Environment {
	return &policy.Environment{Definitions: statement.Table(), Profile: c.profile(),
		Responses: []apim.Response{{StatusCode: 200, Representations: []apim.Representation{{ContentType: "application/json", Example: "{}"}}}}}
}
