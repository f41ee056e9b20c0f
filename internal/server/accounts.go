package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/google/uuid"

	"gatehouse/internal/api"
	"gatehouse/internal/api/arm"
)

// Types by which clients of Azure make metric workspaces, and find where to send.
const (
	accountType  = "Microsoft.Monitor/accounts"
	ruleType     = "Microsoft.Insights/dataCollectionRules"
	endpointType = "Microsoft.Insights/dataCollectionEndpoints"
)

// accounts are metric workspaces as resources of Azure. Which there are, the
// metric workspaces say; the catalog keeps what only the resource has.
type accounts struct {
	mu   sync.Mutex
	kept map[string]account // by name of the workspace in lower case
}

// account is what a client wrote of a workspace.
type account struct {
	ID       string            `json:"id"`
	Location string            `json:"location,omitempty"`
	Tags     map[string]string `json:"tags,omitempty"`
	Network  string            `json:"publicNetworkAccess,omitempty"`
}

const accountDocument = "monitor-accounts"

// openAccounts reads what was written before.
func (s *Server) openAccounts() error {
	if err := s.kept.grafana.Refresh(); err != nil { // which links there were
		return err
	}
	s.accounts.kept = map[string]account{}
	data, err := s.catalog.Load(accountDocument)
	if err != nil || len(data) == 0 {
		return err
	}
	if err := json.Unmarshal(data, &s.accounts.kept); err != nil {
		return fmt.Errorf("the catalog's %s are damaged: %w", accountDocument, err)
	}
	return nil
}

func (s *Server) accountRoutes(mux *arm.Mux) {
	mux.Handle(accountType, s.serveAccounts)
	mux.Handle(ruleType, s.serveCollection)
	mux.Handle(endpointType, s.serveCollection)
}

// accountOf gives the resource of a workspace; one that no client made stands in
// a group of its own.
func (s *Server) accountOf(w *metricWorkspace) account {
	a, ok := s.accounts.kept[strings.ToLower(w.config.Name)]
	if !ok {
		a.ID = standIn + accountType + "/" + w.config.Name
	}
	if a.Location == "" {
		a.Location = "local"
	}
	if a.Network == "" {
		a.Network = "Enabled"
	}
	return a
}

// serveAccounts answers for metric workspaces as resources.
func (s *Server) serveAccounts(rw http.ResponseWriter, r *arm.Request) error {
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	if r.ID.Collection() {
		if r.Method != http.MethodGet {
			return r.MethodNotAllowed()
		}
		return s.listAccounts(rw, r)
	}
	if len(r.ID.Segments) != 1 || r.ID.Group == "" || r.ID.Parent != nil {
		return arm.NotFound(r.ID)
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		w, err := s.accountAt(r.ID)
		if err != nil {
			return err
		}
		api.WriteJSON(rw, http.StatusOK, s.viewAccount(w))
		return nil
	case http.MethodPut, http.MethodPatch:
		return s.writeAccount(rw, r)
	case http.MethodDelete:
		return s.removeAccount(rw, r)
	}
	return r.MethodNotAllowed()
}

func (s *Server) listAccounts(rw http.ResponseWriter, r *arm.Request) error {
	value := []any{}
	for _, w := range s.metrics.all() {
		id, err := arm.Parse(s.accountOf(w).ID)
		if err == nil && strings.EqualFold(id.Subscription, r.ID.Subscription) && (r.ID.Group == "" || strings.EqualFold(id.Group, r.ID.Group)) {
			value = append(value, s.viewAccount(w))
		}
	}
	api.WriteJSON(rw, http.StatusOK, map[string]any{"value": value})
	return nil
}

// accountAt finds the workspace of an id.
func (s *Server) accountAt(id arm.ID) (*metricWorkspace, error) {
	w := s.metrics.find(id.Name())
	if w == nil || !strings.EqualFold(s.accountOf(w).ID, id.String()) {
		return nil, arm.NotFound(id)
	}
	return w, nil
}

