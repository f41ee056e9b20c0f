package track

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxWatchers are open live views of the process.
const maxWatchers = 64

// Live serves GET /api/live?workspace=NAME, points as server-sent events, and
// GET and PUT /api/live/configuration, what SDKs collect meanwhile. named finds
// a workspace by its name.
func (r *Receiver) Live(named func(name string) (workspace string, ok bool)) http.Handler {
	find := func(w http.ResponseWriter, req *http.Request) (string, *hub) {
		name, ok := named(req.URL.Query().Get("workspace"))
		if !ok {
			apiError(w, http.StatusNotFound, "there is no workspace of this name; GET /api/workspaces lists them")
			return "", nil
		}
		return name, r.hubs.of(name)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/live", func(w http.ResponseWriter, req *http.Request) {
		if name, hub := find(w, req); hub != nil {
			r.watch(w, req, hub, name == "")
		}
	})
	mux.HandleFunc("GET /api/live/configuration", func(w http.ResponseWriter, req *http.Request) {
		if _, hub := find(w, req); hub != nil {
			writeJSON(w, http.StatusOK, hub.configuration())
		}
	})
	mux.HandleFunc("PUT /api/live/configuration", func(w http.ResponseWriter, req *http.Request) {
		if _, hub := find(w, req); hub != nil {
			configure(w, req, hub)
		}
	})
	return mux
}

// Close ends the open live views.
func (r *Receiver) Close() { r.hubs.once.Do(func() { close(r.hubs.done) }) }

func configure(w http.ResponseWriter, req *http.Request, hub *hub) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxFilterBytes))
	if err != nil {
		apiError(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("a configuration has at most %d bytes", maxFilterBytes))
		return
	}
	c, err := readConfiguration(body)
	if err != nil {
		apiError(w, http.StatusBadRequest, err.Error())
		return
	}
	hub.configure(c)
	writeJSON(w, http.StatusOK, c)
}

// watch sends points until the viewer leaves. The gateway's own seconds are of
// the default workspace.
func (r *Receiver) watch(w http.ResponseWriter, req *http.Request, hub *hub, gateway bool) {
	if r.hubs.watches.Add(1) > maxWatchers {
		r.hubs.watches.Add(-1)
		apiError(w, http.StatusServiceUnavailable, fmt.Sprintf("%d live views are open; close one", maxWatchers))
		return
	}
	defer r.hubs.watches.Add(-1)
	me := hub.watch()
	defer hub.leave(me)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	out := events{w: w, control: http.NewResponseController(w)}
	before, _ := r.tally()
	out.comment("watching")
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for out.err == nil {
		select {
		case <-req.Context().Done():
			return
		case <-r.hubs.done:
			return
		case v := <-me.points:
			out.send("point", v)
		case <-tick.C:
			if missed := me.missed.Swap(0); missed > 0 {
				out.send("missed", map[string]int64{"points": missed})
			}
			if !gateway {
				out.comment("") // finds out whether the viewer is still there
				continue
			}
			now, memory := r.tally()
			out.send("point", r.second(before, now, memory))
			before = now
		}
	}
}

// events writes server-sent events; the first error ends the view.
type events struct {
	w       io.Writer
	control *http.ResponseController
	err     error
}

// sendTimeout is how long a viewer may take to read a point.
const sendTimeout = 10 * time.Second

func (e *events) send(name string, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		return
	}
	e.write("event: " + name + "\ndata: " + string(data) + "\n\n")
}

func (e *events) comment(text string) { e.write(": " + text + "\n\n") }

func (e *events) write(s string) {
	_ = e.control.SetWriteDeadline(time.Now().Add(sendTimeout)) // a writer without deadlines is that of a test
	if _, e.err = io.WriteString(e.w, s); e.err == nil {
		e.err = e.control.Flush()
	}
}

func apiError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]string{"code": http.StatusText(status), "message": message}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
