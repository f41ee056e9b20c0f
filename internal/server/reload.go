package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/apim/apiops"
	"gatehouse/internal/apim/openapi"
	"gatehouse/internal/gateway"
	"gatehouse/internal/store/catalog"
)

// reloads builds whole new snapshots and swaps them in; on any error the old
// one stays and the error is shown.
type reloads struct {
	config  ServiceConfig
	gateway *gateway.Gateway
	catalog *catalog.Catalog
	log     *slog.Logger
	// destinations of the service's loggers; nil for a check.
	destinations *destinations

	mu      sync.Mutex
	current revisionStatus
	written apiops.Resources // over the management API
	// bodyBytes that a diagnostic may keep; 0: as many as there may be.
	bodyBytes int
}

func (r *reloads) state() revisionStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

// load reads, compiles and swaps. The error holds every problem with its place.
func (r *reloads) load() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	snapshot, err := r.build(r.written)
	if err == nil {
		err = r.destinations.update(snapshot.Service) // before requests of the new snapshot need it
	}
	if err != nil {
		r.current.Error = err.Error()
		return err
	}
	r.swap(snapshot)
	return nil
}

func (r *reloads) swap(snapshot *gateway.Snapshot) {
	r.gateway.Swap(snapshot)
	r.current = revisionStatus{ID: r.current.ID + 1, Loaded: time.Now().UTC(), Config: configHash(r.config.Folder, r.config.Overrides, r.config.OpenAPI)}
	for _, w := range snapshot.Warnings {
		r.log.Warn("service", "resource", w.Resource, "message", w.Message)
	}
}

// change serves the service with other resources of the management API: all of
// it, kept by save, or nothing.
func (r *reloads) change(next map[string][]byte, check func(*apim.Service) error, save func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	snapshot, err := r.build(next)
	if err != nil {
		return refused(err)
	}
	if err := check(snapshot.Service); err != nil {
		return err
	}
	if err = refused(r.destinations.update(snapshot.Service)); err == nil {
		err = save()
	}
	if err != nil {
		// Exports may have the new credentials of a logger already.
		return errors.Join(err, r.destinations.update(r.gateway.Current().Service))
	}
	r.written = next
	r.swap(snapshot)
	return nil
}

func (r *reloads) build(written apiops.Resources) (*gateway.Snapshot, error) {
	service, err := r.read(written)
	if err != nil {
		return nil, err
	}
	if err := r.keys(service); err != nil {
		return nil, err
	}
	return r.gateway.Compile(service)
}

func (r *reloads) read(written apiops.Resources) (*apim.Service, error) {
	c := r.config
	if c.OpenAPI != "" {
		service, err := readOpenAPI(c)
		if err != nil {
			return nil, err
		}
		if len(written) > 0 {
			if err := apiops.Extend(service, apiops.Options{Resources: written, MaxCapture: r.bodyBytes}); err != nil {
				return nil, err
			}
		}
		return service, addCertificates(service, c.Certificates)
	}
	service, err := apiops.Load(c.Folder, apiops.Options{Overrides: c.Overrides, Resources: written, MaxCapture: r.bodyBytes})
	if err != nil {
		return nil, err
	}
	if c.Name != "" {
		service.Name = c.Name
	}
	if c.Region != "" {
		service.Region = c.Region
	}
	if err := addCertificates(service, c.Certificates); err != nil {
		return nil, err
	}
	return service, nil
}

func readOpenAPI(c ServiceConfig) (*apim.Service, error) {
	data, err := os.ReadFile(c.OpenAPI)
	if err != nil {
		return nil, fmt.Errorf("read the API description: %w", err)
	}
	doc, err := openapi.Load(data, filepath.Base(c.OpenAPI))
	if err != nil {
		return nil, err
	}
	service := openapi.Service(doc, c.Backend)
	if c.Name != "" {
		service.Name = c.Name
	}
	if c.Region != "" {
		service.Region = c.Region
	}
	return service, nil
}

// keys gives subscriptions without keys the ones that the catalog keeps for
// them, made on first sight.
func (r *reloads) keys(s *apim.Service) error {
	made := map[string]catalog.KeyPair{}
	for _, sub := range s.Subscriptions {
		if sub.PrimaryKey != "" || sub.SecondaryKey != "" {
			continue
		}
		primary, secondary, err := r.catalog.SubscriptionKeys(sub.ID)
		if err != nil {
			return fmt.Errorf("subscriptions/%s: %w", sub.ID, err)
		}
		sub.PrimaryKey, sub.SecondaryKey = primary, secondary
		made[sub.ID] = catalog.KeyPair{Primary: primary, Secondary: secondary}
	}
	if len(made) == 0 {
		return nil
	}
	_, err := r.catalog.WriteSubscriptionKeys(made)
	return err
}

// watch reloads when the service folder changes, until ctx ends.
func (r *reloads) watch(ctx context.Context) error {
	if r.config.Folder == "" {
		return nil
	}
	return apiops.Watch(ctx, r.config.Folder, func() {
		if err := r.load(); err != nil {
			r.log.Error("the service was not reloaded; the old configuration stays in use", "error", err)
			return
		}
		r.log.Info("the service was reloaded", "revision", r.state().ID)
	})
}
