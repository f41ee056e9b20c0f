package suite

import (
	"strings"
	"testing"
)

func TestExamples(t *testing.T) {
	cover := NewCoverage()
	r, err := Run(Options{Paths: []string{"testdata"}, Cover: cover})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := r.Print(&b, false); err != nil {
		t.Fatal(err)
	}
	if err := cover.Print(&b); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + b.String())
	if r.Failed() {
		t.Error("failed")
	}
}
