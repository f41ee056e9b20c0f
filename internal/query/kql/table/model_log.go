package table

// modelLogs is the table to which API Management writes the calls of language
// models: a row for each request whose policies counted tokens. Azure's rows for
// the pieces of long messages have no counterpart.
func modelLogs() *Table {
	context := spanContext()
	t := &Table{Name: "ApiManagementGatewayLlmLog", Time: "TimeGenerated"}
	sql := values{}
	add := func(name string, kind Type, of string) {
		t.Columns = append(t.Columns, Column{Name: name, Type: kind})
		sql[name] = of
	}
	tokens := func(name string) string { return "try_cast(" + attribute("gen_ai.usage."+name) + " AS INTEGER)" }
	add("TimeGenerated", Datetime, rowTicks)
	add("OperationName", String, "'Microsoft.ApiManagement/GatewayLlmLogs'")
	add("Category", String, "'GatewayLlmLogs'")
	add("CorrelationId", String, "request_id")
	add("RequestId", String, "request_id")
	add("Region", String, member("resource", "cloud.region"))
	add("SequenceNumber", Int, "0")
	add("DeploymentName", String, attribute("gen_ai.request.model"))
	add("ModelName", String, attribute("gen_ai.response.model"))
	add("IsStreamCompletion", Bool, "contains(attributes, '\"gen_ai.request.stream\":true')")
	add("PromptTokens", Int, tokens("input_tokens"))
	add("CompletionTokens", Int, tokens("output_tokens"))
	add("TotalTokens", Int, tokens("total_tokens"))
	add("RequestMessages", Dynamic, bodyMessages("Request-Body"))
	add("ResponseMessages", Dynamic, bodyMessages("Response-Body"))
	addCommon(add, t.Name, context)
	t.Branches = []Branch{{Source: "spans", From: "{rows}", Where: operand(fromGateway + " AND kind='server' AND contains(attributes, '\"gen_ai.usage.total_tokens\"')"),
		Columns: operands(sql), Keys: map[string]map[string]string{}}}
	return t
}

// bodyMessages are the messages of a captured body, where a diagnostic captures
// it and it is whole: those of a request, or the message of each choice.
func bodyMessages(name string) string {
	body := "TRY_CAST(nullif(" + attribute(name) + ", '') AS JSON)"
	return "coalesce(json_extract(" + body + ", '$.messages'), nullif(to_json(json_extract(" + body + ", '$.choices[*].message')), '[]'))"
}
