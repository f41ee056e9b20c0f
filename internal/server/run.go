package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"gatehouse/internal/gateway"
	"gatehouse/internal/ingest/otlp"
)

// openDoor is a listening server.
type openDoor struct {
	setting string
	address string
	secure  bool
	serve   func() error
	stop    func(timeout time.Duration) error
}

// Run opens a Gatehouse, serves until ctx ends, and stops in order: no new
// requests, then what is under way, then receivers, then the stores.
func Run(ctx context.Context, config Config, version string, log *slog.Logger, out io.Writer) error {
	s, err := Open(config, version, log)
	if err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return errors.Join(err, s.Close())
	}
	s.announce(out)
	return s.serve(ctx)
}

// serve runs the doors until ctx ends or one of them fails.
func (s *Server) serve(ctx context.Context) error {
	s.availability.Start() // now that the doors are open
	group, inner := errgroup.WithContext(ctx)
	s.serveDoors(group)
	group.Go(func() error {
		if err := s.reloads.watch(inner); err != nil && inner.Err() == nil {
			s.log.Error("the service folder is not watched any more; restart to load changes", "error", err)
		}
		return nil
	})
	group.Go(func() error { s.watchRules(inner); return nil })
	group.Go(func() error {
		<-inner.Done()
		return s.stopDoors()
	})
	return errors.Join(group.Wait(), s.Close())
}

// serveDoors serves every door; one that fails ends the group.
func (s *Server) serveDoors(group *errgroup.Group) {
	for _, d := range s.doors {
		group.Go(func() error {
			if err := d.serve(); err != nil && !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("listen.%s: %w", d.setting, err)
			}
			return nil
		})
	}
}

func (s *Server) stopDoors() error {
	s.track.Close()               // live views would be waited for
	err := s.availability.Close() // before a door that it tests
	return errors.Join(err, s.closeDoors())
}

// closeDoors lets what is under way end.
func (s *Server) closeDoors() error {
	var errs []error
	for _, d := range s.doors {
		if err := d.stop(time.Duration(s.config.Gateway.DrainTimeout)); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			errs = append(errs, fmt.Errorf("stop listen.%s: %w", d.setting, err))
		}
	}
	return errors.Join(errs...)
}

// listen opens every door before one of them serves, so that a taken port ends
// the start and not a running gateway.
func (s *Server) listen() error {
	receiver := otlp.New(otlp.Options{Rows: s.ingest, Metrics: s.otlpMetrics, Logger: s.log, Registerer: s.registry})
	monitor, err := s.monitorRoutes(receiver)
	if err != nil {
		return err
	}
	c := s.config.Listen
	names := localNames()
	own := (&certificates{authority: s.ca, hosts: names}).config()
	front, err := s.frontTLS(names)
	if err != nil {
		return err
	}
	if !s.config.Gateway.NoClientCerts {
		front = front.Clone()
		front.ClientAuth = tls.RequestClientCert // asked for, not required: policies decide
	}
	ports := s.ofPorts(receiver)
	grpcServer := grpc.NewServer(ports.ServerOptions()...)
	ports.Register(grpcServer)
	// The gateway is first: it stops first.
	for _, add := range []func() error{
		func() error {
			return s.door("gateway", c.Gateway, nil, s.config.Gateway.MaxConnections, gatewayServer(s.config.Gateway, s.gateway, false))
		},
		func() error {
			return s.door("gatewayTLS", c.GatewayTLS, front, s.config.Gateway.MaxConnections, gatewayServer(s.config.Gateway, s.gateway, true))
		},
		func() error { return s.door("otlpHTTP", c.OTLPHTTP, nil, 1000, monitorServer(ports.Handler())) },
		func() error { return s.grpcDoor(c.OTLPGRPC, grpcServer) },
		func() error {
			if s.issuer == nil {
				return nil
			}
			return errors.Join(s.door("identity.issuer", s.config.Identity.Issuer.Listen, own, 1000, monitorServer(s.issuer)),
				s.door("identity.issuer.managed", s.config.Identity.Issuer.ManagedListen, nil, 100, monitorServer(onlyLocal(s.issuer.Managed()))))
		},
		func() error {
			return s.door("monitor", c.Monitor, nil, 1000, monitorServer(s.recording("monitor", newDoor(s.recogniser, s.config.Identity.LoopbackOpen, true, monitor))))
		},
		func() error {
			return s.door("monitorTLS", c.MonitorTLS, own, 1000, monitorServer(s.recording("monitorTLS", newDoor(s.recogniser, false, false, monitor))))
		},
		s.listenProxies,
	} {
		if err := add(); err != nil {
			for _, d := range s.doors {
				_ = d.stop(0)
			}
			return err
		}
	}
	return nil
}

