package availability

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Location is a place from which tests run: this node, or a way out of it.
type Location struct {
	Name         string `json:"name" yaml:"name"`
	Proxy        string `json:"-" yaml:"proxy"`        // http, https or socks5 URL
	LocalAddress string `json:"-" yaml:"localAddress"` // of this machine, to call from
}

const maxLocations = 16

func checkLocations(list []Location) error {
	if len(list) == 0 || len(list) > maxLocations {
		return fmt.Errorf("availability.locations: %d places; there are 1 to %d", len(list), maxLocations)
	}
	var errs []error
	seen := map[string]bool{}
	for _, l := range list {
		fail := func(text string) { errs = append(errs, fmt.Errorf("availability.locations: %q: %s", l.Name, text)) }
		key := strings.ToLower(l.Name)
		if l.Name == "" || len(l.Name) > 63 || strings.ContainsFunc(l.Name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			fail("the name must have 1 to 63 characters")
		}
		if seen[key] {
			fail("two places have this name")
		}
		seen[key] = true
		if u, err := url.Parse(l.Proxy); l.Proxy != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5")) {
			fail("proxy is not an http, https or socks5 URL")
		}
		if l.LocalAddress != "" && net.ParseIP(l.LocalAddress) == nil {
			fail("localAddress is not an IP address")
		}
		if l.Proxy != "" && l.LocalAddress != "" {
			fail("it has a proxy or a localAddress, not both")
		}
	}
	return errors.Join(errs...)
}

// choose gives the places that a test names, or all.
func choose(all []Location, names []string) ([]Location, error) {
	if len(names) == 0 {
		return all, nil
	}
	var out []Location
	seen := map[string]bool{}
	for _, name := range names {
		at := -1
		for n, l := range all {
			if strings.EqualFold(l.Name, name) {
				at = n
			}
		}
		if at < 0 {
			known := make([]string, len(all))
			for n, l := range all {
				known[n] = l.Name
			}
			return nil, fmt.Errorf("locations: there is no place %q here (availability.locations); there are %s", name, strings.Join(known, ", "))
		}
		if !seen[all[at].Name] {
			seen[all[at].Name] = true
			out = append(out, all[at])
		}
	}
	return out, nil
}
