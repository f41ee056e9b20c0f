// Package configmap reads the config maps by which Azure's agents in a cluster
// are told what to scrape, and writes the scrape configuration that they stand
// for.
//
// What comes in: the manifests of config maps of the metrics add-on, or of
// Container insights. What goes out: a configuration in Prometheus's own form,
// and what of the maps has no counterpart. It must never read a cluster, or leave
// something out in silence.
package configmap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v3"
)

// Names of the config maps.
const (
	settingsMap   = "ama-metrics-settings-configmap"
	prometheusMap = "ama-metrics-prometheus-config" // and the two for nodes, which begin with it
	insightsMap   = "container-azm-ms-agentconfig"
)

// manifest is one document of the file.
type manifest struct {
	Kind     string `yaml:"kind"`
	Metadata struct {
		Name string `yaml:"name"`
	} `yaml:"metadata"`
	Data map[string]string `yaml:"data"`
}

// maxDocuments of one file.
const maxDocuments = 20

// Is tells whether a file has config maps.
func Is(text []byte) bool {
	list, err := read(text)
	return err == nil && len(list) > 0 && list[0].Kind == "ConfigMap"
}

func read(text []byte) ([]manifest, error) {
	var out []manifest
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var m manifest
		err := d.Decode(&m)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if out = append(out, m); len(out) > maxDocuments {
			return nil, fmt.Errorf("more than %d documents", maxDocuments)
		}
	}
}

// configuration is what is written: jobs in Prometheus's form.
type configuration struct {
	global   any
	jobs     []map[string]any
	cluster  string // label of all series
	warnings []string
}

func (c *configuration) warn(format string, args ...any) {
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

// Convert gives the scrape configuration of config maps, and what of them has no
// counterpart here.
func Convert(text []byte) (out []byte, warnings []string, err error) {
	list, err := read(text)
	if err != nil {
		return nil, nil, fmt.Errorf("read the config maps: %w", err)
	}
	c := &configuration{}
	for _, m := range list {
		switch name := m.Metadata.Name; {
		case m.Kind != "ConfigMap":
			err = fmt.Errorf("a document of kind %q stands among config maps", m.Kind)
		case name == settingsMap:
			err = c.settings(m.Data)
		case strings.HasPrefix(name, prometheusMap):
			err = c.prometheus(m.Data)
		case name == insightsMap:
			err = c.insights(m.Data)
		default:
			err = fmt.Errorf("it is not one of %s, %s, %s", settingsMap, prometheusMap, insightsMap)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("config map %s: %w", m.Metadata.Name, err)
		}
	}
	out, err = c.write()
	return out, c.warnings, err
}

func (c *configuration) write() ([]byte, error) {
	all := map[string]any{}
	if c.global != nil {
		all["global"] = c.global
	}
	list := []any{}
	for _, j := range c.jobs {
		if c.cluster != "" {
			j["relabel_configs"] = append(asList(j["relabel_configs"]), map[string]any{"target_label": "cluster", "replacement": c.cluster})
		}
		list = append(list, j)
	}
	all["scrape_configs"] = list
	return yaml.Marshal(all)
}

func asList(v any) []any {
	list, _ := v.([]any)
	return list
}

// prometheus takes the jobs of a configuration as they are.
func (c *configuration) prometheus(data map[string]string) error {
	text, ok := data["prometheus-config"]
	if !ok {
		return errors.New("it has no data.prometheus-config")
	}
	// The agent's reader takes a dollar sign for a variable: configurations for it
	// double them.
	text = strings.ReplaceAll(text, "$$", "$")
	var p struct {
		Global any              `yaml:"global"`
		Jobs   []map[string]any `yaml:"scrape_configs"`
		Other  map[string]any   `yaml:",inline"`
	}
	if err := yaml.Unmarshal([]byte(text), &p); err != nil {
		return fmt.Errorf("prometheus-config: %w", err)
	}
	for name := range p.Other {
		c.warn("prometheus-config: %s is not of scraping", name)
	}
	if p.Global != nil {
		c.global = p.Global
	}
	c.jobs = append(c.jobs, p.Jobs...)
	return nil
}

// section reads one of the texts of a config map, which are TOML.
func section(data map[string]string, name string) (map[string]any, error) {
	out := map[string]any{}
	if _, err := toml.Decode(data[name], &out); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}
