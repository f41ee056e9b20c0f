package logs

import (
	"net/http"
	"strings"

	"gatehouse/internal/query/kql/table"
)

// eventSchema describes the events as OData does, in XML.
func eventSchema(w http.ResponseWriter) *fault {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>` +
		`<Schema Namespace="microsoft.insights" xmlns="http://docs.oasis-open.org/odata/ns/edm">`)
	for _, t := range eventTypes() {
		tab, _ := table.Lookup(t.table)
		b.WriteString(`<ComplexType Name="` + t.singular + `">`)
		for _, c := range tab.Columns {
			if sharedPath(c.Name) == "" && !hidden(c.Name) {
				b.WriteString(`<Property Name="` + c.Name + `" Type="` + edmType(c.Type) + `"/>`)
			}
		}
		b.WriteString(`</ComplexType><EntityType Name="` + t.singular + `Event"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String"/>` +
			`<Property Name="timestamp" Type="Edm.DateTimeOffset"/><Property Name="type" Type="Edm.String"/><Property Name="count" Type="Edm.Int32"/>` +
			`<Property Name="` + t.singular + `" Type="microsoft.insights.` + t.singular + `"/></EntityType>`)
	}
	b.WriteString(`<EntityContainer Name="events">`)
	for _, t := range eventTypes() {
		b.WriteString(`<EntitySet Name="` + t.table + `" EntityType="microsoft.insights.` + t.singular + `Event"/>`)
	}
	b.WriteString(`</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>`)
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	_, _ = w.Write([]byte(b.String()))
	return nil
}

func edmType(t table.Type) string {
	switch t {
	case table.Bool:
		return "Edm.Boolean"
	case table.Int:
		return "Edm.Int32"
	case table.Long:
		return "Edm.Int64"
	case table.Real:
		return "Edm.Double"
	case table.Datetime:
		return "Edm.DateTimeOffset"
	}
	return "Edm.String"
}
