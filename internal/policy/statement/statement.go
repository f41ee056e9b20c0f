// Package statement is the table of policy statements: one file for each XML
// element.
//
// What comes in: elements of effective policies, whose attributes are checked
// and compiled once. What goes out: policy.Statement values that are shared by
// all requests. A statement must never keep a Context or a part of it after Run
// returned, change a value that it did not make (variables, cached values,
// header values), or reach the network, counters, caches and keys but through
// policy.Services.
package statement

import "gatehouse/internal/policy"

// Table makes the table of all statements by element name.
func Table() map[string]*policy.Definition {
	list := []*policy.Definition{
		authenticationBasic(),
		authenticationCertificate(),
		authenticationManagedIdentity(),
		azureOpenAIEmitTokenMetric(),
		azureOpenAISemanticCacheLookup(),
		azureOpenAISemanticCacheStore(),
		azureOpenAITokenLimit(),
		cacheLookup(),
		cacheLookupValue(),
		cacheRemoveValue(),
		cacheStore(),
		cacheStoreValue(),
		cacheValue(),
		checkHeader(),
		choose(),
		cors(),
		cosmosDBDataSource(),
		crossDomain(),
		emitMetric(),
		findAndReplace(),
		forwardRequest(),
		getAuthorizationContext(),
		httpDataSource(),
		invokeDaprBinding(),
		invokeDarpBinding(),
		invokeRequest(),
		ipFilter(),
		jsonp(),
		jsonToXML(),
		limitConcurrency(),
		llmContentSafety(),
		llmEmitTokenMetric(),
		llmSemanticCacheLookup(),
		llmSemanticCacheStore(),
		llmTokenLimit(),
		logToEventHub(),
		mockResponse(),
		proxy(),
		publishEvent(),
		publishToDapr(),
		publishToDarp(),
		quota(),
		quotaByKey(),
		rateLimit(),
		rateLimitByKey(),
		redirectContentURLs(),
		retry(),
		returnResponse(),
		rewriteURI(),
		sendOneWayRequest(),
		sendRequest(),
		sendServiceBusMessage(),
		setBackendService(),
		setBody(),
		setHeader(),
		setMethod(),
		setQueryParameter(),
		setStatus(),
		setVariable(),
		sqlDataSource(),
		trace(),
		validateAzureADToken(),
		validateClientCertificate(),
		validateContent(),
		validateGraphQLRequest(),
		validateHeaders(),
		validateJWT(),
		validateODataRequest(),
		validateParameters(),
		validateStatusCode(),
		wait(),
		xmlToJSON(),
		xslTransform(),
	}
	table := make(map[string]*policy.Definition, len(list))
	for _, d := range list {
		table[d.Name] = d
	}
	return table
}
