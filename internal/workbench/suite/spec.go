package suite

import (
	"time"

	"go.yaml.in/yaml/v3"
)

// spec is a test file.
type spec struct {
	Service       string                `yaml:"service"`
	Overrides     string                `yaml:"overrides"`
	Policy        string                `yaml:"policy"`
	Scope         string                `yaml:"scope"`
	Fragments     []string              `yaml:"fragments"`
	NamedValues   map[string]namedValue `yaml:"named-values"`
	Backends      map[string]string     `yaml:"backends"`
	ServiceURL    string                `yaml:"service-url"`
	Operation     operation             `yaml:"operation"`
	ExtendedTypes bool                  `yaml:"extended-types"`
	Base          yaml.Node             `yaml:"base"`
	Cases         []yaml.Node           `yaml:"cases"`
}

type namedValue struct {
	Value  string `yaml:"value"`
	Secret bool   `yaml:"secret"`
}

type operation struct {
	ID       string `yaml:"id"`
	Method   string `yaml:"method"`
	Template string `yaml:"template"`
}

// caseSpec is one case after base was merged into it.
type caseSpec struct {
	Name         string       `yaml:"name"`
	Skip         string       `yaml:"skip"`
	Request      message      `yaml:"request"`
	Subscription subscription `yaml:"subscription"`
	Product      product      `yaml:"product"`
	User         *user        `yaml:"user"`
	Clock        time.Time    `yaml:"clock"`
	Advance      duration     `yaml:"advance"` // of a step: what the clock moves before it
	RequestID    string       `yaml:"request-id"`
	Random       floats       `yaml:"random"`
	Variables    plainValues  `yaml:"variables"`
	Cache        plainValues  `yaml:"cache"`
	Tokens       tokens       `yaml:"tokens"` // of managed identities, by resource
	Grants       grants       `yaml:"grants"` // access tokens of the credential manager, by provider/authorization
	Backend      messages     `yaml:"backend"`
	Requests     []stub       `yaml:"requests"`
	Steps        []yaml.Node  `yaml:"steps"`
	Expect       expect       `yaml:"expect"`
}

// message is a request, an answer, or what is expected of one.
type message struct {
	Method   string             `yaml:"method"`
	URL      string             `yaml:"url"`
	IP       string             `yaml:"ip"`
	Status   int                `yaml:"status"`
	Reason   string             `yaml:"reason"`
	Headers  map[string]*values `yaml:"headers"` // null: the header is absent
	Body     *string            `yaml:"body"`
	JSON     yaml.Node          `yaml:"json"`
	BodyFile string             `yaml:"body-file"`
	Fail     string             `yaml:"fail"`  // of an answer: timeout, connect, close
	Delay    duration           `yaml:"delay"` // of an answer: what the clock moves
}

// stub answers requests that policies make.
type stub struct {
	Method string   `yaml:"method"`
	URL    string   `yaml:"url"` // * stands for anything
	Answer messages `yaml:"answer"`
}

type subscription struct {
	ID   string `yaml:"id"`
	Name string `yaml:"name"`
	Key  string `yaml:"key"`
}

type product struct {
	ID   string `yaml:"id"`
	Name string `yaml:"name"`
}

type user struct {
	ID        string   `yaml:"id"`
	Email     string   `yaml:"email"`
	FirstName string   `yaml:"first-name"`
	LastName  string   `yaml:"last-name"`
	Groups    []string `yaml:"groups"`
}

// expect is what a case expects. What is not mentioned is not compared.
type expect struct {
	Response  *message    `yaml:"response"`
	Backend   *messages   `yaml:"backend"`
	Requests  *messages   `yaml:"requests"`
	Variables plainValues `yaml:"variables"`
	Traces    *[]trace    `yaml:"traces"`
	Metrics   *[]metric   `yaml:"metrics"`
	Error     *failure    `yaml:"error"`
	Route     *route      `yaml:"route"`
}

type trace struct {
	Source   string            `yaml:"source,omitempty"`
	Severity string            `yaml:"severity,omitempty"`
	Message  string            `yaml:"message"`
	Metadata map[string]string `yaml:"metadata,omitempty"`
}

type metric struct {
	Name       string            `yaml:"name"`
	Namespace  string            `yaml:"namespace,omitempty"`
	Value      *float64          `yaml:"value,omitempty"`
	Dimensions map[string]string `yaml:"dimensions,omitempty"`
}

// failure is context.LastError; "none" expects that there is none.
type failure struct {
	none    bool
	Source  string `yaml:"source,omitempty"`
	Reason  string `yaml:"reason,omitempty"`
	Message string `yaml:"message,omitempty"`
	Scope   string `yaml:"scope,omitempty"`
	Section string `yaml:"section,omitempty"`
	Path    string `yaml:"path,omitempty"`
	ID      string `yaml:"policy-id,omitempty"`
}

// route is what the request was matched to.
type route struct {
	API       string `yaml:"api,omitempty"`
	Operation string `yaml:"operation,omitempty"`
	Product   string `yaml:"product,omitempty"`
}

// messages are one message, a list of them, or "none".
type messages []message

// values of one header field: one text or a list.
type values []string

// floats are one number or a list.
type floats []float64

type duration time.Duration

// plainValues are named values of any kind.
type plainValues map[string]any
