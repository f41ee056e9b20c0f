package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

// Services are the backends of the demo, each on a loopback port of its own.
type Services struct {
	servers   []*http.Server
	providers []*trace.TracerProvider
	// Addresses maps the host names in the service folder to loopback
	// addresses: "sessions.demo.internal:80" to "127.0.0.1:40123".
	Addresses map[string]string
	listeners map[string]net.Listener

	mu       sync.Mutex
	feedback map[string][]entry
}

type entry struct {
	Rating int    `json:"rating"`
	Text   string `json:"text,omitempty"`
}

// NewServices makes the backends; Listen and Start run them.
func NewServices() *Services {
	return &Services{Addresses: map[string]string{}, listeners: map[string]net.Listener{}, feedback: map[string][]entry{}}
}

// Listen takes a loopback port for each backend and fills Addresses.
func (s *Services) Listen() error {
	for _, name := range []string{"sessions", "speakers", "topics", "feedback"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("start demo service %s: %w", name, err)
		}
		s.listeners[name] = l
		s.Addresses[name+".demo.internal:80"] = l.Addr().String()
	}
	return nil
}

// Start serves. The backends send their spans to the OTLP/HTTP receiver at
// otlp (host:port).
func (s *Services) Start(ctx context.Context, otlp string) error {
	for name, build := range map[string]func(*http.Client) http.Handler{
		"topics": s.topics, "speakers": s.speakers, "sessions": s.sessions, "feedback": s.feedbacks,
	} {
		if err := s.start(ctx, otlp, name, build); err != nil {
			return errors.Join(fmt.Errorf("start demo service %s: %w", name, err), s.Stop(ctx))
		}
	}
	return nil
}

func (s *Services) start(ctx context.Context, otlp, name string, build func(*http.Client) http.Handler) error {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(otlp), otlptracehttp.WithInsecure())
	if err != nil {
		return err
	}
	provider := trace.NewTracerProvider(
		trace.WithBatcher(exporter, trace.WithBatchTimeout(time.Second)),
		trace.WithResource(resource.NewSchemaless(attribute.String("service.name", name), attribute.String("service.version", "1.0"))))
	s.providers = append(s.providers, provider)
	propagator := otelhttp.WithPropagators(propagation.TraceContext{})
	tracer := otelhttp.WithTracerProvider(provider)
	client := &http.Client{Timeout: 5 * time.Second, Transport: otelhttp.NewTransport(http.DefaultTransport, tracer, propagator)}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: otelhttp.NewHandler(build(client), name, tracer, propagator,
		otelhttp.WithSpanNameFormatter(func(_ string, r *http.Request) string { return r.Method + " " + r.URL.Path }))}
	s.servers = append(s.servers, server)
	listener := s.listeners[name]
	go func() { _ = server.Serve(listener) }()
	return nil
}

