package suite

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
)

// ErrFailed means that a test failed; the report says which.
var ErrFailed = errors.New("there are policy tests that fail")

// Command is "gatehouse policy test".
func Command(args []string, out io.Writer) error {
	o := Options{}
	set := flag.NewFlagSet("policy test", flag.ContinueOnError)
	set.SetOutput(out)
	set.Usage = func() {
		fmt.Fprint(out, "gatehouse policy test [flags] DIR|FILE ...\n\nruns *.policytest.yaml and *.policytest.txtar files. Flags:\n\n")
		set.PrintDefaults()
	}
	set.BoolVar(&o.Update, "update", false, "write what comes out as the expectations of the tests")
	coverage := set.Bool("coverage", false, "print which statements and branches of expressions no test reaches")
	minimum := set.Float64("min-coverage", 0, "fail when less than this percentage is covered; implies -coverage")
	junit := set.String("junit", "", "write a JUnit report to this file")
	verbose := set.Bool("v", false, "name the cases that pass, too")
	filter := set.String("run", "", "run only cases whose file/name matches this regular expression")
	// Flags may stand behind the folders.
	for rest := args; len(rest) > 0; {
		if err := set.Parse(rest); err != nil {
			return err
		}
		if rest = set.Args(); len(rest) > 0 {
			o.Paths, rest = append(o.Paths, rest[0]), rest[1:]
		}
	}
	if len(o.Paths) == 0 {
		set.Usage()
		return errors.New("policy test: name a folder or a test file")
	}
	if *filter != "" {
		var err error
		if o.Filter, err = regexp.Compile(*filter); err != nil {
			return fmt.Errorf("-run: %w", err)
		}
	}
	if *coverage || *minimum > 0 {
		o.Cover = NewCoverage()
	}
	report, err := Run(o)
	if err != nil {
		return err
	}
	return finish(report, o.Cover, out, *verbose, *junit, *minimum)
}

func finish(report *Report, cover *Coverage, out io.Writer, verbose bool, junit string, minimum float64) error {
	if err := report.Print(out, verbose); err != nil {
		return err
	}
	if junit != "" {
		if err := writeJUnit(report, junit); err != nil {
			return err
		}
	}
	if cover != nil {
		if err := cover.Print(out); err != nil {
			return err
		}
		if got := cover.Percent(); got < minimum {
			return fmt.Errorf("the tests cover %.1f %% of the policies; at least %.1f %% are asked for", got, minimum)
		}
	}
	if report.Failed() {
		return ErrFailed
	}
	return nil
}

func writeJUnit(r *Report, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := r.JUnit(f); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}
