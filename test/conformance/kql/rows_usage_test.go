package kql

import (
	"fmt"
	"strings"
	"time"
)

func events(h happened, since time.Duration) happened { return h.of(since, "customEvents") }

func usage(h happened, since time.Duration) happened { return h.of(since, "customEvents", "pageViews") }

// often gives who came on seven days or more, with the number of days.
func often(h happened, who func(item) string) (out []string) {
	for _, k := range h.distinct(who) {
		days := h.keep(func(i item) bool { return who(i) == k }).distinct(binned(day))
		if len(days) >= 7 {
			out = append(out, fmt.Sprintf("%s|%d", k, len(days)))
		}
	}
	return out
}

// choices are rows of a list to choose from.
func choices(h happened, more ...string) []string {
	return append(h.by(name, func(k string, _ happened) string { return k + "|" + k + "|false" }), more...)
}

// usageRows are expectations over events and page views.
func usageRows() []expectation {
	feature := func(i item) bool { return i.dims["parentId"] != "" && i.dims["parentId"] != "not_specified" }
	twice := func(key func(item) string) func(item) string {
		return func(i item) string { return key(i) + "|" + key(i) }
	}
	return []expectation{
		{query: "044", rows: func(h happened) []string {
			return h.of(day, "pageViews").each(func(i item) string { return fmt.Sprintf("%v|%d|%s", i.ms, i.weight, i.country) })
		}},
		{query: "049", rows: func(h happened) []string { return []string{fmt.Sprint(len(events(h, day).named("{SelectedEvent}")))} }},
		{query: "010", columns: []string{"timestamp", "name"}, rows: func(h happened) []string {
			return usage(h, day).each(func(i item) string { return moment(i.at) + "|" + i.name })
		}},
		{query: "024", rows: func(happened) []string { return []string{"OK"} }},
		{query: "004", rows: func(h happened) []string {
			return append(events(h, day).named("mz").distinct(twice(func(i item) string { return i.browser })), "*|All Browser Versions")
		}},
		{query: "008", rows: func(h happened) []string {
			return append(events(h, day).named("mz").distinct(twice(func(i item) string { return i.country })), "*|All Countries")
		}},
		{query: "017", rows: func(h happened) []string { return often(usage(h, 28*day), func(i item) string { return i.user }) }},
		{query: "073", rows: func(h happened) []string { return often(usage(h, 28*day), func(i item) string { return i.auth }) }},
		{query: "051", rows: func(h happened) []string { return events(h, day).keep(feature).distinct(dim("parentId")) }},
		{query: "019", rows: func(h happened) []string { return choices(usage(h, 7*day), "*|All Events and Page Views|true") }},
		{query: "042", rows: func(h happened) []string {
			return choices(usage(h, 7*day), "#|Same as cohorting activities|true", "*|All Events and Page Views|false")
		}},
		{query: "090", rows: func(h happened) []string {
			return choices(usage(h, 7*day), "#|Same as cohorting activities|true", "*|All Events and Page Views|false")
		}},
		{query: "005", rows: func(h happened) []string {
			return choices(usage(h, day), "*|All Events and Page Views|true", "#|All Page Views|false", "&|All Events|false")
		}},
		{query: "036", rows: func(h happened) []string {
			return append(usage(h, day).keep(func(i item) bool { return i.os != "" }).distinct(twice(func(i item) string { return i.os })), "*|All Operating Systems")
		}},
		{query: "057", rows: func(h happened) []string {
			return events(h, 90*day).keep(feature).by(dim("parentId"), func(k string, _ happened) string { return k + "|" + k + "|false" })
		}},
		{query: "086", rows: func(h happened) []string {
			return h.of(day, "pageViews").by(binned(30*time.Minute), func(k string, g happened) string {
				n := int32(0)
				for _, i := range g {
					n += i.weight
				}
				return strings.Join([]string{k, "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/gatehouse/providers/microsoft.insights/components/default", fmt.Sprint(n)}, "|")
			})
		}},
		{query: "076", rows: func(h happened) []string {
			return events(h, 30*day).keep(func(i item) bool { return i.name != "FeatureEvaluation" }).by(name, func(k string, g happened) string {
				return fmt.Sprintf("%s|%s|%d", k, g.series(worldNow().Add(-30*day), 6*time.Hour, 120), len(g))
			})
		}},
	}
}
