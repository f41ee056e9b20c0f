package statement

import (
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// cacheLookupStatement answers a GET with a stored response, or tells
// cache-store under which key to store the coming one.
type cacheLookupStatement struct {
	byDeveloper, byGroups       policy.Bool
	downstream                  policy.String
	mustRevalidate, allowSecret policy.Bool
	headers                     []string // canonical
	query                       []string // nil: the whole query
	place                       cachePlace
}

func cacheLookup() *policy.Definition {
	return &policy.Definition{Name: "cache-lookup", Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"vary-by-developer", "vary-by-developer-groups", "caching-type", "downstream-caching-type", "must-revalidate", "allow-private-response-caching"},
		Compile:    compileCacheLookup}
}

func compileCacheLookup(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "vary-by-header", "vary-by-query-parameter")
	k.Required(e, "vary-by-developer")
	k.Required(e, "vary-by-developer-groups")
	s := &cacheLookupStatement{place: compileCachingType(k, e), byDeveloper: k.Bool(e, "vary-by-developer", false), byGroups: k.Bool(e, "vary-by-developer-groups", false),
		downstream: k.String(e, "downstream-caching-type", "none"), mustRevalidate: k.Bool(e, "must-revalidate", true),
		allowSecret: k.Bool(e, "allow-private-response-caching", false)}
	if a := e.Attr("downstream-caching-type"); a != nil && !a.Value.Expression && !validDownstream(a.Value.Text) {
		k.Errorf(a.Value.Pos, "downstream-caching-type=%q: expected none, private or public", a.Value.Text)
	}
	for _, c := range e.Children {
		names := varyNames(k, c)
		if c.Name == "vary-by-query-parameter" {
			s.query = append(s.query, names...)
			continue
		}
		for _, n := range names {
			if !validHeaderName(n) {
				k.Errorf(c.Text.Pos, "<vary-by-header>: %q is not a header name", n)
			}
			s.headers = append(s.headers, textproto.CanonicalMIMEHeaderKey(n))
		}
	}
	return s
}

// varyNames reads the names in a vary-by element, separated by semicolons.
func varyNames(k *policy.Compiler, e *policy.Element) (names []string) {
	if e.Name != "vary-by-header" && e.Name != "vary-by-query-parameter" {
		return nil
	}
	checkAttributes(k, e)
	checkChildren(k, e)
	k.Reads(e.Text)
	if e.Text.Expression {
		k.Errorf(e.Text.Pos, "<%s> takes no expression; write the names, separated by semicolons", e.Name)
		return nil
	}
	for name := range strings.SplitSeq(e.Text.Text, ";") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	if names == nil {
		k.Errorf(e.Pos, "<%s> needs a name", e.Name)
	}
	return names
}

func validDownstream(text string) bool {
	return text == "none" || text == "private" || text == "public"
}

func (s *cacheLookupStatement) Run(c *policy.Context) error {
	c.Cacheable = nil
	if c.Request.Method != http.MethodGet {
		return nil
	}
	allowed, err := s.allowSecret.Eval(c)
	if err != nil {
		return err
	}
	if !allowed && c.Request.Header.Has("Authorization") {
		return nil
	}
	entry, err := s.entry(c)
	if err != nil {
		return err
	}
	if stored, ok := s.place.get(c.Std, c.Services, entry.Key); ok {
		if r, ok := stored.(*cachedResponse); ok {
			c.Serve(r.response(c.Now(), entry))
			return nil
		}
	}
	c.Cacheable = entry
	// The backend must answer whole, whatever the client has already.
	for _, name := range cacheHeaders {
		delete(c.Request.Header, name)
	}
	return nil
}

