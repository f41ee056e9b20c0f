import assert from "node:assert/strict";
import { Durations, LogsQueryClient, MetricsQueryClient } from "@azure/monitor-query";
import { counts, credential, everyType, expected, fails, isEveryType, run, settings, workspaceCounts } from "./check.mjs";

const client = new LogsQueryClient(credential, { endpoint: settings.url });
const metrics = new MetricsQueryClient(credential, { endpoint: settings.url });
const day = { duration: Durations.twentyFourHours };
const ask = (query, options, span = day) => client.queryWorkspace(settings.application, query, span, options);

await run({
  "rows of a workspace": async () => {
    const result = await ask(workspaceCounts);
    assert.equal(result.status, "Success");
    assert.deepEqual(result.tables[0].rows, [expected]);
  },
  "every type": async () => isEveryType((await ask(everyType)).tables[0].rows[0]),
  "statistics and render": async () => {
    const result = await ask(counts + " | render barchart", { includeQueryStatistics: true, includeVisualization: true });
    assert.equal(typeof result.statistics.query.executionTime, "number");
    assert.equal(result.visualization.visualization, "barchart");
  },
  "a mistake in the syntax": async () => {
    const error = await fails(() => ask("requests | where name ==="));
    assert.equal(error.statusCode, 400);
    assert.equal(error.code, "BadArgumentError");
  },
  "a partial result": async () => {
    const result = await ask("range x from 1 to 500001 step 1");
    assert.equal(result.status, "PartialFailure");
    assert.equal(result.partialTables[0].rows.length, 500000);
    assert.equal(result.partialError.code, "PartialError");
  },
  "a batch": async () => {
    const results = await client.queryBatch([
      { workspaceId: settings.application, query: counts, timespan: day },
      { workspaceId: settings.application, query: "requests | wher x", timespan: day },
    ]);
    assert.deepEqual(results[0].tables[0].rows, [expected]);
    assert.equal(results[1].status, "Failure");
    assert.equal(results[1].code, "BadArgumentError");
  },
  "a resource": async () => assert.deepEqual((await client.queryResource(settings.resource, counts, day)).tables[0].rows, [expected]),
  "metrics of a resource": async () => {
    const result = await metrics.queryResource(settings.resource, ["requests/count", "requests/failed"], {
      timespan: { duration: "PT2H" }, granularity: "PT1H", aggregations: ["Total"],
    });
    const sum = (name) => result.getMetricByName(name).timeseries[0].data.reduce((n, point) => n + (point.total ?? 0), 0);
    assert.ok(sum("requests/count") >= 12 && sum("requests/failed") === 3, JSON.stringify(result));
    assert.equal(result.granularity, "PT1H");
  },
  "definitions of metrics": async () => {
    const names = [];
    for await (const definition of metrics.listMetricDefinitions(settings.resource)) names.push(definition.name);
    assert.ok(names.includes("requests/duration"));
  },
  "namespaces of metrics": async () => {
    const names = [];
    for await (const namespace of metrics.listMetricNamespaces(settings.resource)) names.push(namespace.metricNamespaceName);
    assert.deepEqual(names, ["microsoft.insights/components"]);
  },
});
