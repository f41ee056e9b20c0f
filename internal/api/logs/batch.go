package logs

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"gatehouse/internal/telemetry"
)

// batchRequest is one query of a batch.
type batchRequest struct {
	ID        string            `json:"id"`
	Headers   map[string]string `json:"headers"`
	Body      queryBody         `json:"body"`
	Path      string            `json:"path"`
	Method    string            `json:"method"`
	Workspace string            `json:"workspace"`
	Resource  string            `json:"resource"`
}

type batchResponse struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Body    json.RawMessage   `json:"body"`
	Headers map[string]string `json:"headers,omitempty"`
}

// batch answers queries that are sent together. Each has its own status: one
// that fails leaves the others alone.
func (h *Handler) batch(w http.ResponseWriter, r *http.Request) *fault {
	var body struct {
		Requests []batchRequest `json:"requests"`
	}
	if f := h.readJSON(w, r, &body); f != nil {
		return f
	}
	if len(body.Requests) == 0 || len(body.Requests) > h.o.MaxBatch {
		return badArgument("BatchSize", fmt.Sprintf("the batch has %d queries; it takes 1 to %d", len(body.Requests), h.o.MaxBatch))
	}
	release, f := h.limits.enter(r.Context(), userOf(r), len(body.Requests))
	if f != nil {
		return f
	}
	defer release()
	id := w.Header().Get("X-Ms-Request-Id")
	out := make([]batchResponse, 0, len(body.Requests))
	for n := range body.Requests {
		if r.Context().Err() != nil {
			return &fault{status: 499, code: "ClientClosedRequest", message: "the client left"}
		}
		out = append(out, h.batched(r, &body.Requests[n], id))
	}
	writeJSON(w, map[string]any{"responses": out})
	return nil
}

func (h *Handler) batched(r *http.Request, q *batchRequest, correlation string) batchResponse {
	result, f := func() ([]byte, *fault) {
		t, f := h.batchTarget(q)
		if f != nil {
			return nil, f
		}
		if strings.TrimSpace(q.Body.Query) == "" {
			return nil, badArgument("QueryMissing", "the request has no query")
		}
		var lines []string
		for name, value := range q.Headers {
			if strings.EqualFold(name, "Prefer") {
				lines = append(lines, value)
			}
		}
		prefer, f := h.preference(lines)
		if f != nil {
			return nil, f
		}
		result, f := h.run(r.Context(), t, q.Body, prefer)
		if f != nil {
			return nil, f
		}
		e := encoder{}
		e.result(result, prefer, correlation)
		return e.buf, nil
	}()
	if f != nil {
		f.correlation = correlation
		data, _ := json.Marshal(map[string]errorBody{"error": f.body()})
		return batchResponse{ID: q.ID, Status: f.status, Body: data}
	}
	return batchResponse{ID: q.ID, Status: http.StatusOK, Body: result}
}

func (h *Handler) batchTarget(q *batchRequest) (*target, *fault) {
	if q.Path != "" && !strings.EqualFold(strings.Trim(q.Path, "/"), "query") {
		return nil, badArgument("PathInvalid", "a batch has requests of the path /query, not "+q.Path)
	}
	id := q.Workspace
	if id == "" {
		id = q.Resource
	}
	w, ok := h.workspace(id)
	if !ok {
		return nil, unknownTarget("workspace", id)
	}
	return &target{title: id, workspaces: []*telemetry.Workspace{w}}, nil
}
