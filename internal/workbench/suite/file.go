package suite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"
)

// file is an opened test file.
type file struct {
	path    string
	archive *txtar.Archive // nil for plain YAML
	part    int            // of the archive: the specification
	root    *yaml.Node     // as it was read; updates change it
	spec    spec
	cases   []*testCase
	changed bool
}

// testCase is one case: node is where it stands in the file.
type testCase struct {
	node  *yaml.Node
	spec  caseSpec
	steps []*step
}

// step is one request of a case; a case without steps is one step.
type step struct {
	node *yaml.Node // whose "expect" is updated
	spec *caseSpec
}

// specName is the file of an archive that holds the specification.
const specName = "test.yaml"

// maxFile is the largest test file, and the largest file that one names.
const maxFile = 16 << 20

func open(path string) (*file, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	f := &file{path: path}
	if strings.HasSuffix(path, ".txtar") {
		f.archive = txtar.Parse(data)
		f.part = slices.IndexFunc(f.archive.Files, func(one txtar.File) bool { return one.Name == specName })
		if f.part < 0 {
			return nil, fmt.Errorf("the archive holds no file %s", specName)
		}
		data = f.archive.Files[f.part].Data
	}
	f.root = &yaml.Node{}
	if err := yaml.Unmarshal(data, f.root); err != nil {
		return nil, err
	}
	if len(f.root.Content) == 0 {
		return nil, errors.New("the file is empty")
	}
	if err := f.root.Content[0].Decode(&f.spec); err != nil {
		return nil, err
	}
	if (f.spec.Service == "") == (f.spec.Policy == "") {
		return nil, errors.New("name either service (a folder) or policy (one document)")
	}
	return f, f.readCases(f.root.Content[0])
}

func readFile(path string) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is larger than %d MB", path, maxFile>>20)
	}
	return data, err
}

func (f *file) readCases(root *yaml.Node) error {
	list := child(root, "cases")
	if list == nil || list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		return errors.New("there are no cases: write a list under cases")
	}
	names := map[string]bool{}
	for _, node := range list.Content {
		c := &testCase{node: node}
		merged := merge(child(root, "base"), node)
		if err := merged.Decode(&c.spec); err != nil {
			return err
		}
		if c.spec.Name == "" || names[c.spec.Name] {
			return fmt.Errorf("line %d: each case needs a name of its own", node.Line)
		}
		names[c.spec.Name] = true
		if err := c.readSteps(merged); err != nil {
			return err
		}
		f.cases = append(f.cases, c)
	}
	return nil
}

// readSteps makes the steps: each is what the case says with what the step says
// of its own.
func (c *testCase) readSteps(merged *yaml.Node) error {
	if len(c.spec.Steps) == 0 {
		c.steps = []*step{{node: c.node, spec: &c.spec}}
		return nil
	}
	shared := without(merged, "steps", "advance")
	for _, node := range child(merged, "steps").Content {
		s := &step{node: node, spec: &caseSpec{}}
		if err := merge(shared, node).Decode(s.spec); err != nil {
			return err
		}
		c.steps = append(c.steps, s)
		// A document has one subscription and one product: the first that is told.
		if c.spec.Subscription.ID == "" {
			c.spec.Subscription = s.spec.Subscription
		}
		if c.spec.Product.ID == "" {
			c.spec.Product = s.spec.Product
		}
	}
	return nil
}

// child gives the value of a key of a mapping, nil when there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// merge lays over onto base: mappings join, all else replaces.
func merge(base, over *yaml.Node) *yaml.Node {
	if base == nil || base.Kind != yaml.MappingNode || over.Kind != yaml.MappingNode {
		return over
	}
	out := *over
	out.Content = nil
	for i := 0; i+1 < len(base.Content); i += 2 {
		key, value := base.Content[i], base.Content[i+1]
		own := child(over, key.Value)
		switch {
		case own != nil && key.Value == "json": // a document is one value
			value = own
		case own != nil:
			value = merge(value, own)
		case isBody(key.Value) && (child(over, "json") != nil || child(over, "body") != nil || child(over, "body-file") != nil):
			continue // one body takes the place of the other
		}
		out.Content = append(out.Content, key, value)
	}
	for i := 0; i+1 < len(over.Content); i += 2 {
		if child(base, over.Content[i].Value) == nil {
			out.Content = append(out.Content, over.Content[i], over.Content[i+1])
		}
	}
	return &out
}

func isBody(key string) bool { return key == "json" || key == "body" || key == "body-file" }

func without(n *yaml.Node, keys ...string) *yaml.Node {
	out := *n
	out.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !slices.Contains(keys, n.Content[i].Value) {
			out.Content = append(out.Content, n.Content[i], n.Content[i+1])
		}
	}
	return &out
}

// read gives a file that the test names: one of the archive, or one beside it.
func (f *file) read(name string) ([]byte, error) {
	if f.archive != nil {
		for _, one := range f.archive.Files {
			if one.Name == name {
				return one.Data, nil
			}
		}
	}
	return readFile(f.beside(name))
}

func (f *file) beside(name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(f.path), filepath.FromSlash(name))
}

// encode gives the file with what was updated.
func (f *file) encode() ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(f.root); err != nil {
		return nil, err
	}
	if f.archive == nil {
		return b.Bytes(), nil
	}
	f.archive.Files[f.part].Data = b.Bytes()
	return txtar.Format(f.archive), nil
}
