package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/graphql"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// Statement is one compiled policy statement. Run changes c; an error jumps to
// on-error, c.End() ends the pipeline with c.Response as the answer. A
// Statement is shared by all requests: it holds only what compilation found.
type Statement interface {
	Run(c *Context) error
}

// Definition is one row of the statement table.
type Definition struct {
	Name     string
	Sections Section
	Scopes   Scope
	// Known attributes; others are an error. Every statement also takes "id".
	Attributes []string
	// StoresResponse marks a statement that keeps the response for Serve.
	StoresResponse bool
	// Compile makes the statement. It reports problems on k and may then
	// return nil.
	Compile func(k *Compiler, e *Element) Statement
}

// Environment is what compilation needs beside the documents.
type Environment struct {
	Definitions map[string]*Definition
	Profile     expr.Profile
	// Backends lists the ids that set-backend-service may name; nil: any.
	Backends map[string]bool
	// ExternalCache tells whether Services.External will be there.
	ExternalCache bool
	// ManyDimensions lets emit-metric have more dimensions than Azure takes.
	ManyDimensions bool
	// Responses of the operation, for mock-response.
	Responses []apim.Response
	// Service, API and Operation are what is compiled for; nil where none is.
	// Statements find certificates, loggers, schemas and declared parameters
	// here at compile time.
	Service   *apim.Service
	API       *apim.API
	Operation *apim.Operation
	// Shared is what the compilations of one service have in common, such as
	// compiled schemas, under keys of the statements' own types; nil: nothing.
	Shared map[any]any
	// Schema of a GraphQL API, compiled; nil for others and without a schema.
	Schema *graphql.Schema
	// Branches is told of every branch of every expression, for the coverage of
	// policy tests. Nil: expressions are compiled without counting.
	Branches func(at apim.Position, b *expr.Branch)
	// Addresses of services of the platform.
	Addresses Addresses
	// Authority is where tenants of Microsoft Entra ID sign in; "" is the public
	// cloud's.
	Authority string
}

// Addresses say where services of the platform are.
type Addresses struct {
	Dapr                  string // the sidecar's HTTP API
	DaprToken             string // of that API, secret; "" is none
	EventHubs, ServiceBus string // "" is what loggers and policies say
}

// EntraAuthority is the sign-in address of Microsoft Entra ID.
func (e *Environment) EntraAuthority() string {
	if e.Authority == "" {
		return "https://login.microsoftonline.com"
	}
	return e.Authority
}

// Compiler turns elements into statements and collects messages.
type Compiler struct {
	env      *Environment
	messages Messages
	steps    []telemetry.StepInfo
	elements []*Element
	parent   int
	section  Section
	included *apim.Position     // of the fragment being compiled
	own      map[*Element]bool  // statements compiled so far
	read     map[textPlace]bool // texts that statements looked at
}

// Compile compiles an effective policy. The Pipeline is nil when a message is
// an error.
func Compile(p *Effective, env *Environment) (*Pipeline, Messages) {
	k := &Compiler{env: env, parent: -1, messages: slices.Clone(p.Messages), own: map[*Element]bool{}}
	out := &Pipeline{}
	for _, s := range []struct {
		section  Section
		elements []*Element
		block    *Block
	}{
		{Inbound, p.Inbound, &out.Inbound}, {Backend, p.Backend, &out.Backend},
		{Outbound, p.Outbound, &out.Outbound}, {OnError, p.OnError, &out.OnError},
	} {
		k.section = s.section
		*s.block = k.Block(s.elements)
	}
	out.resolvers = k.resolvers(p.Resolvers)
	if k.messages.Failed() {
		return nil, k.messages
	}
	out.elements, out.resume = k.elements, k.afterStore(out.Outbound)
	out.Info = &telemetry.Pipeline{Steps: k.steps, Descriptor: describe(k.steps)}
	return out, k.messages
}

