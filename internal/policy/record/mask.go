package record

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// masked stands for a secret.
const masked = "***"

// masker takes secrets out of texts: those that the gateway knows, what stands
// under names of secrets, and what looks like a token. What it hid in one place
// it finds in all others at the end.
type masker struct {
	known   policy.Observed
	learned []string
}

// patterns of what looks like a secret: all of it, or its first group.
var patterns = []*regexp.Regexp{
	regexp.MustCompile(`eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`),
	regexp.MustCompile(`(?i)\b(?:bearer|basic|sharedaccesssignature)\s+([A-Za-z0-9._~+/%&=-]{8,})`),
	regexp.MustCompile(`(?i)"[a-z_-]*(?:token|secret|password|api_?key|assertion)"\s*:\s*"((?:[^"\\]|\\.)+)`),
	regexp.MustCompile(`(?i)\b(?:[a-z_]*token|client_secret|password|code|assertion|sig)=([^&\s"']{6,})`),
}

// minLearned keeps ordinary words from being taken for secrets; what is one for
// certain may be shorter.
const minLearned, minKnown = 8, 6

func newMasker(o policy.Observed) *masker {
	if o.Mask == nil {
		o.Mask = func(text string) string { return text }
	}
	return &masker{known: o}
}

// text masks what is known and what looks like a secret.
func (m *masker) text(s string) string {
	s = m.known.Mask(s)
	for _, p := range patterns {
		s = replaceGroup(p, s)
	}
	return s
}

// replaceGroup masks the first group of each match, or all of it.
func replaceGroup(p *regexp.Regexp, s string) string {
	places := p.FindAllStringSubmatchIndex(s, -1)
	if places == nil {
		return s
	}
	var b strings.Builder
	done := 0
	for _, at := range places {
		from, to := at[0], at[1]
		if len(at) > 2 {
			from, to = at[2], at[3]
		}
		b.WriteString(s[done:from])
		b.WriteString(masked)
		done = to
	}
	b.WriteString(s[done:])
	return b.String()
}

// header masks the value of a header. Of Authorization the scheme stays.
func (m *masker) header(name, value string) string {
	lower := strings.ToLower(name)
	switch {
	case lower == "authorization" || lower == "proxy-authorization":
		scheme, token, ok := strings.Cut(value, " ")
		if !ok {
			m.learn(value)
			return masked
		}
		m.learn(token)
		m.know(expr.BasicPassword(value))
		return scheme + " " + masked
	case lower == "cookie" || lower == "set-cookie" || strings.EqualFold(name, m.known.KeyHeader) || secretName(lower):
		m.learn(value)
		return masked
	}
	return m.text(value)
}

// named masks the value of a variable.
func (m *masker) named(name, value string) string {
	if value != "null" && value != "" && secretName(strings.ToLower(name)) {
		m.learn(value)
		return masked
	}
	return m.text(value)
}

// secretName tells whether a name promises a secret.
func secretName(lower string) bool {
	switch lower {
	case "code", "sig", "signature", "key", "x-functions-key", "ocp-apim-subscription-key", "apim-debug-authorization":
		return true
	}
	lower = strings.NewReplacer("-", "", "_", "", ".", "").Replace(lower)
	for _, part := range [...]string{"token", "secret", "password", "apikey", "subscriptionkey", "accesskey", "credential", "authorization", "sastoken"} {
		// A count of tokens is no token.
		if strings.Contains(lower, part) && !strings.Contains(lower, "tokens") && !strings.Contains(lower, "tokencount") {
			return true
		}
	}
	return false
}

// url masks the values of secret query parameters.
func (m *masker) url(u *expr.URL) string {
	own := *u
	if own.RawQuery != "" {
		pairs := strings.Split(own.RawQuery, "&")
		for i, pair := range pairs {
			name, value, ok := strings.Cut(pair, "=")
			if ok && (strings.EqualFold(name, m.known.KeyQuery) || secretName(strings.ToLower(name))) {
				m.learn(value)
				pairs[i] = name + "=" + masked
			}
		}
		own.RawQuery = strings.Join(pairs, "&")
	}
	return m.text(own.String())
}

func (m *masker) learn(secret string) {
	if len(secret) >= minLearned {
		m.know(secret)
	}
}

// know takes what is a secret for certain, not by its name or its looks.
func (m *masker) know(secret string) {
	if len(secret) >= minKnown && len(m.learned) < 256 && !slices.Contains(m.learned, secret) {
		m.learned = append(m.learned, secret)
	}
}

// clean masks what was learned wherever else it stands.
func (m *masker) clean(r *Recording) {
	if len(m.learned) == 0 {
		return
	}
	slices.SortFunc(m.learned, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 6*len(m.learned))
	for _, s := range m.learned {
		encoded := base64.RawStdEncoding.EncodeToString([]byte(s))
		pairs = append(pairs, s, masked, encoded, masked, encoded[:8*len(s)/6], masked) // its last character depends on what follows
	}
	replacer := strings.NewReplacer(pairs...)
	clean := func(s *string) { *s = replacer.Replace(*s) }
	message := func(o *Message) {
		clean(&o.URL)
		clean(&o.Body.Text)
		for i := range o.Headers {
			clean(&o.Headers[i].Value)
		}
	}
	failure := func(f *Failure) {
		if f != nil {
			clean(&f.Message)
		}
	}
	for i := range r.States {
		s := &r.States[i]
		clean(&s.Target)
		message(&s.Request)
		if s.Response != nil {
			message(s.Response)
		}
		failure(s.LastError)
		for j := range s.Variables {
			clean(&s.Variables[j].Value)
		}
	}
	for i := range r.Steps {
		s := &r.Steps[i]
		failure(s.Failure)
		for j := range s.Calls {
			clean(&s.Calls[j].URL)
			clean(&s.Calls[j].Error)
		}
		for j := range s.Messages {
			clean(&s.Messages[j].Message)
		}
	}
	failure(r.Failure)
}

func itoa(n int) string { return strconv.Itoa(n) }
