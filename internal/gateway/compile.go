package gateway

import (
	"fmt"
	"net/textproto"
	"slices"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/gateway/backend"
	"gatehouse/internal/gateway/route"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// Snapshot is a compiled service: immutable but for the state of its circuit
// breakers.
type Snapshot struct {
	Service  *apim.Service
	Warnings []apim.Warning // of loading and compiling

	table         *route.Table
	apis          []*compiledAPI // by the API index of the table
	backends      *backend.Set
	subscriptions map[string]*subscription // by key
	notFound      *variant                 // global policy, for requests that match no API
	deployment    *expr.Deployment
	secrets       *secretIndex
	disguised     *secretIndex // the same without subscription keys, for traces
}

// compiledAPI is what a request to an API needs to know.
type compiledAPI struct {
	api        *apim.API
	context    *expr.API
	keyHeader  string // canonical
	keyQuery   string
	target     policy.Target
	direct     *backend.Target // target compiled; nil without a serviceUrl
	soap       *soapTable      // of a SOAP API
	grpc       bool
	mcp        *mcpAPI // of an MCP server
	endless    bool    // calls may be silent for as long as they like
	operations []compiledOperation
	admit      func(*exchange) *policy.Error // refuses what is no request of the API's type; nil for HTTP
	fallback   *variant                      // API without operation, for requests that match none
	open       int                           // variant of the open product, 0 when there is none
	variantOf  map[string]int
	graph      *graphQL // of a GraphQL API
}

type compiledOperation struct {
	operation *expr.Operation
	variants  []*variant // 0: no product; then one for each product of the API
}

// variant is one (API, operation, product).
type variant struct {
	product  *expr.Product
	pipeline *policy.Pipeline
	endpoint *telemetry.Endpoint
	capture  *capturePlan
}

type subscription struct {
	subscription *expr.Subscription
	user         *expr.User
	active       bool
	allAPIs      bool
	api, product string
	allowTracing bool
}

// compilation carries what the steps of Compile share.
type compilation struct {
	service  *apim.Service
	options  *Options
	set      *policy.Set
	messages policy.Messages
	global   *policy.Document
	products map[string]*compiledProduct
	backends map[string]bool
	visit    func(Effective) // told of every effective policy; nil but for tools
	shared   map[any]any     // of all pipelines
	graphs   map[*apim.API]*graphQL
	compiled map[*apim.Diagnostic]*telemetry.Diagnostic
	silent   []apim.Warning // custom metrics that no logger gets
}

type compiledProduct struct {
	product  *apim.Product
	context  *expr.Product
	document *policy.Document
}

// Compile builds the snapshot of a service. All problems are returned at once
// as policy.Messages (or joined to one error) with file:line:column; the
// snapshot is nil when one of them is an error.
func (g *Gateway) Compile(s *apim.Service) (*Snapshot, error) {
	k := g.compilation(s)
	var previous *backend.Set
	if now := g.current.Load(); now != nil {
		previous = now.backends
	}
	set, err := backend.NewSet(k.withCertificates(s.Backends), previous, g.options.Backend)
	if err != nil {
		return nil, fmt.Errorf("compile backends: %w", err)
	}
	k.documents()
	served := k.servedAPIs()
	routed := *s
	routed.APIs = served
	table, err := route.Compile(&routed)
	if err != nil {
		return nil, fmt.Errorf("compile routes: %w", err)
	}
	secrets, keys := serviceSecrets(s)
	out := &Snapshot{
		Service: s, table: table, backends: set, subscriptions: k.subscriptions(),
		deployment: &expr.Deployment{GatewayID: "managed", Region: s.Region, ServiceName: s.Name, ServiceID: s.Name,
			Certificates: k.certificates(), Trust: g.trust},
		secrets: newSecretIndex(slices.Concat(secrets, keys)), disguised: newDisguiseIndex(secrets),
	}
	for _, a := range served {
		compiled := k.api(a)
		if compiled.target.URL.Host != "" {
			compiled.direct = direct(&compiled.target.URL, set.Direct())
		}
		out.apis = append(out.apis, compiled)
	}
	for _, a := range out.apis {
		if a.mcp != nil {
			k.mcpTools(a, out.apis)
		}
	}
	k.fillProducts(out.apis)
	out.notFound = k.variant(nil, nil, nil, nil)
	if k.messages.Failed() {
		return nil, k.messages
	}
	out.Warnings = append(slices.Clone(s.Warnings), k.warnings()...)
	return out, nil
}

func (g *Gateway) compilation(s *apim.Service) *compilation {
	k := &compilation{service: s, options: &g.options, products: map[string]*compiledProduct{}, backends: map[string]bool{}, shared: map[any]any{}, graphs: map[*apim.API]*graphQL{},
		compiled: map[*apim.Diagnostic]*telemetry.Diagnostic{}}
	for _, b := range s.Backends {
		k.backends[b.ID] = true
	}
	return k
}

func (k *compilation) warnings() []apim.Warning {
	out := k.silent
	for _, m := range k.messages {
		out = append(out, apim.Warning{Resource: fmt.Sprintf("%s:%d:%d", m.Pos.File, m.Pos.Line, m.Pos.Column), Message: m.Text})
	}
	slices.SortFunc(out, func(a, b apim.Warning) int { return strings.Compare(a.Resource+a.Message, b.Resource+b.Message) })
	return slices.Compact(out)
}

func (k *compilation) report(m policy.Messages) { k.messages = append(k.messages, m...) }

func (k *compilation) parse(doc *apim.Document, scope policy.Scope) *policy.Document {
	if doc == nil {
		return nil
	}
	d, messages := k.set.Parse(*doc, scope)
	k.report(messages)
	return d
}

func (k *compilation) documents() {
	set, messages := policy.NewSet(k.service.NamedValues, k.service.Fragments)
	set.Lenient = k.options.LenientNames
	k.set = set
	k.report(messages)
	k.global = k.parse(k.globalDocument(), policy.Global)
	for _, p := range k.service.Products {
		k.products[p.ID] = &compiledProduct{product: p, document: k.parse(p.Policy, policy.Product),
			context: &expr.Product{ID: p.ID, Name: p.Name, ApprovalRequired: p.ApprovalRequired, SubscriptionRequired: p.SubscriptionRequired,
				SubscriptionLimit: p.SubscriptionLimit, Published: p.Published, Groups: groups(p.Groups)}}
	}
}

// fillProducts gives each product its APIs, as expressions see them: of an API
// the current revision.
func (k *compilation) fillProducts(apis []*compiledAPI) {
	for _, p := range k.products {
		for _, id := range p.product.APIs {
			for _, a := range apis {
				if a.api.ID == id && a.api.IsCurrent {
					p.context.APIs = append(p.context.APIs, a.context)
				}
			}
		}
	}
}

// globalDocument is the service's policy, or the one that Azure creates: without
// forward-request at the broadest scope nothing would be forwarded.
func (k *compilation) globalDocument() *apim.Document {
	if k.service.Policy != nil {
		return k.service.Policy
	}
	return &apim.Document{File: "(default policy)", Text: "<policies><inbound/><backend><forward-request/></backend><outbound/><on-error/></policies>"}
}

func groups(names []string) []expr.Group {
	var out []expr.Group
	for _, n := range names {
		out = append(out, expr.Group{ID: n, Name: n})
	}
	return out
}

// servedAPIs leaves out the types that are not served; the loader warned of them.
func (k *compilation) servedAPIs() []*apim.API {
	var out []*apim.API
	for _, a := range k.service.APIs {
		switch a.Type {
		case apim.TypeMCP:
			out = append(out, mcpEndpoint(a))
		case "", apim.TypeHTTP, apim.TypeWebSocket, apim.TypeSOAP, apim.TypeGRPC:
			out = append(out, a)
		case apim.TypeGraphQL:
			out = append(out, graphQLEndpoint(a))
		}
	}
	return out
}

func (k *compilation) api(a *apim.API) *compiledAPI {
	out := &compiledAPI{api: a, keyHeader: "Ocp-Apim-Subscription-Key", keyQuery: "subscription-key", variantOf: map[string]int{}, graph: k.graphQL(a)}
	if a.SubscriptionKeyHeader != "" {
		out.keyHeader = textproto.CanonicalMIMEHeaderKey(a.SubscriptionKeyHeader)
	}
	if a.SubscriptionKeyQuery != "" {
		out.keyQuery = a.SubscriptionKeyQuery
	}
	out.context = &expr.API{ID: a.ID, Name: a.Name, Path: a.Path, Revision: a.Revision, Version: a.Version, IsCurrentRevision: a.IsCurrent,
		Protocols: a.Protocols, SubscriptionKeyHeader: out.keyHeader, SubscriptionKeyQuery: out.keyQuery}
	if a.ServiceURL != "" {
		u, err := expr.ParseURL(a.ServiceURL)
		if err != nil {
			k.report(policy.Messages{{Pos: apim.Position{File: "apis/" + a.ID, Line: 1, Column: 1},
				Text: fmt.Sprintf("serviceUrl %q: %v; it must be an absolute http or https URL", a.ServiceURL, err)}})
		}
		out.context.ServiceURL, out.target = u, policy.Target{URL: u}
	}
	switch a.Type {
	case apim.TypeWebSocket:
		out.admit = handshake
	case apim.TypeGRPC:
		out.grpc, out.endless, out.admit = true, true, admitGRPC
	case apim.TypeMCP:
		out.mcp = &mcpAPI{endpoint: endpointPath(a.MCP)}
		if out.endless = len(a.MCP.Tools) == 0; out.endless && a.MCP.Backend != "" {
			out.target = policy.Target{Backend: a.MCP.Backend}
		}
	case apim.TypeSOAP:
		out.soap, out.admit = newSOAPTable(a.Operations), sameSOAPOperation
	}
	products := k.productsOf(a)
	for i, p := range products {
		out.variantOf[p.product.ID] = i + 1
		if !p.product.SubscriptionRequired && out.open == 0 {
			out.open = i + 1
		}
	}
	document := k.parse(a.Policy, policy.API)
	for _, op := range a.Operations {
		out.operations = append(out.operations, k.operation(a, op, document, products))
	}
	out.fallback = k.variant(a, nil, []*policy.Document{document}, nil)
	return out
}

// productsOf lists the published products that contain the API.
func (k *compilation) productsOf(a *apim.API) []*compiledProduct {
	var out []*compiledProduct
	for _, p := range k.service.Products {
		if p.Published && slices.Contains(p.APIs, a.ID) {
			out = append(out, k.products[p.ID])
		}
	}
	return out
}

func (k *compilation) operation(a *apim.API, op *apim.Operation, api *policy.Document, products []*compiledProduct) compiledOperation {
	document := k.parse(op.Policy, policy.Operation)
	out := compiledOperation{operation: &expr.Operation{ID: op.ID, Name: op.Name, Method: op.Method, URLTemplate: op.URLTemplate}}
	out.variants = append(out.variants, k.variant(a, op, []*policy.Document{document, api}, nil))
	for _, p := range products {
		out.variants = append(out.variants, k.variant(a, op, []*policy.Document{document, api}, p))
	}
	return out
}

// variant compiles the effective policy of one (API, operation, product).
func (k *compilation) variant(a *apim.API, op *apim.Operation, narrow []*policy.Document, p *compiledProduct) *variant {
	documents := slices.Clone(narrow)
	if p != nil {
		documents = append(documents, p.document)
	}
	documents = append(documents, k.global)
	env := &policy.Environment{Definitions: k.options.Definitions, Profile: k.options.Profile, Backends: k.backends, Service: k.service, API: a, Operation: op, Branches: k.options.Branches,
		Authority: k.options.Authority, Addresses: k.options.Addresses, ExternalCache: k.options.External != nil, ManyDimensions: k.options.ManyDimensions, Shared: k.shared}
	if op != nil {
		env.Responses = op.Responses
	}
	effective := policy.Merge(documents...)
	if g := k.graphQL(a); g != nil {
		env.Schema, effective.Resolvers = g.schema, g.resolvers
	}
	if k.visit != nil {
		k.visit(newEffective(a, op, p, documents, effective))
	}
	pipeline, messages := policy.Compile(effective, env)
	k.report(k.fresh(messages))
	v := &variant{pipeline: pipeline, endpoint: k.endpoint(a, op, p)}
	if p != nil {
		v.product = p.context
	}
	if pipeline != nil {
		v.endpoint.Pipeline = pipeline.Info
	}
	if _, deaf := k.options.Sink.(telemetry.Discard); !deaf {
		v.capture = newCapturePlan(v.endpoint.Diagnostics)
	}
	if text := switchOfMetrics(v.endpoint); text != "" && a != nil && len(k.service.Loggers) > 0 {
		k.silent = append(k.silent, apim.Warning{Resource: "apis/" + a.ID, Message: text})
	}
	return v
}

// fresh drops messages that an earlier variant of the same documents reported.
func (k *compilation) fresh(messages policy.Messages) policy.Messages {
	var out policy.Messages
	for _, m := range messages {
		if !slices.Contains(k.messages, m) && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

func (k *compilation) endpoint(a *apim.API, op *apim.Operation, p *compiledProduct) *telemetry.Endpoint {
	e := &telemetry.Endpoint{Service: k.service.Name, Region: k.service.Region, Diagnostics: k.diagnostics(a)}
	k.correlation(e)
	if a != nil {
		e.API, e.APIName, e.APIRevision, e.APIVersion, e.APIType = a.ID, a.Name, a.Revision, a.Version, a.Type
		e.Tags = tags(a.Tags)
	}
	if op != nil {
		e.Operation, e.OperationName, e.OperationMethod, e.URLTemplate = op.ID, op.Name, op.Method, op.URLTemplate
	}
	if p != nil {
		e.Product, e.ProductName = p.product.ID, p.product.Name
	}
	return e
}

func tags(names []string) []telemetry.Tag {
	var out []telemetry.Tag
	for _, n := range names {
		key, value, _ := strings.Cut(n, "=")
		out = append(out, telemetry.Tag{Key: key, Value: value})
	}
	return out
}

func (k *compilation) subscriptions() map[string]*subscription {
	users := map[string]*expr.User{}
	for _, u := range k.service.Users {
		users[u.ID] = &expr.User{ID: u.ID, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, Note: u.Note, Groups: groups(u.Groups)}
	}
	out := map[string]*subscription{}
	for _, s := range k.service.Subscriptions {
		for _, key := range []string{s.PrimaryKey, s.SecondaryKey} {
			if key == "" {
				continue
			}
			if other := out[key]; other != nil && other.subscription.ID != s.ID {
				k.report(policy.Messages{{Pos: apim.Position{File: "subscriptions/" + s.ID, Line: 1, Column: 1},
					Text: "has the same key as subscriptions/" + other.subscription.ID + "; give each its own"}})
			}
			out[key] = compileSubscription(s, key, users)
		}
	}
	return out
}

func compileSubscription(s *apim.Subscription, key string, users map[string]*expr.User) *subscription {
	out := &subscription{
		subscription: &expr.Subscription{ID: s.ID, Name: s.Name, Key: key, PrimaryKey: s.PrimaryKey, SecondaryKey: s.SecondaryKey,
			CreatedDate: s.CreatedDate, StartDate: s.StartDate, EndDate: s.EndDate},
		user: users[s.Owner], active: s.State == apim.SubscriptionActive || s.State == "", allowTracing: s.AllowTracing,
	}
	kind, id, _ := strings.Cut(strings.Trim(s.Scope, "/"), "/")
	switch {
	case kind == "apis" && id == "":
		out.allAPIs = true
	case kind == "apis":
		out.api, _, _ = strings.Cut(id, ";rev=")
	case kind == "products":
		out.product = id
	}
	return out
}