// Stop stops the backends and sends what they recorded.
func (s *Services) Stop(ctx context.Context) error {
	var errs []error
	for _, server := range s.servers {
		errs = append(errs, server.Shutdown(ctx))
	}
	for _, p := range s.providers {
		errs = append(errs, p.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

var (
	speakerNames = []string{"Ada Byron", "Grace Hopper", "Edsger Dijkstra", "Barbara Liskov", "Tony Hoare", "Radia Perlman"}
	topicNames   = []string{"api-design", "observability", "security", "performance", "testing"}
)

// pause is the work of a service: mostly quick, now and then slow.
func pause(ctx context.Context, base time.Duration, slowShare float64) {
	d := base + time.Duration(rand.ExpFloat64()*float64(base))
	if rand.Float64() < slowShare {
		d += 300*time.Millisecond + time.Duration(rand.IntN(600))*time.Millisecond
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Powered-By", "demo")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (s *Services) topics(*http.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /topics", func(w http.ResponseWriter, r *http.Request) {
		pause(r.Context(), 2*time.Millisecond, 0)
		answer(w, http.StatusOK, topicNames)
	})
	mux.HandleFunc("GET /topics/{session}", func(w http.ResponseWriter, r *http.Request) {
		pause(r.Context(), time.Millisecond, 0)
		n, _ := strconv.Atoi(r.PathValue("session"))
		answer(w, http.StatusOK, []string{topicNames[n%len(topicNames)], topicNames[(n+2)%len(topicNames)]})
	})
	return mux
}

func (s *Services) speakers(*http.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /speakers", func(w http.ResponseWriter, r *http.Request) {
		pause(r.Context(), 3*time.Millisecond, 0.01)
		if rand.Float64() < 0.08 {
			answer(w, http.StatusServiceUnavailable, map[string]string{"error": "the speaker directory is restarting"})
			return
		}
		answer(w, http.StatusOK, speakerNames)
	})
	mux.HandleFunc("GET /speakers/{id}", func(w http.ResponseWriter, r *http.Request) {
		pause(r.Context(), 2*time.Millisecond, 0.01)
		n, err := strconv.Atoi(r.PathValue("id"))
		if err != nil || n < 0 || n >= len(speakerNames) {
			answer(w, http.StatusNotFound, map[string]string{"error": "there is no such speaker"})
			return
		}
		answer(w, http.StatusOK, map[string]any{"id": n, "name": speakerNames[n]})
	})
	return mux
}

func (s *Services) sessions(client *http.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sessions", func(w http.ResponseWriter, r *http.Request) {
		pause(r.Context(), 4*time.Millisecond, 0.02)
		list := make([]map[string]any, 0, 12)
		for i := range 12 {
			list = append(list, map[string]any{"id": i, "title": fmt.Sprintf("Session %d", i), "speaker": i % len(speakerNames)})
		}
		answer(w, http.StatusOK, list)
	})
	mux.HandleFunc("GET /sessions/{id}", func(w http.ResponseWriter, r *http.Request) { s.session(client, w, r) })
	return mux
}

// session asks two other services, so that its traces have depth.
func (s *Services) session(client *http.Client, w http.ResponseWriter, r *http.Request) {
	pause(r.Context(), 2*time.Millisecond, 0.015)
	n, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || n < 0 || n > 99 {
		answer(w, http.StatusNotFound, map[string]string{"error": "there is no such session"})
		return
	}
	if rand.Float64() < 0.02 {
		answer(w, http.StatusInternalServerError, map[string]string{"error": "the schedule could not be read"})
		return
	}
	out := map[string]any{"id": n, "title": fmt.Sprintf("Session %d", n)}
	for name, path := range map[string]string{"speakers": fmt.Sprintf("/speakers/%d", n%len(speakerNames)), "topics": fmt.Sprintf("/topics/%d", n)} {
		var part any
		if err := s.get(r.Context(), client, name, path, &part); err != nil {
			answer(w, http.StatusBadGateway, map[string]string{"error": name + " did not answer"})
			return
		}
		out[name] = part
	}
	answer(w, http.StatusOK, out)
}

func (s *Services) get(ctx context.Context, client *http.Client, name, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addresses[name+".demo.internal:80"]+path, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(into)
}

func (s *Services) feedbacks(*http.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sessions/{id}", func(w http.ResponseWriter, r *http.Request) {
		pause(r.Context(), 2*time.Millisecond, 0.01)
		s.mu.Lock()
		list := append([]entry{}, s.feedback[r.PathValue("id")]...)
		s.mu.Unlock()
		answer(w, http.StatusOK, list)
	})
	mux.HandleFunc("POST /sessions/{id}", func(w http.ResponseWriter, r *http.Request) {
		pause(r.Context(), 3*time.Millisecond, 0.03)
		var e entry
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<16)).Decode(&e); err != nil {
			answer(w, http.StatusBadRequest, map[string]string{"error": "send a rating and a text as JSON"})
			return
		}
		s.keep(r.PathValue("id"), e)
		answer(w, http.StatusCreated, e)
	})
	return mux
}

// keep holds the last few entries of a few sessions: the demo runs for long.
func (s *Services) keep(id string, e entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.feedback) >= 100 && s.feedback[id] == nil {
		return
	}
	list := append(s.feedback[id], e)
	s.feedback[id] = list[max(0, len(list)-20):]
}
