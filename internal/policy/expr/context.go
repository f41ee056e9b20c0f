package expr

import (
	"time"
)

// Context is what `context` means in an expression: the request in flight.
// The gateway fills it, statements change it, expressions read it. One
// goroutine uses it at a time.
type Context struct {
	API          *API          // nil when no API matched
	Operation    *Operation    // nil when no operation matched
	Product      *Product      // nil without product context
	Subscription *Subscription // nil without a key
	User         *User         // nil without an owner
	Deployment   *Deployment
	Backend      Backend // without ID until a backend resource was called
	Request      Request
	Response     *Response // nil until there is one
	LastError    *LastError
	GraphQL      *GraphQL // nil but in a resolver
	Variables    Variables
	RequestID    Guid
	Timestamp    time.Time // UTC, when the request came in
	Tracing      bool

	Now    func() time.Time // the clock; never nil
	Random func() uint64    // source of Random and Guid.NewGuid; never nil
	Tracer Tracer           // hears context.Trace; nil drops the message

	Budget Budget
}

// Tracer hears what expressions tell with context.Trace.
type Tracer interface{ TraceMessage(message string) }

// Budget bounds what the expressions of one request may use. Exceeding it is
// an error that no catch block of an expression can swallow.
type Budget struct {
	Deadline time.Time // zero: none; checked every 1024 steps
	Bytes    int64     // that strings, arrays and trees may take at a time, beside what bodies grant

	held    int64 // estimate of what is made and not given back
	granted int64 // for bodies that were read
	again   int64 // how much is held when it is worth to look what is in use
	failing bool  // on-error runs
}

// Guid is a .NET Guid in its text order (RFC 4122 byte order).
type Guid [16]byte

// API is context.Api.
type API struct {
	ID, Name, Path, Revision, Version string
	IsCurrentRevision                 bool
	Protocols                         []string
	ServiceURL                        URL
	SubscriptionKeyHeader             string
	SubscriptionKeyQuery              string
}

// Operation is context.Operation.
type Operation struct{ ID, Name, Method, URLTemplate string }

// Product is context.Product.
type Product struct {
	ID, Name             string
	APIs                 []*API
	Groups               []Group
	ApprovalRequired     bool
	SubscriptionRequired bool
	SubscriptionLimit    int // 0: null
	Published            bool
}

// Group is a group of developers.
type Group struct{ ID, Name string }

// Subscription is context.Subscription.
type Subscription struct {
	ID, Name, Key, PrimaryKey, SecondaryKey string
	CreatedDate                             time.Time
	StartDate, EndDate                      time.Time // zero: null
}

// User is context.User.
type User struct {
	ID, Email, FirstName, LastName, Note string
	Groups                               []Group
	Identities                           []Identity
	RegistrationDate                     time.Time
}

// Identity is a sign-in of a user.
type Identity struct{ ID, Provider string }

// Deployment is context.Deployment.
type Deployment struct {
	GatewayID, Region, ServiceName, ServiceID string
	Certificates                              []NamedCertificate
	Trust                                     Trust // nil: what the system trusts
}

// Backend is context.Backend: the backend resource that was called last. Of a
// pool it is the member.
type Backend struct{ ID string }

// NamedCertificate is a certificate of the service.
type NamedCertificate struct {
	ID          string
	Certificate *Certificate
}

// GraphQL is context.GraphQL: what the resolver of a field is asked. Both are
// objects; Parent is nil for fields of a root type.
type GraphQL struct{ Arguments, Parent *JToken }

// LastError is context.LastError.
type LastError struct {
	Source, Reason, Message, Scope, Section, Path, PolicyID string
	HTTPErrorCode                                           int
}

// Request is context.Request.
type Request struct {
	Method            string
	URL               URL // as policies see and change it
	OriginalURL       URL // as the client sent it
	Header            Header
	Body              Body
	IPAddress         string
	MatchedParameters []Parameter // of the URL template
	// Certificate is the one that the client showed, nil without.
	Certificate *Certificate
}

// Parameter is a matched template parameter.
type Parameter struct{ Name, Value string }

// Response is context.Response and every IResponse, such as a send-request variable.
type Response struct {
	StatusCode   int
	StatusReason string
	Header       Header
	Body         Body
}

// Variables is context.Variables: few entries, so a list is the fastest map.
// Values are only what expressions can make: string, bool, int32, int64,
// float64, Guid, time values, JSON and XML nodes, *Response and so on.
type Variables struct{ list []variable }

type variable struct {
	name  string
	value any
}

// Get returns the value of a variable, and whether it is set. Names are case-sensitive.
func (v *Variables) Get(name string) (any, bool) {
	for i := range v.list {
		if v.list[i].name == name {
			return v.list[i].value, true
		}
	}
	return nil, false
}

// Set sets a variable.
func (v *Variables) Set(name string, value any) {
	for i := range v.list {
		if v.list[i].name == name {
			v.list[i].value = value
			return
		}
	}
	v.list = append(v.list, variable{name, value})
}

// Remove deletes a variable.
func (v *Variables) Remove(name string) {
	for i := range v.list {
		if v.list[i].name == name {
			v.list = append(v.list[:i], v.list[i+1:]...)
			return
		}
	}
}

// Len tells how many variables are set.
func (v *Variables) Len() int { return len(v.list) }

// Each calls f for each variable in the order in which they were first set.
func (v *Variables) Each(f func(name string, value any)) {
	for i := range v.list {
		f(v.list[i].name, v.list[i].value)
	}
}

// Reset forgets all variables and keeps the memory.
func (v *Variables) Reset() {
	clear(v.list)
	v.list = v.list[:0]
}