// writtenAccount is the body of a PUT or PATCH.
type writtenAccount struct {
	Location   string            `json:"location"`
	Tags       map[string]string `json:"tags"`
	Properties struct {
		PublicNetworkAccess string `json:"publicNetworkAccess"`
	} `json:"properties"`
}

// writeAccount makes a workspace, or changes what only its resource has.
func (s *Server) writeAccount(rw http.ResponseWriter, r *arm.Request) error {
	data, err := r.Body(64 << 10)
	if err != nil {
		return err
	}
	replace := r.Method == http.MethodPut
	body, err := readAccount(data, replace)
	if err != nil {
		return err
	}
	made, err := s.putAccount(r.ID, body, replace)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if made {
		status = http.StatusCreated
	}
	api.WriteJSON(rw, status, s.viewAccount(s.metrics.find(r.ID.Name())))
	return nil
}

// readAccount reads the body of a PUT, which replaces, or PATCH.
func readAccount(data []byte, replace bool) (*writtenAccount, error) {
	var body writtenAccount
	if err := json.Unmarshal(data, &body); err != nil {
		return nil, arm.Errorf(http.StatusBadRequest, "InvalidRequestContent", "the body is not a resource: %v", err)
	}
	switch n := body.Properties.PublicNetworkAccess; {
	case n != "" && n != "Enabled" && n != "Disabled":
		return nil, arm.Errorf(http.StatusBadRequest, "InvalidPropertyValue", "properties.publicNetworkAccess: %.40q is neither Enabled nor Disabled", n)
	case replace && body.Location == "":
		return nil, arm.Errorf(http.StatusBadRequest, "LocationRequired", "location is required: any name of a region")
	}
	return &body, nil
}

// putAccount writes an account, and tells whether it made the workspace.
func (s *Server) putAccount(id arm.ID, body *writtenAccount, replace bool) (made bool, err error) {
	w, err := s.accountAt(id)
	if err != nil && !replace {
		return false, err
	}
	if w == nil {
		if err := s.makeAccount(id); err != nil {
			return false, err
		}
	}
	return w == nil, s.keepAccount(id, body, replace)
}

// freeAccount refuses the name of a workspace that no client made: it is not
// taken over.
func (s *Server) freeAccount(id arm.ID) error {
	if w := s.metrics.find(id.Name()); w != nil {
		return arm.Errorf(http.StatusConflict, "Conflict", "there is a metric workspace of this name: it is %s", s.accountOf(w).ID)
	}
	return nil
}

// makeAccount makes the workspace of a new resource.
func (s *Server) makeAccount(id arm.ID) error {
	if err := s.freeAccount(id); err != nil {
		return err
	}
	_, err := s.setMetricWorkspace(MetricWorkspaceConfig{Name: id.Name()})
	return asResourceError(err)
}

// asResourceError gives an error about workspaces the form of one about resources.
func asResourceError(err error) error {
	var known *changeError
	if errors.As(err, &known) {
		return arm.Errorf(known.status, map[int]string{http.StatusBadRequest: "InvalidResourceName", http.StatusConflict: "Conflict", http.StatusNotFound: "ResourceNotFound"}[known.status], "%s", known.message)
	}
	return err
}

func (s *Server) keepAccount(id arm.ID, body *writtenAccount, replace bool) error {
	key := strings.ToLower(id.Name())
	a, known := s.accounts.kept[key]
	if !known {
		a = account{ID: id.String()}
	}
	if body.Location != "" {
		a.Location = body.Location
	}
	if body.Tags != nil || replace {
		a.Tags = body.Tags
	}
	if body.Properties.PublicNetworkAccess != "" {
		a.Network = body.Properties.PublicNetworkAccess
	}
	return s.saveAccount(key, &a)
}

