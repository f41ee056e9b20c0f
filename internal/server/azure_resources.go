package server

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql"

	"gatehouse/internal/api"
	"gatehouse/internal/api/arm"
	"gatehouse/internal/api/azuremonitor"
)

// resourceRoutes answers for the resources below /subscriptions/ that are neither
// the management API's nor workspaces of logs.
func (s *Server) resourceRoutes() http.Handler {
	mux := arm.NewMux(s.log)
	azuremonitor.New(azuremonitor.Options{Range: s.rangeOfDefault, Cores: runtime.GOMAXPROCS(0), Service: s.serviceName}).Register(mux)
	mux.Handle("Microsoft.Resources/resources", s.listResources)
	return mux
}

// serviceName gives the name and region of what is served, "" before it is.
func (s *Server) serviceName() (name, region string) {
	if now := s.service(); now != nil {
		return now.Name, now.Region
	}
	return "", ""
}

// listResources answers GET /subscriptions/ID/resources: the service. Its
// $filter may compare resourceType and name.
func (s *Server) listResources(w http.ResponseWriter, r *arm.Request) error {
	if r.Method != http.MethodGet {
		return r.MethodNotAllowed()
	}
	value := []any{}
	name, region := s.serviceName()
	wanted, err := wants(r.URL.Query().Get("$filter"), name)
	if err != nil {
		return err
	}
	if name != "" && wanted {
		group := r.ID.Group
		if group == "" {
			group = "gatehouse"
		}
		id := arm.ID{Subscription: r.ID.Subscription, Group: group, Provider: "Microsoft.ApiManagement", Segments: []arm.Segment{{Type: "service", Name: name}}}
		value = append(value, map[string]any{"id": id.String(), "name": name, "type": azuremonitor.Namespace, "location": region, "tags": s.management.Tags()})
	}
	api.WriteJSON(w, http.StatusOK, map[string]any{"value": value})
	return nil
}

// wants tells whether a filter of a list of resources fits the service.
func wants(filter, name string) (bool, error) {
	for _, one := range strings.Split(filter, " and ") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		field, value, ok := strings.Cut(one, " eq ")
		text := strings.Trim(strings.TrimSpace(value), "'")
		switch {
		case !ok:
			return false, arm.Errorf(http.StatusBadRequest, "InvalidFilterInQueryString", "$filter: write comparisons as resourceType eq 'Microsoft.ApiManagement/service', joined by and")
		case strings.EqualFold(field, "resourceType"):
			ok = strings.EqualFold(text, azuremonitor.Namespace)
		case strings.EqualFold(field, "name"):
			ok = strings.EqualFold(text, name)
		default:
			return false, arm.Errorf(http.StatusBadRequest, "InvalidFilterInQueryString", "$filter: %.100q is not one of resourceType, name", field)
		}
		if !ok {
			return false, nil
		}
	}
	return true, nil
}

// rangeOfDefault evaluates PromQL over the default workspace, which has the
// gateway's own series.
func (s *Server) rangeOfDefault(ctx context.Context, query string, start, end time.Time, step time.Duration) (promql.Matrix, error) {
	return s.metrics.all()[0].engine.Range(ctx, query, start, end, step)
}
