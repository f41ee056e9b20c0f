package conformance

import (
	"bytes"
	"path/filepath"
	"testing"

	"gatehouse/internal/workbench/suite"
)

// Documents run on plausible requests, with every answer of the outside given:
// testdata/runs says what reaches backends and clients. The files hold no text
// of the documents; they name them.
func TestPoliciesRun(t *testing.T) {
	corpus(t, "policies")
	report, err := suite.Run(suite.Options{Paths: []string{filepath.Join("testdata", "runs")}, Update: *update})
	if err != nil {
		t.Fatal(err)
	}
	var count tally
	for _, f := range report.Files {
		ok := f.Err == nil
		for _, c := range f.Cases {
			ok = ok && !c.Failed()
		}
		count.add("policies/run", ok)
	}
	count.print()
	if report.Failed() {
		var out bytes.Buffer
		if err := report.Print(&out, false); err != nil {
			t.Fatal(err)
		}
		t.Error(out.String())
	}
	if got := count.total["policies/run"]; got < 40 {
		t.Errorf("%d documents run, want at least 40", got)
	}
}