// saveAccount keeps an account, nil forgets it.
func (s *Server) saveAccount(key string, a *account) error {
	next := map[string]account{}
	for name, one := range s.accounts.kept {
		next[name] = one
	}
	if delete(next, key); a != nil {
		next[key] = *a
	}
	data, err := json.Marshal(next)
	if err == nil {
		err = s.catalog.Save(accountDocument, data)
	}
	if err == nil {
		s.accounts.kept = next
	}
	return err
}

// removeAccount deletes a workspace with its samples, as Azure does.
func (s *Server) removeAccount(rw http.ResponseWriter, r *arm.Request) error {
	w, err := s.accountAt(r.ID)
	if err != nil {
		rw.WriteHeader(http.StatusNoContent)
		return nil
	}
	if err := s.removeMetricWorkspace(w.config.Name, w.config.Name); err != nil {
		return asResourceError(err)
	}
	if err := s.saveAccount(strings.ToLower(w.config.Name), nil); err != nil {
		return err
	}
	rw.WriteHeader(http.StatusOK)
	return nil
}

// viewAccount is a workspace as Azure's clients read it.
func (s *Server) viewAccount(w *metricWorkspace) map[string]any {
	a, name := s.accountOf(w), w.config.Name
	return map[string]any{"id": a.ID, "name": name, "type": accountType, "location": a.Location, "tags": a.Tags, "properties": s.accountProperties(&a, name, w.prefix())}
}

// accountProperties are those of a workspace that answers below a prefix.
func (s *Server) accountProperties(a *account, name, prefix string) map[string]any {
	id, _ := arm.Parse(a.ID)
	managed := "/subscriptions/" + id.Subscription + "/resourceGroups/MA_" + name + "_" + a.Location + "_managed/providers/"
	return map[string]any{
		"accountId": accountID(a.ID), "provisioningState": "Succeeded", "publicNetworkAccess": a.Network,
		"metrics":                  map[string]any{"prometheusQueryEndpoint": s.monitorURL() + prefix, "internalId": "mac_" + accountID(a.ID)},
		"defaultIngestionSettings": map[string]any{"dataCollectionRuleResourceId": managed + ruleType + "/" + name, "dataCollectionEndpointResourceId": managed + endpointType + "/" + name},
	}
}

// accountID is the same for an id at all times.
func accountID(id string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(strings.ToLower(id))).String()
}

// serveCollection answers for the data collection rule and endpoint that every
// workspace has: where its samples are sent.
func (s *Server) serveCollection(rw http.ResponseWriter, r *arm.Request) error {
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	if r.Method != http.MethodGet {
		return r.MethodNotAllowed()
	}
	w := s.metrics.find(r.ID.Name())
	if w == nil || len(r.ID.Segments) != 1 {
		return arm.NotFound(r.ID)
	}
	rule := w.config.DataCollectionRule
	if rule == "" {
		rule = w.config.Name
	}
	a := s.accountOf(w)
	out := map[string]any{"id": r.ID.String(), "name": w.config.Name, "location": a.Location}
	if strings.EqualFold(r.ID.Type(), endpointType) {
		out["type"] = endpointType
		out["properties"] = map[string]any{"provisioningState": "Succeeded", "metricsIngestion": map[string]string{"endpoint": s.monitorURL()}}
	} else {
		out["type"] = ruleType
		out["properties"] = map[string]any{"immutableId": rule, "provisioningState": "Succeeded",
			"dataSources":  map[string]any{"prometheusForwarder": []any{map[string]any{"name": "PrometheusDataSource", "streams": []string{"Microsoft-PrometheusMetrics"}}}},
			"destinations": map[string]any{"monitoringAccounts": []any{map[string]string{"name": w.config.Name, "accountResourceId": a.ID, "accountId": accountID(a.ID)}}},
			"dataFlows":    []any{map[string]any{"streams": []string{"Microsoft-PrometheusMetrics"}, "destinations": []string{w.config.Name}}}}
	}
	api.WriteJSON(rw, http.StatusOK, out)
	return nil
}
