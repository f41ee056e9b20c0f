// Package workbench holds the tools to write, check, test and debug policies:
// the commands behind "gatehouse policy".
//
// What comes in: the words of a command line. What goes out: what the command
// prints, and an error when it failed. It must never listen on a port, write to
// the data folder, or be imported by anything but the command itself.
package workbench

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"gatehouse/internal/workbench/check"
	"gatehouse/internal/workbench/debug"
	"gatehouse/internal/workbench/explain"
	"gatehouse/internal/workbench/suite"
)

// command is one word behind "gatehouse policy".
type command struct {
	name, about string
	run         func(args []string, out io.Writer) error
}

func commands() []command {
	return []command{
		{"check", "DIR|FILE: what stops policies from running, and what will surprise somebody", check.Command},
		{"explain", "--service DIR --api A --operation O: the policy that runs, and where each statement comes from", explain.Command},
		{"debug", "--service DIR ... URL: run one request and see what each statement changes, forwards and back", debug.Command},
		{"test", "DIR|FILE ...: run the tests that stand beside policies", suite.Command},
	}
}

// Run runs "gatehouse policy ARGS".
func Run(args []string, out io.Writer) error {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		if err := c.run(args[1:], out); !errors.Is(err, flag.ErrHelp) {
			return err
		}
		return nil
	}
	if name == "" || name == "help" || strings.HasPrefix(name, "-") {
		return usage(out)
	}
	return fmt.Errorf("unknown command %q; gatehouse policy lists them", "policy "+name)
}

func usage(out io.Writer) error {
	var b strings.Builder
	b.WriteString("gatehouse policy has these commands; each explains its flags with --help:\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-9s %s\n", c.name, c.about)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
