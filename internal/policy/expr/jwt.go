package expr

import (
	"encoding/base64"
	"strings"
	"time"
)

// Jwt is a JSON Web Token that was read, not validated.
type Jwt struct {
	raw, algorithm, kind, id, issuer, subject string
	audiences                                 []string
	expires, issued, notBefore                time.Time
	claims                                    claims
}

// String is the token as it was read.
func (j *Jwt) String() string { return j.raw }

// claims are the values of each claim, in order.
type claims struct {
	names  []string
	values map[string][]string
}

func (c *claims) get(name string) (any, bool) {
	v, ok := c.values[name]
	if !ok {
		return nil, false
	}
	return stringArray(v), true
}

// ParseJwt reads a token, with or without the scheme Bearer. It does not
// check the signature. ok is false when the text is no token.
func ParseJwt(s string) (j *Jwt, ok bool) {
	defer func() {
		if recover() != nil {
			j, ok = nil, false
		}
	}()
	if len(s) > 7 && strings.EqualFold(s[:7], "bearer ") {
		s = strings.TrimSpace(s[7:])
	}
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return nil, false
	}
	header, ok1 := jwtPart(parts[0])
	payload, ok2 := jwtPart(parts[1])
	if !ok1 || !ok2 {
		return nil, false
	}
	j = &Jwt{raw: s, algorithm: ToString(leafOf(header.Get("alg"))), kind: ToString(leafOf(header.Get("typ"))), claims: claims{values: map[string][]string{}}}
	for _, p := range payload.kids() {
		j.claims.names = append(j.claims.names, p.name)
		j.claims.values[p.name] = claimValues(p.kids()[0])
	}
	j.id, j.issuer, j.subject = j.claim("jti"), j.claim("iss"), j.claim("sub")
	j.audiences = j.claims.values["aud"]
	j.expires, j.issued, j.notBefore = jwtTime(payload.Get("exp")), jwtTime(payload.Get("iat")), jwtTime(payload.Get("nbf"))
	return j, true
}

func (j *Jwt) claim(name string) string {
	if v := j.claims.values[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func leafOf(t *JToken) any {
	if t == nil {
		return nil
	}
	return t.Value()
}

func jwtPart(s string) (*JToken, bool) {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return nil, false
	}
	t, e := ParseJSON(b)
	return t, e == nil && t.kind == JObject
}

func claimValues(t *JToken) []string {
	switch {
	case t.kind == JArray:
		var out []string
		for _, c := range t.kids() {
			out = append(out, claimValues(c)...)
		}
		return out
	case t.kind == JObject:
		return []string{t.JSON(false)}
	case t.kind == JBoolean:
		return []string{strings.ToLower(ToString(t.Value()))}
	case t.kind == JDate:
		return []string{strings.Trim(t.JSON(false), `"`)}
	}
	return []string{ToString(t.Value())}
}

func jwtTime(t *JToken) time.Time {
	if t == nil {
		return time.Time{}
	}
	n, ok := number(t.Value())
	if !ok || n > 253402300799 || n < 0 {
		return time.Time{}
	}
	return time.Unix(int64(n), 0).UTC()
}

func jwtTypes() []typeRow {
	field := func(get func(*Jwt) any) tableFunc { return func(_ *frame, a []any) any { return get(a[0].(*Jwt)) } }
	return []typeRow{
		{decl: "class Jwt", is: instance[*Jwt], rows: []row{
			{sig: "string Algorithm", get: word(func(j *Jwt) string { return j.algorithm })}, {sig: "string Type", get: word(func(j *Jwt) string { return j.kind })},
			{sig: "string Id", get: word(func(j *Jwt) string { return j.id })}, {sig: "string Issuer", get: word(func(j *Jwt) string { return j.issuer })},
			{sig: "string Subject", get: word(func(j *Jwt) string { return j.subject })},
			{sig: "IEnumerable<string> Audiences", get: field(func(j *Jwt) any { return stringArray(j.audiences) })},
			{sig: "DateTime? ExpirationTime", get: field(func(j *Jwt) any { return dateOrNull(j.expires) })},
			{sig: "DateTime? IssuedAt", get: field(func(j *Jwt) any { return dateOrNull(j.issued) })},
			{sig: "DateTime? NotBefore", get: field(func(j *Jwt) any { return dateOrNull(j.notBefore) })},
			{sig: "Claims Claims", get: field(func(j *Jwt) any { return &j.claims })},
		}},
		{decl: "class Claims : IReadOnlyDictionary<string,string[]>", is: instance[*claims], rows: append(multiRows(func(v any, name string) []string {
			return v.(*claims).values[name]
		})[:6], row{sig: "int Count", get: func(v any) int64 { return int64(len(v.(*claims).names)) }},
			row{sig: "IEnumerable<string> Keys", get: func(_ *frame, a []any) any { return stringArray(a[0].(*claims).names) }})},
		{decl: "static TokenExtensions", rows: []row{
			{sig: "static Jwt AsJwt(this string? s)", get: func(_ *frame, a []any) any {
				j, _ := ParseJwt(text(a, 0))
				return pointer(j)
			}},
			{sig: "static bool TryParseJwt(this string? s, out Jwt j)", get: func(_ *frame, a []any) any {
				j, ok := ParseJwt(text(a, 0))
				a[1].(*outRef).set(pointer(j))
				return ok
			}},
			{sig: "static BasicAuthCredentials AsBasic(this string? s)", get: func(_ *frame, a []any) any { return pointer(parseBasic(text(a, 0))) }},
			{sig: "static bool TryParseBasic(this string? s, out BasicAuthCredentials c)", get: func(_ *frame, a []any) any {
				c := parseBasic(text(a, 0))
				a[1].(*outRef).set(pointer(c))
				return c != nil
			}},
		}},
	}
}

type basicCredentials struct{ user, password string }

// BasicPassword is the password in the value of an Authorization header; "" when
// it holds no basic credentials.
func BasicPassword(header string) string {
	if c := parseBasic(header); c != nil {
		return c.password
	}
	return ""
}

func parseBasic(s string) *basicCredentials {
	if len(s) < 6 || !strings.EqualFold(s[:6], "basic ") {
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s[6:]))
	user, password, ok := strings.Cut(strings.ToValidUTF8(string(b), "\uFFFD"), ":")
	if err != nil || !ok {
		return nil
	}
	return &basicCredentials{user, password}
}
