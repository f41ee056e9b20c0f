package main

import (
	"flag"
	"fmt"
	"strings"

	"gatehouse/internal/server"
)

type options struct {
	config server.Config
	file   string
}

// flags binds the flags to o; the function it returns applies the environment.
func flags(o *options) (*flag.FlagSet, func() error) {
	c := &o.config
	set := flag.NewFlagSet("gatehouse", flag.ContinueOnError)
	set.StringVar(&o.file, "config", "", "settings file (gatehouse.yaml)")
	set.StringVar(&c.Service.Folder, "service", c.Service.Folder, "APIOps artifact folder to serve; it is watched")
	set.StringVar(&c.Service.Overrides, "overrides", c.Service.Overrides, "APIOps configuration file laid over the folder")
	set.StringVar(&c.Service.OpenAPI, "openapi", c.Service.OpenAPI, "OpenAPI document of one API to serve")
	set.StringVar(&c.Service.Backend, "backend", c.Service.Backend, "backend URL of --openapi")
	set.StringVar(&c.Data.Folder, "data", c.Data.Folder, "data folder")
	set.StringVar(&c.Listen.Gateway, "listen-gateway", c.Listen.Gateway, "gateway, HTTP/1.1 and h2c; empty: off")
	set.StringVar(&c.Listen.GatewayTLS, "listen-gateway-tls", c.Listen.GatewayTLS, "gateway, HTTPS; empty: off")
	set.StringVar(&c.Listen.Monitor, "listen-monitor", c.Listen.Monitor, "console and monitor APIs, loopback only; empty: off")
	set.StringVar(&c.Listen.MonitorTLS, "listen-monitor-tls", c.Listen.MonitorTLS, "console and monitor APIs, HTTPS with the admin token; empty: off")
	set.StringVar(&c.Listen.OTLPGRPC, "listen-otlp-grpc", c.Listen.OTLPGRPC, "OTLP over gRPC; empty: off")
	set.StringVar(&c.Listen.OTLPHTTP, "listen-otlp-http", c.Listen.OTLPHTTP, "OTLP over HTTP; empty: off")
	set.BoolVar(&c.Telemetry.Off, "telemetry-off", c.Telemetry.Off, "record nothing")
	set.BoolVar(&c.Gateway.ExtendedTypes, "extended-types", c.Gateway.ExtendedTypes, "let expressions use .NET types beyond the documented ones")
	set.BoolVar(&c.Identity.LoopbackOpen, "loopback-open", c.Identity.LoopbackOpen, "local users need no token on the plain monitor door")
	set.BoolVar(&c.Identity.OTLPOpen, "otlp-open", c.Identity.OTLPOpen, "senders need no token on the OTLP ports")
	set.StringVar(&c.Alerting.File, "alertmanager", c.Alerting.File, "Alertmanager configuration file")
	set.StringVar(&c.Alerting.Webhook, "webhook", c.Alerting.Webhook, "URL that receives all alerts, when there is no Alertmanager configuration")
	set.Func("rules", "Prometheus rule file; may be given several times", func(v string) error {
		c.Rules.Files = append(c.Rules.Files, v)
		return nil
	})
	set.Func("connect-to", "host:port=host:port, send connections for a backend elsewhere; may be given several times", func(v string) error {
		from, to, ok := strings.Cut(v, "=")
		if !ok {
			return fmt.Errorf("%q: write host:port=host:port", v)
		}
		if c.Gateway.ConnectTo == nil {
			c.Gateway.ConnectTo = map[string]string{}
		}
		c.Gateway.ConnectTo[from] = to
		return nil
	})
	set.Func("trusted-proxy", "address or range whose X-Forwarded-For is believed; may be given several times", func(v string) error {
		c.Gateway.TrustedProxies = append(c.Gateway.TrustedProxies, v)
		return nil
	})
	set.StringVar(&c.LogLevel, "log-level", c.LogLevel, "debug, info, warn or error")
	return set, func() error { return environment(set) }
}
