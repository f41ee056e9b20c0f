package table

// spanContext are the shared columns of a row of spans.
func spanContext() values {
	return tagged().with(values{
		"timestamp":            rowTicks,
		"operation_Name":       first(optionalTag("operation_Name"), when(fromGateway, "name", "''")),
		"operation_Id":         "trace_id",
		"operation_ParentId":   "parent_span_id",
		"client_IP":            first(filled("client_address"), optionalTag("client_IP"), "'0.0.0.0'"),
		"user_Id":              first(optionalTag("user_Id"), optionalAttribute("enduser.pseudo.id")),
		"user_AuthenticatedId": first(optionalTag("user_AuthenticatedId"), optionalAttribute("enduser.id")),
		"itemId":               guid("trace_id", "span_id", "epoch_ns(time)"),
		"_BilledSize":          size("attributes", "url_path", "url_query", "data", "tags", "measurements"),
	})
}

// logContext are the shared columns of a row of logs.
func logContext() values {
	return tagged().with(values{
		"timestamp":            rowTicks,
		"operation_Name":       first(optionalTag("operation_Name"), when(fromGateway+" AND operation<>''", "api||' - '||operation", "''")),
		"operation_Id":         "trace_id",
		"operation_ParentId":   "span_id",
		"client_IP":            first(optionalTag("client_IP"), "'0.0.0.0'"),
		"user_Id":              first(optionalTag("user_Id"), optionalAttribute("enduser.pseudo.id")),
		"user_AuthenticatedId": first(optionalTag("user_AuthenticatedId"), optionalAttribute("enduser.id")),
		"itemId":               guid("trace_id", "span_id", "epoch_ns(time)", "type", "event_name", "body", "item", "attributes"),
		"customDimensions":     texts("attributes"),
		"customMeasurements":   jsonOf("measurements"),
		"_BilledSize":          size("attributes", "body", "item", "tags", "measurements"),
	})
}

// tagged are the shared columns that both tables of the lake hold in the same way.
func tagged() values {
	out := values{
		"application_Version": first(optionalTag("application_Version"), member("resource", "service.version")),
		"client_Type":         first(optionalTag("client_Type"), "'PC'"),
		"cloud_RoleName":      "service",
		"cloud_RoleInstance":  "service_instance",
		"appName":             first(optionalTag("appName"), workspaceName),
		"sdkVersion":          first(optionalTag("sdkVersion"), bySource("'gatehouse'", "source")),
		"itemCount":           "greatest(item_count, 1)",
		"_ResourceId":         first(optionalTag("_ResourceId"), literal(resourceFolder)+"||"+workspaceName),
		"_SubscriptionId":     literal(noSubscription),
		"SourceSystem":        "'Azure'",
		"_IsBillable":         "'False'",
	}
	for _, name := range []string{"operation_SyntheticSource", "session_Id", "user_AccountId", "client_Model", "client_OS", "client_City",
		"client_StateOrProvince", "client_CountryOrRegion", "client_Browser", "appId", "iKey", "TenantId"} {
		out[name] = tag(name)
	}
	return out
}

// A workspace of this process has no place in Azure: its resource stands in a
// group of the product's name, so that queries that cut _ResourceId find its parts.
const (
	noSubscription = "00000000-0000-0000-0000-000000000000"
	resourceFolder = "/subscriptions/" + noSubscription + "/resourcegroups/gatehouse/providers/microsoft.insights/components/"
	workspaceName  = "CASE WHEN workspace<>'' THEN workspace ELSE 'default' END"
)

func tag(name string) string               { return member("tags", name) }
func optionalTag(name string) string       { return optional("tags", name) }
func attribute(name string) string         { return member("attributes", name) }
func optionalAttribute(name string) string { return optional("attributes", name) }
