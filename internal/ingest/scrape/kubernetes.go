//go:build !nokubernetes

package scrape

import _ "github.com/prometheus/prometheus/discovery/kubernetes" // kubernetes_sd_configs
