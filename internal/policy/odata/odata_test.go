package odata

import (
	"strings"
	"testing"
)

const metadata = `<?xml version="1.0"?><edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Shop" Alias="S" xmlns="http://docs.oasis-open.org/odata/ns/edm">
 <EntityType Name="Base"><Property Name="Id" Type="Edm.Int32"/></EntityType>
 <EntityType Name="Order" BaseType="Shop.Base"><Property Name="Total" Type="Edm.Decimal"/><Property Name="Note" Type="Edm.String"/><Property Name="At" Type="S.Address"/><Property Name="Tags" Type="Collection(Edm.String)"/><Property Name="State" Type="Shop.State"/><NavigationProperty Name="Lines" Type="Collection(Shop.Line)"/><NavigationProperty Name="Buyer" Type="Shop.Buyer"/></EntityType>
 <EntityType Name="Line"><Property Name="Count" Type="Edm.Int32"/><NavigationProperty Name="Order" Type="Shop.Order"/></EntityType>
 <EntityType Name="Buyer" OpenType="true"><Property Name="Name" Type="Edm.String"/></EntityType>
 <ComplexType Name="Address"><Property Name="City" Type="Edm.String"/></ComplexType>
 <EnumType Name="State"><Member Name="Open"/></EnumType>
 <Function Name="Cheap" IsBound="true"/><Action Name="Ship" IsBound="true"/>
 <EntityContainer Name="C"><EntitySet Name="Orders" EntityType="Shop.Order"/><EntitySet Name="Lines" EntityType="S.Line"/><Singleton Name="Me" Type="Shop.Buyer"/><FunctionImport Name="Best" Function="Shop.Best"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>`

