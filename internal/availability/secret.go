package availability

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

const mask = "***"

// sensitive names sound like secrets.
func sensitive(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"auth", "cookie", "key", "token", "secret", "password", "sig", "credential", "session"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return name == "code"
}

// secret tells whether the value of a header of the test is never shown.
func (t *Test) secret(header string) bool {
	return sensitive(header) || slices.ContainsFunc(t.SecretHeaders, func(s string) bool { return strings.EqualFold(s, header) })
}

// secretsOf are the texts of a test that must not come out again, longest first:
// an echo of the request is a usual failure.
func secretsOf(t *Test) []string {
	var out []string
	add := func(s string) {
		if len(s) >= 4 { // shorter ones are everywhere
			out = append(out, s)
		}
	}
	for name, value := range t.Headers {
		if !t.secret(name) {
			continue
		}
		add(value)
		if _, credentials, ok := strings.Cut(value, " "); ok {
			add(credentials)
		}
	}
	if u, err := url.Parse(t.URL + t.Path); err == nil { // one of them is empty
		for name, values := range u.Query() {
			for _, v := range values {
				if sensitive(name) {
					add(v)
					add(url.QueryEscape(v))
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(out)
}

func (c *compiled) scrub(text string) string {
	for _, s := range c.secrets {
		text = strings.ReplaceAll(text, s, mask)
	}
	return text
}

// shown is the test as it may be seen.
func (c *compiled) shown() Test {
	t := c.Test
	t.URL, t.Path = shownURL(t.URL), shownURL(t.Path)
	t.Headers = maps.Clone(t.Headers)
	for name := range t.Headers {
		if t.secret(name) {
			t.Headers[name] = mask
		}
	}
	t.Body = c.scrub(t.Body)
	return t
}

// shownURL masks values of query parameters that sound like secrets.
func shownURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.RawQuery == "" {
		return text
	}
	parts := strings.Split(u.RawQuery, "&")
	for n, p := range parts {
		if name, _, ok := strings.Cut(p, "="); ok && sensitive(name) {
			parts[n] = name + "=" + mask
		}
	}
	u.RawQuery = strings.Join(parts, "&")
	return u.String()
}
