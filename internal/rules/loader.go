package rules

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// maxFile is the largest rule file, in bytes.
const maxFile = 1 << 20

// loader gives upstream the rule files by name, from memory.
type loader struct {
	parser  parser.Parser
	options Options
	current atomic.Pointer[map[string][]byte]
}

func newLoader(p parser.Parser, o Options) *loader {
	l := &loader{parser: p, options: o}
	l.current.Store(&map[string][]byte{})
	return l
}

func (l *loader) files() map[string][]byte { return *l.current.Load() }

func (l *loader) swap(files map[string][]byte) (before map[string][]byte) {
	return *l.current.Swap(&files)
}

// Load parses the file called name; upstream calls it.
func (l *loader) Load(name string, ignoreUnknown bool, scheme model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	content, ok := l.files()[name]
	if !ok {
		return nil, []error{fmt.Errorf("rule file %q is not loaded", name)}
	}
	return rulefmt.Parse(content, ignoreUnknown, scheme, l.parser, slog.New(slog.DiscardHandler))
}

// Parse parses the expression of a rule; upstream calls it.
func (l *loader) Parse(query string) (parser.Expr, error) { return l.parser.ParseExpr(query) }

// check gives a copy of files if they are all valid, or else every fault.
func (l *loader) check(files map[string][]byte) (map[string][]byte, error) {
	var errs []error
	groups := 0
	out := make(map[string][]byte, len(files))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		out[name] = slices.Clone(files[name])
		parsed, faults := l.checkFile(name, files[name])
		errs = append(errs, faults...)
		if parsed != nil {
			groups += len(parsed.Groups)
		}
	}
	if groups > l.options.MaxGroups {
		errs = append(errs, fmt.Errorf("%d rule groups, at most %d", groups, l.options.MaxGroups))
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("load rules: %w", errors.Join(errs...))
	}
	return out, nil
}

func (l *loader) checkFile(name string, content []byte) (*rulefmt.RuleGroups, []error) {
	if len(content) > maxFile {
		return nil, []error{fmt.Errorf("%s: %d bytes, at most %d", name, len(content), maxFile)}
	}
	parsed, faults := rulefmt.Parse(content, false, model.UTF8Validation, l.parser, slog.New(slog.DiscardHandler))
	for i, fault := range faults {
		faults[i] = located(name, content, fault)
	}
	if parsed == nil {
		return nil, faults
	}
	for _, g := range parsed.Groups {
		if len(g.Rules) > l.options.MaxRules {
			faults = append(faults, fmt.Errorf("%s: group %q: %d rules, at most %d", name, g.Name, len(g.Rules), l.options.MaxRules))
		}
		if g.Interval != 0 && time.Duration(g.Interval) < l.options.MinInterval {
			faults = append(faults, fmt.Errorf("%s: group %q: interval %s, at least %s", name, g.Name, g.Interval, l.options.MinInterval))
		}
	}
	return parsed, faults
}

var (
	yamlLine = regexp.MustCompile(`^yaml: (?:unmarshal errors:\s*)?line (\d+): `)
	hasLine  = regexp.MustCompile(`^[1-9]\d*:\d+: `)
)

// located puts the file's name and, where upstream gave none, the line of the
// rule before the message: name:line:column: message.
func located(name string, content []byte, err error) error {
	text := err.Error()
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("%s:%s: %s", name, m[1], text[len(m[0]):])
	}
	if hasLine.MatchString(text) {
		return fmt.Errorf("%s:%w", name, err)
	}
	text = strings.TrimPrefix(text, "0:0: ")
	var fault *rulefmt.Error
	if errors.As(err, &fault) {
		if n := ruleNode(content, fault.Group, fault.Rule); n != nil {
			return fmt.Errorf("%s:%d:%d: %s", name, n.Line, n.Column, text)
		}
	}
	return fmt.Errorf("%s: %s", name, text)
}

// ruleNode finds a rule by its group and its number, which counts from 1.
func ruleNode(content []byte, group string, number int) *yaml.Node {
	var file struct {
		Groups []struct {
			Name  string      `yaml:"name"`
			Rules []yaml.Node `yaml:"rules"`
		} `yaml:"groups"`
	}
	if yaml.Unmarshal(content, &file) != nil {
		return nil
	}
	for _, g := range file.Groups {
		if g.Name == group && number >= 1 && number <= len(g.Rules) {
			return &g.Rules[number-1]
		}
	}
	return nil
}
