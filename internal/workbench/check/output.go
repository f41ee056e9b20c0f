package check

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Formats of Write.
var formats = map[string]func(io.Writer, *Report) error{"text": writeText, "json": writeJSON, "sarif": writeSARIF, "junit": writeJUnit}

// Write writes a report as text, json, sarif or junit.
func Write(out io.Writer, r *Report, format string) error {
	write := formats[format]
	if write == nil {
		return fmt.Errorf("unknown format %q: use text, json, sarif or junit", format)
	}
	return write(out, r)
}

func writeText(out io.Writer, r *Report) error {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(f.String() + "\n")
	}
	fmt.Fprintf(&b, "%d documents, %d effective policies: %d errors, %d warnings, %d notes\n",
		r.Documents, r.Policies, r.Count(Error), r.Count(Warning), r.Count(Note))
	_, err := io.WriteString(out, b.String())
	return err
}

// flat is a finding with its place beside it.
type flat struct {
	Finding
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

func writeJSON(out io.Writer, r *Report) error {
	list := make([]flat, 0, len(r.Findings))
	for _, f := range r.Findings {
		list = append(list, flat{f, f.Pos.File, f.Pos.Line, f.Pos.Column})
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		*Report
		Findings []flat `json:"findings"`
		Errors   int    `json:"errors"`
	}{r, list, r.Count(Error)})
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct {
	ID               string    `json:"id"`
	ShortDescription sarifText `json:"shortDescription"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn"`
}

type sarifPhysical struct {
	ArtifactLocation struct {
		URI string `json:"uri"`
	} `json:"artifactLocation"`
	Region *sarifRegion `json:"region,omitempty"`
}

type sarifLocation struct {
	PhysicalLocation sarifPhysical `json:"physicalLocation"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations,omitempty"`
}

// writeSARIF writes SARIF 2.1.0, which code hosts show beside the lines.
func writeSARIF(out io.Writer, r *Report) error {
	list := make([]sarifRule, 0, len(rules))
	for _, one := range rules {
		list = append(list, sarifRule{one.id, sarifText{one.about}})
	}
	results := make([]sarifResult, 0, len(r.Findings))
	for _, f := range r.Findings {
		results = append(results, sarifResult{RuleID: f.Rule, Level: string(f.Severity), Message: sarifText{f.Message}, Locations: sarifLocations(f)})
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []any{map[string]any{
			"tool":    map[string]any{"driver": map[string]any{"name": "gatehouse policy check", "rules": list}},
			"results": results, "columnKind": "unicodeCodePoints",
		}},
	})
}

func sarifLocations(f Finding) []sarifLocation {
	if f.Pos.File == "" {
		return nil
	}
	var l sarifLocation
	l.PhysicalLocation.ArtifactLocation.URI = strings.ReplaceAll(filepath.ToSlash(f.Pos.File), " ", "%20")
	if f.Pos.Line > 0 {
		l.PhysicalLocation.Region = &sarifRegion{f.Pos.Line, max(1, f.Pos.Column)}
	}
	return []sarifLocation{l}
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

// writeJUnit writes one test case for each document, and for each other file
// with findings: errors fail it, the rest is its output.
func writeJUnit(out io.Writer, r *Report) error {
	suite := junitSuite{Name: "gatehouse policy check " + r.Path}
	index := map[string]int{}
	for _, name := range r.Files {
		if _, ok := index[name]; !ok {
			index[name] = len(suite.Cases)
			suite.Cases = append(suite.Cases, junitCase{Name: name, Class: "policy"})
		}
	}
	for _, f := range r.Findings {
		name := f.Pos.File
		if name == "" {
			name = r.Path
		}
		i, ok := index[name]
		if !ok {
			i = len(suite.Cases)
			index[name] = i
			suite.Cases = append(suite.Cases, junitCase{Name: name, Class: "policy"})
		}
		one := &suite.Cases[i]
		switch {
		case f.Severity != Error:
			one.Out += f.String() + "\n"
		case one.Failure == nil:
			one.Failure = &junitFailure{Message: f.Message, Type: f.Rule, Text: f.String() + "\n"}
			suite.Failures++
		default:
			one.Failure.Text += f.String() + "\n"
		}
	}
	if len(suite.Cases) == 0 {
		suite.Cases = []junitCase{{Name: r.Path, Class: "policy"}}
	}
	suite.Tests = len(suite.Cases)
	if _, err := io.WriteString(out, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(out)
	e.Indent("", "  ")
	if err := e.Encode(suite); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\n")
	return err
}
