package availability

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Duration is a time.Duration that is written as a text such as 30s or 5m.
type Duration time.Duration

// UnmarshalText reads a Go duration.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration such as 30s or 5m", text)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes a Go duration.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Test is an availability test. Zero values mean the default of each field.
type Test struct {
	Name string `json:"name" yaml:"name"`
	URL  string `json:"url,omitempty" yaml:"url"`
	// Gateway tests the gateway's own endpoint, at its status path; there is no URL.
	Gateway bool `json:"gateway,omitempty" yaml:"gateway"`
	// Path, with Gateway, is asked for instead of the status path.
	Path    string            `json:"path,omitempty" yaml:"path"`
	Method  string            `json:"method,omitempty" yaml:"method"` // default GET
	Headers map[string]string `json:"headers,omitempty" yaml:"headers"`
	// SecretHeaders are names in Headers whose values are never shown, beside those
	// that sound like secrets.
	SecretHeaders []string `json:"secretHeaders,omitempty" yaml:"-"`
	Body          string   `json:"body,omitempty" yaml:"body"`
	Status        []int    `json:"status,omitempty" yaml:"status"` // what is expected; default any of 200 to 299
	Match         Match    `json:"match,omitzero" yaml:"match"`
	// FollowRedirects, up to ten; default true.
	FollowRedirects *bool       `json:"followRedirects,omitempty" yaml:"followRedirects"`
	Certificate     Certificate `json:"certificate,omitzero" yaml:"certificate"`
	Frequency       Duration    `json:"frequency,omitempty" yaml:"frequency"` // default 5m
	Timeout         Duration    `json:"timeout,omitempty" yaml:"timeout"`     // of one try, with its redirects; default 30s
	Retries         *int        `json:"retries,omitempty" yaml:"retries"`     // of a try that failed; default 2
	RetryPause      Duration    `json:"retryPause,omitempty" yaml:"retryPause"`
	Locations       []string    `json:"locations,omitempty" yaml:"locations"`             // names of places; default all
	FailedLocations int         `json:"failedLocations,omitempty" yaml:"failedLocations"` // so many must fail for the alert
	Workspace       string      `json:"workspace,omitempty" yaml:"workspace"`             // where results go; "" is the default one
	Enabled         *bool       `json:"enabled,omitempty" yaml:"enabled"`                 // default true
}

// Match says what the beginning of the body must and must not have.
type Match struct {
	Contains    string `json:"contains,omitempty" yaml:"contains"`
	NotContains string `json:"notContains,omitempty" yaml:"notContains"`
	Pattern     string `json:"pattern,omitempty" yaml:"pattern"` // RE2
	IgnoreCase  bool   `json:"ignoreCase,omitempty" yaml:"ignoreCase"`
}

// Certificate says what is asked of the server's certificate. Its name,
// authority and dates are checked unless Ignore.
type Certificate struct {
	Ignore  bool `json:"ignore,omitempty" yaml:"ignore"`
	MinDays int  `json:"minDays,omitempty" yaml:"minDays"` // that it must still be valid
}

// Limits of a test.
const (
	minFrequency = time.Second
	maxFrequency = 24 * time.Hour
	maxTimeout   = 2 * time.Minute
	maxRetries   = 10
	maxHeaders   = 50
	maxSent      = 64 << 10 // bytes of body and of headers
	maxURL       = 8 << 10
	maxDays      = 3650
	maxRedirects = 10
)

// StatusPath is where gateways of Azure API Management say that they are there.
const StatusPath = "/status-0123456789abcdef"

// compiled is a checked test.
type compiled struct {
	Test
	workspace string
	pattern   *regexp.Regexp
	locations []Location
	secrets   []string // texts that are never shown
}

func (m *Monitor) compile(t Test) (*compiled, error) {
	t.defaults()
	c := &compiled{Test: t, secrets: secretsOf(&t)}
	errs := []error{t.checkName(), t.checkTarget(), t.checkRequest(), t.checkTimes(), c.match()}
	var ok bool
	if c.workspace, ok = m.options.Workspace(t.Workspace); !ok {
		errs = append(errs, fmt.Errorf("workspace: there is no workspace %q (telemetry.workspaces)", t.Workspace))
	}
	var err error
	c.locations, err = choose(m.options.Locations, t.Locations)
	errs = append(errs, err)
	if err == nil && (t.FailedLocations < 0 || t.FailedLocations > len(c.locations)) {
		errs = append(errs, fmt.Errorf("failedLocations: %d of %d places cannot fail", t.FailedLocations, len(c.locations)))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("availability test %q: %w", t.Name, err)
	}
	return c, nil
}

func (t *Test) defaults() {
	if t.Method == "" {
		t.Method = http.MethodGet
	}
	if t.Frequency == 0 {
		t.Frequency = Duration(5 * time.Minute)
	}
	if t.Timeout == 0 {
		t.Timeout = Duration(30 * time.Second)
	}
	if t.RetryPause == 0 {
		t.RetryPause = Duration(min(20*time.Second, time.Duration(t.Frequency)/10))
	}
	if t.Retries == nil {
		two := 2
		t.Retries = &two
	}
}

