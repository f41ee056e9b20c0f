package server

import (
	"strings"
	"testing"
)

func TestCheckSinks(t *testing.T) {
	one := SinkConfig{Name: "a", Format: "ocsf", Address: "tcp://siem.example:514"}
	with := func(change func(*SinkConfig)) SinkConfig {
		out := one
		out.Name, out.Address = "b", "file:///var/log/b"
		change(&out)
		return out
	}
	for want, second := range map[string]SinkConfig{
		"":                                       with(func(*SinkConfig) {}),
		`the name "../x" is not one of`:          with(func(c *SinkConfig) { c.Name = "../x" }),
		"two sinks are named a":                  with(func(c *SinkConfig) { c.Name = "a" }),
		"another sink has the same address":      with(func(c *SinkConfig) { c.Address = one.Address }),
		`log: "all" is not one of activity, req`: with(func(c *SinkConfig) { c.Log = "all" }),
		"set activity.requests too":              with(func(c *SinkConfig) { c.Log = logRequests }),
	} {
		c := Config{SIEM: []SinkConfig{one, second}}
		err := c.checkSinks()
		if (err == nil) != (want == "") || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
