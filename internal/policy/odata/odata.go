// Package odata checks requests against the URL conventions of OData 4.0 and
// 4.01.
//
// What comes in: a metadata document (EDMX), once, and the path and query of
// requests. What goes out: what is wrong with them. It must never quote a value
// of a request in a problem, fetch a referenced document, or spend more than a
// bounded time on a request.
package odata

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Limits of a request.
const (
	maxText     = 64 << 10 // bytes of an option
	maxDepth    = 64
	maxSegments = 100
	maxProblems = 20
)

// Request is what is checked.
type Request struct {
	Path  string // below the service root, escaped
	Query string // escaped, without "?"
	// Loose takes names of options without "$" and operators in any letter
	// case, as OData 4.01 does.
	Loose bool
}

// Check lists what is wrong with a request; nil means nothing. Without a model
// (a nil one) names are not checked.
func (m *Model) Check(r Request) []string {
	if len(r.Path) > maxText || len(r.Query) > maxText {
		return []string{fmt.Sprintf("The URL is longer than %d bytes.", maxText)}
	}
	c := &checker{model: m, loose: r.Loose}
	at := c.path(r.Path)
	if at.batch {
		return c.problems
	}
	options, ok := c.options(r.Query)
	if !ok {
		return c.problems
	}
	for _, o := range options {
		if err := c.option(o, at); err != nil {
			c.report("%s: %s.", o.name, err)
		}
	}
	return c.problems
}

// checker collects the problems of one request.
type checker struct {
	model    *Model
	loose    bool
	problems []string
}

func (c *checker) report(format string, args ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, fmt.Sprintf(format, args...))
	}
}

// option is a system query option.
type option struct{ name, value string }

var systemOptions = []string{"$apply", "$compute", "$count", "$deltatoken", "$expand", "$filter", "$format", "$id", "$index", "$levels",
	"$orderby", "$schemaversion", "$search", "$select", "$skip", "$skiptoken", "$top"}

// options picks the system query options. Custom options and parameter aliases
// are free.
func (c *checker) options(query string) (out []option, ok bool) {
	for pair := range strings.SplitSeq(query, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		if err != nil || err2 != nil {
			c.report("The query cannot be decoded.")
			return nil, false
		}
		name, system := c.optionName(name)
		if !system {
			continue
		}
		if !slices.Contains(systemOptions, name) {
			c.report("The query option %s does not exist.", short(name))
			continue
		}
		if slices.ContainsFunc(out, func(o option) bool { return o.name == name }) {
			c.report("The query option %s stands twice.", name)
			continue
		}
		out = append(out, option{name, value})
	}
	return out, true
}

// optionName gives the name with "$", and whether it is one of the system's.
func (c *checker) optionName(name string) (string, bool) {
	if !c.loose {
		return name, strings.HasPrefix(name, "$")
	}
	low := strings.ToLower(name)
	if strings.HasPrefix(low, "$") {
		return low, true
	}
	if slices.Contains(systemOptions, "$"+low) {
		return "$" + low, true
	}
	return name, false
}

// option checks one option where the path leads.
func (c *checker) option(o option, at place) error {
	if at.single && slices.Contains([]string{"$filter", "$orderby", "$search", "$skip", "$top", "$count"}, o.name) {
		return fmt.Errorf("is for collections, and the path leads to one entity")
	}
	p := &parser{text: o.value, loose: c.loose, model: c.model}
	p.next()
	switch o.name {
	case "$top", "$skip", "$index":
		return number(o.value, o.name == "$index")
	case "$count":
		if o.value != "true" && o.value != "false" {
			return fmt.Errorf("must be true or false")
		}
		return nil
	case "$levels":
		return fmt.Errorf("stands in $expand only")
	case "$format":
		return format(o.value)
	case "$filter":
		return p.whole(func() error { return p.expression(scope{item: at.item}) })
	case "$orderby":
		return p.whole(func() error { return p.orderBy(scope{item: at.item}) })
	case "$select":
		return p.whole(func() error { return p.selectItems(scope{item: at.item}) })
	case "$expand":
		return p.whole(func() error { return p.expandItems(scope{item: at.item}) })
	case "$search":
		return p.whole(p.search)
	case "$compute":
		return p.whole(func() error { return p.compute(scope{item: at.item}) })
	case "$apply":
		return p.balanced()
	}
	return nil // tokens and ids are the server's own
}

func number(text string, negative bool) error {
	digits := text
	if negative {
		digits = strings.TrimPrefix(text, "-")
	}
	if n, err := strconv.ParseUint(digits, 10, 63); err != nil || strings.HasPrefix(digits, "+") || n > 1<<62 {
		return fmt.Errorf("must be a whole number that is not negative")
	}
	return nil
}

// format is a short name or a media type.
func format(text string) error {
	switch strings.ToLower(text) {
	case "json", "xml", "atom":
		return nil
	}
	media, _, _ := strings.Cut(text, ";")
	kind, sub, ok := strings.Cut(strings.TrimSpace(media), "/")
	if !ok || kind == "" || sub == "" || strings.ContainsAny(kind+sub, " ,/\"'<>") {
		return fmt.Errorf("must be json, xml, atom or a media type")
	}
	return nil
}

func short(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "..."
	}
	return strings.ToValidUTF8(s, "")
}
