package explore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/store/lake"
	"gatehouse/internal/telemetry"
)

// Result of a search.
type Result struct {
	Traces    []Summary `json:"traces"` // newest first
	Histogram Histogram `json:"histogram"`
	Total     int64     `json:"total"`   // matching requests, also those not listed
	Partial   bool      `json:"partial"` // the time ran out: there may be more
}

// Summary describes one trace of a list. Duration is that of its first span.
type Summary struct {
	TraceID      string    `json:"trace_id"`
	RootName     string    `json:"root_name"`
	Service      string    `json:"service"`
	API          string    `json:"api"`
	Operation    string    `json:"operation"`
	Product      string    `json:"product"`
	Subscription string    `json:"subscription"`
	HTTPStatus   int32     `json:"http_status"`
	Status       string    `json:"status"`
	Outcome      string    `json:"outcome"`
	ErrorReason  string    `json:"error_reason"`
	Start        time.Time `json:"start"`
	DurationMS   float64   `json:"duration_ms"`
	Spans        int       `json:"spans"`
	Errors       int       `json:"errors"`
}

// hit is a trace that matched, with the time of the newest span that did.
type hit struct {
	trace string
	at    time.Time
}

// Search lists the newest matching traces and counts all matches by duration.
func (e *Explorer) Search(ctx context.Context, f Filter) (*Result, error) {
	if f.Limit <= 0 {
		f.Limit = DefaultLimit
	}
	f.Limit = min(f.Limit, MaxLimit)
	ctx, cancel := context.WithTimeout(ctx, e.o.SearchTimeout)
	defer cancel()
	out := &Result{Traces: []Summary{}, Histogram: emptyHistogram()}
	hits, err := e.newest(ctx, f)
	if err == nil || len(hits) > 0 {
		var serr error
		out.Traces, serr = e.summaries(ctx, hits)
		err = errors.Join(err, serr)
	}
	if err == nil {
		out.Histogram, out.Total, err = e.histogram(ctx, f)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		out.Partial, err = true, nil
	}
	if err != nil {
		return nil, fmt.Errorf("search traces: %w", err)
	}
	return out, nil
}

// newest finds matching traces, the newest first. It reads the range in
// windows that grow, and stops as soon as it has enough.
func (e *Explorer) newest(ctx context.Context, f Filter) ([]hit, error) {
	where, args := f.where()
	text := "SELECT trace_id, epoch_ns(time) FROM {spans} WHERE " + where + " ORDER BY time DESC LIMIT " + fmt.Sprint(f.Limit*4)
	var hits []hit
	seen := make(map[string]bool)
	for _, w := range e.o.Lake.Windows(lake.Spans, f.Start, f.End, max(2000, 20*f.Limit)) {
		for end := w.End; end.After(w.Start); {
			rows, last, err := e.matches(ctx, lake.Statement{SQL: text, Args: args, Sources: f.source(w.Start, end)})
			if err != nil {
				return hits, err
			}
			for _, h := range rows {
				if !seen[h.trace] && len(hits) < f.Limit {
					seen[h.trace] = true
					hits = append(hits, h)
				}
			}
			// A full page may be many spans of few traces: the rest of the
			// window is read too.
			if len(rows) < f.Limit*4 || len(hits) >= f.Limit || !last.Before(end) {
				break
			}
			end = last
		}
		if len(hits) >= f.Limit {
			break
		}
	}
	return hits, nil
}

func (e *Explorer) matches(ctx context.Context, s lake.Statement) (hits []hit, last time.Time, err error) {
	err = e.each(ctx, s, func(scan func(...any) error) error {
		var h hit
		var ns int64
		if err := scan(&h.trace, &ns); err != nil {
			return err
		}
		h.at = time.Unix(0, ns).UTC()
		last = h.at
		hits = append(hits, h)
		return nil
	})
	return hits, last, err
}

// copied marks the rows of a request that went to a second workspace too: here
// all workspaces are looked at, and a request is shown and counted once.
const copied = "gateway-copy"

