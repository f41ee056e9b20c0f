// Command gatehouse is the API gateway with its observability half.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"gatehouse/internal/server"
	"gatehouse/internal/workbench"
)

// version is set by the linker for releases.
var version = "dev"

const usage = `gatehouse is an API gateway that runs Azure API Management's policies, with
metrics, traces and alerts built in.

  gatehouse demo                             a made-up API with traffic, to look around
  gatehouse run --service DIR                serve an APIOps artifact folder
  gatehouse run --openapi FILE --backend URL serve one API from its description
  gatehouse check --service DIR              compile the service and print what is wrong
  gatehouse policy check DIR|FILE            check policies, for people and for CI
  gatehouse policy explain --service DIR ... the policy that runs for an operation
  gatehouse policy debug --service DIR ...   run one request statement by statement
  gatehouse policy test DIR                  run the tests that stand beside policies
  gatehouse rules convert FILE               Azure rule groups to a Prometheus rule file, and back
  gatehouse dashboards DIR                   write the dashboards for Grafana
  gatehouse activity verify DIR              check that no record of the activity log was changed
  gatehouse doctor                           why telemetry may be missing, of a running gatehouse
  gatehouse identity add|secret|revoke|review   principals of the own issuer, their secrets, and who may do what
  gatehouse archive list|restore             blocks of samples that were archived
  gatehouse proxy --upstream URL --issuer URL ...       a login before Grafana, Prometheus or any other tool
  gatehouse version

Flags of run and demo (each also as an environment variable GATEHOUSE_<FLAG>):
`

func main() {
	err := command(os.Args[1:], os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse:", err)
		os.Exit(1)
	}
}

func command(args []string, out io.Writer) error {
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	switch name {
	case "run", "demo", "check":
		return start(name, args, out)
	case "policy":
		return workbench.Run(args, out)
	case "rules":
		return ruleCommand(args, out)
	case "activity":
		return activityCommand(args, out)
	case "doctor":
		return doctorCommand(args, out)
	case "identity":
		return identityCommand(args, out)
	case "archive":
		return archiveCommand(args, out)
	case "proxy":
		return proxyCommand(args, out)
	case "dashboards":
		return dashboardCommand(args, out)
	case "version", "--version":
		_, err := fmt.Fprintln(out, "gatehouse", version)
		return err
	case "", "help", "-h", "--help":
		return help(out)
	}
	return fmt.Errorf("unknown command %q; gatehouse help lists them", name)
}

func help(out io.Writer) error {
	_, err := io.WriteString(out, usage)
	set, _ := flags(&options{config: server.DefaultConfig()})
	set.SetOutput(out)
	set.PrintDefaults()
	return err
}

func start(name string, args []string, out io.Writer) error {
	config, err := settings(name, args)
	if err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(config.LogLevel)); err != nil {
		return fmt.Errorf("logLevel %q: use debug, info, warn or error", config.LogLevel)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if os.Getenv("GOGC") == "" {
		go paceCollector(ctx)
	}
	switch name {
	case "check":
		return server.CheckService(config, out)
	case "demo":
		return server.RunDemo(ctx, config, version, log, out)
	}
	return server.Run(ctx, config, version, log, out)
}

// settings reads the file, then the environment, then the flags.
func settings(name string, args []string) (server.Config, error) {
	o := &options{config: server.DefaultConfig()}
	// A first pass finds --config; what the file sets is then overridden.
	set, _ := flags(o)
	set.SetOutput(io.Discard)
	if err := set.Parse(args); err != nil && !errors.Is(err, flag.ErrHelp) {
		return o.config, err
	}
	path := o.file
	if path == "" {
		path = os.Getenv("GATEHOUSE_CONFIG")
	}
	o = &options{config: server.DefaultConfig()}
	if name == "demo" {
		o.config.Data.Folder, o.config.LogLevel = "", "warn"
		o.config.Data.QueryMemory = 64 << 20 // the demo stays small
	}
	if path != "" {
		loaded, err := server.LoadConfig(path)
		if err != nil {
			return loaded, err
		}
		o.config = loaded
	}
	set, env := flags(o)
	if err := env(); err != nil {
		return o.config, err
	}
	if err := set.Parse(args); err != nil {
		return o.config, err
	}
	if set.NArg() > 0 {
		return o.config, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	return o.config, nil
}

func environment(set *flag.FlagSet) error {
	var errs []error
	set.VisitAll(func(f *flag.Flag) {
		name := "GATEHOUSE_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if v, ok := os.LookupEnv(name); ok {
			if err := set.Set(f.Name, v); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
	})
	return errors.Join(errs...)
}
