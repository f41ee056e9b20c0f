package track

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// How often SDKs of a live view ask and send, and how much of one request is read.
const (
	pingInterval   = 5 * time.Second
	maxLivePoints  = 1000
	maxDocuments   = 100 // of a point
	maxLiveMetrics = 100 // of a point
)

// live answers QuickPulse's ping, and post, which carries points while somebody
// watches. Headers tell the SDK whether anybody does, and how.
func (r *Receiver) live(w http.ResponseWriter, req *http.Request, post bool) {
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	default:
		r.respond(w, nil, &fault{status: http.StatusTooManyRequests, message: "too many requests at a time"})
		return
	}
	workspace, ok := r.options.Workspace(query(req, "ikey"))
	if !ok {
		r.respond(w, nil, &fault{status: http.StatusBadRequest, message: "Invalid instrumentation key"})
		return
	}
	if f := r.authorize(req, workspace); f != nil {
		r.respond(w, nil, f)
		return
	}
	waiting := &pending{of: r}
	defer waiting.release()
	body, f := r.read(w, req, waiting)
	if f != nil {
		r.respond(w, nil, f)
		return
	}
	hub := r.hubs.of(workspace.Name)
	if post {
		points, f := readPoints(body)
		if f != nil {
			r.respond(w, nil, f)
			return
		}
		for i := range points {
			hub.send(points[i].view(&r.options))
		}
	}
	r.subscribed(w, req, hub)
}

// query reads a parameter in any case.
func query(req *http.Request, name string) string {
	for key, values := range req.URL.Query() {
		if strings.EqualFold(key, name) && len(values) > 0 {
			return strings.TrimSpace(values[0])
		}
	}
	return ""
}

// subscribed tells whether somebody watches, and what is to be collected when
// the SDK does not know it yet.
func (r *Receiver) subscribed(w http.ResponseWriter, req *http.Request, hub *hub) {
	h := w.Header()
	watched := hub.watched()
	h.Set("x-ms-qps-subscribed", strconv.FormatBool(watched))
	h.Set("x-ms-qps-service-polling-interval-hint", strconv.FormatInt(pingInterval.Milliseconds(), 10))
	r.counts.requests.WithLabelValues("200").Inc()
	if !watched {
		w.WriteHeader(http.StatusOK)
		return
	}
	c := hub.configuration()
	h.Set("x-ms-qps-configuration-etag", c.ETag)
	if req.Header.Get("x-ms-qps-configuration-etag") == c.ETag {
		w.WriteHeader(http.StatusOK)
		return
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(c)
}

// livePoint is what an SDK sends each second.
type livePoint struct {
	Version      text `json:"Version"`
	Instance     text `json:"Instance"`
	RoleName     text `json:"RoleName"`
	MachineName  text `json:"MachineName"`
	StreamID     text `json:"StreamId"`
	Timestamp    text `json:"Timestamp"`
	Metrics      []liveMetric
	Documents    []liveDocument
	ConfigErrors []liveError `json:"CollectionConfigurationErrors"`
}

type liveMetric struct {
	Name   text
	Value  number
	Weight number
}

type liveError struct{ Message, FullException text }

type liveDocument struct {
	DocumentType      text
	DocumentStreamIDs []text `json:"DocumentStreamIds"`
	Properties        []struct{ Key, Value text }
	Name              text
	URL               text `json:"Url"`
	ResponseCode      text
	Duration          text
	CommandName       text
	ResultCode        text
	ExceptionType     text
	ExceptionMessage  text
	Message           text
}

func readPoints(body []byte) ([]livePoint, *fault) {
	if len(body) == 0 {
		return nil, nil
	}
	items, f := split(body, maxLivePoints)
	if f != nil {
		return nil, f
	}
	points := make([]livePoint, 0, len(items))
	for _, raw := range items {
		var p livePoint
		if json.Unmarshal(raw, &p) != nil {
			return nil, invalid("the live point is not what the protocol says")
		}
		points = append(points, p)
	}
	return points, nil
}
