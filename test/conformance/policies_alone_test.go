package conformance

import (
	"path/filepath"
	"testing"

	"gatehouse/internal/workbench/check"
)

// Every document also passes gatehouse policy check as a file with no service
// around it, where named values and fragments are not known.
func TestPoliciesAlone(t *testing.T) {
	var count tally
	for _, f := range policyFiles(t, "valid") {
		report, err := check.Run(filepath.Join(corpus(t, "policies"), "valid", filepath.FromSlash(f.File)), check.Options{NoLint: true})
		ok := err == nil && report.Count(check.Error) == 0
		count.add("policies/valid/alone", ok)
		if !ok {
			t.Log(err, report)
		}
	}
	for _, f := range policyFiles(t, "malformed") {
		report, err := check.Run(filepath.Join(corpus(t, "policies"), "malformed", filepath.FromSlash(f.File)), check.Options{})
		count.add("policies/malformed/alone", err == nil && report.Count(check.Error) > 0)
	}
	count.print()
}