func describe(steps []telemetry.StepInfo) string {
	if len(steps) == 0 {
		return ""
	}
	b, err := json.Marshal(steps)
	if err != nil {
		return ""
	}
	return string(b)
}

// Block compiles statements that run one after the other.
func (k *Compiler) Block(elements []*Element) Block {
	var block Block
	for _, e := range elements {
		if s, ok := k.statement(e); ok {
			block = append(block, s)
		}
	}
	return block
}

func (k *Compiler) statement(e *Element) (step, bool) {
	defer func(outer *apim.Position) { k.included = outer }(k.included)
	k.included = e.Included
	d := k.env.Definitions[e.Name]
	if d == nil {
		k.Errorf(e.Pos, "unknown policy <%s>%s", e.Name, k.suggest(e.Name))
		return step{}, false
	}
	if d.Sections&k.section == 0 {
		k.Errorf(e.Pos, "<%s> is not allowed in section %s%s", e.Name, k.section, onlyInResolvers(d))
		return step{}, false
	}
	// What may stand in a data source, the data source itself decides.
	inside := e.Scope == Resolver && k.parent >= 0
	if e.Scope != 0 && d.Scopes&e.Scope == 0 && !inside {
		k.Errorf(e.Pos, "<%s> is not allowed at %s scope%s", e.Name, e.Scope, onlyInResolvers(d))
		return step{}, false
	}
	k.checkAttributes(e, d)
	index := len(k.steps)
	info := telemetry.StepInfo{Name: e.Name, Section: k.section.String(), Scope: e.Scope.String(),
		File: e.Pos.File, Line: e.Pos.Line, Fragment: e.Fragment, Parent: k.parent}
	if a := e.Attr("id"); a != nil {
		info.ID = a.Value.Text
	}
	k.steps = append(k.steps, info)
	k.elements = append(k.elements, e)
	k.own[e] = true
	outer := k.parent
	k.parent = index
	before := len(k.messages)
	s := d.Compile(k, e)
	k.parent = outer
	k.excuse(e, k.messages[before:])
	if !k.messages[before:].Failed() {
		k.ignoredText(e, d)
	}
	return step{statement: s, index: uint16(index)}, s != nil
}

// onlyInResolvers explains why a statement of resolvers stands wrong.
func onlyInResolvers(d *Definition) string {
	if d.Scopes != Resolver {
		return ""
	}
	return ": it stands only in the document of a GraphQL resolver, and never with policies of other scopes"
}

func (k *Compiler) checkAttributes(e *Element, d *Definition) {
	for i := range e.Attrs {
		a := &e.Attrs[i]
		if a.Name != "id" && !slices.Contains(d.Attributes, a.Name) {
			k.Errorf(a.Pos, "<%s> has no attribute %q; it takes %s", e.Name, a.Name, strings.Join(append([]string{"id"}, d.Attributes...), ", "))
		}
	}
}

func (k *Compiler) suggest(name string) string {
	for known := range k.env.Definitions {
		if strings.EqualFold(known, name) || strings.ReplaceAll(known, "-", "") == strings.ReplaceAll(strings.ToLower(name), "-", "") {
			return "; did you mean <" + known + ">?"
		}
	}
	return ""
}

// Environment gives what the gateway told compilation.
func (k *Compiler) Environment() *Environment { return k.env }

// Section is the section being compiled.
func (k *Compiler) Section() Section { return k.section }

// Has tells whether an element of that name was compiled so far.
func (k *Compiler) Has(name string) bool {
	return slices.ContainsFunc(k.elements, func(e *Element) bool { return e.Name == name })
}

// Errorf reports an error; compilation goes on to find more.
func (k *Compiler) Errorf(pos apim.Position, format string, args ...any) {
	k.messages = append(k.messages, Message{Pos: pos, Text: fmt.Sprintf(format, args...) + k.inclusion()})
}

