package table_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/query/kql/table"
)

const referenceIntro = `# Tables of the query language

Queries read the tables of Application Insights, under their classic names and under their names in a Log Analytics workspace. Both are views over the same stored spans and log records: nothing is written twice, and what OpenTelemetry senders send appears in them too. Names of tables and columns are case-sensitive.

| table | rows |
|---|---|
| ` + "`requests`, `AppRequests`" + ` | requests through the gateway; spans of kind server and consumer |
| ` + "`dependencies`, `AppDependencies`" + ` | each attempt of the gateway to reach a backend; spans of kind client, producer and internal |
| ` + "`exceptions`, `AppExceptions`" + ` | failed requests through the gateway, one each; exceptions of SDKs; exception events and log records of OpenTelemetry |
| ` + "`traces`, `AppTraces`" + ` | messages of ` + "`trace`" + ` policies and of loggers; events of spans that are no exceptions |
| ` + "`customEvents`, `AppEvents`" + ` | events of SDKs; log records with ` + "`microsoft.custom_event.name`" + ` |
| ` + "`customMetrics`, `AppMetrics`" + ` | metrics of ` + "`emit-metric`" + ` and of SDKs. Metrics of OpenTelemetry are in PromQL |
| ` + "`pageViews`, `AppPageViews`, `browserTimings`, `AppBrowserTimings`" + ` | what the browser SDK sends |
| ` + "`availabilityResults`, `AppAvailabilityResults`" + ` | results of availability tests |
| ` + "`performanceCounters`, `AppPerformanceCounters`" + ` | counters of SDKs |
| ` + "`ApiManagementGatewayLogs`" + ` | requests through the gateway, under the names of API Management's resource logs |
| ` + "`ApiManagementGatewayLlmLog`" + ` | calls of language models whose tokens a policy counted (` + "`llm-token-limit`, `llm-emit-token-metric`" + ` and their kin) |
| ` + "`systemEvents`, `AppSystemEvents`" + ` | always empty: Azure's own detectors write them |

## What stands in the columns

- ` + "`success`" + ` is the text ` + "`True` or `False`" + ` in the classic tables and a boolean in the workspace tables. A request through the gateway succeeded when its status is below 400 and the whole response was sent.
- ` + "`resultCode`" + ` is a text. It is ` + "`0 [not sent in full]`" + ` when the client left.
- ` + "`itemCount`" + ` says for how many items a row stands: ` + "`sum(itemCount)`" + ` counts calls, ` + "`count()`" + ` rows.
- ` + "`duration`" + ` is in milliseconds with fractions.
- ` + "`customDimensions`" + ` of what the gateway did hold ` + "`API Name`, `API Revision`, `API Type`, `Operation Name`, `Product Name`, `Subscription Name`, `Region`, `Request Id`, `Service ID`, `Service Name`, `Service Type`, `Cache`, `HTTP Method`" + `, with ids and not display names, and captured headers and bodies as ` + "`Request-NAME`, `Response-NAME`, `Request-Body`, `Response-Body`" + `. What is absent has no key. These dimensions are columns of the store: filters on them are cheap.
- ` + "`customMeasurements`" + ` of requests through the gateway hold ` + "`Request Size`, `Response Size`, `Client Time (in ms)`" + `.
- ` + "`exceptions`" + ` of the gateway have the reason as ` + "`type`" + `, and as ` + "`problemId`" + ` the reason and where it happened: ` + "`ClientConnectionFailure at transfer-response`, `ExpressionValueEvaluationFailure at set-header`, `503 at forward-request`" + `.
- Spans of OpenTelemetry get ` + "`name`, `type`, `target`, `data`, `resultCode` and `success`" + ` as Azure's exporters derive them from the semantic conventions.
- ` + "`client_IP`" + ` is ` + "`0.0.0.0`" + ` unless the diagnostic logs addresses.
- ` + "`_BilledSize`" + ` is an estimate of the item's size; nothing is billed.

Beyond Azure's columns: ` + "`metricNamespace`" + ` (` + "`MetricNamespace`" + `) of metrics; ` + "`TraceId` and `ItemCount`" + ` of ` + "`ApiManagementGatewayLogs`" + `, whose times are in whole milliseconds, and whose backend is that of the last attempt to forward. ` + "`BackendProtocol`, `ClientTlsVersion`, `CacheTime` and `TraceRecords`" + ` of it are empty; what policies traced is in ` + "`traces`" + `. ` + "`ApiManagementGatewayLlmLog`" + ` has one row for a call, with the messages where a diagnostic captures whole bodies.

## Columns

A dash: the column is not there under that name of the table. ` + "`success`" + ` is the only column whose type differs.
`

// TestReference keeps docs/reference/tables.md equal to the tables.
func TestReference(t *testing.T) {
	var b strings.Builder
	b.WriteString(referenceIntro)
	all := table.All()
	half := len(all) / 2
	for n := range half {
		classic, workspace := all[n], all[half+n]
		fmt.Fprintf(&b, "\n### %s, %s\n\n| `%s` | `%s` | type |\n|---|---|---|\n", classic.Name, workspace.Name, classic.Name, workspace.Name)
		for _, pair := range table.Pairs(classic.Name) {
			c, ok := classic.Column(pair[0])
			if !ok {
				c, _ = workspace.Column(pair[1])
			}
			kind := c.Type.String()
			if pair[0] == "success" {
				kind = "string, bool"
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", code(pair[0]), code(pair[1]), kind)
		}
	}
	for _, own := range all[2*half:] {
		fmt.Fprintf(&b, "\n### %s\n\n| `%s` | type |\n|---|---|\n", own.Name, own.Name)
		for _, c := range own.Columns {
			fmt.Fprintf(&b, "| %s | %s |\n", code(c.Name), c.Type)
		}
	}
	golden(t, "../../../../docs/reference/tables.md", b.String())
}

func code(name string) string {
	if name == "" {
		return "–"
	}
	return "`" + name + "`"
}
