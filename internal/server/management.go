package server

import (
	"crypto/sha256"
	"errors"
	"regexp"

	"gatehouse/internal/api/management"
	"gatehouse/internal/apim"
	"gatehouse/internal/apim/apiops"
)

// openManagement reads what the management API wrote: the first load needs it.
func (s *Server) openManagement() error {
	key := sha256.Sum256([]byte("resource versions " + s.token))
	door := newDoor(s.token, false, false, nil)
	var err error
	s.management, err = management.New(management.Options{
		Service: s.service, Load: s.catalog.Load, Save: s.catalog.Save, MaySeeSecrets: door.admitted, Key: key[:], Logger: s.log,
		Apply: func(resources map[string][]byte, check func(*apim.Service) error, save func() error) error {
			return s.reloads.change(resources, check, save)
		},
	})
	return err
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
		return &management.Refused{Problems: []management.Problem{{Code: "ValidationError", Message: err.Error()}}}
	}
	out := &management.Refused{}
	for _, p := range problems {
		out.Problems = append(out.Problems, management.Problem{Code: "ValidationError", Target: property.FindString(p.Text), Message: p.File + ": " + p.Text})
	}
	return out
}