func (t *Test) checkName() error {
	if t.Name == "" || len(t.Name) > 63 || strings.ContainsFunc(t.Name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.')
	}) {
		return errors.New("name: use 1 to 63 letters, digits, hyphens, dots and underscores")
	}
	return nil
}

func (t *Test) checkTarget() error {
	if t.Gateway {
		if t.URL != "" {
			return errors.New("gateway: the test of the gateway has no url; leave one of them out")
		}
		if _, err := url.ParseRequestURI(t.Path); t.Path != "" && (err != nil || t.Path[0] != '/' || len(t.Path) > maxURL) {
			return errors.New("path: it must begin with a slash")
		}
		return nil
	}
	if t.Path != "" {
		return errors.New("path: only a test with gateway: true has one; put it into the url")
	}
	u, err := url.Parse(t.URL)
	switch {
	case t.URL == "":
		return errors.New("url: it is missing; give one, or gateway: true for the gateway's own endpoint")
	case len(t.URL) > maxURL:
		return fmt.Errorf("url: it is longer than %d bytes", maxURL)
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		return errors.New("url: it is not an absolute http or https URL")
	case u.User != nil:
		return errors.New("url: it holds a user; send an Authorization header instead")
	}
	return nil
}

func (t *Test) checkRequest() error {
	var errs []error
	if !httpguts.ValidHeaderFieldName(t.Method) || len(t.Method) > 32 || t.Method == http.MethodConnect {
		errs = append(errs, fmt.Errorf("method: %q is not one that a test can send", t.Method))
	}
	size := len(t.Body)
	for name, value := range t.Headers {
		size += len(name) + len(value)
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			errs = append(errs, fmt.Errorf("headers: %q is not a valid header", name)) // not its value: it may be a secret
		}
	}
	if len(t.Headers) > maxHeaders || size > maxSent {
		errs = append(errs, fmt.Errorf("headers and body: at most %d headers and %d bytes together", maxHeaders, maxSent))
	}
	for _, code := range t.Status {
		if code < 100 || code > 599 {
			errs = append(errs, fmt.Errorf("status: %d is not an HTTP status", code))
		}
	}
	return errors.Join(errs...)
}

func (t *Test) checkTimes() error {
	var errs []error
	between := func(field string, d Duration, from, to time.Duration) {
		if time.Duration(d) < from || time.Duration(d) > to {
			errs = append(errs, fmt.Errorf("%s: %v is not between %v and %v", field, time.Duration(d), from, to))
		}
	}
	between("frequency", t.Frequency, minFrequency, maxFrequency)
	between("timeout", t.Timeout, 10*time.Millisecond, maxTimeout)
	between("retryPause", t.RetryPause, 0, maxTimeout)
	if *t.Retries < 0 || *t.Retries > maxRetries {
		errs = append(errs, fmt.Errorf("retries: %d is not between 0 and %d", *t.Retries, maxRetries))
	}
	if t.Certificate.MinDays < 0 || t.Certificate.MinDays > maxDays {
		errs = append(errs, fmt.Errorf("certificate.minDays: %d is not between 0 and %d", t.Certificate.MinDays, maxDays))
	}
	if t.Certificate.MinDays > 0 && strings.HasPrefix(strings.ToLower(t.URL), "http:") {
		errs = append(errs, errors.New("certificate.minDays: the url is not https"))
	}
	return errors.Join(errs...)
}

// match compiles what is looked for in the body: all as patterns, so that case
// is ignored in the same way by each.
func (c *compiled) match() error {
	if len(c.Match.Contains)+len(c.Match.NotContains)+len(c.Match.Pattern) > maxSent {
		return fmt.Errorf("match: more than %d bytes", maxSent)
	}
	if c.Match.Pattern == "" {
		return nil
	}
	text := c.Match.Pattern
	if c.Match.IgnoreCase {
		text = "(?i)" + text
	}
	var err error
	if c.pattern, err = regexp.Compile(text); err != nil {
		return fmt.Errorf("match.pattern: %w", err)
	}
	return nil
}

func (t *Test) enabled() bool { return t.Enabled == nil || *t.Enabled }
func (t *Test) follows() bool { return t.FollowRedirects == nil || *t.FollowRedirects }

func (t *Test) expects(status int) bool {
	if len(t.Status) == 0 {
		return status >= 200 && status <= 299
	}
	return slices.Contains(t.Status, status)
}

// alertLocations is how many places must fail for the alert: as Azure advises,
// all but two; of fewer than five, two, so that the trouble of one place alone
// wakes nobody where there is another.
func (c *compiled) alertLocations() int {
	if c.FailedLocations > 0 {
		return c.FailedLocations
	}
	n := len(c.locations)
	return max(n-2, min(n, 2))
}
