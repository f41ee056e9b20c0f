// Command speed makes docs/reference/speed.md of what go test -bench prints.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
)

const top = `# What policies cost

Processor time of one execution, measured by the benchmarks of ` + "`internal/policy/statement` and `internal/policy/expr`" + ` on %s. ` + "`make speed`" + ` measures again and writes this page. Read the figures against each other: another machine has others.

`

var line = regexp.MustCompile(`^Benchmark(\w+)/(\S+)-\d+\s+\d+\s+([\d.]+) ns/op\s+(\d+) B/op\s+(\d+) allocs/op`)

var whole = regexp.MustCompile(`^BenchmarkCompile1000-\d+\s+\d+\s+([\d.]+) ns/op`)

func main() {
	if err := write(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "speed:", err)
		os.Exit(1)
	}
}

// write reads benchmark lines and writes the page.
func write(in io.Reader, out io.Writer) error {
	rows := map[string][]string{}
	processor, compile := "an unknown processor", ""
	for s := bufio.NewScanner(in); s.Scan(); {
		text := s.Text()
		if cpu, ok := strings.CutPrefix(text, "cpu: "); ok {
			processor = "one core of " + cpu
		}
		if m := whole.FindStringSubmatch(text); m != nil {
			compile = m[1] + " ns"
			if ns, err := strconv.ParseFloat(m[1], 64); err == nil {
				compile = fmt.Sprintf("%.2f s", ns/1e9)
			}
		}
		if m := line.FindStringSubmatch(text); m != nil {
			name := strings.ReplaceAll(strings.ReplaceAll(m[2], "_", " "), "|", "\\|")
			if m[1] == "Expression" {
				name = "`" + name + "`"
			}
			rows[m[1]] = append(rows[m[1]], fmt.Sprintf("| %s | %s | %s | %s |", name, m[3], m[4], m[5]))
		}
	}
	if len(rows["Statement"]) == 0 || len(rows["Expression"]) == 0 {
		return fmt.Errorf("no benchmark lines on the standard input: run make speed")
	}
	var b strings.Builder
	fmt.Fprintf(&b, top, processor)
	table(&b, "Statements", "The first row is the pipeline around a statement, its record included: it is part of every other row.", "statement", rows["Statement"])
	table(&b, "Expressions", "", "expression", rows["Expression"])
	if len(rows["Hardest"]) > 0 {
		table(&b, "Whole documents", "Published policies with the widest expressions of their kind, from the parsed request to the whole response: routing, record and "+
			"what is made of the request by the test included; what is outside answers at once.", "document", rows["Hardest"])
	}
	if compile != "" {
		fmt.Fprintf(&b, "## Compiling\n\nScanning, resolving and compiling 1,000 published policy documents takes %s.\n", compile)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func table(b *strings.Builder, title, note, column string, rows []string) {
	fmt.Fprintf(b, "## %s\n\n", title)
	if note != "" {
		b.WriteString(note + "\n\n")
	}
	fmt.Fprintf(b, "| %s | ns | bytes | allocations |\n|---|---|---|---|\n%s\n\n", column, strings.Join(rows, "\n"))
}
