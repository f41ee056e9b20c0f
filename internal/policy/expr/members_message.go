package expr

import (
	"net/url"
	"strings"
)

func messageTypes() []typeRow {
	return []typeRow{
		{decl: "class IRequest", is: instance[*Request], rows: []row{
			{sig: "string Method", get: word(func(r *Request) string { return r.Method })},
			{sig: "string IpAddress", get: word(func(r *Request) string { return r.IPAddress })},
			{sig: "IUrl Url", get: the(func(r *Request) any { return &r.URL })},
			{sig: "IUrl OriginalUrl", get: the(func(r *Request) any { return &r.OriginalURL })},
			{sig: "Headers Headers", get: the(func(r *Request) any { return r.Header })},
			{sig: "IMessageBody Body", get: the(func(r *Request) any { return bodyOf(&r.Body) })},
			{sig: "MatchedParameters MatchedParameters", get: the(func(r *Request) any { return &r.MatchedParameters })},
			{sig: "X509Certificate2 Certificate", get: the(func(r *Request) any { return pointer(r.Certificate) })},
			{sig: "IFoundry Foundry", get: the(func(r *Request) any { return &foundry{r} })},
			{sig: "IPrivateEndpointConnection PrivateEndpointConnection", get: the(func(r *Request) any { return nil })},
		}},
		{decl: "class IFoundry", is: instance[*foundry], rows: []row{
			{sig: "string Deployment", get: the(func(f *foundry) any { return f.deployment() })},
		}},
		{decl: "class IPrivateEndpointConnection", rows: []row{
			{sig: "string Name", get: func(any) string { return "" }},
			{sig: "string GroupId", get: func(any) string { return "" }},
			{sig: "string MemberName", get: func(any) string { return "" }},
		}},
		{decl: "class IResponse", is: instance[*Response], rows: []row{
			{sig: "int StatusCode", get: func(v any) int64 { return int64(v.(*Response).StatusCode) }},
			{sig: "string StatusReason", get: word(func(r *Response) string { return r.StatusReason })},
			{sig: "Headers Headers", get: the(func(r *Response) any { return r.Header })},
			{sig: "IMessageBody Body", get: the(func(r *Response) any { return bodyOf(&r.Body) })},
		}},
		{decl: "class Headers : IReadOnlyDictionary<string,string[]>", is: instance[Header], rows: headerRows()},
		{decl: "class IUrl", is: instance[*URL], rows: []row{
			{sig: "string Host", get: word(func(u *URL) string { return u.Host })},
			{sig: "string Path", get: word(func(u *URL) string { return u.Path })},
			{sig: "string Scheme", get: word(func(u *URL) string { return u.Scheme })},
			{sig: "int Port", get: func(v any) int64 { return int64(v.(*URL).EffectivePort()) }},
			{sig: "string QueryString", get: word(func(u *URL) string {
				if u.RawQuery == "" {
					return ""
				}
				return "?" + u.RawQuery
			})},
			{sig: "QueryParameters Query", get: the(func(u *URL) any { return queryOf(u.RawQuery) })},
			{sig: "string ToString()", get: word(func(u *URL) string { return u.String() })},
		}},
		{decl: "class QueryParameters : IReadOnlyDictionary<string,string[]>", is: instance[*queryMap], rows: multiRows(func(v any, name string) []string {
			return v.(*queryMap).get(name)
		})},
		{decl: "class MatchedParameters : IReadOnlyDictionary<string,string>", is: instance[*[]Parameter], rows: parameterRows()},
		{decl: "class IMessageBody", is: instance[*Body], rows: bodyRows()},
		{decl: "class FormContent : IDictionary<string,IList<string>>, IReadOnlyDictionary<string,IList<string>>"},
		{decl: "class BasicAuthCredentials", is: instance[*basicCredentials], rows: []row{
			{sig: "string UserId", get: word(func(b *basicCredentials) string { return b.user })},
			{sig: "string Username", get: word(func(b *basicCredentials) string { return b.user })},
			{sig: "string Password", get: word(func(b *basicCredentials) string { return b.password })},
		}},
		{decl: "class Authorization", is: instance[*Authorization], rows: []row{
			{sig: "string AccessToken", get: word(func(a *Authorization) string { return a.AccessToken })},
			{sig: "IReadOnlyDictionary<string,object> Claims", get: the(func(a *Authorization) any {
				d := newDictionary(types().str, types().object)
				for _, c := range a.Claims {
					d.set(c.Name, c.Value)
				}
				return d
			})},
		}},
	}
}

// Authorization is what get-authorization-context stores.
type Authorization struct {
	AccessToken string
	Claims      []Claim // of the token endpoint's answer
}

// Claim is a named value: a string, a bool, an int64 or a float64.
type Claim struct {
	Name  string
	Value any
}

// bodyOf is null for a message without a body.
func bodyOf(b *Body) any {
	if !b.Present() {
		return nil
	}
	return b
}

// joined is what GetValueOrDefault gives of several values.
func joined(v []string) (string, bool) {
	switch len(v) {
	case 0:
		return "", false
	case 1:
		return v[0], true
	}
	return strings.Join(v, ","), true
}

