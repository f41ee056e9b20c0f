// Package apim holds the words of Azure API Management: the resources that make
// up a service. Names and meanings follow the ARM resource types of
// Microsoft.ApiManagement.
//
// What comes in: nothing. What goes out: plain values. It must never import
// another package of this module, read files, or decide anything.
package apim

import (
	"encoding/json"
	"time"
)

// Service is everything one gateway serves: a consistent view of all
// resources at one moment. It is not changed after it was built.
type Service struct {
	Name          string // service name, e.g. "contoso"
	Region        string // location shown by context.Deployment.Region
	Policy        *Document
	APIs          []*API
	VersionSets   []*VersionSet
	Products      []*Product
	Subscriptions []*Subscription
	Users         []*User
	NamedValues   []*NamedValue
	Fragments     []*PolicyFragment
	Backends      []*Backend
	Certificates  []*Certificate
	Schemas       []*Schema // of the service: what schema-id of a policy may name
	Loggers       []*Logger
	Diagnostics   []*Diagnostic // of the service: all APIs
	Warnings      []Warning     // what was found but is not served, or looks wrong
}

// Document is the source text of a policy or fragment with the name to show
// in messages (a path relative to the service folder, or a resource id).
type Document struct {
	File string
	Text string
}

// Position is a place in a source text; Line and Column count from 1.
type Position struct {
	File         string
	Line, Column int
}

// Warning is something that a user should know and that stops nothing.
type Warning struct {
	Resource string // e.g. "apis/soap-api"
	Message  string
}

// API types.
const (
	TypeHTTP      = "http"
	TypeSOAP      = "soap"
	TypeGraphQL   = "graphql"
	TypeWebSocket = "websocket"
	TypeGRPC      = "grpc"
	TypeMCP       = "mcp"
)

// API is one revision of one API.
type API struct {
	ID                    string // resource name without ";rev=N"
	Name                  string // displayName
	Path                  string // without slashes at both ends; "" is the root
	Revision              string // "1" when unset
	IsCurrent             bool
	Version               string // "" when unversioned
	VersionSet            string // id of the version set, "" when unversioned
	Type                  string // TypeHTTP when unset
	Protocols             []string
	ServiceURL            string
	SubscriptionRequired  bool
	SubscriptionKeyHeader string // "" is Ocp-Apim-Subscription-Key
	SubscriptionKeyQuery  string // "" is subscription-key
	Operations            []*Operation
	Policy                *Document
	Diagnostics           []*Diagnostic
	Tags                  []string
	Schemas               []*Schema   // of an API: components of its description, GraphQL SDL, XSD
	Resolvers             []*Resolver // of a synthetic GraphQL API
	MCP                   *MCPServer  `json:",omitempty"` // of an MCP server
}

// Operation is one verb and URL template of an API.
type Operation struct {
	ID          string
	Name        string // displayName
	Method      string // upper case; "*" is any
	URLTemplate string // e.g. /sessions/{id}?limit={limit}; "/*" is a wildcard
	Policy      *Document
	Parameters  []Parameter      // declared of path, query and header
	Requests    []Representation // declared request bodies, by content type
	NeedsBody   bool             `json:",omitempty"` // the request body is declared as required
	Responses   []Response       // declared; their examples feed mock-response
	Tags        []string
	Description string `json:",omitempty"`
	SOAPElement string `json:",omitempty"` // of a SOAP API: the first element of the body, "{namespace}name"
}

// MCPServer is what an API of the type MCP serves: tools made of operations, or
// without any a remote server.
type MCPServer struct {
	Tools    []*MCPTool
	Backend  string // backend resource of the remote server, "" is the API's serviceUrl
	Endpoint string // its path below the backend's URL, "" is that URL itself
	SSE      bool   // it speaks the older transport with two addresses
}

// MCPTool is an operation that callers of an MCP server may call.
type MCPTool struct {
	Name, Title, Description string
	API, Operation           string // ids; API may end with ";rev=N"
}

// Places of a Parameter.
const (
	InPath   = "path"
	InQuery  = "query"
	InHeader = "header"
)

// Parameter is a declared path, query or header parameter, or a declared
// response header.
type Parameter struct {
	Name, In string
	Required bool
	Schema   json.RawMessage // JSON Schema 2020-12, self-contained; nil: any
	Explode  bool            // a list stands in repeated parameters, not in one with separators
	Style    string          // how lists and objects are written; "" is with commas
}

// Styles of a Parameter, beside commas.
const (
	StyleSpace  = "spaceDelimited"
	StylePipe   = "pipeDelimited"
	StyleTab    = "tabDelimited"
	StyleObject = "deepObject" // name[property]=value
	StyleJSON   = "json"       // the value is a JSON text
)

// UnusableSchema stands where a schema is declared that cannot be used, so that
// nothing passes as checked against it.
const UnusableSchema = `"unusable"`

// Content types of schemas of an API that hold many. SchemaWSDL is the
// description of a SOAP API, with the schemas of its messages in it.
const (
	SchemaComponents  = "application/vnd.oai.openapi.components+json"
	SchemaDefinitions = "application/vnd.ms-azure-apim.swagger.definitions+json"
	SchemaWSDL        = "application/wsdl+xml"
)