// Warnf reports something that stops nothing.
func (k *Compiler) Warnf(pos apim.Position, format string, args ...any) {
	k.messages = append(k.messages, Message{Pos: pos, Text: fmt.Sprintf(format, args...) + k.inclusion(), Warning: true})
}

// inclusion names the second place of a message about a fragment.
func (k *Compiler) inclusion() string {
	if k.included == nil {
		return ""
	}
	return fmt.Sprintf(" (included at %s:%d:%d)", k.included.File, k.included.Line, k.included.Column)
}

// Required returns an attribute, or reports that it is missing.
func (k *Compiler) Required(e *Element, name string) *Attr {
	a := e.Attr(name)
	if a == nil {
		k.Errorf(e.Pos, "<%s> needs the attribute %q", e.Name, name)
	}
	return a
}

// Once reports an element that stands a second time in the same section of the
// same document.
func (k *Compiler) Once(e *Element) {
	for _, other := range k.elements {
		if other != e && other.Name == e.Name && other.Section == e.Section && other.Scope == e.Scope && other.Pos.File == e.Pos.File {
			k.Errorf(e.Pos, "<%s> may stand only once in a section; the first is in line %d", e.Name, other.Pos.Line)
			return
		}
	}
}

// String compiles an attribute; fallback is used when it is absent.
func (k *Compiler) String(e *Element, name, fallback string) String {
	a := e.Attr(name)
	if a == nil {
		return String{Literal: fallback}
	}
	return k.StringValue(a.Value)
}

// StringValue compiles a text.
func (k *Compiler) StringValue(v Value) String {
	k.Reads(v)
	if !v.Expression {
		return String{Literal: v.Text}
	}
	return String{program: k.program(v, expr.String)}
}

// BytesValue compiles the content of a body.
func (k *Compiler) BytesValue(v Value) Bytes {
	k.Reads(v)
	if !v.Expression {
		return Bytes{Literal: []byte(v.Text)}
	}
	return Bytes{program: k.program(v, expr.Bytes)}
}

// AnyValue compiles a text and keeps the type of an expression.
func (k *Compiler) AnyValue(v Value) Any {
	k.Reads(v)
	if !v.Expression {
		return Any{Literal: v.Text}
	}
	return Any{program: k.program(v, expr.Any)}
}

// Literal gives an attribute that must not be an expression.
func (k *Compiler) Literal(e *Element, name, fallback string) string {
	a := e.Attr(name)
	if a == nil {
		return fallback
	}
	if a.Value.Expression {
		k.Errorf(a.Value.Pos, "the attribute %q of <%s> takes no expression", name, e.Name)
		return fallback
	}
	return a.Value.Text
}

// OneOf gives a literal attribute that is one of the choices.
func (k *Compiler) OneOf(e *Element, name, fallback string, choices ...string) string {
	v := k.Literal(e, name, fallback)
	if v != fallback && !slices.Contains(choices, v) {
		k.Errorf(e.Attr(name).Value.Pos, "%s=%q: expected one of %s", name, k.quote(e.Attr(name).Value), strings.Join(choices, ", "))
		return fallback
	}
	return v
}

// Bool compiles an attribute that is true, false or an expression.
func (k *Compiler) Bool(e *Element, name string, fallback bool) Bool {
	a := e.Attr(name)
	if a == nil {
		return Bool{Literal: fallback}
	}
	if a.Value.Expression {
		return Bool{Literal: fallback, program: k.program(a.Value, expr.Bool)}
	}
	b, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(a.Value.Text)))
	if err != nil {
		k.Errorf(a.Value.Pos, "%s=%q: expected true or false", name, k.quote(a.Value))
	}
	return Bool{Literal: b}
}

