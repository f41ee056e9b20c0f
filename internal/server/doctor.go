package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/api"
	"gatehouse/internal/identity"
	"gatehouse/internal/telemetry"
)

// blocked is telemetry or a query that a private link scope kept out.
type blocked struct {
	Workspace string    `json:"workspace"`
	Kind      string    `json:"kind"` // query, ingestion
	From      string    `json:"from"`
	Cause     string    `json:"cause"`
	Count     int64     `json:"count"`
	Last      time.Time `json:"last"`
}

// maxBlocked are told apart; of more the oldest go.
const maxBlocked = 200

// blocks are what was kept out since the start.
type blocks struct {
	mu   sync.Mutex
	list []blocked // the one that was seen last is last
}

func (b *blocks) note(one blocked) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.list, func(o blocked) bool {
		return o.Workspace == one.Workspace && o.Kind == one.Kind && o.From == one.From && o.Cause == one.Cause
	})
	if i >= 0 {
		one.Count = b.list[i].Count
		b.list = slices.Delete(b.list, i, i+1)
	}
	one.Count++
	one.Last = time.Now().UTC()
	b.list = append(b.list, one)
	if len(b.list) > maxBlocked {
		b.list = slices.Delete(b.list, 0, 1)
	}
}

func (b *blocks) all() []blocked {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]blocked{}, b.list...)
}

// peerOf is where a request comes from.
func peerOf(r *http.Request) netip.Addr {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	address, _ := netip.ParseAddr(host)
	return address
}

// reach says why a workspace cannot be reached from an address, and remembers it.
func (s *Server) reach(kind string, from netip.Addr, w *telemetry.Workspace) error {
	err := s.identities.current().Reach(kind, from, w.Title())
	if err != nil {
		s.blocks.note(blocked{Workspace: w.Title(), Kind: kind, From: from.String(), Cause: err.Error()})
	}
	return err
}

// mayReach is reach for what sends items.
func (s *Server) mayReach(r *http.Request, w telemetry.Workspace) error {
	return s.reach(identity.Ingestion, peerOf(r), &w)
}

// complaint is one cause of missing telemetry.
type complaint struct {
	Cause   string    `json:"cause"`
	Subject string    `json:"subject"`
	Detail  string    `json:"detail"`
	Count   int64     `json:"count,omitempty"`
	Last    time.Time `json:"last,omitzero"`
}

// doctor answers GET /api/doctor: why telemetry may be missing.
func (s *Server) doctor(w http.ResponseWriter, _ *http.Request) {
	out := []complaint{}
	for _, b := range s.blocks.all() {
		cause := "private_link"
		out = append(out, complaint{Cause: cause, Subject: "workspace " + b.Workspace, Detail: b.Kind + " from " + b.From + ": " + b.Cause, Count: b.Count, Last: b.Last})
	}
	for _, e := range s.exports.status() {
		if e.LastError != "" {
			c := complaint{Cause: "export", Subject: "export " + e.Name, Detail: e.LastError}
			if e.LastErrorAt != nil {
				c.Last = *e.LastErrorAt
			}
			out = append(out, c)
		}
	}
	for _, f := range s.identities.current().Review(time.Now()).Findings {
		if f.Severity == "error" {
			out = append(out, complaint{Cause: "secret", Subject: "principal " + f.Principal, Detail: f.Text})
		}
	}
	if fault := s.identities.fault(); fault != "" {
		out = append(out, complaint{Cause: "rules", Subject: strings.Join(s.identities.paths, ", "), Detail: fault})
	}
	api.WriteJSON(w, http.StatusOK, map[string]any{"findings": out})
}
