package telemetry

import (
	"strings"
	"testing"
)

func TestWorkspacesAreFoundByEachName(t *testing.T) {
	const arm = "/subscriptions/S1/resourceGroups/G/providers/Microsoft.Insights/components/"
	list := []Workspace{
		{InstrumentationKey: "k-0", ApplicationID: "a-0", ResourceID: arm + "default"},
		{Name: "Orders", InstrumentationKey: "k-1", ApplicationID: "a-1", ResourceID: arm + "orders"},
	}
	w, err := NewWorkspaces(list)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		find func(string) (*Workspace, bool)
		text string
		want string
	}{
		{"name", w.ByName, "", ""},
		{"name", w.ByName, "Default", ""},
		{"name", w.ByName, "orders", "Orders"},
		{"name", w.ByName, "other", "-"},
		{"key", w.ByKey, " K-1 ", "Orders"},
		{"key", w.ByKey, "", "-"},
		{"application", w.ByApplication, "A-0", ""},
		{"resource", w.ByResource, "//SUBSCRIPTIONS/s1/resourcegroups/g/providers/microsoft.insights/components/ORDERS/", "Orders"},
		{"resource", w.ByResource, "/subscriptions/s1/resourceGroups/g/providers/Microsoft.OperationalInsights/workspaces/orders", "Orders"},
		{"resource", w.ByResource, "/subscriptions/s2/resourceGroups/g/providers/Microsoft.Insights/components/orders", "-"},
	} {
		got, ok := c.find(c.text)
		if ok != (c.want != "-") || ok && got.Name != c.want {
			t.Errorf("%s %q: %v %v, want %q", c.what, c.text, got, ok, c.want)
		}
	}
	for _, twice := range []func(*Workspace){
		func(w *Workspace) { w.Name = "default" },
		func(w *Workspace) { w.InstrumentationKey = "K-0" },
		func(w *Workspace) { w.ApplicationID = "A-0" },
		func(w *Workspace) { w.ResourceID = strings.ToUpper(arm) + "DEFAULT" },
	} {
		other := Workspace{Name: "other", InstrumentationKey: "k-2", ApplicationID: "a-2", ResourceID: arm + "other"}
		twice(&other)
		if _, err := NewWorkspaces([]Workspace{list[0], other}); err == nil {
			t.Errorf("%+v: no error", other)
		}
	}
}
