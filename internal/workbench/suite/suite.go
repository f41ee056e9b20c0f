// Package suite runs tests of policies: files that stand beside the policies
// and say which request comes in, what the outside answers, and what is
// expected of it.
//
// What comes in: folders or files. What goes out: a Report, and with Update
// new expectations in the test files. It must never reach the network, or
// write a secret of the service into a test file.
package suite

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Options of Run.
type Options struct {
	Paths  []string       // folders and test files
	Filter *regexp.Regexp // of "file/case"; nil: all
	Update bool           // write what came out as expectations
	Cover  *Coverage      // collects what ran; nil: nothing is counted
}

// Report is the result of a run.
type Report struct{ Files []FileReport }

// FileReport is the result of one file.
type FileReport struct {
	File    string
	Err     error // the file could not be read or written
	Cases   []CaseReport
	Updated bool
}

// CaseReport is the result of one case.
type CaseReport struct {
	Name     string
	Line     int
	Skipped  string // why
	Err      error  // the case could not be run
	Diffs    []Diff
	Duration time.Duration
}

// Failed tells whether the case did not do what is expected.
func (c *CaseReport) Failed() bool { return c.Err != nil || len(c.Diffs) > 0 }

// Failed tells whether anything did.
func (r *Report) Failed() bool {
	for i := range r.Files {
		if r.Files[i].Err != nil || slices.ContainsFunc(r.Files[i].Cases, func(c CaseReport) bool { return c.Failed() }) {
			return true
		}
	}
	return false
}

// Run finds the test files and runs them one after the other.
func Run(o Options) (*Report, error) {
	files, err := find(o.Paths)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no test files in %s: they are named *.policytest.yaml or *.policytest.txtar", strings.Join(o.Paths, ", "))
	}
	out := &Report{}
	for _, path := range files {
		out.Files = append(out.Files, runFile(path, o))
	}
	return out, nil
}

var endings = []string{".policytest.yaml", ".policytest.yml", ".policytest.txtar"}

func isTest(path string) bool {
	return slices.ContainsFunc(endings, func(end string) bool { return strings.HasSuffix(path, end) })
}

func find(paths []string) ([]string, error) {
	var out []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			out = append(out, path)
			continue
		}
		err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && p != path && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".")) {
				return filepath.SkipDir
			}
			if !d.IsDir() && isTest(p) {
				out = append(out, p)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func runFile(path string, o Options) FileReport {
	report := FileReport{File: path}
	f, err := open(path)
	if err != nil {
		report.Err = err
		return report
	}
	for _, c := range f.cases {
		if o.Filter != nil && !o.Filter.MatchString(path+"/"+c.spec.Name) {
			continue
		}
		report.Cases = append(report.Cases, runCase(f, c, o))
	}
	if o.Update {
		report.Updated, report.Err = f.save()
	}
	return report
}

func runCase(f *file, c *testCase, o Options) (out CaseReport) {
	out = CaseReport{Name: c.spec.Name, Line: c.node.Line, Skipped: c.spec.Skip}
	if out.Skipped != "" {
		return out
	}
	start := time.Now()
	defer func() { out.Duration = time.Since(start) }()
	if o.Cover != nil {
		defer o.Cover.fold()
	}
	p, err := prepare(f, c, o.Cover)
	if err != nil {
		out.Err = err
		return out
	}
	defer p.stage.Close()
	for i, step := range c.steps {
		got, err := p.send(step.spec)
		if err != nil {
			out.Err = err
			return out
		}
		if o.Update {
			changed, err := p.update(step, got)
			f.changed = f.changed || changed
			if err != nil {
				out.Err = err
				return out
			}
			continue
		}
		for _, d := range compare(&step.spec.Expect, got) {
			if len(c.steps) > 1 {
				d.Path = fmt.Sprintf("step %d: %s", i+1, d.Path)
			}
			out.Diffs = append(out.Diffs, d)
		}
	}
	return out
}

// save writes the file when its expectations changed.
func (f *file) save() (bool, error) {
	if !f.changed {
		return false, nil
	}
	text, err := f.encode()
	if err != nil {
		return false, err
	}
	if old, err := os.ReadFile(f.path); err == nil && bytes.Equal(old, text) {
		return false, nil
	}
	return true, os.WriteFile(f.path, text, 0o644)
}