// cacheHeaders make a backend answer with less than the whole response.
var cacheHeaders = [...]string{"Cache-Control", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Pragma", "Range"}

// entry evaluates the attributes and makes the key.
func (s *cacheLookupStatement) entry(c *policy.Context) (*policy.Cacheable, error) {
	downstream, err := s.downstream.Eval(c)
	if err != nil {
		return nil, err
	}
	if !validDownstream(downstream) {
		return nil, invalid(c, "cache-lookup", "The expression of downstream-caching-type must give none, private or public.")
	}
	revalidate, err := s.mustRevalidate.Eval(c)
	if err != nil {
		return nil, err
	}
	key, err := s.key(c)
	return &policy.Cacheable{Key: key, External: s.place.external, Downstream: downstream, MustRevalidate: revalidate}, err
}

// cacheKey collects the parts of a key, each after its length, so that no two
// lists of parts look alike.
type cacheKey []byte

func (k *cacheKey) add(part string) {
	*k = binary.AppendUvarint(*k, uint64(len(part)))
	*k = append(*k, part...)
}

func (k *cacheKey) list(parts []string) {
	*k = binary.AppendUvarint(*k, uint64(len(parts)))
	for _, p := range parts {
		k.add(p)
	}
}

// text is the hash of the parts: they may be long, or secret.
func (k cacheKey) text() string {
	sum := sha256.Sum256(k)
	return "\x00response\x00" + string(sum[:])
}

// key is made of everything that a response depends on: whose policy ran, what
// is asked of which backend, and what the document says that it varies by. The
// host that the client called is part of it, as backends and policies make
// links of it. So is Accept-Encoding: a compressed body is no answer to a
// client that cannot read it.
func (s *cacheLookupStatement) key(c *policy.Context) (string, error) {
	k := make(cacheKey, 0, 512)
	var api, revision, operation, product string
	if c.API != nil {
		api, revision = c.API.ID, c.API.Revision
	}
	if c.Operation != nil {
		operation = c.Operation.ID
	}
	if c.Product != nil {
		product = c.Product.ID
	}
	for _, part := range [...]string{api, revision, operation, product, c.Request.OriginalURL.Scheme, c.Request.OriginalURL.Authority(),
		c.Target.Backend, c.Target.URL.String(), c.Request.URL.Path} {
		k.add(part)
	}
	s.addQuery(&k, c)
	for _, name := range s.headers {
		k.list(c.Request.Header.Values(name))
	}
	k.list(c.Request.Header.Values("Accept-Encoding"))
	if err := s.addDeveloper(&k, c); err != nil {
		return "", err
	}
	return k.text(), nil
}

// addQuery adds the named parameters, or all but the subscription key.
func (s *cacheLookupStatement) addQuery(k *cacheKey, c *policy.Context) {
	keyName := ""
	if c.API != nil {
		keyName = c.API.SubscriptionKeyQuery
	}
	for pair := range strings.SplitSeq(c.Request.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if text, err := url.QueryUnescape(name); err == nil {
			name = text
		}
		if s.query == nil && name != keyName && pair != "" || containsFold(s.query, name) {
			k.add(pair)
		}
	}
	k.add("&") // no pair can be that: the end of the list
}

func containsFold(list []string, name string) bool {
	for _, n := range list {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

func (s *cacheLookupStatement) addDeveloper(k *cacheKey, c *policy.Context) error {
	byDeveloper, err := s.byDeveloper.Eval(c)
	if err != nil {
		return err
	}
	byGroups, err := s.byGroups.Eval(c)
	if err != nil {
		return err
	}
	if byDeveloper {
		switch { // a key without an owner is a developer of its own
		case c.User != nil:
			k.add("user " + c.User.ID)
		case c.Subscription != nil:
			k.add("subscription " + c.Subscription.ID)
		default:
			k.add("nobody")
		}
	}
	if byGroups {
		k.list(groupIDs(c.User))
	}
	return nil
}

func groupIDs(u *expr.User) []string {
	if u == nil {
		return nil
	}
	ids := make([]string, len(u.Groups))
	for i, g := range u.Groups {
		ids[i] = g.ID
	}
	slices.Sort(ids)
	return ids
}