func model(t testing.TB) *Model {
	t.Helper()
	m, err := ParseModel([]byte(metadata))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAccepted(t *testing.T) {
	m := model(t)
	for _, url := range []string{
		"", "$metadata", "$batch?$anything", "Orders", "Orders(5)", "Orders(Id=5)/Lines", "Orders(5)/Lines/$count", "Orders/5/Buyer/Name", "Orders(5)/At/City", "Me/Name", "Me/Anything",
		"Best(a=1)", "Orders/Shop.Cheap()", "Orders(5)/Ship", "Orders(5)/Buyer/$ref", "Orders/$filter(Id eq 1)",
		"Orders?$top=10&$skip=0&$count=true&$format=json", "Orders?$format=application/json;odata.metadata=full", "Orders?custom=1&@p=5&$filter=Id eq @p",
		"Orders?$select=Id,Note,At/City,*", "Orders?$orderby=Total desc,Note asc,Id", "Orders?$orderby=Lines/$count desc",
		"Orders?$expand=Lines($filter=Count gt 1;$select=Count;$orderby=Count desc;$top=2),Buyer", "Orders?$expand=Lines/$ref", "Orders?$expand=Lines($expand=Order($levels=max))", "Orders?$expand=*",
		"Orders?$filter=Total gt 1.5 and (Note eq 'it''s' or not contains(tolower(Note),'x'))", "Orders?$filter=Id in (1,2,3)", "Orders?$filter=Note ne null",
		"Orders?$filter=Lines/any(l:l/Count gt 5 and l/Order/Id eq Id)", "Orders?$filter=Lines/any()", "Orders?$filter=Tags/all(x:startswith(x,'a'))", "Orders?$filter=Buyer/Whatever eq 1",
		"Orders?$filter=State eq Shop.State'Open'", "Orders?$filter=State has Shop.State'Open'", "Orders?$filter=Id add 2 mul 3 sub -1 eq -Total", "Orders?$filter=At/City eq duration'PT1H'",
		"Orders?$filter=year(2024-01-31) eq 2024 and 2024-01-31T10:00:00Z lt now()", "Orders?$filter=Id eq 01234567-89ab-cdef-0123-456789abcdef", "Orders?$filter=isof(Shop.Order) and cast(Id,Edm.String) eq '1'",
		"Orders?$filter=geo.distance(At,geography'POINT(1 2)') lt 5", "Orders?$filter=Shop.Order/Total gt 1", "Orders?$filter=matchesPattern(Note,'a')", "Orders?$filter=$it/Id eq 1",
		`Orders?$search=blue AND NOT "dark green" OR (x y)`, "Orders?$compute=Total mul 2 as Double&$filter=Total gt 1", "Orders?$apply=groupby((Note),aggregate(Total with sum as S))", "Orders?$filter=true",
	} {
		path, query, _ := strings.Cut(url, "?")
		if got := m.Check(Request{Path: path, Query: escape(query)}); got != nil {
			t.Errorf("%s: %v", url, got)
		}
		if got := (*Model)(nil).Check(Request{Path: path, Query: escape(query)}); got != nil && !strings.Contains(url, "Ship") {
			t.Errorf("%s without a model: %v", url, got)
		}
	}
}

// escape keeps the query readable in the tables.
func escape(q string) string {
	return strings.NewReplacer(" ", "%20", "+", "%2B", ";", "%3B").Replace(q)
}

func TestRefused(t *testing.T) {
	m := model(t)
	for url, want := range map[string]string{
		"Nothing":                                    "The service has no entity set, singleton or operation Nothing.",
		"Orders(5)/Nothing":                          "The path has the segment Nothing, which Shop.Order does not have.",
		"Orders(5)/$nothing":                         "The path has the segment $nothing, which does not exist.",
		"Orders(":                                    "The keys or arguments of the path segment Orders are not valid.",
		"Orders('a)":                                 "The keys or arguments of the path segment Orders are not valid.",
		"Orders?$nothing=1":                          "The query option $nothing does not exist.",
		"Orders?$top=1&$top=2":                       "The query option $top stands twice.",
		"Orders?$top=-1":                             "$top: must be a whole number that is not negative.",
		"Orders?$skip=x":                             "$skip: must be a whole number that is not negative.",
		"Orders?$count=yes":                          "$count: must be true or false.",
		"Orders?$format=a b":                         "$format: must be json, xml, atom or a media type.",
		"Orders?$levels=2":                           "$levels: stands in $expand only.",
		"Orders(5)?$filter=Id eq 1":                  "$filter: is for collections, and the path leads to one entity.",
		"Me?$top=1":                                  "$top: is for collections, and the path leads to one entity.",
		"Orders?$filter=":                            "$filter: is empty.",
		"Orders?$filter=Nothing eq 1":                "$filter: Shop.Order has no property Nothing at character 1.",
		"Orders?$filter=Id eq":                       "$filter: white space is missing behind the operator at character 6.",
		"Orders?$filter=Id eq 'secret":               "$filter: a quote is not closed at character 7.",
		"Orders?$filter=Id eq 1)":                    "$filter: what follows does not belong here at character 8.",
		"Orders?$filter=(Id eq 1":                    `$filter: ")" is expected at character 9.`,
		"Orders?$filter=Id = 1":                      "$filter: what follows does not belong here at character 4.",
		"Orders?$filter=substringof('a',Note)":       "$filter: there is no function substringof at character 1.",
		"Orders?$filter=contains(Note)":              "$filter: the function contains does not take 1 arguments at character 1.",
		"Orders?$filter=Lines/any(l l/Count gt 1)":   `$filter: ":" is expected at character 13.`,
		"Orders?$filter=Lines/any(l:l/Nope gt 1)":    "$filter: Shop.Line has no property Nope at character 15.",
		"Orders?$filter=Note/Length eq 1":            "$filter: Edm.String has no property Length at character 6.",
		"Orders?$filter=1; drop table":               "$filter: what follows does not belong here at character 2.",
		"Orders?$orderby=Id up":                      "$orderby: what follows does not belong here at character 4.",
		"Orders?$select=Nope":                        "$select: Shop.Order has no property Nope at character 1.",
		"Orders?$select=Id,":                         "$select: a name is expected at character 4.",
		"Orders?$expand=Lines($top=x)":               "$expand: $top must be a whole number that is not negative.",
		"Orders?$expand=Lines($skiptoken=x)":         "$expand: $skiptoken is no query option that may stand here at character 7.",
		"Orders?$expand=Lines($filter=Nope eq 1)":    "$expand: Shop.Line has no property Nope at character 15.",
		"Orders?$search=a AND":                       "$search: a word or a phrase is expected at character 6.",
		`Orders?$search="a`:                          "$search: a quote is not closed at character 1.",
		"Orders?$apply=groupby((a)":                  `$apply: "(" is not closed at character 12.`,
		"Orders?$compute=Id":                         `$compute: "as" with a name is expected at character 3.`,
		"Orders?$filter=" + strings.Repeat("(", 100): "$filter: the nesting is deeper than 64 at character 33.",
	} {
		path, query, _ := strings.Cut(url, "?")
		if got := strings.Join(m.Check(Request{Path: path, Query: escape(query)}), " | "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", url, got, want)
		}
	}
}

func TestLoose(t *testing.T) {
	m := model(t)
	for query, ok := range map[string]bool{"filter=Id EQ 1 AND Contains(Note,'a')": true, "Top=5": true, "$TOP=5": true, "top=x": false, "$filter=Nope eq 1": false} {
		if got := m.Check(Request{Path: "Orders", Query: escape(query), Loose: true}); (got == nil) != ok {
			t.Errorf("%s: %v", query, got)
		}
		if got := m.Check(Request{Path: "Orders", Query: escape(query)}); got == nil && strings.HasPrefix(query, "$TOP") {
			t.Errorf("%s is accepted in 4.0", query)
		}
	}
}

func TestParseModelErrors(t *testing.T) {
	for document, want := range map[string]string{"<a/>": "it holds no <Edmx> with a <Schema>", "<a": "it is not valid XML"} {
		if _, err := ParseModel([]byte(document)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", document, err)
		}
	}
	if !IsModel([]byte(metadata)) || IsModel([]byte("<xs:schema/>")) {
		t.Error("IsModel")
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("Orders(5)/Lines", "$filter=Id eq 1 and Lines/any(l:l/Count gt 1)&$expand=Lines($top=1)&$search=a AND (b)")
	f.Add("x", "$apply=a(b(c))&$compute=a as b&$orderby=a desc&$select=*")
	m := model(f)
	f.Fuzz(func(t *testing.T, path, query string) {
		m.Check(Request{Path: path, Query: query})
		(*Model)(nil).Check(Request{Path: path, Query: query, Loose: true})
	})
}

func BenchmarkCheck(b *testing.B) {
	m := model(b)
	r := Request{Path: "Orders", Query: escape("$filter=Total gt 1.5 and (Note eq 'x' or not contains(tolower(Note),'x'))&$select=Id,Note&$expand=Lines($top=2)&$top=10")}
	b.ReportAllocs()
	for b.Loop() {
		if m.Check(r) != nil {
			b.Fatal("refused")
		}
	}
}
