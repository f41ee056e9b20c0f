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
	"time"

	"gatehouse/internal/server"
)

// proxyCommand serves an identity-aware proxy alone: in front of one tool by
// flags, or those of a file of settings.
func proxyCommand(args []string, out io.Writer) error {
	config, err := proxySettings(args)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return server.RunProxies(ctx, config, version, slog.New(slog.NewTextHandler(os.Stderr, nil)), out)
}

func proxySettings(args []string) (server.Config, error) {
	config := server.DefaultConfig()
	one, issuer := server.IdentityProxy{Issuer: "provider"}, server.TrustedIssuer{Name: "provider"}
	set := flag.NewFlagSet("proxy", flag.ContinueOnError)
	file := set.String("config", "", "file of settings with identity.proxies; instead of the flags below but --data")
	data := set.String("data", "", "folder of the activity log, the certificate authority and the key of sessions (default: that of the settings)")
	set.StringVar(&one.Name, "name", "tool", "what the tool is called")
	set.StringVar(&one.Upstream, "upstream", "", "URL of the tool")
	set.StringVar(&one.UpstreamCAFile, "upstream-ca-file", "", "authority of an upstream with https")
	set.StringVar(&one.Listen, "listen", ":9447", "address")
	set.BoolVar(&one.Plain, "plain", false, "HTTP: on a loopback address, or behind what ends TLS")
	set.StringVar(&one.URL, "url", "", "by which browsers call it")
	set.StringVar(&issuer.URL, "issuer", "", "URL of the identity provider")
	set.StringVar(&issuer.CAFile, "issuer-ca-file", "", "authority of the identity provider")
	set.StringVar(&issuer.Groups, "groups-claim", "", "claim with the groups (default groups)")
	set.StringVar(&issuer.Subject, "subject-claim", "", "claim with the id of the user (default oid, else sub)")
	set.StringVar(&one.ClientID, "client-id", "", "what the identity provider calls this proxy")
	set.StringVar(&one.ClientSecret.File, "client-secret-file", "", "none: a public client")
	set.StringVar(&one.SessionKey.File, "session-key-file", "", "the same for all replicas; none: one is made in the data folder")
	set.Func("allow-group", "a group that is let in; may be repeated", appendTo(&one.Groups))
	set.Func("allow-principal", "the id of a user that is let in; may be repeated", appendTo(&one.Principals))
	set.Func("scope", "asked of the provider; may be repeated (default openid profile email)", appendTo(&one.Scopes))
	session := set.Duration("session", 8*time.Hour, "how long a login lasts")
	if err := set.Parse(args); err != nil {
		return config, err
	}
	if set.NArg() > 0 {
		return config, fmt.Errorf("%q is no flag; gatehouse proxy --help lists them", set.Arg(0))
	}
	if *file != "" {
		loaded, err := server.LoadConfig(*file)
		if err != nil {
			return config, err
		}
		if config = loaded; len(config.Identity.Proxies) == 0 {
			return config, errors.New("the file has no identity.proxies")
		}
	} else {
		one.Session, issuer.Audiences = server.Duration(*session), []string{one.ClientID}
		config.Identity.Proxies, config.Identity.Issuers = []server.IdentityProxy{one}, []server.TrustedIssuer{issuer}
	}
	if *data != "" {
		config.Data.Folder = *data
	}
	return config, missing(config)
}

// missing names flags that are needed, before the settings that they stand for.
func missing(c server.Config) error {
	one := c.Identity.Proxies[0]
	var names []string
	for name, empty := range map[string]bool{"--upstream": one.Upstream == "", "--client-id": one.ClientID == "", "--allow-group or --allow-principal": len(one.Groups)+len(one.Principals) == 0,
		"--issuer": len(c.Identity.Issuers) == 0 || c.Identity.Issuers[0].URL == ""} {
		if empty {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		return fmt.Errorf("missing: %s", strings.Join(names, ", "))
	}
	return nil
}

func appendTo(list *[]string) func(string) error {
	return func(text string) error {
		if text == "" {
			return errors.New("it is empty")
		}
		*list = append(*list, text)
		return nil
	}
}