func headerRows() []row {
	rows := multiRows(func(v any, name string) []string { return v.(Header).Values(name) })
	for i := range rows {
		if strings.Contains(rows[i].sig, "string key") {
			rows[i].sig = "header " + rows[i].sig
		}
	}
	return rows
}

// multiRows are the members of a dictionary of several values for each name.
func multiRows(get func(any, string) []string) []row {
	lookup := func(v any, name string, _ *operandText) (string, bool) { return joined(get(v, name)) }
	return []row{
		{sig: "string[] this[string key]", get: func(v any, name string) any {
			values := get(v, name)
			if values == nil {
				keyNotFound(name)
			}
			return stringArray(values)
		}},
		{sig: "bool ContainsKey(string key)", get: func(v any, name string) bool { return get(v, name) != nil }},
		{sig: "string GetValueOrDefault(string key)", get: func(v any, name string) (string, bool) { return joined(get(v, name)) }},
		{sig: "string GetValueOrDefault(string key, string? defaultValue)", get: lookup},
		{sig: "string[] GetValueOrDefault(string key, string[] defaultValue)", get: func(_ *frame, a []any) any {
			if v := get(a[0], text(a, 1)); v != nil {
				return stringArray(v)
			}
			return a[2]
		}},
		{sig: "bool TryGetValue(string key, out string[] value)", get: func(_ *frame, a []any) any {
			v := get(a[0], text(a, 1))
			if v == nil {
				a[2].(*outRef).set(nil)
				return false
			}
			a[2].(*outRef).set(stringArray(v))
			return true
		}},
		{sig: "int Count", get: func(v any) int64 { return int64(count(v)) }},
		{sig: "IEnumerable<string> Keys", get: func(_ *frame, a []any) any { return pairKeys(a[0]) }},
		{sig: "IEnumerable<string[]> Values", get: func(_ *frame, a []any) any { return pairValues(a[0]) }},
	}
}

func pairKeys(v any) *Array {
	out := &Array{elem: types().str}
	eachPair(v, func(k string, _ []string) bool { out.items = append(out.items, k); return true })
	return out
}

func pairValues(v any) *Array {
	out := &Array{elem: types().arrayOf(types().str)}
	eachPair(v, func(_ string, vs []string) bool { out.items = append(out.items, stringArray(vs)); return true })
	return out
}

func keyNotFound(key string) {
	throw("System.Collections.Generic.KeyNotFoundException", "The given key '%s' was not present in the dictionary.", key)
}

// queryMap is IUrl.Query: parameters in the order of the query string.
type queryMap struct {
	names  []string
	values map[string][]string
}

func (q *queryMap) get(name string) []string {
	if v, ok := q.values[name]; ok {
		return v
	}
	for _, n := range q.names {
		if strings.EqualFold(n, name) {
			return q.values[n]
		}
	}
	return nil
}

func queryOf(raw string) *queryMap {
	q := &queryMap{values: map[string][]string{}}
	for raw != "" {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		k, v = unescapeQuery(k), unescapeQuery(v)
		if _, ok := q.values[k]; !ok {
			q.names = append(q.names, k)
		}
		q.values[k] = append(q.values[k], v)
	}
	return q
}

func unescapeQuery(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return strings.ToValidUTF8(u, "\uFFFD")
	}
	return s
}

func parameterRows() []row {
	find := func(v any, name string) (string, bool) {
		for _, p := range *v.(*[]Parameter) {
			if strings.EqualFold(p.Name, name) {
				return p.Value, true
			}
		}
		return "", false
	}
	return []row{
		{sig: "string this[string key]", get: func(v any, name string) (string, bool) {
			s, ok := find(v, name)
			if !ok {
				keyNotFound(name)
			}
			return s, true
		}},
		{sig: "bool ContainsKey(string key)", get: func(v any, name string) bool { _, ok := find(v, name); return ok }},
		{sig: "string GetValueOrDefault(string key)", get: find},
		{sig: "string GetValueOrDefault(string key, string? defaultValue)", get: func(v any, name string, _ *operandText) (string, bool) { return find(v, name) }},
		{sig: "bool TryGetValue(string key, out string value)", get: func(_ *frame, a []any) any {
			s, ok := find(a[0], text(a, 1))
			if ok {
				a[2].(*outRef).set(s)
			} else {
				a[2].(*outRef).set(nil)
			}
			return ok
		}},
		{sig: "int Count", get: func(v any) int64 { return int64(count(v)) }},
		{sig: "IEnumerable<string> Keys", get: func(_ *frame, a []any) any {
			out := &Array{elem: types().str}
			for _, p := range *a[0].(*[]Parameter) {
				out.items = append(out.items, p.Name)
			}
			return out
		}},
		{sig: "IEnumerable<string> Values", get: func(_ *frame, a []any) any {
			out := &Array{elem: types().str}
			for _, p := range *a[0].(*[]Parameter) {
				out.items = append(out.items, p.Value)
			}
			return out
		}},
	}
}
