package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/api"
	"gatehouse/internal/dashboards"
)

// Reports of uptime for those who have no account here: a link with a token that
// nobody guesses shows one report, read-only, until its end date. Only a hash of
// the token is kept.

const (
	reportPrefix  = "report/"
	maxReports    = 1000
	maxReportDays = 400
	reportFresh   = time.Minute // as long a report is not computed anew
	reportMonths  = 12
)

// reports are the links, and what was computed last for each.
type reports struct {
	server *Server

	mu    sync.Mutex
	shown map[string]shownReport // by id
}

type shownReport struct {
	at     time.Time
	report uptimeReport
}

// reportLink is what the catalog keeps of a link, and what a list shows.
type reportLink struct {
	ID      string    `json:"id"`
	Product string    `json:"product"` // "": all
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Link    string    `json:"link,omitempty"` // told once
}

type keptReport struct {
	reportLink
	Hash string `json:"hash"` // SHA-256 of the token
}

// uptimeReport is the share of a product's requests that were answered well.
type uptimeReport struct {
	Product string        `json:"product,omitempty"`
	Expires time.Time     `json:"expires"`
	Months  []uptimeMonth `json:"months"` // newest first
	Days    []uptimeDay   `json:"days"`   // of the last 30 days, oldest first
}

type uptimeMonth struct {
	Month    string    `json:"month"` // 2026-01
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Product  string    `json:"product"`
	Uptime   float64   `json:"uptime"` // 0 to 1
	Requests float64   `json:"requests"`
}

type uptimeDay struct {
	Day     string  `json:"day"`
	Product string  `json:"product"`
	Uptime  float64 `json:"uptime"`
	end     time.Time
}

func (p *reports) routes(mux api.Mux) {
	mux.HandleFunc("POST /api/reports", p.create)
	mux.HandleFunc("GET /api/reports", p.list)
	mux.HandleFunc("DELETE /api/reports/{id}", p.remove)
	mux.HandleFunc("GET "+reportPath+"{token}", func(w http.ResponseWriter, r *http.Request) {
		if report, ok := p.read(w, r); ok {
			sendPage(w, report.page())
		}
	})
	mux.HandleFunc("GET "+reportPath+"{token}/data", func(w http.ResponseWriter, r *http.Request) {
		if report, ok := p.read(w, r); ok {
			w.Header().Set("Cache-Control", "no-store")
			api.WriteJSON(w, http.StatusOK, report)
		}
	})
}

// reportPath is what links begin with. The door lets them pass: the token is the key.
const reportPath = "/reports/"

func refuseReport(w http.ResponseWriter, status int, code, format string, args ...any) {
	api.WriteError(w, status, api.Error{Code: code, Message: fmt.Sprintf(format, args...)})
}

func (p *reports) fail(w http.ResponseWriter, err error) {
	p.server.log.Error("reports", "error", err)
	refuseReport(w, http.StatusInternalServerError, api.CodeInternal, "the report could not be read or kept; the log says why")
}

