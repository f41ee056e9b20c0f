package track

import (
	"sync"
	"sync/atomic"
	"time"
)

// hubs has one hub for each workspace that live data came for or that is watched.
type hubs struct {
	now     func() time.Time
	gateway gatewayTally
	watches atomic.Int64
	done    chan struct{}
	once    sync.Once

	mu     sync.Mutex
	byName map[string]*hub
}

func newHubs(now func() time.Time) *hubs {
	return &hubs{now: now, byName: map[string]*hub{}, done: make(chan struct{})}
}

// of gives the hub of a workspace that is known: their number is bounded.
func (h *hubs) of(name string) *hub {
	h.mu.Lock()
	defer h.mu.Unlock()
	one := h.byName[name]
	if one == nil {
		one = &hub{config: defaultConfiguration(), watchers: map[*watcher]struct{}{}}
		h.byName[name] = one
	}
	return one
}

// hub passes the points of one workspace to who watches. It keeps nothing.
type hub struct {
	mu       sync.Mutex
	config   Configuration
	watchers map[*watcher]struct{}
}

// watcher is one open view. A slow one misses points and is told how many.
type watcher struct {
	points chan *View
	missed atomic.Int64
}

const watcherQueue = 256

func (h *hub) watch() *watcher {
	w := &watcher{points: make(chan *View, watcherQueue)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watchers[w] = struct{}{}
	return w
}

func (h *hub) leave(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watchers, w)
}

func (h *hub) watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.watchers) > 0
}

func (h *hub) send(v *View) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers {
		select {
		case w.points <- v:
		default:
			w.missed.Add(1)
		}
	}
}

func (h *hub) configuration() Configuration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.config
}

func (h *hub) configure(c Configuration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.config = c
}
