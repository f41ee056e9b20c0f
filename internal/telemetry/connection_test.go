package telemetry

import (
	"strings"
	"testing"
)

func TestParseConnectionString(t *testing.T) {
	const key = "8dc2f0b4-1111-4222-8333-944445555666"
	for text, want := range map[string]ConnectionString{
		"InstrumentationKey=" + key: {key, defaultIngestion, defaultLive, "", ""},
		" instrumentationKEY = 8DC2F0B4-1111-4222-8333-944445555666 ; IngestionEndpoint=https://a.example/x/;LiveEndpoint=http://b.example;ApplicationId=AA;": {key, "https://a.example/x", "http://b.example", "aa", ""},
		"InstrumentationKey=" + key + ";EndpointSuffix=ai.example;Location=west":                                                                              {key, "https://west.dc.ai.example", "https://west.live.ai.example", "", ""},
		"":                            {},
		"IngestionEndpoint=https://a": {},
		"InstrumentationKey":          {},
		"InstrumentationKey=a;IngestionEndpoint=ftp://x":        {},
		"InstrumentationKey=a;IngestionEndpoint=//x":            {},
		"InstrumentationKey=a;LiveEndpoint=https://u:p@x":       {},
		"InstrumentationKey=" + strings.Repeat("a", 5000):       {},
		"InstrumentationKey=a;secret-" + strings.Repeat("x", 9): {},
	} {
		got, err := ParseConnectionString(text)
		if (err == nil) != (want != ConnectionString{}) || err == nil && got != want {
			t.Errorf("%q: %+v %v", text, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret-") {
			t.Errorf("the error shows the text: %v", err)
		}
	}
}

func FuzzParseConnectionString(f *testing.F) {
	f.Add("InstrumentationKey=a;IngestionEndpoint=https://x/")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseConnectionString(text)
		if err == nil && (c.InstrumentationKey == "" || !strings.HasPrefix(c.IngestionEndpoint, "http")) {
			t.Errorf("%q: %+v", text, c)
		}
	})
}
