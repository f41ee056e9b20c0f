package suite

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// Print writes the report for people. verbose names cases that passed.
func (r *Report) Print(w io.Writer, verbose bool) error {
	var b strings.Builder
	passed, failed, skipped := 0, 0, 0
	for i := range r.Files {
		f := &r.Files[i]
		if f.Err != nil {
			failed++
			fmt.Fprintf(&b, "FAIL  %s: %v\n", f.File, f.Err)
		}
		own := 0
		for j := range f.Cases {
			c := &f.Cases[j]
			switch {
			case c.Failed():
				failed++
				c.print(&b, f.File)
			case c.Skipped != "":
				skipped++
				fmt.Fprintf(&b, "skip  %s:%d: %s (%s)\n", f.File, c.Line, c.Name, c.Skipped)
			default:
				own++
				if verbose {
					fmt.Fprintf(&b, "ok    %s:%d: %s\n", f.File, c.Line, c.Name)
				}
			}
		}
		passed += own
		if f.Updated {
			fmt.Fprintf(&b, "wrote %s\n", f.File)
		}
		if own == len(f.Cases) && f.Err == nil && !verbose {
			fmt.Fprintf(&b, "ok    %s: %d cases\n", f.File, own)
		}
	}
	fmt.Fprintf(&b, "%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *CaseReport) print(w io.Writer, file string) {
	fmt.Fprintf(w, "FAIL  %s:%d: %s\n%s", file, c.Line, c.Name, c.details())
}

// details says what is wrong, line by line.
func (c *CaseReport) details() string {
	var b strings.Builder
	if c.Err != nil {
		fmt.Fprintf(&b, "        %s\n", strings.ReplaceAll(c.Err.Error(), "\n", "\n        "))
	}
	for _, d := range c.Diffs {
		fmt.Fprintf(&b, "      %s\n", d.Path)
		for _, line := range lineDiff(d.Want, d.Got) {
			fmt.Fprintf(&b, "        %s\n", line)
		}
	}
	return b.String()
}

// lineDiff shows what is expected with "-" and what came with "+". Lines that
// both begin and end with are left out but for one.
func lineDiff(want, got string) []string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	start := 0
	for start < len(a)-1 && start < len(b)-1 && a[start] == b[start] {
		start++
	}
	end := 0
	for end < len(a)-start-1 && end < len(b)-start-1 && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	var out []string
	if start > 0 {
		out = append(out, "  "+a[start-1])
	}
	for _, line := range a[start : len(a)-end] {
		out = append(out, "- "+line)
	}
	for _, line := range b[start : len(b)-end] {
		out = append(out, "+ "+line)
	}
	if end > 0 {
		out = append(out, "  "+a[len(a)-end])
	}
	return out
}

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr,omitempty"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure"`
	Error   *junitMessage `xml:"error"`
	Skipped *junitMessage `xml:"skipped"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes the report as JUnit XML.
func (r *Report) JUnit(w io.Writer) error {
	out := junitSuites{}
	for i := range r.Files {
		out.Suites = append(out.Suites, r.Files[i].junit())
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (f *FileReport) junit() junitSuite {
	s := junitSuite{Name: f.File}
	var total time.Duration
	if f.Err != nil {
		s.Errors++
		s.Cases = append(s.Cases, junitCase{Name: "read the file", Class: f.File, File: f.File, Error: &junitMessage{Message: f.Err.Error()}})
	}
	for i := range f.Cases {
		c := &f.Cases[i]
		one := junitCase{Name: c.Name, Class: f.File, File: f.File, Line: c.Line, Time: seconds(c.Duration)}
		switch {
		case c.Err != nil:
			s.Errors++
			one.Error = &junitMessage{Message: "the case could not be run", Text: c.details()}
		case c.Failed():
			s.Failures++
			one.Failure = &junitMessage{Message: fmt.Sprintf("%d differences, the first at %s", len(c.Diffs), c.Diffs[0].Path), Text: c.details()}
		case c.Skipped != "":
			s.Skipped++
			one.Skipped = &junitMessage{Message: c.Skipped}
		}
		total += c.Duration
		s.Cases = append(s.Cases, one)
	}
	s.Tests, s.Time = len(s.Cases), seconds(total)
	return s
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