// Int compiles an attribute that is a whole number or an expression.
func (k *Compiler) Int(e *Element, name string, fallback int64) Int {
	a := e.Attr(name)
	if a == nil {
		return Int{Literal: fallback}
	}
	if a.Value.Expression {
		return Int{Literal: fallback, program: k.program(a.Value, expr.Int)}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(a.Value.Text), 10, 64)
	if err != nil && !a.Value.Secret && isPlaceholder(a.Value.Text) {
		k.Warnf(a.Value.Pos, "%s=%q is a placeholder: <%s> fails when it runs; put a number in its place", name, a.Value.Text, e.Name)
		return Int{Literal: fallback, placeholder: a.Value.Text}
	}
	if err != nil {
		k.Errorf(a.Value.Pos, "%s=%q: expected a whole number", name, k.quote(a.Value))
		return Int{Literal: fallback}
	}
	return Int{Literal: n}
}

// Double compiles an attribute that is a number or an expression.
func (k *Compiler) Double(e *Element, name string, fallback float64) Double {
	a := e.Attr(name)
	if a == nil {
		return Double{Literal: fallback}
	}
	if a.Value.Expression {
		return Double{Literal: fallback, program: k.program(a.Value, expr.Double)}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(a.Value.Text), 64)
	if err != nil && !a.Value.Secret && isPlaceholder(a.Value.Text) {
		k.Warnf(a.Value.Pos, "%s=%q is a placeholder: <%s> fails when it runs; put a number in its place", name, a.Value.Text, e.Name)
		return Double{Literal: fallback, placeholder: a.Value.Text}
	}
	if err != nil {
		k.Errorf(a.Value.Pos, "%s=%q: expected a number", name, k.quote(a.Value))
		return Double{Literal: fallback}
	}
	return Double{Literal: n}
}

func (k *Compiler) quote(v Value) string {
	if v.Secret {
		return "(secret)"
	}
	return v.Text
}

func (k *Compiler) program(v Value, want expr.Type) *expr.Program {
	if k.env.Branches != nil {
		return k.counted(v, want)
	}
	p, err := expr.Compile(v.Text, v.Block, want, k.env.Profile)
	if err != nil && len(v.unknown) > 0 {
		p, err = k.supposed(v, want, err)
	}
	if err != nil {
		k.Errorf(v.Position(err.Offset), "%s", explain(v, err))
		return nil
	}
	return p
}

func (k *Compiler) counted(v Value, want expr.Type) *expr.Program {
	p, branches, err := expr.CompileCounted(v.Text, v.Block, want, k.env.Profile)
	if err != nil {
		k.Errorf(v.Position(err.Offset), "%s", explain(v, err))
		return nil
	}
	for _, b := range branches {
		k.env.Branches(v.Position(b.Offset), b)
	}
	return p
}

// Position of a byte offset of the value's text.
func (v *Value) Position(offset int) apim.Position {
	if v.Place != nil {
		return v.Place(offset)
	}
	pos := v.Pos
	for _, r := range v.Text[:min(offset, len(v.Text))] {
		if r == '\n' {
			pos.Line, pos.Column = pos.Line+1, 1
		} else {
			pos.Column++
		}
	}
	return pos
}

// explain adds the line of the expression and a caret, unless it holds a secret.
func explain(v Value, err *expr.Error) string {
	if v.Secret && v.tells(err.Error()) {
		return "expression: there is an error in a secret named value; it is not shown because it quotes the value"
	}
	if v.Secret {
		return "expression: " + err.Error()
	}
	offset := min(err.Offset, len(v.Text))
	start := strings.LastIndexByte(v.Text[:offset], '\n') + 1
	end := len(v.Text)
	if i := strings.IndexByte(v.Text[offset:], '\n'); i >= 0 {
		end = offset + i
	}
	line := v.Text[start:end]
	from := max(0, offset-start-60)
	to := min(len(line), from+120)
	return fmt.Sprintf("expression: %s\n    %s\n    %s^", err.Error(), strings.ReplaceAll(line[from:to], "\t", " "), strings.Repeat(" ", offset-start-from))
}
