package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/api"
	"gatehouse/internal/api/arm"
	"gatehouse/internal/api/resources"
)

// grafanaType is the type of resources that metric workspaces are linked to.
const grafanaType = "Microsoft.Dashboard/grafana"

// grafanaLinks are what the properties of such a resource have of links.
type grafanaLinks struct {
	Integrations struct {
		Workspaces []struct {
			ID string `json:"azureMonitorWorkspaceResourceId"`
		} `json:"azureMonitorWorkspaceIntegrations"`
	} `json:"grafanaIntegrations"`
}

func linksOf(one *resources.Resource) (grafanaLinks, error) {
	var out grafanaLinks
	if err := json.Unmarshal(one.Properties, &out); err != nil {
		return out, fmt.Errorf("%s: properties: %w", one.Name, err)
	}
	return out, nil
}

// putGrafana checks the links. A workspace that was linked and is gone since is
// no error: its data source is gone too.
func (s *Server) putGrafana(list []resources.Resource) error {
	linked := map[string]bool{}
	for i := range list {
		links, err := linksOf(&list[i])
		if err != nil {
			return err
		}
		for _, w := range links.Integrations.Workspaces {
			key := strings.ToLower(w.ID)
			if s.linkedWorkspace(w.ID) == nil && s.linked != nil && !s.linked[key] {
				return fmt.Errorf("%s: there is no workspace %q: GET .../providers/%s lists them", list[i].Name, w.ID, accountType)
			}
			linked[key] = true
		}
	}
	s.linked = linked
	return nil
}

// linkedWorkspace is the workspace of an id, nil when there is none.
func (s *Server) linkedWorkspace(text string) *metricWorkspace {
	id, err := arm.Parse(text)
	if err != nil || !strings.EqualFold(id.Type(), accountType) {
		return nil
	}
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	w, err := s.accountAt(id)
	if err != nil {
		return nil
	}
	return w
}

// dataSource is one of a provisioning file of Grafana.
type dataSource struct {
	Name   string            `yaml:"name" json:"name"`
	UID    string            `yaml:"uid" json:"uid"`
	Type   string            `yaml:"type" json:"type"`
	Access string            `yaml:"access" json:"access"`
	URL    string            `yaml:"url" json:"url"`
	JSON   map[string]any    `yaml:"jsonData" json:"jsonData"`
	Secure map[string]string `yaml:"secureJsonData,omitempty" json:"secureJsonData,omitempty"`
}

// dataSources answers GET /api/grafana/NAME/datasources.yaml: the file by which that
// Grafana gets a data source for each workspace that is linked to it. Grafana
// itself puts the token in, from its environment.
func (s *Server) dataSources(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	base := "http://" + r.Host
	if r.TLS != nil {
		base = "https://" + r.Host
	}
	for _, one := range s.kept.grafana.All() {
		if !strings.EqualFold(one.Name, name) {
			continue
		}
		links, err := linksOf(&one)
		if err != nil {
			break // cannot be: it was checked
		}
		out := []dataSource{}
		for _, link := range links.Integrations.Workspaces {
			if mw := s.linkedWorkspace(link.ID); mw != nil {
				out = append(out, sourceOf(mw, base))
			}
		}
		data, err := yaml.Marshal(map[string]any{"apiVersion": 1, "prune": true, "datasources": out})
		if err != nil {
			break
		}
		w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
		_, _ = w.Write(data)
		return
	}
	api.WriteError(w, http.StatusNotFound, api.Error{Code: api.CodeNotFound, Message: fmt.Sprintf("there is no Grafana %q: PUT one as a resource of type %s", name, grafanaType)})
}

func sourceOf(w *metricWorkspace, base string) dataSource {
	out := dataSource{Name: "Managed_Prometheus_" + w.config.Name, UID: "gatehouse-" + strings.ToLower(w.config.Name), Type: "prometheus", Access: "proxy", URL: base + w.prefix(),
		JSON: map[string]any{"httpMethod": "POST", "prometheusType": "Prometheus", "manageAlerts": true, "timeInterval": "15s"}}
	if strings.HasPrefix(base, "https:") {
		out.JSON["httpHeaderName1"] = "Authorization"
		out.Secure = map[string]string{"httpHeaderValue1": "Bearer $GATEHOUSE_TOKEN"}
	}
	return out
}
