package kql

import (
	"fmt"
	"strings"
	"time"
)

func requests(h happened) happened { return h.of(day, "requests") }

// requestRows are expectations over requests.
func requestRows() []expectation {
	marked := func(i item) bool { return i.name == "{SelectedRequest}" }
	return []expectation{
		{query: "080", rows: func(h happened) []string { return []string{fmt.Sprint(len(requests(h)))} }},
		{query: "084", rows: func(h happened) []string { return requests(h).by(binned(time.Hour), counted) }},
		{query: "083", rows: func(h happened) []string {
			return requests(h).by(func(i item) string { return binned(time.Hour)(i) + "|" + i.name }, counted)
		}},
		{query: "059", down: "Requests", rows: func(h happened) []string {
			return greatest(7, requests(h).by(func(i item) string { return i.app + "|" + i.name }, counted))
		}},
		{query: "023", down: "Requests", rows: func(h happened) []string {
			return requests(h).by(func(i item) string { return i.app + "|" + i.name }, counted)
		}},
		{query: "047", columns: []string{"timestamp", "name", "resultCode"}, rows: func(h happened) []string {
			return requests(h).keep(func(i item) bool { return i.failed }).each(func(i item) string { return moment(i.at) + "|" + i.name + "|" + i.code })
		}},
		{query: "020", columns: []string{"timestamp", "duration"}, rows: func(h happened) []string {
			return requests(h).each(func(i item) string { return fmt.Sprintf("%s|%v", moment(i.at), i.ms) })
		}},
		{query: "009", columns: []string{"RequestName", "Requests"}, rows: func(h happened) []string {
			return requests(h).by(name, func(k string, g happened) string { return k + "|" + g.series(worldNow().Add(-day), time.Hour, 24) })
		}},
		{query: "040", down: "Requests", rows: func(h happened) []string {
			return requests(h).keep(func(i item) bool { return !strings.HasSuffix(i.name, ".eot") }).by(name, func(k string, g happened) string { return fmt.Sprintf("%s|%d|%d", k, len(g), g.users()) })
		}},
		{query: "054", down: "AllRequests", rows: func(h happened) []string {
			return requests(h).by(name, func(k string, g happened) string {
				return fmt.Sprintf("%s|%d|%d", k, len(g), g.count(func(i item) bool { return i.failed }))
			})
		}},
		{query: "066", rows: func(h happened) []string { return requests(h).keep(marked).by(binned(time.Hour), counted) }},
		{query: "048", down: "Requests", rows: func(h happened) []string {
			return requests(h).by(name, func(k string, g happened) string {
				ms := g.milliseconds()
				return fmt.Sprintf("%s|%v|%v|%v|%v|%v|%d", k, sum(ms)/float64(len(ms)), nearest(ms, 50), nearest(ms, 80), nearest(ms, 95), nearest(ms, 99), len(g))
			})
		}},
		{query: "026", down: "SlowRequests", rows: func(h happened) []string {
			return requests(h).by(name, func(k string, g happened) string {
				slow := g.count(func(i item) bool { return i.ms >= 500 })
				return fmt.Sprintf("%s|%d|%d|%v", k, len(g), slow, 100*float64(slow)/float64(len(g)))
			})
		}},
		{query: "055", columns: []string{"timestamp", "subscription", "api", "sessionCorrelationId"}, rows: func(h happened) []string {
			return requests(h).keep(func(i item) bool { return i.dims["Service ID"] == "apim-robo-test" }).each(func(i item) string {
				return strings.Join([]string{moment(i.at), i.dims["Subscription Name"], i.dims["API Name"], i.dims["Request-Session-Correlation-Id"]}, "|")
			})
		}},
		{query: "003", rows: func(h happened) []string {
			return append(requests(h).by(func(i item) string { return i.opName }, func(k string, _ happened) string { return k + "|" + k + "|false" }), "*|All Operations|true")
		}},
		{query: "011", down: "Requests", rows: func(h happened) []string {
			rows := requests(h).by(func(i item) string { return i.app }, func(k string, g happened) string { return fmt.Sprintf("📱 %s|Request|%d|%s|", k, len(g), k) })
			return append(rows, requests(h).by(func(i item) string { return i.app + "\x00" + i.name }, func(_ string, g happened) string {
				return fmt.Sprintf("🌐 %s|Request|%d|%s|%s", g[0].name, len(g), g[0].name, g[0].app)
			})...)
		}},
		{query: "035", down: "failedCount", rows: func(h happened) []string {
			return requests(h).keep(func(i item) bool { return i.failed }).by(name, func(k string, g happened) string {
				n := int32(0)
				for _, i := range g {
					n += i.weight
				}
				return fmt.Sprintf("%s|%d", k, n)
			})
		}},
	}
}