// create makes a link: {"product":"starter","expires":"2027-01-31T00:00:00Z"}.
func (p *reports) create(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Product string    `json:"product"`
		Expires time.Time `json:"expires"`
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil && err != io.EOF {
		refuseReport(w, http.StatusBadRequest, api.CodeInvalid, "the body is not {\"product\":...,\"expires\":...}: %v", err)
		return
	}
	now := time.Now().UTC().Truncate(time.Second)
	if in.Expires.IsZero() {
		in.Expires = now.AddDate(0, 0, 90)
	}
	if !in.Expires.After(now) || in.Expires.After(now.AddDate(0, 0, maxReportDays)) {
		refuseReport(w, http.StatusBadRequest, api.CodeInvalid, "expires %s: use a time to come, within %d days", in.Expires.Format(time.RFC3339), maxReportDays)
		return
	}
	if len(in.Product) > 256 {
		refuseReport(w, http.StatusBadRequest, api.CodeInvalid, "the product's id has more than 256 bytes")
		return
	}
	kept, err := p.server.catalog.Documents(reportPrefix)
	if err == nil && len(kept) >= maxReports {
		refuseReport(w, http.StatusConflict, "limit", "there are %d links, the most that there may be: delete some", maxReports)
		return
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	token := base64.RawURLEncoding.EncodeToString(secret)
	one := keptReport{reportLink: reportLink{Product: in.Product, Created: now, Expires: in.Expires.UTC()}, Hash: tokenHash(token)}
	one.ID = one.Hash[:16]
	data, failed := json.Marshal(one)
	if err == nil {
		err = failed
	}
	if err == nil {
		err = p.server.catalog.Save(reportPrefix+one.ID, data)
	}
	if err != nil {
		p.fail(w, err)
		return
	}
	one.Link = strings.TrimSuffix(p.server.monitorURL(), "/") + reportPath + token
	api.WriteJSON(w, http.StatusCreated, one.reportLink)
}

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func (p *reports) list(w http.ResponseWriter, _ *http.Request) {
	kept, err := p.server.catalog.Documents(reportPrefix)
	out := []reportLink{}
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		var one keptReport
		if bad := json.Unmarshal(kept[name], &one); bad != nil {
			err = bad
			break
		}
		out = append(out, one.reportLink)
	}
	if err != nil {
		p.fail(w, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, map[string]any{"reports": out})
}

func (p *reports) remove(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	data, err := p.server.catalog.Load(reportPrefix + id)
	if err == nil && data == nil {
		refuseReport(w, http.StatusNotFound, api.CodeNotFound, "there is no report %s: GET /api/reports lists them", id)
		return
	}
	if err == nil {
		err = p.server.catalog.Remove(reportPrefix + id)
	}
	if err != nil {
		p.fail(w, err)
		return
	}
	p.mu.Lock()
	delete(p.shown, id)
	p.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// read gives the report of the token in the path. A token that is unknown, taken
// back or past its end is answered alike.
func (p *reports) read(w http.ResponseWriter, r *http.Request) (*uptimeReport, bool) {
	hash := tokenHash(r.PathValue("token"))
	data, err := p.server.catalog.Load(reportPrefix + hash[:16])
	if err != nil {
		p.fail(w, err)
		return nil, false
	}
	var one keptReport
	if data != nil {
		if err := json.Unmarshal(data, &one); err != nil {
			p.fail(w, err)
			return nil, false
		}
	}
	now := time.Now()
	if subtle.ConstantTimeCompare([]byte(one.Hash), []byte(hash)) != 1 || !now.Before(one.Expires) {
		refuseReport(w, http.StatusNotFound, api.CodeNotFound, "there is no such report, or its time is over: ask for a new link")
		return nil, false
	}
	report, err := p.compute(r.Context(), one, now)
	if err != nil {
		p.server.log.Warn("a report could not be computed", "report", one.ID, "error", err)
		w.Header().Set("Retry-After", "60")
		refuseReport(w, http.StatusServiceUnavailable, "unavailable", "the report cannot be computed now: try again in a minute")
		return nil, false
	}
	return &report, true
}

// compute gives the report, one at a time and each at most once a minute: whoever
// has a link cannot make the store work more than that.
func (p *reports) compute(ctx context.Context, one keptReport, now time.Time) (uptimeReport, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last, ok := p.shown[one.ID]; ok && now.Sub(last.at) < reportFresh && now.After(last.at) {
		return last.report, nil
	}
	out := uptimeReport{Product: one.Product, Expires: one.Expires, Months: []uptimeMonth{}, Days: []uptimeDay{}}
	now = now.UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	for n := range reportMonths {
		from := month.AddDate(0, -n, 0)
		to := from.AddDate(0, 1, 0)
		if to.After(now) {
			to = now
		}
		rows, err := p.shares(ctx, one.Product, from, to)
		if err != nil {
			return out, err
		}
		if len(rows) == 0 && n > 0 {
			break // nothing is kept from before
		}
		for _, r := range rows {
			out.Months = append(out.Months, uptimeMonth{Month: from.Format("2006-01"), From: from, To: to, Product: r.product, Uptime: r.share, Requests: r.requests})
		}
	}
	day := now.Truncate(24 * time.Hour)
	for n := 29; n >= 0; n-- {
		from := day.AddDate(0, 0, -n)
		to := from.AddDate(0, 0, 1)
		if to.After(now) {
			to = now
		}
		rows, err := p.shares(ctx, one.Product, from, to)
		if err != nil {
			return out, err
		}
		for _, r := range rows {
			out.Days = append(out.Days, uptimeDay{Day: from.Format(time.DateOnly), Product: r.product, Uptime: r.share, end: to})
		}
	}
	if p.shown == nil {
		p.shown = map[string]shownReport{}
	}
	p.shown[one.ID] = shownReport{at: now, report: out}
	return out, nil
}

type productShare struct {
	product         string
	share, requests float64
}

// shares gives for each product the share of the requests of a time that did not
// fail, as the indicator of availability has it.
func (p *reports) shares(ctx context.Context, product string, from, to time.Time) ([]productShare, error) {
	if to.Sub(from) < time.Second {
		return nil, nil
	}
	window := strconv.Itoa(int(to.Sub(from)/time.Second)) + "s"
	selector := `gatehouse_product!=""`
	if product != "" {
		selector = "gatehouse_product=" + strconv.Quote(product)
	}
	engine := p.server.metrics.all()[0].engine
	good, err := engine.At(ctx, dashboards.Uptime("gatehouse_product", selector, window), to)
	if err != nil {
		return nil, err
	}
	all, err := engine.At(ctx, dashboards.Requests("gatehouse_product", selector, window), to)
	if err != nil {
		return nil, err
	}
	requests := map[string]float64{}
	for _, s := range all {
		requests[s.Metric.Get("gatehouse_product")] = s.Floats[0].F
	}
	var out []productShare
	for _, s := range good {
		name := s.Metric.Get("gatehouse_product")
		out = append(out, productShare{name, s.Floats[0].F, requests[name]})
	}
	slices.SortFunc(out, func(a, b productShare) int { return strings.Compare(a.product, b.product) })
	return out, nil
}

// page is the report as it is drawn.
func (u *uptimeReport) page() *dashboards.Shown {
	now := time.Now().UTC()
	out := &dashboards.Shown{Title: "Uptime", Description: "The share of requests that were answered without a failure of the service. Until " + u.Expires.Format(time.DateOnly) + " this link shows it.",
		From: now.Truncate(24*time.Hour).AddDate(0, 0, -29), To: now}
	if u.Product != "" {
		out.Title += " of " + u.Product
	}
	months, lines := dashboards.ShownQuery{}, map[string]*dashboards.ShownSeries{}
	for _, m := range u.Months {
		months.Series = append(months.Series, dashboards.ShownSeries{Name: m.Month + " " + m.Product, Points: []dashboards.Point{{T: float64(m.To.Unix()), V: m.Uptime}}})
	}
	var order []string
	for _, d := range u.Days {
		if lines[d.Product] == nil {
			lines[d.Product] = &dashboards.ShownSeries{Name: d.Product}
			order = append(order, d.Product)
		}
		lines[d.Product].Points = append(lines[d.Product].Points, dashboards.Point{T: float64(d.end.Unix()), V: d.Uptime})
	}
	days := dashboards.ShownQuery{}
	for _, name := range order {
		days.Series = append(days.Series, *lines[name])
	}
	out.Rows = []dashboards.ShownRow{{Title: "Months", Panels: []dashboards.ShownPanel{{Title: "Uptime by month", Kind: dashboards.Table, Unit: "percentunit", Queries: []dashboards.ShownQuery{months}}}},
		{Title: "Day by day", Panels: []dashboards.ShownPanel{{Title: "Uptime by day", Kind: dashboards.TimeSeries, Unit: "percentunit", Queries: []dashboards.ShownQuery{days}}}}}
	return out
}
