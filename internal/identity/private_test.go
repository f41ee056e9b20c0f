package identity

import (
	"net/netip"
	"strings"
	"testing"
)

func TestReach(t *testing.T) {
	a := access(t, `
privateLinks:
- {name: corp, networks: [10.0.0.0/8, "fd00::/8"], query: PrivateOnly, ingestion: Open, workspaces: [Orders]}
- {name: both, networks: [10.1.0.0/16], ingestion: PrivateOnly, workspaces: [shop]}
`)
	for _, c := range []struct{ kind, from, workspace, want string }{
		{Query, "10.2.0.1", "orders", ""},
		{Query, "::ffff:10.2.0.1", "orders", ""},
		{Query, "fd00::1", "orders", ""},
		{Query, "10.2.0.1", "default", "scope corp is PrivateOnly for query and does not have the workspace default"},
		{Query, "10.1.0.1", "shop", ""}, // in the other of its scopes
		{Query, "192.0.2.1", "orders", "reached from 10.0.0.0/8"},
		{Query, "192.0.2.1", "default", ""},
		{Query, "192.0.2.1", "shop", ""},
		{Ingestion, "192.0.2.1", "orders", ""},
		{Ingestion, "192.0.2.1", "shop", "reached from 10.1.0.0/16"},
		{Ingestion, "10.1.0.1", "default", "add it to the workspaces of both"},
		{Ingestion, "10.2.0.1", "default", ""},
	} {
		err := a.Reach(c.kind, netip.MustParseAddr(c.from), c.workspace)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := a.Reach(Query, netip.Addr{}, "orders"); err == nil {
		t.Error("an unknown address is inside")
	}
	for text, want := range map[string]string{
		"privateLinks: [{name: x}]":                                             "needs a name and networks",
		"privateLinks: [{name: x, networks: [10]}]":                             "is no network",
		"privateLinks: [{name: x, networks: [10.0.0.0/8], query: privateonly}]": "neither Open nor PrivateOnly",
	} {
		r, err := Read([]byte(text))
		if err == nil {
			_, err = Compile(r)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
