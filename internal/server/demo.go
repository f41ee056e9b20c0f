package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"gatehouse/internal/availability"
	"gatehouse/internal/demo"
)

// demoMemory bounds Go's share of the demo's memory. With the collector as lazy
// as a busy gateway wants it, compaction alone would take the demo past 400 MB;
// the trace query engine and the binary need the rest.
const demoMemory = 140 << 20

// RunDemo runs the Demo Conference: service folder, backends and traffic. With
// no data folder given everything lives in a temporary one and is removed.
func RunDemo(ctx context.Context, config Config, version string, log *slog.Logger, out io.Writer) (err error) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(demoMemory)
	}
	dir := config.Data.Folder
	leaves := "everything stays in " + dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "gatehouse-demo-"); err != nil {
			return fmt.Errorf("make the demo's folder: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		leaves = "nothing is left behind"
	}
	config.Data.Folder = filepath.Join(dir, "data")
	config.Service = ServiceConfig{Folder: filepath.Join(dir, "service"), Name: "demo", Region: "local"}
	if err := demo.WriteService(config.Service.Folder); err != nil {
		return err
	}
	if config.Rules.Objectives, err = demoObjectives(dir); err != nil {
		return err
	}
	if config.Listen.OTLPHTTP == "" {
		config.Listen.OTLPHTTP = "127.0.0.1:0"
	}
	// The backends' host names resolve here alone: the map is filled once
	// their ports are known, before the first request.
	config.Gateway.ConnectTo = map[string]string{}
	config.Availability = demoAvailability()
	return runDemo(ctx, config, version, log, out, leaves)
}

// demoAvailability asks the gateway itself, and an operation through it.
func demoAvailability() AvailabilityConfig {
	every := availability.Duration(15 * time.Second)
	return AvailabilityConfig{Tests: []AvailabilityTestConfig{
		{Test: availability.Test{Name: gatewayTest, Gateway: true, Frequency: every}},
		{Test: availability.Test{Name: "conference-sessions", Gateway: true, Path: "/conference/sessions/3", Frequency: every, Match: availability.Match{Contains: "title"},
			Headers: map[string]string{"Ocp-Apim-Subscription-Key": "demo-mobile-app-key"}}},
	}}
}

// demoObjectives writes an objective that fits the demo: about 1.5 % of its
// requests fail, which is just where an objective of 99.9 % begins to page, so
// that the page would come and go all the time. An objective of 99 % is missed
// steadily instead.
func demoObjectives(dir string) (string, error) {
	path := filepath.Join(dir, "objectives.yml")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.WriteFile(path, []byte("# Objectives of the demo: edit them, and the alerts follow.\ndefault: {availability: 99}\n"), 0o600); err != nil {
		return "", fmt.Errorf("write the demo's objectives: %w", err)
	}
	return path, nil
}

func runDemo(ctx context.Context, config Config, version string, log *slog.Logger, out io.Writer, leaves string) error {
	services := demo.NewServices()
	if err := services.Listen(); err != nil {
		return err
	}
	for from, to := range services.Addresses {
		config.Gateway.ConnectTo[from] = to
	}
	s, err := Open(config, version, log)
	if err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return errors.Join(err, s.Close())
	}
	if err := services.Start(ctx, s.address("otlpHTTP")); err != nil {
		return errors.Join(err, s.stopDoors(), s.Close())
	}
	s.announceDemo(out, leaves)
	// Traffic and backends stop first: their last spans still have a receiver.
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go func() {
		defer stop()
		demo.Traffic(ctx, "http://"+s.address("gateway"), 20)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if err := services.Stop(last); err != nil {
			log.Debug("stop the demo's backends", "error", err)
		}
	}()
	return s.serve(serving)
}

func (s *Server) announceDemo(out io.Writer, leaves string) {
	fmt.Fprintf(out, `Gatehouse demo: the Demo Conference API with steady traffic

  console   http://%s
  gateway   http://%s
  try       curl -H "Ocp-Apim-Subscription-Key: demo-mobile-app-key" http://%[2]s/conference/sessions/3
  policies  %[3]s   (edit them: the gateway reloads)
  App Insights  %[5]s

Stop with Ctrl-C; %[4]s.
`, s.address("monitor"), s.address("gateway"), s.config.Service.Folder, leaves, s.defaultConnection())
}
