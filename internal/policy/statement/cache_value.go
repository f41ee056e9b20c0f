package statement

import (
	"errors"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// cacheValueStatement reads a cached value into a variable. On a miss its
// <value> block runs, which sets the variable, and the variable's value is
// stored. Only one request at a time runs the block of a key: others wait for
// its value, or go on with the old one while it is made anew.
type cacheValueStatement struct {
	key              policy.String
	variable         string
	expires, refresh policy.Int // seconds; evaluated after the block, which may set what they read
	hasRefresh       bool
	fallback         policy.Any
	hasDefault       bool
	block            policy.Block
	place            cachePlace
}

func cacheValue() *policy.Definition {
	return &policy.Definition{Name: "cache-value", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"key", "variable-name", "expires-after", "refresh-after", "default-value", "caching-type"}, Compile: compileCacheValue}
}

func compileCacheValue(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "value")
	k.Required(e, "expires-after")
	s := &cacheValueStatement{place: compileCachingType(k, e), key: required(k, e, "key"), variable: requiredLiteral(k, e, "variable-name"),
		expires: k.Int(e, "expires-after", 0), refresh: k.Int(e, "refresh-after", 0), hasRefresh: e.Attr("refresh-after") != nil}
	if a := e.Attr("default-value"); a != nil {
		s.fallback, s.hasDefault = k.AnyValue(a.Value), true
	}
	positive(k, e, "expires-after", &s.expires)
	positive(k, e, "refresh-after", &s.refresh)
	if s.hasRefresh && s.refresh.Known() && s.expires.Known() && s.refresh.Literal >= s.expires.Literal {
		k.Errorf(e.Attr("refresh-after").Value.Pos, "refresh-after=%q: expected less than expires-after, as a value that expired cannot be refreshed", e.Attr("refresh-after").Value.Text)
	}
	if c := only(k, e, "value"); c != nil {
		checkAttributes(k, c)
		s.block = k.Block(c.Children)
	} else {
		k.Errorf(e.Pos, "<cache-value> needs <value> with the policies that set the variable %q", s.variable)
	}
	return s
}

// maxValueWait is how long a request waits for the block of another.
const maxValueWait = 30 * time.Second

func (s *cacheValueStatement) Run(c *policy.Context) error {
	key, err := s.key.Eval(c)
	if err != nil {
		return err
	}
	for waited := time.Duration(0); ; waited += valuePoll {
		value, found, fresh := s.look(c, key)
		if fresh {
			return nil
		}
		leave, ok := c.Services.Quotas.Enter("cache-value/"+key, 1)
		if ok {
			defer leave()
			if value, _, fresh = s.look(c, key); fresh { // somebody made it in between
				return nil
			}
		}
		if ok || !found && waited >= maxValueWait {
			return s.make(c, key, value)
		}
		if found { // somebody else makes it anew
			return nil
		}
		if err := sleep(c, valuePoll); err != nil {
			return err
		}
	}
}

// valuePoll is how often a waiting request looks for the value.
const valuePoll = 10 * time.Millisecond

// freshMark is the key under which a value counts as fresh.
func freshMark(key string) string { return "\x00fresh\x00" + key }

// look puts a cached value into the variable; fresh tells that it need not be
// made anew.
func (s *cacheValueStatement) look(c *policy.Context, key string) (value any, found, fresh bool) {
	if value, found = s.place.get(c.Std, c.Services, key); !found {
		return nil, false, false
	}
	c.Variables.Set(s.variable, expr.Detach(value))
	if !s.hasRefresh {
		return value, true, true
	}
	_, fresh = s.place.get(c.Std, c.Services, freshMark(key))
	return value, true, fresh
}

// make runs the block and stores what it set. An old value stays in use when
// the block sets none, or fails.
func (s *cacheValueStatement) make(c *policy.Context, key string, old any) error {
	c.Variables.Remove(s.variable)
	err := s.block.Run(c)
	if err != nil && old != nil && !errors.Is(err, policy.ErrClientClosed) {
		c.Event(telemetry.SeverityWarning, "cache-value", "the value was not made anew: "+policy.AsError(err, "cache-value").Reason, nil)
		err = nil
		c.Variables.Remove(s.variable)
	}
	if err != nil || c.Ended() {
		return err
	}
	value, set := c.Variables.Get(s.variable)
	switch {
	case !set && old != nil:
		c.Variables.Set(s.variable, expr.Detach(old))
		return nil
	case !set && s.hasDefault:
		value, err := s.fallback.Eval(c)
		if err == nil {
			c.Variables.Set(s.variable, value)
		}
		return err
	case !set || value == nil:
		return nil
	}
	return s.store(c, key, value)
}

func (s *cacheValueStatement) store(c *policy.Context, key string, value any) error {
	expires, err := s.expires.Eval(c)
	if err != nil {
		return err
	}
	refresh, err := s.refresh.Eval(c)
	if err != nil {
		return err
	}
	if r, ok := value.(*expr.Response); ok {
		if err := r.Body.Buffer(); err != nil {
			return err
		}
	}
	if expires > 0 {
		s.place.set(c.Std, c.Services, key, expr.Detach(value), duration(expires))
	}
	if s.hasRefresh && refresh > 0 {
		s.place.set(c.Std, c.Services, freshMark(key), true, duration(refresh))
	}
	return nil
}
