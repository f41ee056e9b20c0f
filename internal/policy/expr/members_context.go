package expr

import (
	"time"
)

// the reads a field of a context object.
func the[T any](get func(*T) any) func(any) any {
	return func(v any) any { return get(v.(*T)) }
}

// word reads a text field of a context object.
func word[T any](get func(*T) string) func(any) string {
	return func(v any) string { return get(v.(*T)) }
}

func contextTypes() []typeRow {
	return []typeRow{
		{decl: "class IProxyRequestContext", is: instance[*Context], rows: contextRows()},
		{decl: "class IApi", is: instance[*API], rows: []row{
			{sig: "string Id", get: word(func(a *API) string { return a.ID })},
			{sig: "string Name", get: word(func(a *API) string { return a.Name })},
			{sig: "string Path", get: word(func(a *API) string { return a.Path })},
			{sig: "string Revision", get: word(func(a *API) string { return a.Revision })},
			{sig: "string Version", get: word(func(a *API) string { return a.Version })},
			{sig: "bool IsCurrentRevision", get: func(v any) bool { return v.(*API).IsCurrentRevision }},
			{sig: "IEnumerable<string> Protocols", get: the(func(a *API) any { return stringArray(a.Protocols) })},
			{sig: "IUrl ServiceUrl", get: the(func(a *API) any { return &a.ServiceURL })},
			{sig: "ISubscriptionKeyParameterNames SubscriptionKeyParameterNames", get: the(func(a *API) any { return &keyNames{a.SubscriptionKeyHeader, a.SubscriptionKeyQuery} })},
		}},
		{decl: "class ISubscriptionKeyParameterNames", is: instance[*keyNames], rows: []row{
			{sig: "string Header", get: word(func(k *keyNames) string { return k.header })},
			{sig: "string Query", get: word(func(k *keyNames) string { return k.query })},
		}},
		{decl: "class IDeployment", is: instance[*Deployment], rows: []row{
			{sig: "string GatewayId", get: word(func(d *Deployment) string { return d.GatewayID })},
			{sig: "string Region", get: word(func(d *Deployment) string { return d.Region })},
			{sig: "string ServiceName", get: word(func(d *Deployment) string { return d.ServiceName })},
			{sig: "string ServiceId", get: word(func(d *Deployment) string { return d.ServiceID })},
			{sig: "IGateway Gateway", get: the(func(d *Deployment) any { return &gatewayOf{d} })},
			{sig: "ISustainabilityInfo SustainabilityInfo", get: the(func(*Deployment) any { return sustainability{} })},
			{sig: "IReadOnlyDictionary<string,X509Certificate2> Certificates", get: the(func(d *Deployment) any {
				out := newDictionary(types().str, types().object)
				for _, c := range d.Certificates {
					out.set(c.ID, c.Certificate)
				}
				return out
			})},
		}},
		{decl: "class IGateway", is: instance[*gatewayOf], rows: []row{
			{sig: "string Id", get: word(func(g *gatewayOf) string { return g.d.GatewayID })},
			{sig: "string InstanceId", get: word(func(g *gatewayOf) string { return g.d.GatewayID })},
			{sig: "bool IsManaged", get: func(v any) bool { return v.(*gatewayOf).d.GatewayID == "managed" }},
		}},
		{decl: "class ISustainabilityInfo", is: instance[sustainability], rows: []row{
			{sig: "string CurrentCarbonIntensity", get: func(any) string { return "NotAvailable" }}, // nobody here measures it
		}},
		{decl: "class IBackend", is: instance[*Backend], rows: []row{
			{sig: "string Id", get: word(func(b *Backend) string { return b.ID })},
			{sig: "string Type", get: func(any) string { return "Single" }}, // of a pool it is the member that was called
			{sig: "string AzureRegion", get: func(any) string { return "" }},
		}},
		{decl: "class IWorkspace", rows: []row{
			{sig: "string Id", get: func(any) string { return "" }},
			{sig: "string Name", get: func(any) string { return "" }},
		}},
		{decl: "class ILastError", is: instance[*LastError], rows: []row{
			{sig: "string Source", get: word(func(e *LastError) string { return e.Source })},
			{sig: "string Reason", get: word(func(e *LastError) string { return e.Reason })},
			{sig: "string Message", get: word(func(e *LastError) string { return e.Message })},
			{sig: "string Scope", get: word(func(e *LastError) string { return e.Scope })},
			{sig: "string Section", get: word(func(e *LastError) string { return e.Section })},
			{sig: "string Path", get: word(func(e *LastError) string { return e.Path })},
			{sig: "string PolicyId", get: word(func(e *LastError) string { return e.PolicyID })},
			{sig: "int HttpErrorCode", get: func(v any) int64 { return int64(v.(*LastError).HTTPErrorCode) }},
		}},
		{decl: "class IGraphQL", is: instance[*GraphQL], rows: []row{
			{sig: "JObject Arguments", get: the(func(g *GraphQL) any { return pointer(g.Arguments) })},
			{sig: "JObject GraphQLArguments", get: the(func(g *GraphQL) any { return pointer(g.Arguments) })},
			{sig: "JObject Parent", get: the(func(g *GraphQL) any { return pointer(g.Parent) })},
		}},
		{decl: "class IOperation", is: instance[*Operation], rows: []row{
			{sig: "string Id", get: word(func(o *Operation) string { return o.ID })},
			{sig: "string Name", get: word(func(o *Operation) string { return o.Name })},
			{sig: "string Method", get: word(func(o *Operation) string { return o.Method })},
			{sig: "string UrlTemplate", get: word(func(o *Operation) string { return o.URLTemplate })},
		}},
		{decl: "class IProduct", is: instance[*Product], rows: productRows()},
		{decl: "enum ProductState", enum: "NotPublished Published"},
		{decl: "class IGroup", is: instance[*Group], rows: []row{
			{sig: "string Id", get: word(func(g *Group) string { return g.ID })},
			{sig: "string Name", get: word(func(g *Group) string { return g.Name })},
		}},
		{decl: "class ISubscription", is: instance[*Subscription], rows: []row{
			{sig: "string Id", get: word(func(s *Subscription) string { return s.ID })},
			{sig: "string Name", get: word(func(s *Subscription) string { return s.Name })},
			{sig: "string Key", get: word(func(s *Subscription) string { return s.Key })},
			{sig: "string PrimaryKey", get: word(func(s *Subscription) string { return s.PrimaryKey })},
			{sig: "string SecondaryKey", get: word(func(s *Subscription) string { return s.SecondaryKey })},
			{sig: "DateTime CreatedDate", get: the(func(s *Subscription) any { return NewDateTime(s.CreatedDate) })},
			{sig: "DateTime? StartDate", get: the(func(s *Subscription) any { return dateOrNull(s.StartDate) })},
			{sig: "DateTime? EndDate", get: the(func(s *Subscription) any { return dateOrNull(s.EndDate) })},
		}},
		{decl: "class IUser", is: instance[*User], rows: []row{
			{sig: "string Id", get: word(func(u *User) string { return u.ID })},
			{sig: "string Email", get: word(func(u *User) string { return u.Email })},
			{sig: "string FirstName", get: word(func(u *User) string { return u.FirstName })},
			{sig: "string LastName", get: word(func(u *User) string { return u.LastName })},
			{sig: "string Note", get: word(func(u *User) string { return u.Note })},
			{sig: "DateTime RegistrationDate", get: the(func(u *User) any { return NewDateTime(u.RegistrationDate) })},
			{sig: "IEnumerable<IGroup> Groups", get: the(func(u *User) any { return groupArray(u.Groups) })},
			{sig: "IEnumerable<IUserIdentity> Identities", get: the(func(u *User) any {
				a := &Array{elem: named("IUserIdentity")}
				for i := range u.Identities {
					a.items = append(a.items, &u.Identities[i])
				}
				return a
			})},
		}},
		{decl: "class IUserIdentity", is: instance[*Identity], rows: []row{
			{sig: "string Id", get: word(func(i *Identity) string { return i.ID })},
			{sig: "string Provider", get: word(func(i *Identity) string { return i.Provider })},
		}},
		{decl: "class IVariables : IReadOnlyDictionary<string,object>", is: instance[*Variables], rows: variableRows()},
	}
}

