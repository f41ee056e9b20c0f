package statement

import (
	"gatehouse/internal/policy"
	"gatehouse/internal/telemetry"
)

// emitMetricStatement records a value with dimensions.
type emitMetricStatement struct {
	name, namespace policy.String
	value           policy.Double
	dimensions      []dimension
}

// dimension has a value of its own, or that of the context for its name.
type dimension struct {
	name     policy.String
	value    policy.String
	standard func(c *policy.Context) string // nil: value
}

// maxDimensions is how many dimensions with a value of their own a metric has.
const maxDimensions = 10

func emitMetric() *policy.Definition {
	return &policy.Definition{Name: "emit-metric", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"name", "namespace", "value"}, Compile: compileEmitMetric}
}

func compileEmitMetric(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "dimension")
	s := &emitMetricStatement{name: required(k, e, "name"), namespace: k.String(e, "namespace", "API Management"),
		value: k.Double(e, "value", 1)}
	own := 0
	for _, c := range e.Children {
		if c.Name != "dimension" {
			continue
		}
		checkAttributes(k, c, "name", "value")
		checkChildren(k, c)
		d := compileDimension(k, c)
		if d.standard == nil {
			own++
		}
		if own > maxDimensions && !k.Environment().ManyDimensions {
			k.Errorf(c.Pos, "<emit-metric> takes at most %d dimensions with a value", maxDimensions)
			break
		}
		if own == maxDimensions+1 {
			k.Warnf(c.Pos, "<emit-metric> has more than %d dimensions with a value, which Azure refuses; the series are the product of their distinct values", maxDimensions)
		}
		s.dimensions = append(s.dimensions, d)
	}
	return s
}

func compileDimension(k *policy.Compiler, e *policy.Element) dimension {
	d := dimension{name: required(k, e, "name"), value: k.String(e, "value", "")}
	if e.Attr("value") != nil {
		return d
	}
	name := e.Attr("name")
	if name == nil {
		return d
	}
	if !name.Value.Expression {
		d.standard = standardDimension(name.Value.Text)
	}
	if d.standard == nil {
		k.Warnf(e.Pos, "the dimension %q stays empty; without a value stand only API ID, Operation ID, Product ID, User ID, Subscription ID, Location and Gateway ID", name.Value.Text)
	}
	return d
}

// standardDimension gives the value of a dimension that needs none, nil when
// the name is not one of them.
func standardDimension(name string) func(c *policy.Context) string {
	switch name {
	case "API ID":
		return func(c *policy.Context) string {
			if c.API == nil {
				return ""
			}
			return c.API.ID
		}
	case "Operation ID":
		return func(c *policy.Context) string {
			if c.Operation == nil {
				return ""
			}
			return c.Operation.ID
		}
	case "Product ID":
		return func(c *policy.Context) string {
			if c.Product == nil {
				return ""
			}
			return c.Product.ID
		}
	case "User ID":
		return func(c *policy.Context) string {
			if c.User == nil {
				return ""
			}
			return c.User.ID
		}
	case "Subscription ID":
		return func(c *policy.Context) string {
			if c.Subscription == nil {
				return ""
			}
			return c.Subscription.ID
		}
	case "Location", "Gateway ID":
		return deploymentDimension(name == "Location")
	}
	return nil
}

func deploymentDimension(location bool) func(c *policy.Context) string {
	return func(c *policy.Context) string {
		switch {
		case c.Deployment == nil:
			return ""
		case location:
			return c.Deployment.Region
		}
		return c.Deployment.GatewayID
	}
}

func (s *emitMetricStatement) Run(c *policy.Context) error {
	m := telemetry.Measurement{}
	var err error
	if m.Name, err = s.name.Eval(c); err != nil {
		return err
	}
	if m.Namespace, err = s.namespace.Eval(c); err != nil {
		return err
	}
	if m.Value, err = s.value.Eval(c); err != nil {
		return err
	}
	m.Dimensions = make([]telemetry.Attribute, len(s.dimensions))
	for i := range s.dimensions {
		if m.Dimensions[i], err = s.dimensions[i].eval(c); err != nil {
			return err
		}
	}
	if e := c.Exchange; len(e.Measurements) < telemetry.MaxMeasurements {
		e.Measurements = append(e.Measurements, m)
	}
	return nil
}

func (d *dimension) eval(c *policy.Context) (a telemetry.Attribute, err error) {
	if a.Key, err = d.name.Eval(c); err != nil {
		return a, err
	}
	if d.standard != nil {
		a.Value = d.standard(c)
		return a, nil
	}
	a.Value, err = d.value.Eval(c)
	return a, err
}