// Schema is a named schema of a service or an API.
type Schema struct {
	ID, ContentType string // e.g. application/json, application/vnd.ms-azure-apim.graphql.schema
	Document        []byte
	File            string // where it was read, for messages; "" when not from a file
}

// Resolver answers one field of a synthetic GraphQL API.
type Resolver struct {
	ID, Type, Field string // e.g. Query, users
	Policy          *Document
}

// Response is a declared response of an operation.
type Response struct {
	StatusCode      int
	Representations []Representation
	Headers         []Parameter
}

// Representation is one content type of a declared response.
type Representation struct {
	ContentType string
	Example     string          // "" when none is given
	Sample      string          // made from the schema, "" when there is none
	Schema      json.RawMessage // JSON Schema 2020-12, self-contained; nil when none is declared
}

// VersionSet groups the versions of an API.
type VersionSet struct {
	ID, Name string
	Scheme   string // Segment, Header, Query
	Header   string // versionHeaderName
	Query    string // versionQueryName
}

// Product bundles APIs for subscribers.
type Product struct {
	ID, Name             string
	Published            bool
	SubscriptionRequired bool
	ApprovalRequired     bool
	SubscriptionLimit    int      // 0: none
	APIs                 []string // API ids, all revisions
	Groups               []string
	Policy               *Document
	Tags                 []string
}

// Subscription states.
const SubscriptionActive = "active"

// Subscription lets a caller in with one of two keys.
type Subscription struct {
	ID, Name     string
	Scope        string // "/products/ID", "/apis/ID", "/apis" (all APIs)
	State        string // active, suspended, submitted, rejected, cancelled, expired
	Owner        string // user id, may be empty
	PrimaryKey   string
	SecondaryKey string
	AllowTracing bool
	CreatedDate  time.Time `json:",omitzero"` // of the three times a zero one is unknown
	StartDate    time.Time `json:",omitzero"` // the periods of quotas are counted from here, else from CreatedDate
	EndDate      time.Time `json:",omitzero"`
}

// User is a developer account.
type User struct {
	ID, FirstName, LastName, Email, Note string
	Groups                               []string
}

// NamedValue is a {{name}} of policies.
type NamedValue struct {
	ID, Name, Value string // Name is what {{ }} refers to (displayName)
	Secret          bool
	Tags            []string
}

// PolicyFragment is a reusable piece of policy.
type PolicyFragment struct {
	ID, Description string
	Document        Document
}

// Backend is a named target, or a pool of them.
type Backend struct {
	ID, URL, Protocol string
	Pool              []PoolMember // not empty: this is a pool and URL is empty
	CircuitBreaker    *CircuitBreaker
	TLS               BackendTLS
	Credentials       BackendCredentials
	Proxy             string // URL of an HTTP proxy, "" is none
}

// PoolMember is a backend of a pool. Lower priority numbers are tried first.
type PoolMember struct {
	ID               string
	Weight, Priority int
}

// CircuitBreaker opens after Count failures within Interval and stays open for TripDuration.
type CircuitBreaker struct {
	Name             string
	Count            int
	Percentage       int // 0: Count decides
	IntervalSeconds  int
	TripSeconds      int
	StatusRanges     [][2]int // inclusive; empty: 500-599
	ErrorReasons     []string // connection failures and timeouts always count
	AcceptRetryAfter bool
}

// BackendTLS says what is checked of a backend's certificate.
type BackendTLS struct {
	ValidateChain, ValidateName bool
	ServerName                  string
}

// BackendCredentials are sent with every request to a backend.
type BackendCredentials struct {
	Header                 map[string][]string
	Query                  map[string][]string
	Authorization          string // whole header value, "" is none
	CertificatePEM, KeyPEM string // client certificate, "" is none
	Certificate            string // instead: id or thumbprint of a certificate of the service
}

// Logger is a destination of diagnostics.
type Logger struct {
	ID, Type, Description, ResourceID string
	IsBuffered                        bool
	Credentials                       map[string]string // secret; see LoggerKey, ...
	References                        map[string]string `json:",omitempty"` // as written, of credentials that refer to named values
}

// Credentials of a logger of the type applicationInsights.
const (
	LoggerKey              = "instrumentationKey"
	LoggerConnectionString = "connectionString"
	LoggerIdentity         = "identityClientId" // SystemAssigned, or the client id of a user-assigned identity
)

// Types of loggers.
const (
	LoggerApplicationInsights = "applicationInsights"
	LoggerEventHub            = "azureEventHub"
	LoggerMonitor             = "azureMonitor"
)

// Diagnostic says what a logger receives of the exchanges of a service or an API.
type Diagnostic struct {
	ID, Logger       string
	Sampling         float64 // percent; 100 when unset
	AlwaysLogErrors  bool    // alwaysLog: allErrors
	Verbosity        string  // verbose, information, error; "" is information
	LogClientIP      bool
	Correlation      string // Legacy, None, W3C; "" is Legacy in Azure's API, W3C here
	Metrics          bool
	OperationName    string // Name or Url
	FrontendRequest  Capture
	FrontendResponse Capture
	BackendRequest   Capture
	BackendResponse  Capture
}

// Capture names what a diagnostic keeps of one message.
type Capture struct {
	Headers     []string
	BodyBytes   int
	MaskHeaders []Mask
	MaskQuery   []Mask
}

// Mask hides or masks one header or query parameter ("*" is all).
type Mask struct{ Name, Mode string }
