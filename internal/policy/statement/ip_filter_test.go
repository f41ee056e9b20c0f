package statement

import (
	"net/netip"
	"testing"
)

func TestParseRange(t *testing.T) {
	for _, test := range []struct {
		from, to, inside, outside string
	}{
		{"10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2"},
		{"10.1.2.3/8", "10.1.2.3/8", "10.255.255.255", "11.0.0.0"},
		{"10.0.0.0/31", "10.0.0.0/31", "10.0.0.1", "10.0.0.2"},
		{"0.0.0.0/0", "0.0.0.0/0", "255.255.255.255", "::1"},
		{"2001:db8::/33", "2001:db8::/33", "2001:db8:7fff:ffff::1", "2001:db8:8000::"},
		{"::ffff:10.0.0.1", "10.0.0.5", "10.0.0.4", "10.0.0.6"},
	} {
		r, problem := parseRange(test.from, test.to)
		if problem != "" {
			t.Errorf("%s to %s: %s", test.from, test.to, problem)
			continue
		}
		if !r.contains(netip.MustParseAddr(test.inside)) {
			t.Errorf("%s to %s does not contain %s", test.from, test.to, test.inside)
		}
		if r.contains(netip.MustParseAddr(test.outside)) {
			t.Errorf("%s to %s contains %s", test.from, test.to, test.outside)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	f.Add("10.0.0.0/8", "10.0.0.0/8")
	f.Add("::1", "::2")
	f.Fuzz(func(t *testing.T, from, to string) {
		r, problem := parseRange(from, to)
		if problem == "" && (!r.contains(r.from) || !r.contains(r.to)) {
			t.Errorf("%q to %q does not contain its ends", from, to)
		}
	})
}
