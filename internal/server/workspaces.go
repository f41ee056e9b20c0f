package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"gatehouse/internal/store/catalog"
	"gatehouse/internal/telemetry"
)

// WorkspaceConfig is a workspace: what an Application Insights resource is in
// Azure. The default one always exists; naming it "default" sets its fields.
type WorkspaceConfig struct {
	Name          string   `yaml:"name"`
	Key           Secret   `yaml:"key"`           // instrumentation key; made on first sight when empty
	ApplicationID string   `yaml:"applicationId"` // of the query API; likewise
	ResourceID    string   `yaml:"resourceId"`    // ARM path by which resource queries name it
	Retention     Duration `yaml:"retention"`     // 0: as long as data.traceRetention keeps rows
	DailyCap      int64    `yaml:"dailyCap"`      // bytes a UTC day, 0: none
	// RequireIdentity refuses items that come with the key alone.
	RequireIdentity bool `yaml:"requireIdentity"`
	// Dimensions of custom metrics are kept; Azure's default is that they are not.
	Dimensions *bool `yaml:"dimensions"`
}

// maxWorkspaces of a process; names are labels of metrics and values of columns.
const maxWorkspaces = 1000

// workspaceKeys are what the catalog keeps of a workspace.
type workspaceKeys struct {
	Key         string `json:"key"`
	Application string `json:"application"`
}

const workspaceDocument = "workspaces"

// openWorkspaces makes the look-up of all workspaces. Keys that the settings do
// not give are made once and kept.
func (s *Server) openWorkspaces() (err error) {
	s.workspaces, err = readWorkspaces(s.config.Telemetry.Workspaces, s.catalog)
	if err != nil {
		return fmt.Errorf("telemetry.workspaces: %w", err)
	}
	s.destinations, err = newDestinations(s.config.Telemetry, s.workspaces, s.log)
	return err
}

func readWorkspaces(list []WorkspaceConfig, c *catalog.Catalog) (*telemetry.Workspaces, error) {
	list = withDefaultWorkspace(list)
	if len(list) > maxWorkspaces {
		return nil, fmt.Errorf("%d workspaces, at most %d", len(list), maxWorkspaces)
	}
	kept := map[string]workspaceKeys{}
	data, err := c.Load(workspaceDocument)
	if err != nil {
		return nil, err
	}
	if len(data) > 0 {
		if err := json.Unmarshal(data, &kept); err != nil {
			return nil, fmt.Errorf("the catalog's keys of workspaces are damaged: %w", err)
		}
	}
	before := len(kept)
	var out []telemetry.Workspace
	for i := range list {
		w, err := list[i].workspace(kept)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	all, err := telemetry.NewWorkspaces(out)
	if err != nil || len(kept) == before {
		return all, err
	}
	if data, err = json.Marshal(kept); err != nil {
		return nil, err
	}
	return all, c.Save(workspaceDocument, data)
}

// withDefaultWorkspace puts the default workspace in front; its settings may
// stand anywhere in the list, under the name default.
func withDefaultWorkspace(list []WorkspaceConfig) []WorkspaceConfig {
	out := make([]WorkspaceConfig, 1, len(list)+1)
	seen := false
	for _, c := range list {
		if !seen && (c.Name == "" || strings.EqualFold(c.Name, telemetry.DefaultWorkspace)) {
			seen, c.Name = true, ""
			out[0] = c
			continue
		}
		out = append(out, c)
	}
	return out
}

// workspace is one entry with its keys, new ones put into kept.
func (c *WorkspaceConfig) workspace(kept map[string]workspaceKeys) (telemetry.Workspace, error) {
	w := telemetry.Workspace{Name: c.Name, Retention: time.Duration(c.Retention), DailyCap: c.DailyCap, RequireIdentity: c.RequireIdentity,
		Dimensions: c.Dimensions == nil || *c.Dimensions}
	if c.Name != "" && !workspaceName(c.Name) {
		return w, fmt.Errorf("%q is not a name of a workspace: use 1 to 63 letters, digits, hyphens and underscores", c.Name)
	}
	if c.DailyCap < 0 {
		return w, fmt.Errorf("%s: dailyCap is negative; 0 means no cap", w.Title())
	}
	k, known := kept[w.Name]
	if !known {
		k = workspaceKeys{Key: uuid.NewString(), Application: uuid.NewString()}
		kept[w.Name] = k
	}
	key, err := c.Key.read()
	if err != nil {
		return w, fmt.Errorf("%s: key: %w", w.Title(), err)
	}
	if w.InstrumentationKey, err = lowerUUID(key, k.Key); err != nil {
		return w, fmt.Errorf("%s: key: %w", w.Title(), err)
	}
	if w.ApplicationID, err = lowerUUID(c.ApplicationID, k.Application); err != nil {
		return w, fmt.Errorf("%s: applicationId: %w", w.Title(), err)
	}
	w.ResourceID = strings.ToLower(c.ResourceID)
	if w.ResourceID == "" {
		w.ResourceID = "/subscriptions/" + uuid.Nil.String() + "/resourcegroups/gatehouse/providers/microsoft.insights/components/" + strings.ToLower(w.Title())
	}
	return w, nil
}

var errNoUUID = errors.New("is not a UUID such as 00000000-0000-0000-0000-000000000000, which the SDKs demand")

// lowerUUID checks what the settings say; otherwise stands in when they say nothing.
func lowerUUID(text, otherwise string) (string, error) {
	if text == "" {
		return otherwise, nil
	}
	if len(text) != 36 {
		return "", errNoUUID // and say nothing of it: it may be a secret
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return "", errNoUUID
	}
	return id.String(), nil
}

func workspaceName(s string) bool {
	if s == "" || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// ingestionURL is where SDKs send items: over HTTPS when there is such a door,
// as current ones refuse plain HTTP.
func (s *Server) ingestionURL() string {
	if a := s.address("monitorTLS"); a != "" {
		return "https://" + a + "/"
	}
	if a := s.address("monitor"); a != "" {
		return "http://" + a + "/"
	}
	return ""
}

// connectionString is what an SDK is configured with.
func (s *Server) connectionString(w *telemetry.Workspace, key string) string {
	at := s.ingestionURL()
	if at == "" {
		return ""
	}
	return fmt.Sprintf("InstrumentationKey=%s;IngestionEndpoint=%s;LiveEndpoint=%s;ApplicationId=%s", key, at, at, w.ApplicationID)
}

// defaultConnection is the connection string of the default workspace.
func (s *Server) defaultConnection() string {
	if s.workspaces == nil {
		return ""
	}
	w, _ := s.workspaces.ByName("")
	return s.connectionString(w, w.InstrumentationKey)
}
