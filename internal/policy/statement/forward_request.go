package statement

import (
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/telemetry"
)

// forwardRequestStatement sends the request to its target.
type forwardRequestStatement struct {
	options      policy.ForwardOptions
	seconds      policy.Int // timeout, 0: the default
	milliseconds policy.Int // timeout-ms, goes before timeout
	follow       policy.Bool
	fixed        bool // options hold everything
}

func forwardRequest() *policy.Definition {
	return &policy.Definition{Name: "forward-request", Sections: policy.Backend, Scopes: policy.AnyScope,
		Attributes: []string{"timeout", "timeout-ms", "continue-timeout", "http-version", "follow-redirects",
			"buffer-request-body", "buffer-response", "fail-on-error-status-code"},
		Compile: compileForwardRequest}
}

func compileForwardRequest(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	s := &forwardRequestStatement{
		seconds: k.Int(e, "timeout", 0), milliseconds: k.Int(e, "timeout-ms", 0), follow: k.Bool(e, "follow-redirects", false),
		options: policy.ForwardOptions{
			HTTPVersion:       k.OneOf(e, "http-version", "1", "1", "2or1", "2"),
			BufferRequestBody: literalBool(k, e, "buffer-request-body", false),
			BufferResponse:    literalBool(k, e, "buffer-response", true),
			FailOnErrorStatus: literalBool(k, e, "fail-on-error-status-code", false),
		},
	}
	positive(k, e, "timeout", &s.seconds)
	positive(k, e, "timeout-ms", &s.milliseconds)
	if a := e.Attr("continue-timeout"); a != nil {
		k.Int(e, "continue-timeout", 0)
		k.Warnf(a.Pos, "continue-timeout has no effect: the gateway does not wait for 100 Continue")
	}
	if s.fixed = s.seconds.Known() && s.milliseconds.Known() && !s.follow.Dynamic(); s.fixed {
		s.options.Timeout = timeout(s.seconds.Literal, s.milliseconds.Literal)
		s.options.FollowRedirects = s.follow.Literal
	}
	return s
}

// literalBool gives an attribute that is true or false and no expression.
func literalBool(k *policy.Compiler, e *policy.Element, name string, fallback bool) bool {
	b := k.Bool(e, name, fallback)
	if b.Dynamic() {
		k.Errorf(e.Attr(name).Value.Pos, "the attribute %q of <%s> takes no expression", name, e.Name)
	}
	return b.Literal
}

// positive reports a literal that is not above zero.
func positive(k *policy.Compiler, e *policy.Element, name string, v *policy.Int) {
	a := e.Attr(name)
	if a == nil || !v.Known() {
		return
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(a.Value.Text), 10, 64); err == nil && n <= 0 {
		k.Errorf(a.Value.Pos, "%s=%q: expected a number above 0", name, a.Value.Text)
	}
}

// maxSeconds is the longest time that a statement can name, ten years.
const maxSeconds = 10 * 365 * 24 * 3600

// duration makes a duration of seconds, within what time.Duration holds.
func duration(seconds int64) time.Duration {
	return time.Duration(min(max(seconds, 0), maxSeconds)) * time.Second
}

func timeout(seconds, milliseconds int64) time.Duration {
	if milliseconds > 0 {
		return time.Duration(min(milliseconds, maxSeconds*1000)) * time.Millisecond
	}
	return duration(seconds)
}

// evalTimeout is how long to wait for the response's headers; fallback is used
// when the statement does not say.
func (s *forwardRequestStatement) evalTimeout(c *policy.Context, fallback time.Duration) (time.Duration, error) {
	seconds, err := s.seconds.Eval(c)
	if err != nil {
		return 0, err
	}
	milliseconds, err := s.milliseconds.Eval(c)
	if t := timeout(seconds, milliseconds); t > 0 {
		return t, err
	}
	return fallback, err
}

func (s *forwardRequestStatement) Run(c *policy.Context) error {
	o := s.options
	if !s.fixed {
		var err error
		if o.Timeout, err = s.evalTimeout(c, 0); err != nil {
			return err
		}
		if o.FollowRedirects, err = s.follow.Eval(c); err != nil {
			return err
		}
	}
	if old := c.Response; old != nil { // of an earlier attempt
		c.Response = nil
		if err := old.Body.Close(); err != nil {
			c.Event(telemetry.SeverityVerbose, "forward-request", "closing the earlier response: "+err.Error(), nil)
		}
	}
	return c.Services.Forward.Forward(c, o)
}
