// Package check reads policies as the gateway would, and says what is wrong
// with them and what will surprise somebody later.
//
// What comes in: a service folder, a folder of policy documents, or one
// document. What goes out: a Report of findings, each with file, line, column, a
// rule and how to mend it, written for people, as JSON, SARIF or JUnit. It must
// never run a policy, reach the network, or show the value of a secret.
package check

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"gatehouse/internal/apim"
	"gatehouse/internal/gateway"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/policy/statement"
)

// Severity of a finding.
type Severity string

// Severities, the worst first. Only errors make a check fail.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Finding is one thing that a check found.
type Finding struct {
	Rule     string        `json:"rule"`
	Severity Severity      `json:"severity"`
	Message  string        `json:"message"`
	Pos      apim.Position `json:"-"`
}

// String is file:line:column: severity: message [rule].
func (f Finding) String() string {
	return fmt.Sprintf("%s%s: %s [%s]", place(f.Pos), f.Severity, f.Message, f.Rule)
}

func place(p apim.Position) string {
	switch {
	case p.File == "":
		return ""
	case p.Line == 0:
		return p.File + ": "
	}
	return fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
}

// Options of Run.
type Options struct {
	Overrides string // APIOps configuration file laid over a service folder
	Strict    bool   // unknown named values and fragments are errors in documents without a service
	Extended  bool   // .NET types beyond the documented ones
	NoLint    bool   // only what stops the policies from running
}

// Report is what a check found.
type Report struct {
	Path      string    `json:"path"`
	Documents int       `json:"documents"`
	Files     []string  `json:"files"` // of the documents, findings or not
	Policies  int       `json:"effectivePolicies"`
	Findings  []Finding `json:"findings"`
}

// Count is the number of findings of a severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Run checks what is at a path. The error says that the path cannot be read;
// everything about its content is a finding.
func Run(path string, o Options) (*Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read what to check: %w", err)
	}
	c := &checker{options: o, report: &Report{Path: path}, known: map[Finding]bool{}}
	switch {
	case info.IsDir() && isService(path):
		c.service(path)
	case info.IsDir():
		err = c.folder(path)
	default:
		err = c.file(path, path)
	}
	slices.Sort(c.report.Files)
	slices.SortStableFunc(c.report.Findings, compare)
	return c.report, err
}

func compare(a, b Finding) int {
	return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column),
		cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
}

// checker carries one run.
type checker struct {
	options Options
	report  *Report
	known   map[Finding]bool
}

// maxFindings bounds a report; one mistake can be repeated in thousands of files.
const maxFindings = 2000

// add adds a finding once: effective policies share documents.
func (c *checker) add(f Finding) {
	if c.known[f] || len(c.report.Findings) >= maxFindings {
		return
	}
	c.known[f] = true
	c.report.Findings = append(c.report.Findings, f)
}

// messages adds what compilation said.
func (c *checker) messages(list policy.Messages) {
	for _, m := range list {
		f := Finding{Rule: ruleCompile, Severity: Error, Message: m.Text, Pos: m.Pos}
		if m.Warning {
			f.Rule, f.Severity = ruleAdvice, Warning
		}
		c.add(f)
	}
}

func (c *checker) profile() expr.Profile {
	if c.options.Extended {
		return expr.Extended
	}
	return expr.Strict
}

// gateway is one that compiles and never serves.
func (c *checker) gateway() *gateway.Gateway {
	o := gateway.DefaultOptions()
	o.Log, o.Definitions, o.Profile = slog.New(slog.DiscardHandler), statement.Table(), c.profile()
	return gateway.New(o)
}
