// Package subscribe keeps GraphQL clients that wait for events.
//
// What comes in: events by topic, and messages of WebSocket connections in one
// of the two protocols for GraphQL. What goes out: messages to the clients. It
// must never wait for a client that reads slowly: that one's subscription ends.
package subscribe

import (
	"errors"
	"sync"
)

// Limits of a Hub and its connections.
const (
	maxSubscriptions = 10_000 // of all connections
	maxPerConnection = 100
	maxWaiting       = 64 // events that a client has not read
)

// ErrFull means that no more subscriptions are taken.
var ErrFull = errors.New("too many subscriptions")

// Hub carries events from who publishes them to who waits for them. The zero
// value is ready. Safe for concurrent use.
type Hub struct {
	mu     sync.Mutex
	topics map[string]map[*Subscription]struct{}
	count  int
}

// Subscription is one wait for the events of a topic.
type Subscription struct {
	// Events ends when the subscription was cancelled, or the client too slow.
	Events chan []byte
	hub    *Hub
	topic  string
	closed bool // guarded by hub.mu
}

// Subscribe begins to wait. Cancel must follow.
func (h *Hub) Subscribe(topic string) (*Subscription, error) {
	s := &Subscription{Events: make(chan []byte, maxWaiting), hub: h, topic: topic}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count >= maxSubscriptions {
		return nil, ErrFull
	}
	if h.topics == nil {
		h.topics = map[string]map[*Subscription]struct{}{}
	}
	if h.topics[topic] == nil {
		h.topics[topic] = map[*Subscription]struct{}{}
	}
	h.topics[topic][s] = struct{}{}
	h.count++
	return s, nil
}

// Cancel ends the wait. It may be called more than once.
func (s *Subscription) Cancel() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.end()
}

func (s *Subscription) end() {
	if s.closed {
		return
	}
	s.closed = true
	close(s.Events)
	waiting := s.hub.topics[s.topic]
	delete(waiting, s)
	if len(waiting) == 0 {
		delete(s.hub.topics, s.topic)
	}
	s.hub.count--
}

// Publish hands an event to all who wait for the topic. The event is shared: it
// must not be changed any more.
func (h *Hub) Publish(topic string, event []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.topics[topic] {
		select {
		case s.Events <- event:
		default:
			s.end()
		}
	}
}

// Waiting tells how many wait for the events of a topic.
func (h *Hub) Waiting(topic string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.topics[topic])
}
