package check

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// Command runs "gatehouse policy check". The error is what a person should
// read; it is ErrFindings when the report already said everything.
func Command(args []string, out io.Writer) error {
	set := flag.NewFlagSet("policy check", flag.ContinueOnError)
	set.SetOutput(out)
	set.Usage = func() {
		fmt.Fprint(out, "gatehouse policy check [flags] DIR|FILE...\n\nReads policies as the gateway would and says what is wrong with them.\nDIR is a service folder or a folder of policy documents.\n\n")
		set.PrintDefaults()
	}
	var o Options
	format := set.String("format", "text", "text, json, sarif or junit")
	file := set.String("out", "", "write the report to this file instead of the terminal")
	set.StringVar(&o.Overrides, "overrides", "", "APIOps configuration file laid over a service folder")
	set.BoolVar(&o.Strict, "strict", false, "unknown named values and fragments are errors in documents without a service; warnings fail the check")
	set.BoolVar(&o.Extended, "extended-types", false, ".NET types beyond the documented ones")
	set.BoolVar(&o.NoLint, "no-lint", false, "only what stops the policies from running")
	if err := set.Parse(args); err != nil {
		return err
	}
	if set.NArg() == 0 {
		return errors.New("policy check: name a service folder, a folder of policy documents, or a document")
	}
	if formats[*format] == nil {
		return fmt.Errorf("policy check: unknown format %q: use text, json, sarif or junit", *format)
	}
	report, err := all(set.Args(), o)
	if err != nil {
		return err
	}
	if err := save(report, *file, *format, out); err != nil {
		return err
	}
	if report.Count(Error) > 0 || o.Strict && report.Count(Warning) > 0 {
		return ErrFindings
	}
	return nil
}

// ErrFindings says that the check failed and its report tells why.
var ErrFindings = errors.New("the policies have errors")

// all checks every path and joins the reports.
func all(paths []string, o Options) (*Report, error) {
	var joined *Report
	for _, path := range paths {
		r, err := Run(path, o)
		if err != nil {
			return nil, err
		}
		if joined == nil {
			joined = r
			continue
		}
		joined.Path += " " + r.Path
		joined.Documents += r.Documents
		joined.Policies += r.Policies
		joined.Findings = append(joined.Findings, r.Findings...)
	}
	return joined, nil
}

func save(r *Report, file, format string, out io.Writer) (err error) {
	if file == "" {
		return Write(out, r, format)
	}
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return Write(f, r, format)
}