type keyNames struct{ header, query string }

type gatewayOf struct{ d *Deployment }

type sustainability struct{}

// named is a type of the table without type arguments.
func named(full string) *typ { return &typ{def: types().full[full]} }

func dateOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return NewDateTime(t)
}

func groupArray(groups []Group) *Array {
	a := &Array{elem: named("IGroup")}
	for i := range groups {
		a.items = append(a.items, &groups[i])
	}
	return a
}

func contextRows() []row {
	return []row{
		{sig: "IApi Api", get: the(func(c *Context) any { return pointer(c.API) })},
		{sig: "IBackend Backend", get: the(func(c *Context) any {
			if c.Backend.ID == "" {
				return nil
			}
			return &c.Backend
		})},
		{sig: "IWorkspace Workspace", get: the(func(*Context) any { return nil })},
		{sig: "IDeployment Deployment", get: the(func(c *Context) any { return pointer(c.Deployment) })},
		{sig: "ILastError LastError", get: the(func(c *Context) any { return pointer(c.LastError) })},
		{sig: "IGraphQL GraphQL", get: the(func(c *Context) any { return pointer(c.GraphQL) })},
		{sig: "JObject ParentResult", get: the(func(c *Context) any {
			if c.GraphQL == nil {
				return nil
			}
			return pointer(c.GraphQL.Parent)
		})},
		{sig: "IOperation Operation", get: the(func(c *Context) any { return pointer(c.Operation) })},
		{sig: "IProduct Product", get: the(func(c *Context) any { return pointer(c.Product) })},
		{sig: "IRequest Request", get: the(func(c *Context) any { return &c.Request })},
		{sig: "IResponse Response", get: the(func(c *Context) any { return pointer(c.Response) })},
		{sig: "ISubscription Subscription", get: the(func(c *Context) any { return pointer(c.Subscription) })},
		{sig: "IUser User", get: the(func(c *Context) any { return pointer(c.User) })},
		{sig: "IVariables Variables", get: the(func(c *Context) any { return &c.Variables })},
		{sig: "Guid RequestId", get: the(func(c *Context) any { return c.RequestID })},
		{sig: "DateTime Timestamp", get: the(func(c *Context) any { return NewDateTime(c.Timestamp) })},
		{sig: "TimeSpan Elapsed", get: the(func(c *Context) any { return TimeSpan(c.Now().Sub(c.Timestamp) / 100) })},
		{sig: "bool Tracing", get: func(v any) bool { return v.(*Context).Tracing }},
		{sig: "void Trace(string? message)", get: traceMessage},
		{sig: "void Trace(object? message)", get: traceMessage},
		{sig: "void Trace(string source, object? data)", get: func(f *frame, a []any) any {
			return traceMessage(f, []any{a[0], text(a, 1) + ": " + ToString(a[2])})
		}},
	}
}

