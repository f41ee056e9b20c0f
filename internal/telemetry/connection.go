package telemetry

import (
	"errors"
	"net/url"
	"strings"
)

// ConnectionString is what an Application Insights resource is reached by.
type ConnectionString struct {
	InstrumentationKey string
	IngestionEndpoint  string // absolute URL without a slash at its end
	LiveEndpoint       string
	ApplicationID      string // "" when it is not told
	Audience           string // of tokens of an identity; "" is that of the public cloud
}

const (
	defaultIngestion = "https://dc.services.visualstudio.com"
	defaultLive      = "https://rt.services.visualstudio.com"
	maxConnection    = 4096 // the length that Azure's SDKs take
)

// ParseConnectionString reads InstrumentationKey=...;IngestionEndpoint=...;...
// in any order and case. Errors never show the text: it holds a key.
func ParseConnectionString(text string) (ConnectionString, error) {
	c := ConnectionString{}
	if len(text) > maxConnection {
		return c, errors.New("the connection string is longer than 4,096 characters")
	}
	suffix, location := "", ""
	for pair := range strings.SplitSeq(text, ";") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			if strings.TrimSpace(pair) != "" {
				return c, errors.New("a part of the connection string has no \"=\"; it must be a list such as InstrumentationKey=<key>;IngestionEndpoint=<URL>")
			}
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "instrumentationkey":
			c.InstrumentationKey = strings.ToLower(value)
		case "ingestionendpoint":
			c.IngestionEndpoint = value
		case "liveendpoint":
			c.LiveEndpoint = value
		case "applicationid":
			c.ApplicationID = strings.ToLower(value)
		case "aadaudience":
			c.Audience = value
		case "endpointsuffix":
			suffix = value
		case "location":
			location = value + "."
		}
	}
	if c.InstrumentationKey == "" {
		return c, errors.New("the connection string has no InstrumentationKey")
	}
	ingestion, live := defaultIngestion, defaultLive
	if suffix != "" {
		ingestion, live = "https://"+location+"dc."+suffix, "https://"+location+"live."+suffix
	}
	for _, one := range []struct {
		at        *string
		otherwise string
	}{{&c.IngestionEndpoint, ingestion}, {&c.LiveEndpoint, live}} {
		if *one.at == "" {
			*one.at = one.otherwise
		}
		*one.at = strings.TrimRight(*one.at, "/")
		if u, err := url.Parse(*one.at); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			return c, errors.New("an endpoint of the connection string is not an absolute http or https URL")
		}
	}
	return c, nil
}
