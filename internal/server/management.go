package server

import (
	"crypto/sha256"
	"errors"
	"regexp"
	"strings"

	"gatehouse/internal/api/arm"
	"gatehouse/internal/api/management"
	"gatehouse/internal/apim"
	"gatehouse/internal/apim/apiops"
)

// openManagement reads what the management API wrote: the first load needs it.
func (s *Server) openManagement() error {
	key := sha256.Sum256([]byte("resource versions " + s.token))
	var err error
	s.management, err = management.New(management.Options{
		Service: s.service, Load: s.catalog.Load, Save: s.catalog.Save, MaySeeSecrets: s.maySeeSecrets, Key: key[:], Logger: s.log,
		Reference: s.referred, Made: s.willBe, Takes: s.takes, Deploy: s.deployTemplate, GatewayURL: func() string { return strings.Join(s.GatewayURLs()[:min(1, len(s.GatewayURLs()))], "") },
		Apply: func(resources map[string][]byte, check func(*apim.Service) error, save func() error) error {
			return s.reloads.change(resources, check, save)
		},
	})
	return err
}

// component gives a workspace as templates refer to an Application Insights
// resource, by its resource id or, where none was set, its name.
func (s *Server) component(id string) (map[string]any, bool) {
	w, ok := s.workspaces.ByResource(id)
	if !ok && strings.Contains(strings.ToLower(id), "/providers/microsoft.insights/components/") {
		w, ok = s.workspaces.ByName(id[strings.LastIndexByte(id, '/')+1:])
	}
	if !ok {
		return nil, false
	}
	return map[string]any{"InstrumentationKey": w.InstrumentationKey, "ConnectionString": s.connectionString(w, w.InstrumentationKey),
		"AppId": w.ApplicationID, "ApplicationId": w.Title(), "provisioningState": "Succeeded"}, true
}

// property is the place of a problem within a resource.
var property = regexp.MustCompile(`^[A-Za-z]+(\.[A-Za-z]+)*\b`)

// refused tells what is wrong with resources in the words of the management API.
func refused(err error) error {
	if err == nil {
		return nil
	}
	var problems apiops.Problems
	if !errors.As(err, &problems) {
		return &management.Refused{Problems: []arm.Error{{Code: "ValidationError", Message: err.Error()}}}
	}
	out := &management.Refused{}
	for _, p := range problems {
		out.Problems = append(out.Problems, arm.Error{Code: "ValidationError", Target: property.FindString(p.Text), Message: p.File + ": " + p.Text})
	}
	return out
}