// each runs a statement and visits its rows.
func (e *Explorer) each(ctx context.Context, s lake.Statement, visit func(scan func(...any) error) error) error {
	s.SQL = strings.ReplaceAll(s.SQL, "{spans}", "(SELECT * FROM {spans} WHERE source <> '"+copied+"')")
	rows, err := e.o.Lake.Query(ctx, s)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := visit(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// around is how far before and after a match the other spans of its trace are
// looked for when the list is made. The view of one trace has no such bound.
const around = 30 * time.Second

// maxSummaryRows bounds the rows that a list is made from.
const maxSummaryRows = 50_000

type summaryRow struct {
	Summary
	spanID, parent, source string
	ns, duration           int64
	calls                  int
	steps                  []byte
}

// summaries describes the traces of the hits, in their order.
func (e *Explorer) summaries(ctx context.Context, hits []hit) ([]Summary, error) {
	out := make([]Summary, 0, len(hits))
	if len(hits) == 0 {
		return out, nil
	}
	byTrace := make(map[string][]summaryRow, len(hits))
	marks := make([]string, len(hits))
	args := make([]any, len(hits))
	oldest, newest := hits[0].at, hits[0].at
	for i, h := range hits {
		marks[i], args[i] = fmt.Sprintf("$%d", i+1), h.trace
		if h.at.Before(oldest) {
			oldest = h.at
		}
		if h.at.After(newest) {
			newest = h.at
		}
	}
	text := `SELECT trace_id, span_id, parent_span_id, source, name, service, api, operation, product, subscription, http_status_code,
		status, outcome, error_reason, epoch_ns(time), duration_ns, len(calls), steps
		FROM {spans} WHERE trace_id IN (` + strings.Join(marks, ", ") + `) ORDER BY time LIMIT ` + fmt.Sprint(maxSummaryRows)
	err := e.each(ctx, lake.Statement{SQL: text, Args: args, Sources: map[string]lake.Source{
		"spans": {Table: lake.Spans, Start: oldest.Add(-around), End: newest.Add(around)}}}, func(scan func(...any) error) error {
		var r summaryRow
		if err := scan(&r.TraceID, &r.spanID, &r.parent, &r.source, &r.RootName, &r.Service, &r.API, &r.Operation, &r.Product, &r.Subscription,
			&r.HTTPStatus, &r.Status, &r.Outcome, &r.ErrorReason, &r.ns, &r.duration, &r.calls, &r.steps); err != nil {
			return err
		}
		byTrace[r.TraceID] = append(byTrace[r.TraceID], r)
		return nil
	})
	for _, h := range hits {
		if rows := byTrace[h.trace]; len(rows) > 0 {
			out = append(out, summarize(rows))
		}
	}
	return out, err
}

// summarize describes a trace by its first span, and by its first request
// through the gateway for what only the gateway knows.
func summarize(rows []summaryRow) Summary {
	ids := make(map[string]bool, len(rows))
	for i := range rows {
		ids[rows[i].spanID] = true
	}
	root := slices.IndexFunc(rows, func(r summaryRow) bool { return r.parent == "" })
	if root < 0 {
		root = max(slices.IndexFunc(rows, func(r summaryRow) bool { return !ids[r.parent] }), 0)
	}
	s := rows[root].Summary
	s.Start, s.DurationMS = time.Unix(0, rows[root].ns).UTC(), float64(rows[root].duration)/1e6
	for i := range rows {
		r := &rows[i]
		steps, _ := telemetry.DecodeSteps(r.steps)
		s.Spans += 1 + r.calls + len(steps)
		if r.Status == "error" {
			s.Errors++
			s.Status = "error"
		}
		if s.API == "" && r.source == "gateway" {
			s.API, s.Operation, s.Product, s.Subscription = r.API, r.Operation, r.Product, r.Subscription
			s.Outcome, s.ErrorReason = r.Outcome, r.ErrorReason
			if s.HTTPStatus == 0 {
				s.HTTPStatus = r.HTTPStatus
			}
		}
	}
	return s
}
