package statement

import (
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// cacheLookupValueStatement reads a cached value into a variable. A miss
// without default leaves the variable as it is.
type cacheLookupValueStatement struct {
	key        policy.String
	variable   string
	fallback   policy.Any
	hasDefault bool
	place      cachePlace
}

func cacheLookupValue() *policy.Definition {
	return &policy.Definition{Name: "cache-lookup-value", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"key", "variable-name", "default-value", "caching-type"}, Compile: compileCacheLookupValue}
}

func compileCacheLookupValue(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	s := &cacheLookupValueStatement{place: compileCachingType(k, e), key: required(k, e, "key"), variable: requiredLiteral(k, e, "variable-name")}
	if a := e.Attr("default-value"); a != nil {
		s.fallback, s.hasDefault = k.AnyValue(a.Value), true
	}
	return s
}

func (s *cacheLookupValueStatement) Run(c *policy.Context) error {
	key, err := s.key.Eval(c)
	if err != nil {
		return err
	}
	if value, ok := s.place.get(c.Std, c.Services, key); ok {
		c.Variables.Set(s.variable, expr.Detach(value))
		return nil
	}
	if !s.hasDefault {
		return nil
	}
	value, err := s.fallback.Eval(c)
	if err != nil {
		return err
	}
	c.Variables.Set(s.variable, value)
	return nil
}

// cacheStoreValueStatement keeps a value for a time.
type cacheStoreValueStatement struct {
	key      policy.String
	value    policy.Any
	duration policy.Int
	place    cachePlace
}

func cacheStoreValue() *policy.Definition {
	return &policy.Definition{Name: "cache-store-value", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"key", "value", "duration", "caching-type"}, Compile: compileCacheStoreValue}
}

func compileCacheStoreValue(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	k.Required(e, "duration")
	s := &cacheStoreValueStatement{place: compileCachingType(k, e), key: required(k, e, "key"), duration: k.Int(e, "duration", 0)}
	if a := k.Required(e, "value"); a != nil {
		s.value = k.AnyValue(a.Value)
	}
	if a := e.Attr("duration"); a != nil && s.duration.Known() && s.duration.Literal < 0 {
		k.Errorf(a.Value.Pos, "duration=%q: expected a number of seconds, not below 0", a.Value.Text)
	}
	return s
}

func (s *cacheStoreValueStatement) Run(c *policy.Context) error {
	key, err := s.key.Eval(c)
	if err != nil {
		return err
	}
	value, err := s.value.Eval(c)
	if err != nil {
		return err
	}
	seconds, err := s.duration.Eval(c)
	if err != nil {
		return err
	}
	if r, ok := value.(*expr.Response); ok && r != nil {
		if err := r.Body.Buffer(); err != nil {
			return err
		}
	}
	if seconds > 0 && value != nil {
		s.place.set(c.Std, c.Services, key, expr.Detach(value), duration(seconds))
	}
	return nil
}

// cacheRemoveValueStatement forgets a cached value.
type cacheRemoveValueStatement struct {
	key   policy.String
	place cachePlace
}

func cacheRemoveValue() *policy.Definition {
	return &policy.Definition{Name: "cache-remove-value", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"key", "caching-type"}, Compile: compileCacheRemoveValue}
}

func compileCacheRemoveValue(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	return &cacheRemoveValueStatement{place: compileCachingType(k, e), key: required(k, e, "key")}
}

func (s *cacheRemoveValueStatement) Run(c *policy.Context) error {
	key, err := s.key.Eval(c)
	if err != nil {
		return err
	}
	s.place.delete(c.Std, c.Services, key)
	return nil
}
