package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"gatehouse/internal/identity"
)

// identities are the rules of who may do what, which may change while the process
// runs.
type identities struct {
	paths  []string
	access atomic.Pointer[identity.Access]

	mu     sync.Mutex
	loaded [][]byte
	err    error // of the last load
}

// openIdentity reads the rules. A fault of them ends the start.
func (s *Server) openIdentity() error {
	s.recogniser = newRecogniser(s.token)
	for _, path := range []string{s.config.Identity.Rules, s.config.Identity.Principals} {
		if path != "" {
			s.identities.paths = append(s.identities.paths, path)
		}
	}
	if _, err := s.identities.load(); err != nil {
		return err
	}
	if err := s.openIssuer(); err != nil {
		return err
	}
	return s.trustIssuers()
}

// current are the rules in force, nil: there are none.
func (i *identities) current() *identity.Access { return i.access.Load() }

// load puts the files in force if they changed. On an error the old ones stay.
func (i *identities) load() (changed bool, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	defer func() { i.err = err }()
	if len(i.paths) == 0 {
		return false, nil
	}
	texts := make([][]byte, len(i.paths))
	files := make([]*identity.Rules, len(i.paths))
	same := i.loaded != nil
	for n, path := range i.paths {
		if texts[n], err = readBounded(path, identity.MaxFile); err != nil {
			return false, fmt.Errorf("identity: %w", err)
		}
		same = same && bytes.Equal(texts[n], i.loaded[n])
	}
	if same {
		return false, nil
	}
	for n, path := range i.paths {
		if files[n], err = identity.Read(texts[n]); err != nil {
			return false, fmt.Errorf("identity: %s: %w", path, err)
		}
	}
	access, err := identity.Compile(files...)
	if err != nil {
		return false, fmt.Errorf("identity: %w", err)
	}
	i.access.Store(access)
	i.loaded = texts
	return true, nil
}

func (i *identities) fault() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err == nil {
		return ""
	}
	return i.err.Error()
}

// readBounded reads a file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return data, errors.Join(err, f.Close())
}