func (s *Server) door(setting, address string, secure *tls.Config, connections int, server *http.Server) error {
	if address == "" {
		return nil
	}
	l, err := listen(setting, address)
	if err != nil {
		return err
	}
	server.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)
	server.TLSConfig = secure
	bounded := limit(l, connections)
	serve := func() error { return server.Serve(bounded) }
	if secure != nil {
		serve = func() error { return server.ServeTLS(bounded, "", "") }
	}
	s.doors = append(s.doors, openDoor{setting: setting, address: l.Addr().String(), secure: secure != nil, serve: serve,
		stop: func(timeout time.Duration) error { return errors.Join(drain(server, timeout), closeListener(l)) }})
	return nil
}

func closeListener(l net.Listener) error {
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func (s *Server) grpcDoor(address string, server *grpc.Server) error {
	if address == "" {
		return nil
	}
	l, err := listen("otlpGRPC", address)
	if err != nil {
		return err
	}
	stop := func(timeout time.Duration) error {
		timer := time.AfterFunc(timeout, server.Stop)
		defer timer.Stop()
		server.GracefulStop()
		return nil
	}
	s.doors = append(s.doors, openDoor{setting: "otlpGRPC", address: l.Addr().String(), serve: func() error { return server.Serve(limit(l, 1000)) }, stop: stop})
	return nil
}

// address of an open door, "" when it is off.
func (s *Server) address(setting string) string {
	for _, d := range s.doors {
		if d.setting == setting {
			return local(d.address)
		}
	}
	return ""
}

// local turns a wildcard address into one that can be called from here.
func local(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// GatewayURLs are the base URLs of the gateway's doors.
func (s *Server) GatewayURLs() []string {
	out := []string{}
	if a := s.address("gateway"); a != "" {
		out = append(out, "http://"+a)
	}
	if a := s.address("gatewayTLS"); a != "" {
		out = append(out, "https://"+a)
	}
	return out
}

// monitorURL is the link for people, also in alerts.
func (s *Server) monitorURL() string {
	switch c := s.config.Listen; {
	case c.Monitor != "":
		return "http://" + local(c.Monitor)
	case c.MonitorTLS != "":
		return "https://" + local(c.MonitorTLS)
	}
	return "http://localhost"
}

func (s *Server) announce(out io.Writer) {
	snapshot := s.gateway.Current()
	operations := 0
	for _, a := range snapshot.Service.APIs {
		operations += len(a.Operations)
	}
	fmt.Fprintf(out, "Serving %s: %d APIs, %d operations", snapshot.Service.Name, len(snapshot.Service.APIs), operations)
	if n := len(snapshot.Warnings); n > 0 {
		fmt.Fprintf(out, ", %d warnings (see the log)", n)
	}
	fmt.Fprintln(out)
	fmt.Fprintf(out, "  gateway   %s\n", strings.Join(s.GatewayURLs(), "  "))
	if a := s.address("monitor"); a != "" {
		fmt.Fprintf(out, "  console   http://%s\n", a)
	}
	if a := s.address("monitorTLS"); a != "" {
		fmt.Fprintf(out, "            https://%s  (admin token in %s, CA in %s)\n", a, s.tokenAt, s.ca.Path)
	}
	for _, one := range [][2]string{{"otlpGRPC", "OTLP gRPC"}, {"otlpHTTP", "OTLP HTTP"}} {
		if a := s.address(one[0]); a != "" {
			fmt.Fprintf(out, "  %s %s\n", one[1], a)
		}
	}
	fmt.Fprintf(out, "  data      %s\n", s.config.Data.Folder)
	fmt.Fprintf(out, "  App Insights  %s\n", s.defaultConnection())
}

// CheckService compiles the service and prints what is wrong, without opening
// the data folder.
func CheckService(config Config, out io.Writer) error {
	if err := config.Check(); err != nil {
		return err
	}
	o, err := gatewayOptions(config, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	external, err := externalCache(config.Cache, o.Log)
	if err != nil {
		return err
	}
	if external != nil {
		defer external.Close()
		o.External = external
	}
	limits, err := config.Telemetry.limits()
	if err != nil {
		return err
	}
	r := &reloads{config: config.Service, bodyBytes: limits.bodyBytes}
	service, err := r.read(nil)
	if err != nil {
		return err
	}
	snapshot, err := gateway.New(o).Compile(service)
	if err != nil {
		return err
	}
	for _, w := range snapshot.Warnings {
		fmt.Fprintf(out, "%s: warning: %s\n", w.Resource, w.Message)
	}
	fmt.Fprintf(out, "%s compiles: %d APIs\n", service.Name, len(service.APIs))
	return nil
}
