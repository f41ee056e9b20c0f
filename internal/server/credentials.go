package server

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/identity"
)

// credentials tells when certificates end, how old secrets are and what this
// node serves, as series that rules look at.
type credentials struct {
	server *Server

	expiry, changed, left, node *prometheus.Desc

	mu      sync.Mutex
	read    time.Time
	ends    map[string]time.Time // certificate -> its end
	written map[string]time.Time // secret -> when its file changed
}

// credentialsEvery is how often files are looked at.
const credentialsEvery = time.Minute

func newCredentials(s *Server) *credentials {
	return &credentials{server: s,
		expiry:  prometheus.NewDesc("gatehouse_certificate_expiry_timestamp_seconds", "When a certificate of the gateway ends.", []string{"certificate"}, nil),
		changed: prometheus.NewDesc("gatehouse_secret_changed_timestamp_seconds", "When the file of a secret changed last.", []string{"secret"}, nil),
		left:    prometheus.NewDesc("gatehouse_identity_secret_days_left", "Days until a secret of a principal ends, negative after; then it is refused.", []string{"principal", "secret"}, nil),
		node:    prometheus.NewDesc("gatehouse_node_info", "What this node serves: its version, and a hash of the service's files. Nodes of one service should agree.", []string{"version", "config"}, nil),
	}
}

// Describe is part of prometheus.Collector.
func (c *credentials) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.expiry, c.changed, c.left, c.node} {
		out <- d
	}
}

// Collect is part of prometheus.Collector.
func (c *credentials) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.read) >= credentialsEvery {
		c.read, c.ends, c.written = now, c.server.certificateEnds(), c.server.secretTimes()
	}
	for _, name := range slices.Sorted(maps.Keys(c.ends)) {
		out <- prometheus.MustNewConstMetric(c.expiry, prometheus.GaugeValue, float64(c.ends[name].Unix()), name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.written)) {
		out <- prometheus.MustNewConstMetric(c.changed, prometheus.GaugeValue, float64(c.written[name].Unix()), name)
	}
	now := time.Now()
	for _, p := range c.server.identities.current().Principals() {
		for _, secret := range identity.SecretsOf(p, now) {
			out <- prometheus.MustNewConstMetric(c.left, prometheus.GaugeValue, secret.DaysLeft, p.Name, secret.ID)
			out <- prometheus.MustNewConstMetric(c.changed, prometheus.GaugeValue, float64(secret.Created.Unix()), "identity/"+p.Name+"/"+secret.Kind+"/"+secret.ID)
		}
	}
	out <- prometheus.MustNewConstMetric(c.node, prometheus.GaugeValue, 1, c.server.version, c.server.reloads.state().Config)
}

// certificateEnds are the ends of the certificates that somebody must renew: of
// the service, of the HTTPS door's own file, and of the own authority. What the
// authority issues is renewed by itself.
func (s *Server) certificateEnds() map[string]time.Time {
	ends := map[string]time.Time{}
	add := func(name string, text []byte) {
		if end, ok := firstEnd(text); ok {
			ends[name] = end
		}
	}
	if snapshot := s.gateway.Current(); snapshot != nil {
		for _, one := range snapshot.Service.Certificates {
			add("service/"+one.ID, []byte(one.CertificatePEM))
		}
	}
	for name, path := range map[string]string{"gateway": s.config.Listen.CertificateFile, "authority": s.ca.Path} {
		if text, err := os.ReadFile(path); path != "" && err == nil {
			add(name, text)
		}
	}
	return ends
}

// firstEnd is the end of the first certificate of a PEM text.
func firstEnd(text []byte) (time.Time, bool) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		one, err := x509.ParseCertificate(block.Bytes)
		return oneEnd(one), err == nil
	}
	return time.Time{}, false
}

func oneEnd(c *x509.Certificate) time.Time {
	if c == nil {
		return time.Time{}
	}
	return c.NotAfter
}

// secretTimes are when the files of secrets changed.
func (s *Server) secretTimes() map[string]time.Time {
	c := &s.config
	files := map[string]string{"admin-token": s.tokenAt, "identity.managed.clientSecret": c.Identity.Managed.ClientSecret.File, "cache.password": c.Cache.Password.File, "platform.daprToken": c.Platform.DaprToken.File}
	for i := range c.Identity.Grants {
		g := &c.Identity.Grants[i]
		files["identity.grants/"+g.Provider+"/"+g.Authorization] = g.ClientSecret.File
	}
	for i := range c.Telemetry.Workspaces {
		files["telemetry.workspaces/"+c.Telemetry.Workspaces[i].Name] = c.Telemetry.Workspaces[i].Key.File
	}
	times := map[string]time.Time{}
	for name, path := range files {
		if path == "" {
			continue
		}
		if info, err := os.Stat(path); err == nil {
			times[name] = info.ModTime()
		}
	}
	return times
}

// configHash is a hash of the files that a service is made of, by their names and
// contents; "" when they cannot be read.
func configHash(paths ...string) string {
	hash := sha256.New()
	for _, root := range paths {
		if root == "" {
			continue
		}
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, _ := filepath.Rel(root, path)
			sum := sha256.Sum256(text)
			hash.Write(append([]byte(name+"\x00"), sum[:]...))
			return nil
		})
		if err != nil {
			return ""
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:12]
}