func traceMessage(f *frame, a []any) any {
	if f.ctx.Tracer != nil {
		f.ctx.Tracer.TraceMessage(ToString(a[1]))
	}
	return nil
}

func productRows() []row {
	return []row{
		{sig: "string Id", get: word(func(p *Product) string { return p.ID })},
		{sig: "string Name", get: word(func(p *Product) string { return p.Name })},
		{sig: "bool ApprovalRequired", get: func(v any) bool { return v.(*Product).ApprovalRequired }},
		{sig: "bool SubscriptionRequired", get: func(v any) bool { return v.(*Product).SubscriptionRequired }},
		{sig: "int? SubscriptionLimit", get: the(func(p *Product) any {
			if p.SubscriptionLimit == 0 {
				return nil
			}
			return int32(p.SubscriptionLimit)
		})},
		{sig: "ProductState State", get: the(func(p *Product) any { return Enum{types().full["ProductState"], b2i(p.Published)} })},
		{sig: "IEnumerable<IGroup> Groups", get: the(func(p *Product) any { return groupArray(p.Groups) })},
		{sig: "IEnumerable<IApi> Apis", get: the(func(p *Product) any {
			a := &Array{elem: named("IApi")}
			for _, api := range p.APIs {
				a.items = append(a.items, api)
			}
			return a
		})},
	}
}

// fromGo turns what Go code may put into Variables into a value of the engine.
func fromGo(v any) any {
	switch x := v.(type) {
	case int:
		return int32(x)
	case time.Time:
		return NewDateTime(x)
	case time.Duration:
		return TimeSpan(x / 100)
	case []string:
		return stringArray(x)
	case *Response:
		return pointer(x)
	case *Jwt:
		return pointer(x)
	case error:
		if _, ok := v.(*exception); !ok {
			return x.Error()
		}
	}
	return v
}

func variableRows() []row {
	return []row{
		{sig: "object this[string key]", get: func(v any, name string) any {
			// A missing variable is null here, unlike in other dictionaries.
			x, _ := v.(*Variables).Get(name)
			return fromGo(x)
		}},
		{sig: "bool ContainsKey(string key)", get: func(v any, name string) bool {
			_, ok := v.(*Variables).Get(name)
			return ok
		}},
		{sig: "bool TryGetValue(string key, out object value)", get: func(_ *frame, a []any) any {
			v, ok := a[0].(*Variables).Get(text(a, 1))
			a[2].(*outRef).set(fromGo(v))
			return ok
		}},
		{sig: "object GetValueOrDefault(string key)", get: func(v any, name string) any {
			x, _ := v.(*Variables).Get(name)
			return fromGo(x)
		}},
		{sig: "object GetValueOrDefault(string key, object? defaultValue)", get: func(_ *frame, a []any) any {
			if v, ok := a[0].(*Variables).Get(text(a, 1)); ok {
				return fromGo(v)
			}
			return a[2]
		}},
		{sig: "T GetValueOrDefault<T>(string key)", get: variableOrDefault},
		{sig: "T GetValueOrDefault<T>(string key, T defaultValue)", get: variableOrDefault},
		{sig: "IEnumerable<string> Keys", get: func(_ *frame, a []any) any {
			out := &Array{elem: types().str}
			a[0].(*Variables).Each(func(n string, _ any) { out.items = append(out.items, n) })
			return out
		}},
		{sig: "int Count", get: func(v any) int64 { return int64(v.(*Variables).Len()) }},
	}
}

// variableOrDefault throws when the variable holds another type, as documented.
func variableOrDefault(_ *frame, t []*typ, a []any) any {
	v, ok := a[0].(*Variables).Get(text(a, 1))
	if !ok {
		if len(a) > 2 {
			return a[2]
		}
		return zeroValue(t[0])
	}
	v = fromGo(v)
	if v == nil && t[0].nullable() || isInstance(v, t[0]) {
		return v
	}
	castFailed(v, t[0])
	return nil
}
