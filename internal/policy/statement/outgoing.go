package statement

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// requestEditor is a statement that also stands inside send-request, where it
// changes the request being made instead of context.Request.
type requestEditor interface {
	EditRequest(c *policy.Context, r *policy.OutgoingRequest) error
}

// outgoing is the compiled content of send-request and send-one-way-request.
type outgoing struct {
	source  string
	mode    policy.String
	timeout policy.Int // seconds
	url     *policy.String
	fixed   *expr.URL // a literal URL
	method  *policy.String
	headers []*headerEdit
	body    *bodyEdit
	editors []requestEditor
}

var outgoingAttributes = []string{"mode", "response-variable-name", "timeout", "ignore-error"}

const defaultSendTimeout = 60

func compileOutgoing(k *policy.Compiler, e *policy.Element) *outgoing {
	o := &outgoing{source: e.Name, mode: k.String(e, "mode", "new"), timeout: k.Int(e, "timeout", defaultSendTimeout)}
	if a := e.Attr("mode"); a != nil && !a.Value.Expression && a.Value.Text != "new" && a.Value.Text != "copy" {
		k.Errorf(a.Value.Pos, "mode=%q: expected new or copy", a.Value.Text)
	}
	positive(k, e, "timeout", &o.timeout)
	for _, c := range e.Children {
		switch c.Name {
		case "set-url", "set-method", "set-header", "set-body":
		default:
			o.compileEditor(k, e, c)
		}
	}
	o.headers, o.body = nestedHeaders(k, e), nestedBody(k, e)
	if c := only(k, e, "set-method"); c != nil {
		checkAttributes(k, c)
		m := compileMethod(k, c)
		o.method = &m
	}
	o.compileURL(k, e)
	return o
}

func (o *outgoing) compileURL(k *policy.Compiler, e *policy.Element) {
	c := only(k, e, "set-url")
	if c == nil {
		if !o.mode.Dynamic() && o.mode.Literal == "new" {
			k.Errorf(e.Pos, "<%s> needs <set-url>, unless mode=\"copy\"", e.Name)
		}
		return
	}
	checkAttributes(k, c)
	checkChildren(k, c)
	u := k.StringValue(c.Text)
	o.url = &u
	if u.Dynamic() {
		return
	}
	parsed, err := expr.ParseURL(u.Literal)
	switch {
	case c.Text.Expression: // it did not compile
	case err == nil:
		o.fixed = &parsed
	case u.Literal == "":
		k.Errorf(c.Pos, "<set-url> needs an absolute URL")
	default:
		report(k, &c.Text, c.Text.Pos, "<set-url> needs an absolute URL, such as https://example.com/path")
	}
}

// compileEditor compiles a statement that edits the request, such as
// authentication-basic.
func (o *outgoing) compileEditor(k *policy.Compiler, e, c *policy.Element) {
	d := k.Environment().Definitions[c.Name]
	if d == nil {
		k.Errorf(c.Pos, "<%s> has no child <%s>; it takes <set-url>, <set-method>, <set-header>, <set-body> and authentication", e.Name, c.Name)
		return
	}
	checkAttributes(k, c, d.Attributes...)
	s := d.Compile(k, c)
	if s == nil {
		return
	}
	editor, ok := s.(requestEditor)
	if !ok {
		k.Errorf(c.Pos, "<%s> cannot stand inside <%s>", c.Name, e.Name)
		return
	}
	o.editors = append(o.editors, editor)
}

// build makes the request from the context.
func (o *outgoing) build(c *policy.Context) (*policy.OutgoingRequest, error) {
	mode, err := o.mode.Eval(c)
	if err != nil {
		return nil, err
	}
	seconds, err := o.timeout.Eval(c)
	if err != nil {
		return nil, err
	}
	r := &policy.OutgoingRequest{Source: o.source, Method: http.MethodGet, Timeout: duration(seconds), Attempt: 1}
	if r.Timeout <= 0 {
		r.Timeout = defaultSendTimeout * time.Second
	}
	if mode == "copy" {
		if err := copyRequest(c, r); err != nil {
			return nil, err
		}
	} else {
		r.Header = make(expr.Header, len(o.headers)+1)
	}
	return r, o.edit(c, r)
}

// copyRequest copies method, URL and header, and before outbound the body.
func copyRequest(c *policy.Context, r *policy.OutgoingRequest) error {
	r.Method = c.Request.Method
	r.URL = c.Request.URL
	if base := &c.Target.URL; base.Host != "" {
		r.URL.Scheme, r.URL.Host, r.URL.Port = base.Scheme, base.Host, base.Port
		r.URL.Path = joinPath(base.Path, r.URL.Path)
	}
	r.Header = maps.Clone(c.Request.Header)
	if r.Header == nil {
		r.Header = expr.Header{}
	}
	for _, name := range []string{"Connection", "Content-Length", "Host", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		delete(r.Header, name)
	}
	if !editsRequest(c.Section) {
		return nil
	}
	body, err := c.Request.Body.Bytes(true)
	if errors.Is(err, expr.ErrBodyConsumed) {
		return nil
	}
	r.Body = body
	return err
}

func joinPath(base, path string) string {
	if base == "" || base == "/" {
		return path
	}
	if base[len(base)-1] == '/' {
		base = base[:len(base)-1]
	}
	if path == "" || path[0] != '/' {
		return base + "/" + path
	}
	return base + path
}

// edit applies the children.
func (o *outgoing) edit(c *policy.Context, r *policy.OutgoingRequest) (err error) {
	switch {
	case o.fixed != nil:
		r.URL = *o.fixed
	case o.url != nil:
		text, err := o.url.Eval(c)
		if err != nil {
			return err
		}
		if r.URL, err = expr.ParseURL(text); err != nil {
			return invalid(c, o.source, "The text of set-url is not an absolute URL.")
		}
	}
	if o.method != nil {
		if r.Method, err = evalMethod(c, o.method, o.source); err != nil {
			return err
		}
	}
	for _, h := range o.headers {
		if err := h.apply(c, r.Header, o.source); err != nil {
			return err
		}
	}
	if o.body != nil {
		if r.Body, err = o.body.bytes(c); err != nil {
			return err
		}
	}
	for _, editor := range o.editors {
		if err := editor.EditRequest(c, r); err != nil {
			return err
		}
	}
	return nil
}

// sendFailure gives a failed call the reason that policies look for.
func sendFailure(c *policy.Context, source string, err error) error {
	var known *policy.Error
	if errors.Is(err, policy.ErrClientClosed) || errors.As(err, &known) {
		return err
	}
	reason, message := "BackendConnectionFailure", "The request could not be sent, or its response not be read."
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		reason, message = "Timeout", "The response did not come in time."
	}
	e := c.Fail(source, reason, message, http.StatusInternalServerError)
	e.Body, e.Err = "Internal server error", err
	return e
}

// sendAttributes are the attributes without the named ones.
func sendAttributes(without ...string) []string {
	return slices.DeleteFunc(slices.Clone(outgoingAttributes), func(n string) bool { return slices.Contains(without, n) })
}
